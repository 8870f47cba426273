"""A record or an input as Markdown, for those who read, complete and sign it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.reports.markdown import escaped, prose, table
from util_services.reports.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from util_services.processing_record.document import Document, Listing, Part, Source, Statement

NO_GAPS = "Nothing is missing that this document asks for."


def render_document(document: Document) -> str:
    """Return a document as Markdown: gaps first, then each chapter, and the sources at the end."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    numbers = document.numbered_sources()
    yield f"# {prose(document.title)}\n"
    since = f", on runs since {prose(document.since)}" if document.since else ""
    yield f"As of the end of {prose(document.at)} (UTC){since}.\n"
    for remark in document.remarks:
        yield f"* {prose(remark)}"
    yield f"\n## Gaps: {len(document.gaps)}\n"
    if document.gaps:
        rows = [tuple(map(prose, gap)) for gap in document.gaps]
        yield from table(("activity", "part", "gap"), rows)
    else:
        yield NO_GAPS
    for chapter in document.chapters:
        yield f"\n## {prose(chapter.title)}"
        for part in chapter.parts:
            yield from _part(part, numbers)
    yield "\n## Sources\n"
    rows = [(number, source.kind, prose(_told(source))) for source, number in numbers.items()]
    yield from table(("number", "kind", "what and where"), rows)
    yield "\n## Signature\n"
    yield from table(
        ("completed and checked by", "date", "signature"), [("&nbsp;", "&nbsp;", "&nbsp;")]
    )


def _part(part: Part, numbers: Mapping[Source, str]) -> Iterator[str]:
    article = f" (article {part.article})" if part.article else ""
    yield f"\n### {prose(part.title)}{article}\n"
    for statement in part.statements:
        yield f"* {prose(statement.text)}{_marks(statement, numbers)}"
    for gap in part.gaps:
        yield f"* **Gap:** {prose(gap)}"
    for position, listing in enumerate(part.listings):
        if position or part.statements or part.gaps:
            yield ""
        yield from _listing(listing, numbers)


def _listing(listing: Listing, numbers: Mapping[Source, str]) -> Iterator[str]:
    yield f"**{prose(listing.title)}**\n"
    rows = [
        (
            *(escaped(shown(row.facts.get(key))) for key in listing.columns),
            ", ".join(numbers[source] for source in row.sources),
        )
        for row in listing.rows
    ]
    yield from table((*listing.columns.values(), "sources"), rows)


def _marks(statement: Statement, numbers: Mapping[Source, str]) -> str:
    marks = ", ".join(numbers[source] for source in statement.sources)
    return f" \\[{marks}\\]" if marks else ""


def _told(source: Source) -> str:
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in source.facts)
    return f"{source.name} ({facts})" if facts else source.name
