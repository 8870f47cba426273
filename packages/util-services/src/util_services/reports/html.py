"""The report of a run as one HTML page that opens without a network and runs no script."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import count
from types import NoneType
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from util_services.reports.comparison import Difference, compare
from util_services.reports.section import Figure, Section
from util_services.reports.shown import moment, number, shown, visible, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jinja2 import Template

    from util_services.datasets.staged import StepReport
    from util_services.reports.record import Report

TEMPLATE = "report.html.jinja"
COMPARISON = "comparison.html.jinja"
GROUND_FLOOR = "util-services"  # whose sections need no name below them
MAX_ROWS = 200  # of a table; the JSON report has them all
GENERATOR = '<meta name="generator" content="data-services">'  # tells our pages from others


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning or a limit, and the heading of the part of the page that it belongs to."""

    text: str
    about: str
    anchor: str


def render_html(report: Report) -> str:
    """Return a self-contained page: readable in light and dark, on paper and on a phone."""
    from util_services.reports.svg import draw

    names = (f"figure-{n}" for n in count(1))
    return _template(TEMPLATE).render(
        report=report,
        fate=fate_figure(report),
        course=course_figure(report),
        warnings=[*remarks(report, "warnings")],
        limits=[*remarks(report, "limits")],
        definitions=dict(_definitions(_all_sections(report))),
        draw=lambda figure: draw(figure, next(names)),
    )


def render_comparison(first: Report, second: Report) -> str:
    """Return a page of the same look that shows what differs between two runs."""
    parts: dict[str, list[Difference]] = {}
    for one in compare(first, second):
        parts.setdefault(f"{one.part[:1].upper()}{one.part[1:]}", []).append(one)
    return _template(COMPARISON).render(first=first, second=second, parts=parts)


@cache
def _template(name: str) -> Template:
    """Return the template of a page; making it takes longer than filling it."""
    from jinja2 import Environment, PackageLoader

    from util_services.reports.svg import MAX_DRAWN, tint

    environment = Environment(
        loader=PackageLoader("util_services", "reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    for filter_ in (words, shown, number, moment):
        environment.filters[filter_.__name__] = _escaped(filter_)
    environment.filters["path"] = _path
    environment.globals |= {
        "generator": GENERATOR,
        "own": GROUND_FLOOR,
        "max_rows": MAX_ROWS,
        "max_drawn": MAX_DRAWN,
        "tint": tint,
        "numeric_columns": _numeric_columns,
        "facts_shown": facts_shown,
        "is_records": _is_records,
        "cells_of": lambda records: [tuple(one.values()) for one in records],
        "rows_of": _rows_of,
    }
    return environment.get_template(name)


def _escaped(function: Callable[..., str]) -> Callable[..., Markup]:
    """Return a function whose text is not to be made visible once more, only escaped."""
    return lambda *values: escape(function(*values))


def _path(text: str) -> Markup:
    """Return a path that may be broken behind its slashes and before its endings."""
    return Markup(str(escape(visible(text))).replace("/", "/<wbr>").replace(".", "<wbr>."))  # noqa: S704 - escaped


def fate_figure(report: Report) -> Figure | None:
    """Return what became of the rows that were read, None where none were to be published."""
    if report.output is None:
        return None
    rows = report.rows
    parts: dict[str, float | None] = {"published": rows.out, "dropped": rows.dropped}
    if rows.quarantined:
        parts["quarantined"] = rows.quarantined
    return Figure.of("What became of the rows", "parts", parts, unit="rows")


def course_figure(report: Report) -> Figure | None:
    """Return how many rows each step left, None where there is one step at most, or one failed."""
    if len(report.steps) < 2 or report.failure is not None:
        return None
    left: dict[str, float | None] = {"read": report.rows.read - report.rows.quarantined}
    for n, step in enumerate(report.steps, 1):
        left[f"{n}. {words(step.operation)}"] = step.rows_out
    return Figure.of("Rows after each step", "bars", left, unit="rows")


def facts_shown(step: StepReport) -> dict[str, Any]:
    """Return the facts of an operation that none of its sections shows already.

    Those of the steps of a recipe stand inside of the operation's.
    """
    shown_already = {name for section in step.sections for name in section.shows}
    facts = _without(step.facts, shown_already)
    if _is_records(facts.get("steps")):
        facts["steps"] = [_step_shown(one, shown_already) for one in facts["steps"]]
    return facts


def _step_shown(told: Mapping[str, Any], shown_already: set[str]) -> dict[str, Any]:
    facts = told.get("facts")
    if not isinstance(facts, dict):
        return dict(told)
    return {**told, "facts": _without(facts, shown_already)}


def _without(facts: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if name not in names}


def remarks(report: Report, kind: str) -> Iterator[Remark]:
    """Return the warnings or the limits of all parts of a report, in its order."""
    if kind == "warnings" and report.output is not None and report.output.quarantine:
        yield Remark(
            f"{number(report.rows.quarantined)} records could not be read and stand in "
            f"{report.output.quarantine}, with their lines and reasons. That file holds personal "
            "data where the input does.",
            "Rows",
            "rows",
        )
    for n, step in enumerate(report.steps, 1):
        about, anchor = words(step.operation), f"step-{n}"
        yield from (Remark(text, about, anchor) for text in getattr(step, kind))
        yield from _remarks_in(step.sections, kind, anchor)
    for n, section in enumerate(report.sections, 1):
        yield from _remarks_in((section,), kind, f"section-{n}")


def _remarks_in(sections: Iterable[Section], kind: str, anchor: str) -> Iterator[Remark]:
    for section in sections:
        yield from (Remark(text, section.title, anchor) for text in getattr(section, kind))
        yield from _remarks_in(section.sections, kind, anchor)


def _all_sections(report: Report) -> Iterator[Section]:
    steps: tuple[StepReport, ...] = report.steps
    for step in steps:
        yield from step.sections
    yield from report.sections


def _definitions(sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    for section in sections:
        yield from section.definitions.items()
        yield from _definitions(section.sections)


def _is_records(value: Any) -> bool:
    """Return whether a fact is a list of records with the same keys, which is shown as a table."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(one, dict) and one and one.keys() == value[0].keys() for one in value)


def _numeric_columns(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> set[int]:
    """Return which columns hold numbers, which are to stand below each other."""
    kinds = [{type(row[n]) for row in rows} - {NoneType} for n, _ in enumerate(columns)]
    return {n for n, found in enumerate(kinds) if found and found <= {int, float}}


def _rows_of(figure: Figure) -> list[tuple[Any, ...]]:
    """Return the numbers of a figure as the rows of a table."""
    return [*zip(figure.labels, *figure.series.values(), strict=True)]
