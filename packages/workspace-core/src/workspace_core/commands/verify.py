"""Verify a workspace: its records and tags, and every byte of its store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError, DataWorkspacesError
from workspace_core.progress import listener
from workspace_core.upkeep.mend import mend as mend_store
from workspace_core.upkeep.verify import Finding
from workspace_core.upkeep.verify import verify as verify_store

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.snapshots.metadata import SnapshotMetadata
    from workspace_core.upkeep.mend import Mended
    from workspace_core.upkeep.verify import Verified


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified, and what was found."""

    snapshots: tuple[SnapshotMetadata, ...]  # those whose records are sound
    store: Verified
    findings: tuple[Finding, ...]  # of records, tags and the store

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged or missing; what was erased on purpose is neither."""
        return all(one.kind == "erased" for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            **self.store.to_dict(),
            "snapshots": len(self.snapshots),
            "is_sound": self.is_sound,
            "findings": [one.to_dict() for one in self.findings],
        }


def verify(workspace: FiledWorkspace) -> Verification:
    """Check records, tags and pins, and read all that the store holds; nothing is changed.

    Returns:
        counts, and everything that is damaged, missing or erased on purpose.
    """
    told = listener()
    sound, findings = _records(workspace)
    findings += _tags(workspace, {one.hashval for one in sound})
    findings += [
        Finding("damaged", file, what) for file, what in workspace.lineage.damaged().items()
    ]
    pinned = workspace.pins().names()
    findings += [
        Finding(
            "missing",
            str(workspace.pins().folder),
            "it is not pinned; the next command that changes anything does that",
            pins=(one.hashval,),
        )
        for one in sound
        if one.hashval not in pinned and workspace.has_all_content
    ]
    findings += workspace.findings_elsewhere()
    store = verify_store(workspace.store(), told and (lambda done, _: told(done, 0)))
    return Verification(tuple(sound), store, (*findings, *store.findings))


def mend(workspace: FiledWorkspace) -> Mended:
    """Set damaged packs of the store aside, once what is sound of them is kept anew.

    Damaged records of runs are written anew where this machine has copies of them.
    """
    with workspace.locked():
        done = mend_store(workspace.store(), workspace.lock_wait_seconds)
        return replace(done, records=tuple(workspace.lineage.mend()))


def _records(workspace: FiledWorkspace) -> tuple[list[SnapshotMetadata], list[Finding]]:
    sound, findings = [], []
    catalogue = workspace.catalogue
    for hashval in catalogue.hashes():
        try:
            sound.append(catalogue.get(hashval))
        except DataWorkspacesError as error:
            file = error.file if isinstance(error, DamagedFileError) else str(catalogue.snapshots)
            findings.append(Finding("damaged", file, str(error), pins=(hashval,)))
    return sound, findings


def _tags(workspace: FiledWorkspace, known: set[str]) -> list[Finding]:
    catalogue = workspace.catalogue
    try:
        tags = catalogue.tagged()
    except DamagedFileError as error:
        return [Finding("damaged", error.file, error.what)]
    present = set(catalogue.hashes())
    return [
        Finding("missing", str(catalogue.tags / f"{tag}.json"), f"the tag '{tag}' leads nowhere")
        for tag, owner in tags.items()
        if owner not in present | known
    ]
