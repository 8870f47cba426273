"""What the steps of runs did to columns, as their reports and their packages tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from util_services.processing_record.described import ROLES, Description

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from util_services.datasets.staged import StepReport
    from util_services.processing_record.document import Source
    from util_services.processing_record.known import Known
    from util_services.processing_record.recorded import RecordedRun

UNTOUCHED = "retain"


@dataclass(frozen=True, slots=True)
class DescribedStep:
    """A step of a run, its report and what its package says of it."""

    run: RecordedRun
    report: Source
    step: StepReport
    description: Description


@dataclass
class ColumnFacts:
    """What is known of a column of an activity, over all its runs.

    Attributes:
        is_published: whether a run has published it, other than into a slice.
    """

    name: str
    roles: set[str] = field(default_factory=set)
    treatments: list[str] = field(default_factory=list)
    is_published: bool = False
    is_released: bool = False
    sources: list[Source] = field(default_factory=list)

    def add(self, source: Source) -> None:
        """Take note of where something stands."""
        if source not in self.sources:
            self.sources.append(source)

    @property
    def reports(self) -> list[Source]:
        """The reports that tell of it."""
        return [source for source in self.sources if source.kind == "report"]

    @property
    def ordered_roles(self) -> list[str]:
        """The roles, the most telling first."""
        return [role for role in ROLES if role in self.roles]


def described_steps(known: Known, runs: Sequence[RecordedRun]) -> list[DescribedStep]:
    """Return the steps of runs whose reports were found."""
    found = []
    for run in runs:
        read = known.reports[run.id]
        if read.report is None or read.source is None:
            continue
        for step in read.report.steps:
            describe = known.describe.get(step.operation)
            told = Description() if describe is None else describe(step)
            found.append(DescribedStep(run, read.source, step, told))
    return found


def columns_of_runs(
    known: Known, runs: Sequence[RecordedRun], steps: Sequence[DescribedStep]
) -> dict[str, ColumnFacts]:
    """Return what is known of each column, by its name and in the order of names."""
    found: dict[str, ColumnFacts] = {}

    def of(name: str, source: Source) -> ColumnFacts:
        column = found.setdefault(name, ColumnFacts(name))
        column.add(source)
        return column

    for one in steps:
        for name, role in one.description.roles.items():
            of(name, one.report).roles.add(role)
        for treatment in _treatments(one):
            column = of(treatment[0], one.report)
            if treatment[1] not in column.treatments:
                column.treatments.append(treatment[1])
    for run in runs:
        read = known.reports[run.id]
        if read.report is None or read.source is None or read.report.output is None:
            continue
        for told in read.report.output.columns:
            of(told["name"], read.source).is_published = True
    return dict(sorted(found.items()))


def _treatments(one: DescribedStep) -> Iterator[tuple[str, str]]:
    """Yield columns and what was done to them, in words."""
    for treatment in one.description.treatments:
        if treatment.technique == UNTOUCHED:
            continue
        words = [treatment.technique]
        if treatment.term:
            words.append(f"({treatment.term})")
        if treatment.keyset:
            words.append(f"with a key of '{treatment.keyset}'")
        if treatment.domain:
            words.append(f"in the domain '{treatment.domain}'")
        if treatment.is_reversible:
            words.append("which its holders can undo")
        yield treatment.column, " ".join(words)
    told = {treatment.column for treatment in one.description.treatments}
    for name in one.step.columns.removed:
        if name not in told:
            yield name, f"left out by {one.step.operation}"
