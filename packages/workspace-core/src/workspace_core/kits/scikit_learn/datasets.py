"""Datasets as scikit-learn has them, from the files of a resource: one file for each attribute."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import Bunch

from util_services.errors import quoted
from workspace_core.errors import ConfigurationError
from workspace_core.lineage import FileRead, ResourceRef, reading
from workspace_core.lineage.builder import loaded_workspace
from workspace_core.lineage.references import local_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.backends.snapshots import LocalSnapshots

TEXTS, TABLES, ARRAYS = (".txt", ".rst"), (".csv", ".csv.gz", ".csv.bz2"), (".npy",)
ENDINGS = (*TEXTS, *TABLES, *ARRAYS)
DATA, TARGET, RESOURCE, FEATURES = "data", "target", "resource", "feature_names"


class DatasetRef(ResourceRef):
    """Where a dataset lies, and which files were read of it."""

    files: tuple[FileRead, ...] = ()


def load_dataset_from_resource(
    resource_name: str, subpath: str | None = None, workspace_dir: str | None = None
) -> Bunch:
    """Return the dataset in a folder of a resource: one attribute for each file.

    ``data.csv`` and ``target.csv`` are needed. Endings are ``.csv``, ``.csv.gz``, ``.csv.bz2`` and
    ``.npy`` for arrays, and ``.txt`` and ``.rst`` for texts such as ``DESCR.rst``. Names of columns
    in ``data.csv`` become ``feature_names``, unless there is such a file. A target of whole numbers
    is one of integers.

    Args:
        resource_name: the resource.
        subpath: the folder in it; by default all of it.
        workspace_dir: where the workspace is; by default the nearest one.

    Returns:
        A bunch with ``data`` (rows by columns), ``target`` (rows), ``resource`` (where it lies and
        which files were read, for `LineagePredictor`) and an attribute for each further file.

    Raises:
        ConfigurationError: if there is no such dataset, or it contradicts itself.
        ChangedInputError: if a file was written to meanwhile.
    """
    workspace = loaded_workspace(workspace_dir)
    ref = DatasetRef(*ResourceRef.of(resource_name, subpath))
    found = _files(workspace, ref)
    values: dict[str, Any] = {}
    reads: dict[str, FileRead] = {}
    for attribute in sorted(found, key=lambda one: (one != DATA, one)):  # the others fit the data
        inside = ResourceRef.of(ref.name, os.path.join(ref.path, found[attribute]))
        with reading(workspace, inside) as (path, read):
            values |= _value(path, attribute, values)
        reads[attribute] = read
    rows, targets = len(values[DATA]), len(values[TARGET])
    if rows != targets:
        raise ConfigurationError(
            f"The dataset {ref} has {rows} rows in '{found[DATA]}' and {targets} in "
            f"'{found[TARGET]}'; mend the one that is wrong."
        )
    ref.files = tuple(reads.values())
    return Bunch(**values, resource=ref)


def _files(workspace: LocalSnapshots, ref: ResourceRef) -> Mapping[str, str]:
    """Return the names of the files of a dataset by attribute."""
    folder = local_path(workspace, ref)
    if not os.path.isdir(folder):
        raise ConfigurationError(f"{ref} is no folder, and a dataset is one; mend the path.")
    found: dict[str, str] = {}
    for name in sorted(os.listdir(folder)):
        ending = next((one for one in ENDINGS if name.endswith(one)), None)
        attribute = name.removesuffix(ending) if ending else ""
        if not attribute.isidentifier():
            continue
        if attribute in found or attribute == RESOURCE:
            rival = f"'{found[attribute]}'" if attribute in found else "what the kit adds"
            raise ConfigurationError(
                f"The dataset {ref} has its '{attribute}' twice, as {rival} and as '{name}'; "
                "rename one."
            )
        found[attribute] = name
    for needed in (DATA, TARGET):
        if needed not in found:
            raise ConfigurationError(
                f"{ref} is no dataset: it has no file '{needed}.csv' (or .csv.gz, .csv.bz2, .npy); "
                f"it has {quoted(sorted(found.values())) or 'none that could be read'}."
            )
    return found


def _value(path: str, attribute: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says of a dataset, by attribute."""
    if path.endswith(TEXTS):
        with open(path, encoding="utf-8") as file:
            return {attribute: file.read()}
    try:
        if path.endswith(ARRAYS):
            return {attribute: np.load(path, allow_pickle=False)}
        if attribute == DATA:
            return _data(path)
        if attribute == TARGET:
            return {TARGET: _target(path, len(known[DATA]))}
        return {attribute: _table(path, header=None)}
    except (ValueError, OSError, EOFError) as error:
        name = os.path.basename(path)
        raise ConfigurationError(
            f"'{name}' cannot be read as an array: {type(error).__name__}; mend the file."
        ) from error


def _data(path: str) -> dict[str, Any]:
    try:
        return {DATA: np.loadtxt(path, delimiter=",", ndmin=2)}
    except ValueError:  # it has names of columns, or texts
        import pandas as pd

        frame = pd.read_csv(path)
        return {DATA: frame.to_numpy(), FEATURES: [str(one) for one in frame.columns]}


def _target(path: str, rows: int) -> Any:
    """Return the target, whose first row is a name if there is one row more than in the data."""
    found = _table(path, header=None)
    if len(found) == rows + 1:
        found = _table(path, header=0)
    is_whole = found.dtype.kind == "f" and bool(np.all(np.isfinite(found) & (found % 1 == 0)))
    return found.astype(np.int64) if is_whole else found


def _table(path: str, header: int | None) -> Any:
    """Return a table as an array, with one dimension if it has one row or one column."""
    import pandas as pd

    found = pd.read_csv(path, header=header).to_numpy()
    return found.reshape(-1) if 1 in found.shape else found
