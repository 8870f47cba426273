"""What the steps of a recipe did, as a report shows it: one table of all, and details of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.reports import Section, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from util_services.engines.stage_notes import Note

ROWS = ("in", "out", "dropped", "quarantined")


def course(notes: Sequence[Note]) -> Section:
    """Return the section on the steps of a recipe, in their order."""
    told = [note.to_dict() for note in notes]
    names = [f"{n}. {one['step']}" for n, one in enumerate(told, start=1)]
    rows = tuple(
        (name, *(one["rows"].get(which, 0) for which in ROWS), sum(one["cells_changed"].values()))
        for name, one in zip(names, told, strict=True)
    )
    columns = ("step", "rows in", "rows out", "dropped", "set aside", "cells changed")
    shown = [{name for section in note.sections for name in section.shows} for note in notes]
    details = map(_details, names, told, shown)
    return Section(
        "Steps",
        tables=(Table("What each step did", columns, rows),),
        sections=tuple(one for one in details if one.facts or one.tables or one.text),
        shows=("steps",),
    )


def _details(name: str, told: Mapping[str, Any], shown: Collection[str]) -> Section:
    """Return what there is to be told of one step."""
    facts = {key: fact for key, fact in told["facts"].items() if key not in shown}
    tables = [
        Table(title, (what, number), tuple(counts.items()))
        for title, what, number, counts in (
            ("Cells changed", "column", "cells", told["cells_changed"]),
            ("Counts", "of", "number", told["counts"]),
        )
        if counts
    ]
    if facts and all(map(_is_plain, facts.values())):  # each about a column
        facts = {"columns": facts}
    tables += _grids(facts)
    plain = {key: fact for key, fact in facts.items() if not _is_grid(fact)}
    return Section(name, tuple(told["warnings"]), plain, tuple(tables))


def _grids(facts: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the facts that tell the same of several things as tables."""
    for key, fact in facts.items():
        if _is_grid(fact):
            keys = list(dict.fromkeys(one for row in fact.values() for one in row))
            rows = tuple((name, *(row.get(one) for one in keys)) for name, row in fact.items())
            title = "By column" if key == "columns" else _words(key).capitalize()
            yield Table(title, ("", *map(_words, keys)), rows)


def _is_grid(fact: Any) -> bool:
    return isinstance(fact, dict) and bool(fact) and all(map(_is_plain, fact.values()))


def _is_plain(fact: Any) -> bool:
    """Whether a fact is a mapping of values that stand on a line each."""
    return isinstance(fact, dict) and not any(isinstance(one, dict | list) for one in fact.values())


def _words(key: str) -> str:
    return key.replace("_", " ")
