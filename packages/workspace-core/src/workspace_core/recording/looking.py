"""What is known of a run of a job: what it read and made, and the snapshots that have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.backends.snapshots import LINEAGE
from workspace_core.errors import ConfigurationError
from workspace_core.lineage.errors import LineageNotFoundError
from workspace_core.lineage.model import RUN
from workspace_core.lineage.store import LEAST_PREFIX
from workspace_core.recording.intents import Intents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.model import StepLineage
    from workspace_core.recording.intents import Intent
    from workspace_core.snapshots.metadata import SnapshotMetadata

AT_WORK = "at work"  # or killed: whoever starts the next run finds out


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run of a job, as a workspace knows it.

    Attributes:
        run_id: Dagster's id of the run.
        step: its record; None as long as it is not recorded.
        intent: what is kept of it until then.
        taken: the snapshots that were taken for it.
        kept_in: the first snapshot that has what it wrote, if there is one.
    """

    run_id: str
    step: StepLineage | None
    intent: Intent | None
    taken: tuple[SnapshotMetadata, ...]
    kept_in: SnapshotMetadata | None

    @property
    def status(self) -> str:
        """How it ended: ``complete``, ``failed``, ``at work``."""
        return AT_WORK if self.step is None else self.step.status

    @property
    def facts(self) -> Mapping[str, Any]:
        """Job, versions and commit of the run."""
        if self.step is not None:
            return run_of(self.step.more)
        return {} if self.intent is None else {"job": self.intent.start.job}

    def to_dict(self) -> dict[str, Any]:
        """Return what is known as plain data."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            **{key: value for key, value in self.facts.items() if key != "run_id"},
            "record": None if self.step is None else self.step.to_dict(),
            "snapshots": [_named(one) for one in self.taken],
            "kept_in": None if self.kept_in is None else _named(self.kept_in),
        }


def known_run(workspace: FiledWorkspace, name: str) -> KnownRun:
    """Return what is known of a run.

    Args:
        workspace: the workspace.
        name: the id of the run or its beginning; or the tag, number or hash of a snapshot that was
            taken for it.

    Raises:
        LineageNotFoundError: if there is no such run, or there are several.
    """
    runs = workspace.lineage.runs(workspace.catalogue.names_now())
    steps = {one.job_run: one for one in runs if one.job_run is not None}
    intents = Intents(workspace.local)
    known = {*steps, *intents.ids()}
    found = {one for one in known if one == name or _begins(one, name)}
    if not found:
        found = {one for one in _of_snapshot(workspace, name) if one in known}
    if len(found) != 1:
        raise LineageNotFoundError(
            f"{len(found) or 'No'} runs of jobs are known here by '{name[:80]}'; name the id that "
            "Dagster shows, or a snapshot that was taken for a run."
        )
    (run_id,) = found
    step = steps[run_id].record() if run_id in steps else None
    taken = workspace.list_snapshots(reverse=False)
    return KnownRun(
        run_id,
        step,
        intents.get(run_id),
        tuple(one for one in taken if run_of(one.more).get("run_id") == run_id),
        None if step is None else _first_with(step, taken),
    )


def run_of(more: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the run of a job that a record of a step or a snapshot names."""
    found = more.get(RUN)
    return found if isinstance(found, dict) else {}


def _begins(run_id: str, name: str) -> bool:
    return len(name) >= LEAST_PREFIX and run_id.startswith(name)


def _of_snapshot(workspace: FiledWorkspace, name: str) -> Iterable[str]:
    try:
        snapshot = workspace.get_snapshot_by_tag_or_hash(name)
    except ConfigurationError:
        return ()
    run_id = run_of(snapshot.more).get("run_id")
    return () if run_id is None else (run_id,)


def _first_with(step: StepLineage, taken: Iterable[SnapshotMetadata]) -> SnapshotMetadata | None:
    """Return the first snapshot that was taken when a step was recorded."""
    for one in taken:
        if (one.more.get(LINEAGE) or {}).get("sequence", 0) >= step.sequence:
            return one
    return None


def _named(snapshot: SnapshotMetadata) -> dict[str, Any]:
    return {
        "hash": snapshot.hashval,
        "number": snapshot.snapshot_number,
        "tags": list(snapshot.tags),
    }
