"""What must hold of the records of runs, whatever became of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from workspace_core.lineage.questions import questions
from workspace_core.workspace import find_and_load_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from workspace_core.lineage.model import StepLineage

ENDINGS = ("", ".report.html", ".report.json")


def id_of(content: bytes) -> str:
    """Return the id of a content."""
    return f"blake3:{blake3(content).hexdigest()}"


def content_id(file: Path) -> str:
    """Return the content id of a file."""
    return id_of(file.read_bytes())


def at_work(folder: Path) -> list[str]:
    """Return what a workspace keeps of runs that are not recorded yet."""
    place = folder / ".dataworkspace/local/runs-at-work"
    return sorted(one.name for one in place.iterdir()) if place.exists() else []


def require_true_records(
    folder: Path, statuses: Mapping[str, str], outputs: Iterable[Path]
) -> dict[str, StepLineage]:
    """Return the records of a workspace by runs, once nothing in them is false and nothing missing.

    Args:
        folder: of the workspace.
        statuses: of all runs that Dagster knows, by their ids.
        outputs: where runs were to publish; no two of them in the same place.
    """
    workspace = find_and_load_workspace(str(folder), batch=True)
    recorded = workspace.lineage.all()
    steps = {one.run_id: one for one in recorded}
    assert len(steps) == len(recorded), "a run is recorded twice"
    assert steps.keys() <= statuses.keys(), "a run is recorded that nobody knows"
    vouched, left = {}, set()
    for step in recorded:
        assert step.is_complete == bool(step.output_resources), step
        vouched |= {one.ref: one.hashval for one in step.output_resources}
        left |= set(step.unfinished)
        for one in step.input_resources:
            assert not one.changed, one
            assert content_id(folder / one.ref.name / one.ref.path) == one.hashval
    for ref, hashval in vouched.items():
        assert content_id(folder / ref.name / ref.path) == hashval, ref
    asked = questions(workspace)
    for output in outputs:
        for file in (output.with_name(output.name + ending) for ending in ENDINGS):
            if file.exists():
                ref = asked.reference(str(file))
                assert ref in vouched or ref in left, f"no record knows of {file}"
    succeeded = {run_id for run_id, status in statuses.items() if status == "SUCCESS"}
    assert {one.run_id for one in recorded if one.is_complete} >= succeeded
    for one in workspace.list_snapshots():
        assert steps[one.more["run"]["run_id"]].is_complete
    return steps
