"""Statements, each with where it comes from, and gaps: what both documents are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where a statement comes from.

    Attributes:
        kind: ``report``, ``audit``, ``release``, ``stated`` or ``setting``.
        name: what finds it: a place, a link of a chain, an id, a file and line, a variable.
        facts: what tells that it is the one, such as the digest of a report.
    """

    kind: str
    name: str
    facts: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, str]:
        """Return the source as plain data."""
        return {"kind": self.kind, "name": self.name} | dict(self.facts)


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that is known, in a sentence and as facts, and where it comes from."""

    text: str
    sources: tuple[Source, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """Statements of one kind, whose facts are the rows of a table."""

    title: str
    columns: Mapping[str, str]  # the key of each fact, and its heading
    rows: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What one letter of an article wants to know.

    Attributes:
        key: its name in JSON.
        title: its heading.
        article: the provision that asks for it.
        gaps: sentences on what nobody has stated or recorded.
    """

    key: str
    title: str
    article: str
    statements: tuple[Statement, ...] = ()
    gaps: tuple[str, ...] = ()
    listings: tuple[Listing, ...] = ()

    def all_statements(self) -> Iterator[Statement]:
        """Yield the statements and the rows of the listings."""
        yield from self.statements
        for listing in self.listings:
            yield from listing.rows


@dataclass(frozen=True, slots=True)
class Chapter:
    """The parts on one activity, or on all of them."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A record or an input: what holds for all activities, and a chapter for each of them.

    Equal knowledge gives equal documents, byte for byte.

    Attributes:
        kind: ``processing-record`` or ``assessment-input``.
        at: the day at whose end it holds.
        since: the day from which on runs are told of; None for all.
        remarks: what a reader should know of it as a whole.
    """

    kind: str
    title: str
    at: str
    since: str | None
    remarks: tuple[str, ...]
    general: Chapter
    activities: tuple[Chapter, ...]

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        """All chapters in their order."""
        return (self.general, *self.activities)

    @property
    def gaps(self) -> tuple[tuple[str, str, str], ...]:
        """All gaps: the chapter, the part and the sentence."""
        return tuple(
            (chapter.title, part.title, gap)
            for chapter in self.chapters
            for part in chapter.parts
            for gap in part.gaps
        )

    def numbered_sources(self) -> dict[Source, str]:
        """Return all sources in the order in which statements name them, with their numbers."""
        found = dict.fromkeys(
            source
            for chapter in self.chapters
            for part in chapter.parts
            for statement in part.all_statements()
            for source in statement.sources
        )
        return {source: f"S{number}" for number, source in enumerate(found, 1)}

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain data."""
        numbers = self.numbered_sources()
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "at": self.at,
            "since": self.since,
            "remarks": list(self.remarks),
            "general": _chapter(self.general, numbers),
            "activities": [_chapter(one, numbers) for one in self.activities],
            "sources": {number: source.to_dict() for source, number in numbers.items()},
            "gaps": [
                {"chapter": chapter, "part": part, "gap": gap} for chapter, part, gap in self.gaps
            ],
        }

    def to_json(self) -> str:
        """Return the document as sorted, indented JSON that ends in a newline."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _chapter(chapter: Chapter, numbers: Mapping[Source, str]) -> dict[str, Any]:
    parts = {part.key: _part(part, numbers) for part in chapter.parts}
    return {"title": chapter.title, "parts": parts}


def _part(part: Part, numbers: Mapping[Source, str]) -> dict[str, Any]:
    return {
        "title": part.title,
        "article": part.article,
        "statements": [_statement(one, numbers) for one in part.statements],
        "gaps": list(part.gaps),
        "listings": {
            listing.title: [_statement(one, numbers) for one in listing.rows]
            for listing in part.listings
        },
    }


def _statement(statement: Statement, numbers: Mapping[Source, str]) -> dict[str, Any]:
    sources = [numbers[source] for source in statement.sources]
    text = {"text": statement.text} if statement.text else {}
    return text | {"facts": dict(statement.facts), "sources": sources}
