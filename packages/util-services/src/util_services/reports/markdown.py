"""The gist of a report as Markdown, for Dagster's run page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from util_services.reports.html import remarks
from util_services.reports.shown import number, visible, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from util_services.reports.record import Report

MAX_REMARKS = 10  # warnings, and limits, that are told; the page has them all
MAX_SENTENCE = 500  # characters
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # all that Markdown may give a meaning to
INLINE = re.compile(r"[\\`*\[\]<>|~&#$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
LEADING = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")  # of a list, or a rule, within a line
ADDRESS = re.compile(r"https?:(?=//)|www(?=\.)", re.IGNORECASE)  # that would become a link
WORD_JOINER = "\N{WORD JOINER}"  # invisible
RUNS_OF_TICKS = re.compile(r"`+")


def render_markdown(report: Report) -> str:
    """Return what a reader of the run page should know, in a few lines of any report."""
    return "\n".join(_lines(report)) + "\n"


def name(text: str) -> str:
    """Return a path or a name as code, in which nothing has a meaning."""
    shown = visible(text)
    longest = max(map(len, RUNS_OF_TICKS.findall(shown)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"


def sentence(text: str) -> str:
    """Return a text as it is read, none of its characters with a meaning in Markdown."""
    shown = visible(text)
    cut = shown if len(shown) <= MAX_SENTENCE else shown[:MAX_SENTENCE] + "…"
    return PUNCTUATION.sub(r"\\\1", ADDRESS.sub(rf"\g<0>{WORD_JOINER}", cut))


def prose(text: str) -> str:
    """Return a text of any length as it is read, and as one can read it unrendered too.

    It is to stand behind a mark, a heading's or a cell's, so that only what has a meaning within a
    line, or where one begins, is escaped.
    """
    return escaped(visible(text))


def escaped(shown: str) -> str:
    """Return what is fit to be shown already as Markdown in which nothing has a meaning."""
    apart = ADDRESS.sub(rf"\g<0>{WORD_JOINER}", shown)
    return LEADING.sub(r"\1\\\2", INLINE.sub(r"\\\g<0>", apart))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table of cells that are Markdown already."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _lines(report: Report) -> Iterator[str]:
    rows, output = report.rows, report.output
    if report.input.limit_rows is not None:
        yield f"**Test run** on a slice of {number(report.input.limit_rows)} rows.\n"
    if report.failure is not None:
        yield f"**Nothing was published.** {sentence(report.failure)}\n"
    counts = {"Rows read": rows.read}
    if output is not None:
        counts |= {"published": rows.out, "dropped": rows.dropped}
    counts["quarantined"] = rows.quarantined
    yield from table(tuple(counts), [tuple(map(number, counts.values()))])
    yield ""
    yield f"* Input: {name(report.input.path)}, SHA-256 `{report.input.sha256}`"
    if output is not None:
        yield f"* Output: {name(output.path)}, SHA-256 `{output.sha256}`"
    if report.steps:
        yield ""
        yield from table(
            ("Step", "rows in", "rows out", "columns added", "columns removed"),
            [
                (
                    sentence(words(step.operation)),
                    number(step.rows_in),
                    number(step.rows_out),
                    number(len(step.columns.added)),
                    number(len(step.columns.removed)),
                )
                for step in report.steps
            ],
        )
    for title, found in (
        ("Warnings", [*remarks(report, "warnings")]),
        ("Limits", [*remarks(report, "limits")]),
    ):
        if found:
            yield f"\n**{title}**\n"
            yield from (f"* {sentence(remark.text)}" for remark in found[:MAX_REMARKS])
            if len(found) > MAX_REMARKS:
                yield f"* and {len(found) - MAX_REMARKS} more in the report"
