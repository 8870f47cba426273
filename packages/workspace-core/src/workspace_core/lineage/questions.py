"""What people ask: what made this file, what was made from it, what is there at all."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.flow.digests import digests_of
from workspace_core.backends.snapshots import LINEAGE
from workspace_core.errors import DataWorkspacesError, PathNotAResourceError
from workspace_core.lineage.ancestry import OUTPUT, Part, ancestry, descent, origin_by_role
from workspace_core.lineage.errors import LineageNotFoundError
from workspace_core.lineage.graph import LineageGraph
from workspace_core.lineage.model import (
    DIRECTORY,
    FILE,
    MISSING,
    OUTSIDE,
    CodeLineage,
    HashCertificate,
    ImportedLineage,
    ResourceRef,
    SourceDataLineage,
    StepLineage,
)
from workspace_core.lineage.references import reference
from workspace_core.lineage.staleness import StaleOutput, judge_runs
from workspace_core.lineage.state import PresentState, SnapshotState
from workspace_core.lineage.store import without_collecting
from workspace_core.store.identity import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.state import State
    from workspace_core.workspace import SnapshotMetadata

SOURCE_DATA, CODE_OF_PEOPLE, IMPORTED, FROM_OUTSIDE, UNKNOWN, STEP = (
    "source data",
    "code",
    "imported",
    "outside",
    "unknown",
    "step",
)
SHORT = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked about, and the part of the graph that answers it.

    Args:
        certificate: what was asked about.
        part: contents and runs.
        origins: what contents are that no run wrote, by their keys in the part.
        makers: the runs that wrote just what was asked about, the last one first.
        detail: what is known of something that no run wrote, as a sentence.
        stale: what of the part is out of date; empty for a snapshot.
    """

    certificate: HashCertificate
    part: Part
    origins: dict[tuple[ResourceRef, str | None], str]
    makers: tuple[Run, ...] = ()
    detail: str | None = None
    stale: tuple[StaleOutput, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        with without_collecting():
            steps = [one.record().to_dict() for one in self.part.newest_first()]
        return {**self.facts(), "steps": steps}

    def facts(self) -> dict[str, Any]:
        """Return the answer as plain data without the records of the runs."""
        key = (self.certificate.ref, self.certificate.hashval)
        return {
            **self.certificate.to_dict(),
            "origin": STEP if self.makers else self.origins.get(key, UNKNOWN),
            "detail": self.detail,
            "made_by": [one.id for one in self.makers],
            "sources": [
                {**self.part.contents[one].to_dict(), "origin": origin}
                for one, origin in self.origins.items()
            ],
            "stale": [one.to_dict() for one in self.stale],
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of lineage."""

    ref: ResourceRef
    type: str
    details: str
    inputs: tuple[ResourceRef, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return {
            "resource": self.ref.name,
            "path": self.ref.path,
            "type": self.type,
            "details": self.details,
            "inputs": [str(one) for one in self.inputs],
        }


class Questions:
    """Answers questions about the lineage of a workspace, now or in a snapshot.

    Args:
        workspace: the workspace.
        tag_or_hash: the snapshot; None for the resources as they are.
        ask_stores: also ask stores whether that has changed which runs have read there.

    Raises:
        ConfigurationError: if there is no such snapshot.
    """

    def __init__(
        self,
        workspace: LocalSnapshots,
        tag_or_hash: str | None = None,
        *,
        ask_stores: bool = False,
    ) -> None:
        self.workspace, self._ask_stores = workspace, ask_stores
        self.snapshot: SnapshotMetadata | None = None
        if tag_or_hash is not None:
            self.snapshot = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
        self._now = workspace.catalogue.names_now()
        self.graph = graph_of(workspace, self.snapshot)
        self.state: State = self._state_of(self.snapshot)
        self._origin = origin_by_role(workspace)

    def _state_of(self, snapshot: SnapshotMetadata | None) -> State:
        if snapshot is None:
            return PresentState(self.workspace, ask_stores=self._ask_stores)
        return SnapshotState(self.workspace, snapshot)

    def reference(self, text: str) -> ResourceRef:
        """Return what a text refers to: a path of this machine, or ``resource:/path``.

        A file outside of all resources is known by the path or address that its run was told.

        Raises:
            PathNotAResourceError: if it is none of them.
        """
        name, colon, path = text.partition(":")
        names = [*self.workspace.get_resource_names()]
        if not os.path.lexists(text):
            name = name if name in names else self._now.get(name, name)
            text = f"{name}{colon}{path}"
        if colon and name in names and not os.path.lexists(text):
            return ResourceRef.of(name, path.lstrip("/"))
        try:
            return reference(self.workspace, text)
        except PathNotAResourceError:
            if text in names:
                return ResourceRef(text)
            for path in (text, os.path.abspath(text)):
                if self.graph.known_outside(path) is not None:
                    return ResourceRef(OUTSIDE, path)
            known = self.workspace.lineage.outside.at(os.path.realpath(text))
            if known is not None and self.graph.known_outside(known) is not None:
                return ResourceRef(OUTSIDE, known)
            raise

    def made(self, ref: ResourceRef) -> Answer:
        """Answer what made what is at a reference, back to its sources.

        Raises:
            LineageNotFoundError: if nothing is there.
        """
        ref, state = self._home_of(ref)
        certificate = self._certificate(ref, state)
        with without_collecting():
            part = ancestry(self.graph, [certificate])
        found = self.graph.makers(ref.name, self.graph.files(certificate)).values()
        makers = sorted({one.id: one for one in found}.values(), key=lambda one: one.order)
        answer = replace(
            self._answer(certificate, part),
            makers=tuple(makers[::-1]),
            detail=self._detail(certificate, part),
        )
        key = (certificate.ref, certificate.hashval)
        if answer.detail is None and answer.origins.get(key) == UNKNOWN:
            return replace(answer, detail=self._is_copy(certificate))
        return answer

    def made_from(self, ref: ResourceRef) -> Answer:
        """Answer what was made from what is at a reference, or was there before.

        Raises:
            LineageNotFoundError: if nothing is there.
        """
        ref, state = self._home_of(ref)
        certificate = self._certificate(ref, state)
        return self._answer(certificate, descent(self.graph, certificate, any_content=True))

    def lines(self, part: Part) -> Iterator[str]:
        """Yield the records of the runs of a part as JSON, the newest first, each on one line.

        Raises:
            DamagedFileError: if one is damaged.
        """
        runs = part.newest_first()
        if self._now:  # records have the names that resources had then
            for one in runs:
                yield json.dumps(one.record().to_dict(), sort_keys=True)
        else:
            for line in self.workspace.lineage.lines(one.id for one in runs):
                yield line.decode()

    def everything(self, resource_name: str | None = None) -> Part:
        """Return the part of the graph that led to what is there: in all resources, or in one.

        Raises:
            LineageNotFoundError: if there is no such resource.
        """
        if resource_name is None:
            return ancestry(self.graph, self._standing())
        return ancestry(self.graph, [self._certificate(ResourceRef(resource_name), self.state)])

    def table(self) -> list[Row]:
        """Return what is there and how it came about, with all that it was made of."""
        part = self.everything()
        why = {(one.ref, one.step.id): one for one in self.stale(part)}
        rows = []
        for step in part.newest_first()[::-1]:
            inputs = tuple(one.ref for one in step.dependencies())
            said = _details(step.record())
            for one in step.outputs():
                key = (one.ref, one.hashval)
                if (key, step.id, OUTPUT) in part.edges:
                    stale = why.get((one.ref, step.id))
                    rows.append(Row(one.ref, STEP, said + _reason(stale), inputs))
        for key, origin in self.origins(part).items():
            certificate = part.contents[key]
            detail = self._detail(certificate, part) or short(certificate.hashval)
            rows.append(Row(certificate.ref, origin, detail, ()))
        return sorted(set(rows), key=lambda one: (str(one.ref), one.type, one.details))

    def stale(self, part: Part) -> tuple[StaleOutput, ...]:
        """Return what of a part is out of date; of a snapshot, nothing is."""
        if self.snapshot is not None:
            return ()
        return judge_runs(self.graph, self.state, part.steps.values())

    def origins(self, part: Part) -> dict[tuple[ResourceRef, str | None], str]:
        """Return what those contents are that no run wrote."""
        return {key: self._origin_of(part.contents[key]) for key in part.unmade}

    # How

    def _origin_of(self, certificate: HashCertificate) -> str:
        if certificate.ref.is_outside:
            return FROM_OUTSIDE
        found = self._origin(certificate)
        if isinstance(found, SourceDataLineage):
            return SOURCE_DATA
        if isinstance(found, CodeLineage):
            return CODE_OF_PEOPLE
        return IMPORTED if isinstance(found, ImportedLineage) else UNKNOWN

    def _answer(self, certificate: HashCertificate, part: Part) -> Answer:
        with without_collecting():
            stale = self.stale(part)
        return Answer(certificate, part, self.origins(part), stale=stale)

    def _certificate(self, ref: ResourceRef, state: State) -> HashCertificate:
        if ref.is_outside:
            return self._certificate_outside(ref)
        found = state.certificate(ref)
        when = (
            "now" if self.snapshot is None else f"in the snapshot {self.snapshot.hashval[:SHORT]}"
        )
        if found is None:
            raise LineageNotFoundError(
                f"Nobody can say what is in the resource '{ref.name}' {when}; 'dws status' tells "
                "why."
            )
        if found.kind == MISSING:
            raise LineageNotFoundError(f"{ref} is not there {when}; mend the path.")
        if found.kind == DIRECTORY and (resource := state.resource(ref.name)) is not None:
            self.graph.know(found, resource.at(ref.path))
        return found

    def _certificate_outside(self, ref: ResourceRef) -> HashCertificate:
        """Return what is at a path outside: now, if that is a file of this machine; else at last.

        Raises:
            LineageNotFoundError: if no run that could be known then has seen it.
        """
        known = self.graph.known_outside(ref.path)
        if known is None:
            raise LineageNotFoundError(f"No run has read or written {ref}; mend the path.")
        address = ref.path if os.path.isabs(ref.path) else self._address_of(ref.path)
        if address is None or self.snapshot is not None:
            return known
        with suppress(OSError):
            file = Path(address)
            size, digest = file.stat().st_size, digests_of(file, with_blake3=True).blake3
            return HashCertificate(ref, FILE, f"{ALGORITHM}:{digest}", size)
        return known

    def _address_of(self, path: str) -> str | None:
        """Return where a file outside is on this machine, None if no run here has seen it."""
        return self.workspace.lineage.outside.address(path)

    def _home_of(self, ref: ResourceRef) -> tuple[ResourceRef, State]:
        """Return where results were made that a snapshot has moved, and when they were there."""
        if self.snapshot is None and ref.subpath is not None:
            for one in self.workspace.list_snapshots():
                place = one.relative_destination_path
                if place and ResourceRef(ref.name, place).holds(ref.path):
                    inside = os.path.relpath(ref.path, place)
                    path = None if inside == os.curdir else inside
                    return ResourceRef(ref.name, path), self._state_of(one)
        return ref, self.state

    def _standing(self) -> Iterable[HashCertificate]:
        """Yield what runs have written and is there; of a directory, the files that still are."""
        found: dict[tuple[str, str], HashCertificate] = {}
        for name in self.graph.written_resources:
            resource = self.state.resource(name)
            if resource is None:
                continue
            makers = self.graph.makers(name, resource.files)
            for path, step in makers.items():
                for one in step.output_resources:
                    if one.ref.name == name and one.ref.holds(path):
                        found.setdefault((step.id, str(one.ref)), one)
            for path in self.graph.written_paths(name):
                if path in resource.files and path not in makers:  # somebody has changed it
                    ref = ResourceRef(name, path)
                    found[name, path] = resource.certificate(ref)
        outside = self.graph.last_outside() if self.snapshot is None else ()
        return (*found.values(), *(one for one in outside if not _is_gone(one.ref.path)))

    def _detail(self, certificate: HashCertificate, part: Part) -> str | None:
        key = (certificate.ref, certificate.hashval)
        if key not in part.unmade or self._origin_of(certificate) not in (UNKNOWN, FROM_OUTSIDE):
            return None
        ref = certificate.ref
        wrote = self.graph.last_writer(ref.name, ref.path)
        failed = self.graph.failed_at(ref)
        if failed is not None and (wrote is None or wrote.order < failed.order):
            return f"may have been left by a run of {failed.step_name} that failed"
        if wrote is not None:
            return f"changed by somebody since {wrote.step_name} wrote it"
        return None

    def _is_copy(self, certificate: HashCertificate) -> str | None:
        """Return which file that a run wrote has the same content, as a sentence."""
        if certificate.kind == FILE and certificate.size:
            for place, step in self.graph.written_as(str(certificate.hashval)):
                return f"a copy of {place}, which {step.step_name} {step.id[:SHORT]} wrote"
        return None


def graph_of(workspace: LocalSnapshots, snapshot: SnapshotMetadata | None = None) -> LineageGraph:
    """Return the graph of all runs, or of those that a snapshot could know of."""
    known = (snapshot.more.get(LINEAGE) or {}).get("sequence") if snapshot else None
    return LineageGraph.of(workspace.lineage, workspace.catalogue.names_now(), known)


def questions(
    workspace: LocalSnapshots, tag_or_hash: str | None = None, *, ask_stores: bool = False
) -> Questions:
    """Return who answers questions about a workspace.

    Raises:
        DataWorkspacesError: if its backend keeps no lineage.
    """
    if not workspace.supports_lineage():
        raise DataWorkspacesError("The backend of this workspace keeps no lineage.")
    return Questions(workspace, tag_or_hash, ask_stores=ask_stores)


def short(hashval: str | None) -> str:
    """Return a content id for a table."""
    return "" if hashval is None else hashval.partition(":")[2][:SHORT]


def _is_gone(path: str) -> bool:
    """Return whether a path outside is one of this machine where nothing is any more."""
    return os.path.isabs(path) and not os.path.lexists(path)


def _details(step: StepLineage) -> str:
    given = ", ".join(f"{name}={value}" for name, value in step.parameters.items())
    return f"{step.step_name} {step.id[:SHORT]}{f' ({given})' if given else ''}"


def _reason(stale: StaleOutput | None) -> str:
    if stale is None:
        return ""
    return f"; out of date: {stale.reasons[0].sentence(stale.step.step_name)}"
