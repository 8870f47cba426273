"""What made this, and what was made from it: the part of the graph that one question is about."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.lineage.model import (
    CodeLineage,
    HashCertificate,
    ImportedLineage,
    ResourceRef,
    SourceDataLineage,
    UnknownLineage,
)
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.graph import LineageGraph
    from workspace_core.workspace import Workspace

    Unmade = SourceDataLineage | CodeLineage | ImportedLineage | UnknownLineage

INPUT, CODE, OUTPUT = "input", "code", "output"
Key = tuple[ResourceRef, str | None]


@dataclass(slots=True)
class Part:
    """Contents and runs, and what connects them.

    Args:
        contents: certificates by reference and content.
        steps: runs by id.
        edges: from a content to a run that read it (``input``, ``code``), and from a run to what it
            wrote (``output``).
        unmade: contents that no run wrote.
    """

    contents: dict[Key, HashCertificate] = field(default_factory=dict)
    steps: dict[str, Run] = field(default_factory=dict)
    edges: dict[tuple[Key, str, str], None] = field(default_factory=dict)
    unmade: dict[Key, None] = field(default_factory=dict)

    def add(self, certificate: HashCertificate) -> Key:
        """Take a content in."""
        key = (certificate.ref, certificate.hashval)
        self.contents.setdefault(key, certificate)
        return key

    def newest_first(self) -> list[Run]:
        """Return the runs, each before those that came before it."""
        return sorted(self.steps.values(), key=lambda one: one.order, reverse=True)


def ancestry(graph: LineageGraph, wanted: Iterable[HashCertificate]) -> Part:
    """Return all that some contents were made of, and by."""
    part = Part()
    due: deque[tuple[Key, HashCertificate, Run | None]] = deque(
        (part.add(one), one, None) for one in wanted
    )
    while due:
        key, certificate, before = due.popleft()
        makers, is_all = graph.made_by(certificate, before)
        if not is_all:
            part.unmade[key] = None
        for step in makers:
            part.edges[key, step.id, OUTPUT] = None
            if step.id in part.steps:
                continue
            part.steps[step.id] = step
            due.extend((*one, step) for one in _note_read(part, step))
    return part


def descent(graph: LineageGraph, wanted: HashCertificate, *, any_content: bool = False) -> Part:
    """Return all that was made from a content.

    Args:
        graph: all runs.
        wanted: the content.
        any_content: also from other contents that were at the same path.
    """
    part = Part()
    key = part.add(wanted)
    files = graph.files(wanted)
    first = graph.readers(wanted.ref.name, dict.fromkeys(files) if any_content else files)
    due = deque(first)
    for step in first:
        part.edges[key, step.id, INPUT] = None
    while due:
        step = due.popleft()
        if step.id in part.steps:
            continue
        part.steps[step.id] = step
        _note_read(part, step)
        for one in step.outputs():
            part.edges[part.add(one), step.id, OUTPUT] = None
            due.extend(graph.readers(one.ref.name, graph.files(one)))
    return part


def _note_read(part: Part, step: Run) -> list[tuple[Key, HashCertificate]]:
    """Take in what a run has read, and return that."""
    found = []
    inputs = (*step.input_resources, *step.outside_inputs)
    for certificates, kind in ((inputs, INPUT), (step.code_resources, CODE)):
        for one in certificates:
            key = part.add(one)
            part.edges[key, step.id, kind] = None
            found.append((key, one))
    return found


def origin_by_role(workspace: Workspace) -> Callable[[HashCertificate], Unmade]:
    """Return what a content is that no run wrote, as the role of its resource says."""
    names = set(workspace.get_resource_names())

    def origin(certificate: HashCertificate) -> Unmade:
        name = certificate.ref.name
        if name not in names:
            return UnknownLineage(certificate)
        if getattr(workspace.get_resource_wherever(name), "imported", False):
            return ImportedLineage(certificate)
        role = workspace.get_resource_role(name)
        if role == ResourceRoles.SOURCE_DATA_SET:
            return SourceDataLineage(certificate)
        return (
            CodeLineage(certificate) if role == ResourceRoles.CODE else UnknownLineage(certificate)
        )

    return origin
