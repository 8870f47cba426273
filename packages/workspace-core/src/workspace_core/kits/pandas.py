"""The kit for pandas: data frames from files of resources, and to them, on record.

What a step reads is hashed when it is read, and what it writes when the step ends.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from workspace_core.errors import ConfigurationError, shown
from workspace_core.kits.extras import require
from workspace_core.kits.writing import written
from workspace_core.lineage import Lineage, ResourceRef, reading
from workspace_core.lineage.builder import loaded_workspace

require("pandas", "pandas", "pandas", "pyarrow")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from workspace_core.backends.snapshots import LocalSnapshots

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
FORMS = (".csv", ".tsv", ".parquet", ".feather", ".json", ".jsonl")


def read_frame(
    resource_name: str,
    path: str,
    lineage: Lineage | None = None,
    workspace_dir: str | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Return the frame in a file of a resource, as pandas reads it.

    Args:
        resource_name: the resource.
        path: the file in it; its name says the form (`FORMS`, texts also compressed).
        lineage: the step that reads it, which takes note of the file as it was read; without one,
            nothing is recorded.
        workspace_dir: where the workspace is; by default that of the step, else the nearest one.
        options: what the reader of pandas takes, such as ``dtype`` or ``columns``.

    Raises:
        ConfigurationError: if there is no such file, or pandas does not read its form.
        ChangedInputError: if it was written to meanwhile.
    """
    read = _reader(_form(path))
    workspace = _workspace(lineage, workspace_dir)
    with reading(workspace, ResourceRef.of(resource_name, path)) as (file, found):
        frame = read(file, **options)
    if lineage is not None:
        lineage.add_read(found)
    return frame


def write_frame(
    frame: pd.DataFrame,
    resource_name: str,
    path: str,
    lineage: Lineage | None = None,
    workspace_dir: str | None = None,
    **options: Any,
) -> ResourceRef:
    """Write a frame to a file of a resource, whole or not at all, and return where it is.

    Rows are written without the index, unless ``index=True`` is given.

    Args:
        frame: what is written.
        resource_name: the resource.
        path: the file in it; its name says the form (`FORMS`, texts also compressed).
        lineage: the step that writes it, which takes note of the file; without one, nothing is
            recorded.
        workspace_dir: where the workspace is; by default that of the step, else the nearest one.
        options: what the writer of pandas takes, such as ``float_format``.

    Raises:
        ConfigurationError: if nothing may be written there: source data, what comes from others,
            or what a snapshot has moved.
        StoreWriteError: if it cannot be written; then what was there is as it was.
    """
    form = _form(path)
    workspace = _workspace(lineage, workspace_dir)
    with written(workspace, ResourceRef.of(resource_name, path), lineage) as (ref, file):
        _write(frame, form, file, options)
    return ref


def _workspace(lineage: Lineage | None, workspace_dir: str | None) -> LocalSnapshots:
    if lineage is not None and workspace_dir is None:
        return lineage.workspace
    return loaded_workspace(workspace_dir)


def _form(path: str) -> str:
    name = path.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    for form in FORMS:
        if name.endswith(form) and (name == path.lower() or form not in (".parquet", ".feather")):
            return form
    raise ConfigurationError(
        f"{shown(path)} has no form that is known here; end its name with one of "
        f"{', '.join(FORMS)}, or read it on your own and call lineage.add_input_path()."
    )


def _reader(form: str) -> Callable[..., pd.DataFrame]:
    import pandas as pd

    readers: dict[str, Callable[..., pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".tsv": partial(cast("Callable[..., pd.DataFrame]", pd.read_csv), sep="\t"),
        ".parquet": pd.read_parquet,
        ".feather": pd.read_feather,
        ".json": pd.read_json,
        ".jsonl": partial(cast("Callable[..., pd.DataFrame]", pd.read_json), lines=True),
    }
    return readers[form]


def _write(frame: pd.DataFrame, form: str, file: Path, options: dict[str, Any]) -> None:
    if form in (".csv", ".tsv"):
        separator = {"sep": "\t"} if form == ".tsv" else {}
        frame.to_csv(file, **{"index": False, **separator, **options})
    elif form == ".parquet":
        frame.to_parquet(file, **{"index": False, **options})
    elif form == ".feather":
        frame.to_feather(file, **options)
    elif form == ".jsonl":
        frame.to_json(file, **{"orient": "records", "lines": True, **options})
    else:
        frame.to_json(file, **options)
