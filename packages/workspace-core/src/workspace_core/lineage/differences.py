"""What made what differs: the runs that wrote two contents of a file, and how those runs differ."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.store.identity import id_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.graph import LineageGraph
    from workspace_core.lineage.model import HashCertificate, ResourceRef, StepLineage
    from workspace_core.trees.diff import Change
    from workspace_core.trees.directory import Entry

SHORT = 8
MOST_NAMED = 5
NOT_GIVEN = "not given"


@dataclass(frozen=True, slots=True)
class MadeDifference:
    """Files of a resource that differ, and were made by the same two runs.

    Args:
        resource: its name.
        paths: the files, in the order of a walk.
        before: the run that wrote what was there before; None where no run on record did.
        after: the run that wrote what is there after.
        parameters: those that the runs do not share, with both values; None where one has none.
        inputs: what the runs have not read with the same content.
        code: by what they have not run with the same content.
    """

    resource: str
    paths: tuple[str, ...]
    before: StepLineage | None
    after: StepLineage | None
    parameters: Mapping[str, tuple[Any, Any]]
    inputs: tuple[ResourceRef, ...] = ()
    code: tuple[ResourceRef, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "resource": self.resource,
            "paths": list(self.paths),
            "before": _of_run(self.before),
            "after": _of_run(self.after),
            "parameters": {name: list(values) for name, values in self.parameters.items()},
            "inputs": [str(one) for one in self.inputs],
            "code": [str(one) for one in self.code],
        }

    def sentence(self) -> str:
        """Return the difference in words."""
        files = ", ".join(self.paths[:MOST_NAMED])
        if (more := len(self.paths) - MOST_NAMED) > 0:
            files += f" and {more} more"
        sides = [("made by", self.after), ("before by", self.before)]
        said = [f"{word} {one.step_name} {one.id[:SHORT]}" for word, one in sides if one]
        how = [
            f"{name} {_shown(self.before, name)} -> {_shown(self.after, name)}"
            for name in self.parameters
        ]
        how += [f"another {ref} was read" for ref in self.inputs]
        how += [f"another {ref} was run" for ref in self.code]
        return f"{files}: {', '.join(said)}{'; ' if how else ''}{', '.join(how)}"


def made_differences(
    name: str, changes: Iterable[Change], before: LineageGraph, after: LineageGraph
) -> tuple[MadeDifference, ...]:
    """Return what made the contents of files that differ; those that no run wrote are left out.

    Args:
        name: the resource.
        changes: what differs in it.
        before: the runs that are known on the one side.
        after: those that are known on the other.
    """
    paths: dict[tuple[Any, Any], list[str]] = {}  # by the ids of the runs
    runs: dict[str, Run] = {}
    for change in changes:
        if _content(change.before) == _content(change.after):
            continue
        path = os.fsdecode(change.path)
        old = _maker(before, name, path, _content(change.before))
        new = _maker(after, name, path, _content(change.after))
        found = {one.id: one for one in (old, new) if one is not None}
        if found:
            runs |= found
            paths.setdefault((old and old.id, new and new.id), []).append(path)
    records = {identity: run.record() for identity, run in runs.items()}
    return tuple(
        _compared(name, found, records.get(old or ""), records.get(new or ""))
        for (old, new), found in paths.items()
    )


def _compared(
    name: str, paths: list[str], before: StepLineage | None, after: StepLineage | None
) -> MadeDifference:
    if before is None or after is None or before.id == after.id:
        return MadeDifference(name, tuple(paths), before, after, {})
    old, new = before.parameters, after.parameters
    parameters = {
        one: (old.get(one), new.get(one))
        for one in sorted(old.keys() | new.keys())
        if one not in old or one not in new or old[one] != new[one]
    }
    return MadeDifference(
        name,
        tuple(paths),
        before,
        after,
        parameters,
        _differing(
            (*before.input_resources, *before.outside_inputs),
            (*after.input_resources, *after.outside_inputs),
        ),
        _differing(before.code_resources, after.code_resources),
    )


def _differing(
    before: Iterable[HashCertificate], after: Iterable[HashCertificate]
) -> tuple[ResourceRef, ...]:
    old, new = ({one.ref: one.hashval for one in side} for side in (before, after))
    return tuple(ref for ref in {**old, **new} if old.get(ref) != new.get(ref))


def _content(entry: Entry | None) -> str | None:
    return None if entry is None or entry.is_directory else id_text(entry.id)


def _maker(graph: LineageGraph, name: str, path: str, content: str | None) -> Run | None:
    return None if content is None else graph.maker(name, path, content)


def _of_run(run: StepLineage | None) -> dict[str, str] | None:
    return None if run is None else {"step": run.id, "step_name": run.step_name}


def _shown(run: StepLineage | None, name: str) -> str:
    return str(run.parameters[name]) if run and name in run.parameters else NOT_GIVEN
