"""Write lineage for other tools: as OpenLineage, W3C PROV or RO-Crate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, StoreWriteError, shown
from workspace_core.lineage.exports.openlineage import openlineage
from workspace_core.lineage.exports.prov import prov
from workspace_core.lineage.exports.ro_crate import METADATA, ro_crate
from workspace_core.lineage.exports.runs import exported_lineage
from workspace_core.store.durable import write_whole

if TYPE_CHECKING:
    import os

    from workspace_core.backends.files import FiledWorkspace

OPENLINEAGE, PROV, RO_CRATE = "openlineage", "prov", "ro-crate"
FORMS = {OPENLINEAGE: openlineage, PROV: prov, RO_CRATE: ro_crate}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """What was written.

    Args:
        form: ``openlineage``, ``prov`` or ``ro-crate``.
        file: the file; of a crate, its metadata.
        runs: how many runs it tells of.
    """

    form: str
    file: str
    runs: int

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {"format": self.form, "file": self.file, "runs": self.runs}


def export_lineage(
    workspace: FiledWorkspace,
    out: str | os.PathLike[str],
    form: str,
    *,
    resource_name: str | None = None,
    tag_or_hash: str | None = None,
    with_machine_paths: bool = False,
) -> ExportedFile:
    """Write the lineage of a workspace to a file, or as a crate to a folder.

    Args:
        workspace: the workspace.
        out: the file, which is replaced if it is there; of a crate, a folder, which is made and
            must have nothing in it but an earlier such crate.
        form: ``openlineage``, ``prov`` or ``ro-crate``.
        resource_name: only the runs that led to what is in this resource; by default all.
        tag_or_hash: only the runs that led to what is in this snapshot.
        with_machine_paths: with absolute paths in commands and parameters as they are.

    Raises:
        ConfigurationError: if there is no such form, snapshot or folder, or it cannot be written.
        LineageError: if there is no such resource.
    """
    if form not in FORMS:
        raise ConfigurationError(
            f"'{form[:20]}' is no form of an export; use {', '.join(sorted(FORMS))}."
        )
    file = _file(Path(out), form)
    lineage = exported_lineage(
        workspace,
        resource_name=resource_name,
        tag_or_hash=tag_or_hash,
        with_machine_paths=with_machine_paths,
    )
    content = FORMS[form](lineage)
    try:
        write_whole(file, content.encode())
    except StoreWriteError as error:
        raise ConfigurationError(f"{shown(file)} cannot be written: {error.cause}.") from error
    return ExportedFile(form, str(file), len(lineage.runs))


def _file(out: Path, form: str) -> Path:
    if not out.parent.is_dir():
        raise ConfigurationError(f"There is no folder for {shown(out)}; make it first.")
    if form != RO_CRATE:
        if out.is_dir():
            raise ConfigurationError(f"{shown(out)} is a folder; name a file.")
        return out
    if out.exists() and not out.is_dir():
        raise ConfigurationError(f"{shown(out)} is no folder, which a crate is; name another one.")
    if out.is_dir() and {one.name for one in out.iterdir()} - {METADATA}:
        raise ConfigurationError(
            f"{shown(out)} holds something else than a crate of lineage; name another folder."
        )
    return out / METADATA
