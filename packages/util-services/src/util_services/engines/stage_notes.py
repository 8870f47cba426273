"""What steps note of their work, in counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.reports.section import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a step tells of its work; never a cell value.

    Attributes:
        facts: counts and names for the report.
        warnings: what a user should know, in sentences.
        limits: what the step does not do, measure or promise, in sentences.
        sections: tables and figures for the report.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(slots=True)
class Note:
    """What a step did.

    ``rows_out`` is None for a table step at the end whose rows nobody has counted yet.
    """

    name: str
    rows_in: int
    rows_out: int | None
    dropped: int = 0
    quarantined: int = 0
    changed: Counter[str] = field(default_factory=Counter)  # cells by column
    counts: Counter[str] = field(default_factory=Counter)  # of the step's own
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    is_selection: bool = True  # whether rows out are some of the rows in

    def tell(self, told: Told) -> None:
        """Take in what a step tells of its work."""
        self.facts, self.warnings = told.facts, told.warnings
        self.limits, self.sections = told.limits, told.sections

    def continue_with(self, later: Note) -> None:
        """Take in what a later part of the same step did."""
        self.rows_out = later.rows_out
        self.dropped += later.dropped
        self.quarantined += later.quarantined
        self.changed += later.changed
        self.counts += later.counts
        self.facts = _joined(self.facts, later.facts)
        self.warnings += later.warnings
        self.limits += tuple(limit for limit in later.limits if limit not in self.limits)
        self.sections += later.sections
        self.is_selection = self.is_selection and later.is_selection

    def to_dict(self) -> dict[str, Any]:
        """Return the note as plain data; a step says nothing of what it never does."""
        rows = {"in": self.rows_in, "out": self.rows_out, "dropped": self.dropped}
        return {
            "step": self.name,
            "rows": rows | ({"quarantined": self.quarantined} if self.quarantined else {}),
            "cells_changed": dict(sorted(self.changed.items())),
            "counts": dict(sorted(self.counts.items())),
            "facts": dict(self.facts),
            "warnings": list(self.warnings),
        }


@dataclass(slots=True)
class Tally:
    """What a row-wise step counted over all batches."""

    rows_in: int = 0
    rows_out: int = 0
    left: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, counted: Mapping[str, Any]) -> None:
        """Add what was counted of one batch."""
        self.rows_in += counted["in"]
        self.rows_out += counted["out"]
        self.left += counted.get("left", 0)
        self.changed.update(counted.get("changed", {}))
        self.counts.update(counted.get("counts", {}))

    def add_to(self, note: Note, *, is_quarantine: bool) -> None:
        """Tell a step's note of this part of its work.

        Raises:
            AssertionError: if rows were lost between this part and the one before.
        """
        if note.rows_out != self.rows_in:
            raise AssertionError("rows were lost between two steps")
        note.rows_out = self.rows_out
        if is_quarantine:
            note.quarantined += self.left
        else:
            note.dropped += self.left
        note.changed += self.changed
        note.counts += self.counts


def add_up(batches: Sequence[Sequence[Mapping[str, Any]]], steps: int) -> list[Tally]:
    """Return what each step counted, from what was counted of each batch."""
    tallies = [Tally() for _ in range(steps)]
    for batch in batches:
        for tally, counted in zip(tallies, batch, strict=True):
            tally.add(counted)
    return tallies


def _joined(facts: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with later ones; those of one name become one, if they are by names again."""
    return {
        **facts,
        **{
            name: {**facts[name], **fact}
            if isinstance(facts.get(name), dict) and isinstance(fact, dict)
            else fact
            for name, fact in later.items()
        },
    }
