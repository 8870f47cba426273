"""What an operation or a plugin adds to a report: sections of facts, tables, figures and words.

All of it is counts and names, never a cell value: a label of a figure is the name of a column, of a
rule, or of a class that the configuration declares. The records are plain data; how they look is
the renderers' business, so that nobody who adds a section writes HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from util_services.errors import quoted_name
from util_services.reports.plain import ReportError, plain

FigureKind = Literal["bars", "columns", "parts"]


@dataclass(frozen=True, slots=True)
class Figure:
    """Numbers to be drawn.

    ``bars`` compares things, each on a line of its own; ``columns`` stand side by side in an order,
    as those of a histogram do; ``parts`` make up a whole.

    Args:
        title: what is shown, in words.
        kind: how it is drawn.
        labels: what the numbers belong to.
        series: the numbers by the name of their series, one for each label; None where there is
            none. Most figures have one series.
        unit: what is counted, such as ``rows``.
        note: a sentence below the figure.

    Raises:
        ReportError: if it has no title, or cannot be drawn: numbers and labels do not match, there
            is something else than numbers, or one below zero where there is no place for it.
    """

    title: str
    kind: FigureKind
    labels: tuple[str, ...]
    series: Mapping[str, tuple[float | None, ...]]
    unit: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Check that the figure can be drawn."""
        _refuse_untitled(self)
        _set(self, labels=tuple(map(str, self.labels)))
        series = {
            str(name): tuple(plain(list(values), f"series.{name}"))
            for name, values in self.series.items()
        }
        _set(self, series=series)
        if self.kind not in get_args(FigureKind):
            raise self._wrong(f"is of the kind '{self.kind}'; use one of {get_args(FigureKind)}")
        if any(len(values) != len(self.labels) for values in series.values()):
            raise self._wrong("has not one number for each label")
        numbers = [n for values in series.values() for n in values if n is not None]
        if not all(type(n) in {int, float} for n in numbers):
            raise self._wrong("holds something else than numbers")
        if self.kind != "bars" and any(n < 0 for n in numbers):
            raise self._wrong("holds a number below zero; draw it as 'bars'")
        if self.kind == "parts" and len(series) != 1:
            raise self._wrong("has several series; draw parts of one whole each")

    @classmethod
    def of(
        cls,
        title: str,
        kind: FigureKind,
        values: Mapping[str, float | None],
        *,
        unit: str = "",
        note: str = "",
    ) -> Figure:
        """Return a figure of one series, from its numbers by label."""
        return cls(title, kind, tuple(values), {unit or title: tuple(values.values())}, unit, note)

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as plain data."""
        return _plain_fields(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Figure:
        """Return the figure that ``to_dict`` describes."""
        return cls(**record)

    def _wrong(self, what: str) -> ReportError:
        return ReportError(f"The figure {quoted_name(self.title)} of a report {what}.")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of counts and names; the first column names what a row is about.

    Raises:
        ReportError: if it has no title, or a row another number of cells than there are columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        """Check that the rows fit the columns."""
        _refuse_untitled(self)
        _set(self, columns=tuple(map(str, self.columns)))
        _set(self, rows=tuple(map(tuple, plain(list(map(list, self.rows)), "rows"))))
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ReportError(
                f"The table {quoted_name(self.title)} of a report has rows with more or fewer "
                f"cells than its {len(self.columns)} columns."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data."""
        return _plain_fields(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Table:
        """Return the table that ``to_dict`` describes."""
        return cls(**record)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report.

    Args:
        title: its heading.
        text: paragraphs.
        facts: counts and names by key, nested as needed; a key tells the unit: what ends in
            ``_share`` lies between 0 and 1 and is shown as a percentage, ``_seconds`` and
            ``_bytes`` are shown with theirs.
        tables: tables.
        figures: figures.
        warnings: sentences that a reader should act on; they are also shown at the top.
        limits: sentences that say what is not shown, measured or promised.
        definitions: what the terms used here mean.
        sections: parts of this part.
        source: the distribution that brought it; filled in for sections of plugins.
        shows: keys of the operation's facts that it shows in its own way, so that the page does
            not list them once more.
    """

    title: str
    text: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    warnings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    source: str = ""
    shows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what would spoil a report long after it was written."""
        _refuse_untitled(self)
        _set(self, facts=plain(self.facts, "facts"))
        _set(self, definitions=plain(self.definitions, "definitions"))
        for name in ("text", "warnings", "limits", "shows"):
            _set(self, **{name: sentences(getattr(self, name), name)})
        for name, kind in (("tables", Table), ("figures", Figure), ("sections", Section)):
            _set(self, **{name: only(kind, getattr(self, name), name)})

    def to_dict(self) -> dict[str, Any]:
        """Return the section as plain data."""
        return _plain_fields(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Section:
        """Return the section that ``to_dict`` describes."""
        return cls(
            **{
                **record,
                "tables": tuple(map(Table.from_dict, record["tables"])),
                "figures": tuple(map(Figure.from_dict, record["figures"])),
                "sections": tuple(map(Section.from_dict, record["sections"])),
            }
        )


def sentences(given: Any, place: str) -> tuple[str, ...]:
    """Return texts as a tuple.

    Raises:
        ReportError: if they are one text, whose letters would become one sentence each.
    """
    is_sequence = isinstance(given, list | tuple)
    if not is_sequence or not all(isinstance(text, str) for text in given):
        raise ReportError(f"'{place}' of a report must be a tuple of texts.")
    return tuple(given)


def only(kind: type, given: Any, place: str) -> tuple[Any, ...]:
    """Return records of one kind as a tuple.

    Raises:
        ReportError: if there is something else among them.
    """
    is_sequence = isinstance(given, list | tuple)
    if not is_sequence or not all(isinstance(record, kind) for record in given):
        raise ReportError(f"'{place}' of a report must be a tuple of {kind.__name__} records.")
    return tuple(given)


def _refuse_untitled(record: Any) -> None:
    if not isinstance(record.title, str) or not record.title.strip():
        raise ReportError(f"A {type(record).__name__} of a report needs a title; give it one.")


def _set(record: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(record, name, value)


def _plain_fields(record: Any) -> dict[str, Any]:
    return {part.name: _plain_value(getattr(record, part.name)) for part in fields(record)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(part) for part in value]
    if isinstance(value, Mapping):
        return {name: _plain_value(part) for name, part in value.items()}
    return value.to_dict() if hasattr(value, "to_dict") else value
