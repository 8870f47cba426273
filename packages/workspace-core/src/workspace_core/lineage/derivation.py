"""What was made of a content, wherever that lay: what has to go when the content has to go.

Ancestry and descent ask what stands at a path; this asks for contents alone, so that a copy of a
file that somebody made by hand counts as the file.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.lineage.model import DIRECTORY, ResourceRef
from workspace_core.store.identity import content_id, id_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.graph import LineageGraph
    from workspace_core.lineage.outside import Outside

NOTHING = id_text(content_id(b""))  # an empty file tells nothing of anybody


@dataclass(slots=True)
class Derivation:
    """What was made of some contents, by one run or by several in a row.

    Args:
        contents: by content id of files, where runs wrote them and which run did.
        steps: the runs that read the contents or what was made of them, by id.
        left: what such runs that failed may have left; nobody knows its content.
        outside: by content id, the paths outside of all resources that such runs wrote to.
    """

    contents: dict[str, dict[ResourceRef, Run]] = field(default_factory=dict)
    steps: dict[str, Run] = field(default_factory=dict)
    left: dict[ResourceRef, Run] = field(default_factory=dict)
    outside: dict[str, dict[str, Run]] = field(default_factory=dict)

    @property
    def places(self) -> dict[ResourceRef, Run]:
        """Where such runs wrote, and which run did."""
        return {ref: step for places in self.contents.values() for ref, step in places.items()}


def derivation(
    graph: LineageGraph, outside: Outside, wanted: Mapping[str, Iterable[ResourceRef | None]]
) -> Derivation:
    """Return all that was made of some contents.

    A run is taken to have made all of its outputs from all of its inputs. An input that changed
    while the step ran counts as both contents, and a directory that did so as anything that it may
    have held.

    Args:
        graph: all runs.
        outside: what they read and wrote outside of resources.
        wanted: content ids of files, and where they were; None for outside of resources.
    """
    readers, unsteady = _readers(graph)
    found = Derivation()
    due: deque[tuple[str, ResourceRef | None]] = deque(
        (content, ref) for content, refs in wanted.items() if content != NOTHING for ref in refs
    )
    while due:
        content, ref = due.popleft()
        for step in (
            *readers.get(content, {}).values(),
            *outside.readers.get(content, {}).values(),
            *(step for folder, step in unsteady if ref is not None and folder.covers(ref)),
        ):
            if step.id in found.steps:
                continue
            found.steps[step.id] = step
            found.left.update(dict.fromkeys(step.unfinished, step))
            for one in step.output_resources:
                for path, made in graph.files(one).items():
                    if made != NOTHING:
                        place = ResourceRef(one.ref.name, path)
                        found.contents.setdefault(made, {})[place] = step
                        due.append((made, place))
            for path, made in outside.written.get(step.id, {}).items():
                found.outside.setdefault(made, {})[path] = step
                due.append((made, None))
    return found


def _readers(
    graph: LineageGraph,
) -> tuple[Mapping[str, Mapping[str, Run]], list[tuple[ResourceRef, Run]]]:
    """Return the runs that read a content, and those that read a directory that was changing."""
    readers: dict[str, dict[str, Run]] = defaultdict(dict)
    unsteady = []
    for step in graph.steps.values():
        for one in step.dependencies():
            for content in graph.files(one).values():
                readers[content][step.id] = step
            if one.changed and one.kind == DIRECTORY:
                unsteady.append((one.ref, step))
            elif one.changed and one.hash_at_end is not None:
                readers[one.hash_at_end][step.id] = step
    return readers, unsteady
