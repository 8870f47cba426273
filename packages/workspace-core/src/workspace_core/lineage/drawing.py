"""A part of the graph as it is drawn: nodes with a place, and lines between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.lineage.ancestry import OUTPUT
from workspace_core.lineage.model import FAILED
from workspace_core.lineage.questions import SHORT, STEP, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.lineage.ancestry import Key, Part
    from workspace_core.lineage.model import HashCertificate, StepLineage
    from workspace_core.lineage.staleness import StaleOutput

DATA = "data"
SWEEPS = 4  # through the columns, to have few lines that cross


@dataclass(frozen=True, slots=True)
class Node:
    """A content or a run.

    `kind` is ``step``, ``data`` (a run wrote it), or where it comes from: ``source data``,
    ``code``, ``imported``, ``outside`` or ``unknown``.
    """

    id: str
    kind: str
    title: str
    subtitle: str
    facts: Mapping[str, Any]
    warning: str | None = None
    column: int = 0
    row: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes, and the lines between them by the ids of their ends."""

    nodes: tuple[Node, ...]
    lines: tuple[tuple[str, str, str], ...]  # from, to, what for: input, code or output

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return 1 + max((one.column for one in self.nodes), default=0)

    @property
    def rows(self) -> int:
        """How many rows the longest column has."""
        return 1 + max((one.row for one in self.nodes), default=0)


def drawing(part: Part, origins: Mapping[Key, str], stale: Sequence[StaleOutput] = ()) -> Drawing:
    """Return a part of the graph with all nodes in their places, sources on the left.

    Args:
        part: contents and runs.
        origins: what contents are that no run wrote.
        stale: what is out of date.
    """
    ids = {key: f"c{number}" for number, key in enumerate(part.contents)}
    ids_of_steps = {step: f"s{number}" for number, step in enumerate(part.steps)}
    lines = []
    for key, step, kind in part.edges:
        ends = (ids[key], ids_of_steps[step])
        lines.append((*(reversed(ends) if kind == OUTPUT else ends), kind))
    columns = _columns(part)
    rows = _rows(columns, part)
    warnings = {
        (one.ref, one.step.id): one.reasons[0].sentence(one.step.step_name) for one in stale
    }
    written = {(key, step) for key, step, kind in part.edges if kind == OUTPUT}
    nodes = []
    for key, certificate in part.contents.items():
        late = [warnings.get((key[0], step)) for content, step in written if content == key]
        warning = next((one for one in late if one), None)
        kind = origins.get(key, DATA) if not late else DATA
        place = (columns[key], rows[key])
        nodes.append(_content(ids[key], kind, certificate, warning, place))
    for identity, run in part.steps.items():
        place = (columns[identity], rows[identity])
        nodes.append(_step(ids_of_steps[identity], run.record(), place))
    return Drawing(tuple(nodes), tuple(lines))


def _content(
    identity: str,
    kind: str,
    certificate: HashCertificate,
    warning: str | None,
    place: tuple[int, int],
) -> Node:
    facts = {"kind": certificate.kind, "content": certificate.hashval, "origin": kind}
    return Node(
        *(identity, kind, str(certificate.ref), short(certificate.hashval), facts, warning), *place
    )


def _step(identity: str, step: StepLineage, place: tuple[int, int]) -> Node:
    facts = {
        "run": step.id,
        "status": step.status,
        "started": step.start_time,
        "seconds": step.execution_time_seconds,
        "parameters": dict(step.parameters),
        "command": " ".join(step.command_line) if step.command_line else None,
        "metrics": step.metrics,
        "host": step.hostname,
    }
    warning = "the run failed" if step.status == FAILED else None
    subtitle = f"{step.id[:SHORT]} · {step.start_time[:16]}"
    return Node(identity, STEP, step.step_name, subtitle, facts, warning, *place)


def _columns(part: Part) -> dict[Any, int]:
    """Return how far from the sources each node is; runs are taken in the order of time."""
    read: dict[str, list[Key]] = defaultdict(list)
    written: dict[str, list[Key]] = defaultdict(list)
    for key, identity, kind in part.edges:
        (written if kind == OUTPUT else read)[identity].append(key)
    found: dict[Any, int] = dict.fromkeys(part.contents, 0)
    for step in part.newest_first()[::-1]:
        found[step.id] = 1 + max((found[one] for one in read[step.id]), default=-1)
        for one in written[step.id]:
            found[one] = max(found[one], found[step.id] + 1)
    return found


def _rows(columns: Mapping[Any, int], part: Part) -> dict[Any, int]:
    """Return the place of each node in its column, near those that it is connected with."""
    near: dict[Any, list[Any]] = defaultdict(list)
    for key, step, _ in part.edges:
        near[key].append(step)
        near[step].append(key)
    by_column = defaultdict(list)
    for one, column in columns.items():
        by_column[column].append(one)
    rows = {one: float(row) for found in by_column.values() for row, one in enumerate(found)}
    for sweep in range(SWEEPS):
        for column in sorted(by_column, reverse=bool(sweep % 2)):
            found = by_column[column]
            found.sort(key=lambda one: _middle([rows[other] for other in near[one]], rows[one]))
            rows.update({one: float(row) for row, one in enumerate(found)})
    return {one: int(row) for one, row in rows.items()}


def _middle(rows: list[float], otherwise: float) -> float:
    return sum(rows) / len(rows) if rows else otherwise
