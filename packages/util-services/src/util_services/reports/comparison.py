"""What differs between the reports of two runs: inputs, rows, configurations and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from util_services.datasets.staged import StepReport
    from util_services.reports.record import Report

ABSENT = None  # what a run does not tell of
TIMES = "_seconds"  # differ between equal runs


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two runs tell differently.

    Attributes:
        part: what it belongs to, such as ``rows`` or ``configuration of k_anonymity``.
        key: its name there; a dot leads into a mapping.
        first: what the first run tells, None if nothing.
        second: what the second run tells.
    """

    part: str
    key: str
    first: Any
    second: Any

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as a JSON object."""
        return asdict(self)


def compare(first: Report, second: Report) -> list[Difference]:
    """Return what differs, in the order of a report; times do not count.

    Steps are compared with those of the same operation: its first with its first, and so on.
    """
    one, two = dict(_parts(first)), dict(_parts(second))
    return [
        Difference(part, key, given.get(key, ABSENT), other.get(key, ABSENT))
        for part in dict.fromkeys([*one, *two])
        for given, other in [(one.get(part, {}), two.get(part, {}))]
        for key in dict.fromkeys([*given, *other])
        if given.get(key, ABSENT) != other.get(key, ABSENT)
    ]


def _parts(report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    of_input = report.input
    output = () if report.output is None else report.output.columns
    yield "input", {"path": of_input.path, "sha256": of_input.sha256, "slice": of_input.limit_rows}
    yield "rows", {**report.rows.to_dict()}
    yield "columns", {column["name"]: column["type"] for column in output}
    if report.failure is not None:
        yield "outcome", {"failure": report.failure}
    for name, step in _named(report.steps):
        yield f"configuration of {name}", dict(_flat(step.configuration))
        yield f"rows of {name}", {"in": step.rows_in, "out": step.rows_out}
        yield f"found by {name}", dict(_flat(step.facts))


def _named(steps: tuple[StepReport, ...]) -> Iterator[tuple[str, StepReport]]:
    seen: Counter[str] = Counter()
    for step in steps:
        seen[step.operation] += 1
        number = seen[step.operation]
        yield (step.operation if number == 1 else f"{step.operation} ({number})"), step


def _flat(mapping: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}.")
        elif not key.endswith(TIMES):
            yield f"{before}{key}", value
