"""The search: one pass of each pattern over many documents at once, then checks and context.

Documents are searched as UTF-8, joined by U+0000. RE2 does that at the speed of memory; what costs
time are candidates, and of these there are no more than in proportion to the length of a document.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.context import ContextWords
from field_pseudonymisation.detectors.detector import Detector, Part, Span, whole
from field_pseudonymisation.detectors.edges import behind_word, is_free
from field_pseudonymisation.detectors.linear import compiled
from field_pseudonymisation.detectors.overlaps import is_partly_lost, without_overlaps
from field_pseudonymisation.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BORDER, INNER = b"\0", b"\x01"  # between documents; and for U+0000 in one, while it is searched
AT_ONCE = 1 << 20  # bytes that are searched together; a longer document is searched by itself
MINIMUM_SCORE = 0.5
SEPARATORS = b" .-/()"  # in which the same value may differ from place to place
ROUNDS = 2  # in which what overlapping values have left is searched once more


class Scanner:
    """Detectors, made ready to search.

    Args:
        detectors: what is looked for.
        minimum_score: how sure a finding must be, from 0 to 1.

    Raises:
        PolicyError: if the pattern of a detector is none.
    """

    def __init__(self, detectors: Iterable[Detector], minimum_score: float = MINIMUM_SCORE) -> None:
        self.detectors = tuple(
            one for one in detectors if max(one.score, one.context_score) >= minimum_score
        )
        self._minimum = minimum_score
        self._searches = [_Search(one) for one in self.detectors if not one.find]
        self._others = [one for one in self.detectors if one.find]

    def scan(self, documents: Sequence[str], hint: str = "") -> list[list[Span]]:
        """Return what is found in each document, in code points, in order and without overlaps.

        Args:
            documents: the texts.
            hint: context of all of them, such as the name of their column.
        """
        encoded = [text.encode(errors="replace") for text in documents]
        found = self.scan_bytes(encoded, hint)
        return [
            spans if len(content) == len(text) else _in_code_points(content, spans)
            for text, content, spans in zip(documents, encoded, found, strict=True)
        ]

    def scan_bytes(
        self, documents: Sequence[bytes], hint: str = "", *, rounds: int = ROUNDS
    ) -> list[list[Span]]:
        """Return what is found in each document of UTF-8, in bytes, in order, without overlaps."""
        found: list[list[Span]] = []
        for group in _groups(documents):
            spans: list[list[Span]] = [[] for _ in group]
            joined = _Joined(group, hint)
            for search in self._searches:
                search.run(joined, spans)
            for detector in self._others:
                self._ask(detector, group, spans)
            for content, mine in zip(group, spans, strict=True):
                found.append(self._resolved(content, mine, hint, rounds))
        return found

    def _resolved(self, content: bytes, spans: list[Span], hint: str, rounds: int) -> list[Span]:
        """Return the spans of a document that are sure enough, without overlaps.

        Where the one that counts leaves a part of another, that part is searched once more.
        """
        sure = self._sure(content, spans)
        kept = without_overlaps(sure)
        if len(kept) == len(sure) or not rounds or not is_partly_lost(sure, kept):
            return kept
        hidden = bytearray(content)
        for span in kept:
            hidden[span.start : span.end] = INNER * (span.end - span.start)
        (more,) = self.scan_bytes([bytes(hidden)], hint, rounds=rounds - 1)
        return without_overlaps([*kept, *more]) if more else kept

    def _sure(self, content: bytes, spans: list[Span]) -> list[Span]:
        """Return the spans that are sure enough, or whose value is, elsewhere in the document."""
        sure = [one for one in spans if one.score >= self._minimum]
        if not sure or len(sure) == len(spans):
            return sure
        known = {(one.entity, _bare(content, one)) for one in sure}
        return sure + [
            replace(one, score=self._minimum)
            for one in spans
            if one.score < self._minimum and (one.entity, _bare(content, one)) in known
        ]

    def _ask(
        self, detector: Detector, documents: Sequence[bytes], spans: Sequence[list[Span]]
    ) -> None:
        """Add what a detector finds that has no pattern."""
        for content, mine in zip(documents, spans, strict=True):
            text = content.decode()
            place = size = 0
            for start, end, score in sorted(detector.find(text)) if detector.find else ():
                if 0 <= start < end <= len(text):
                    size += len(text[place:start].encode())
                    place, last = start, size + len(text[start:end].encode())
                    mine.append(Span(size, last, detector.entity, detector.name, score))


class _Joined:
    """Documents one behind the other."""

    def __init__(self, documents: Sequence[bytes], hint: str) -> None:
        inner = [one.replace(BORDER, INNER) if BORDER in one else one for one in documents]
        self.content = BORDER.join(inner)
        self.starts = list(accumulate((len(one) + 1 for one in inner), initial=0))
        self.hint = hint

    def document_at(self, place: int) -> int:
        """Return the number of the document at a place."""
        return bisect_right(self.starts, place) - 1


class _Search:
    """A detector with a pattern, at work."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._pattern = compiled(detector.pattern, detector.name)
        helps = detector.context_score > detector.score
        self._context = ContextWords(detector.context) if helps and detector.context else None

    def run(self, joined: _Joined, spans: Sequence[list[Span]]) -> None:
        """Add what is found in documents.

        Raises:
            PolicyError: if the pattern matches the border between two.
        """
        detector, content = self._detector, joined.content
        is_told = self._context is not None and self._context.are_in_name(joined.hint)
        place = 0
        while place < len(content):
            for found in self._pattern.finditer(content, place):
                start, end = found.span()
                if BORDER in content[start:end]:
                    raise PolicyError(
                        f"The pattern of the detector '{detector.name}' matches U+0000, which "
                        "stands between documents; leave that character out of its classes."
                    )
                last = self._judge(joined, start, end, spans, is_told=is_told)
                place = last or (behind_word(content, start) if detector.rescans else end)
                if place != end:
                    break
            else:
                return

    def _judge(
        self, joined: _Joined, start: int, end: int, spans: Sequence[list[Span]], *, is_told: bool
    ) -> int:
        """Add the values in a candidate, and return where the last one ends; 0 for none."""
        detector, content = self._detector, joined.content
        if detector.parts is whole and not is_free(content, start, end, detector.edges):
            return 0
        text = content[start:end].decode(errors="replace")
        is_ascii = len(text) == end - start
        taken: list[Part] = []
        behind = 0
        for first, last in detector.parts(text):
            if taken and any(first < e and s < last for s, e in taken):
                continue
            a = start + (first if is_ascii else len(text[:first].encode()))
            b = start + (last if is_ascii else len(text[:last].encode()))
            if not is_free(content, a, b, detector.edges):
                continue
            if detector.check is not None and not detector.check(text[first:last]):
                continue
            taken.append((first, last))
            behind = max(behind, b)
            self._add(joined, a, b, spans, is_told=is_told)
        return behind

    def _add(
        self, joined: _Joined, start: int, end: int, spans: Sequence[list[Span]], *, is_told: bool
    ) -> None:
        """Add a value, as sure as it is by itself or by its context."""
        detector, number = self._detector, joined.document_at(start)
        first, last = joined.starts[number], joined.starts[number + 1] - 1
        score = detector.score
        if self._context is not None and (
            is_told or self._context.are_near(joined.content, start, end, first, last)
        ):
            score = detector.context_score
        found = Span(start - first, end - first, detector.entity, detector.name, score)
        spans[number].append(found)


def _bare(content: bytes, span: Span) -> bytes:
    """Return the value at a span without its separators."""
    return content[span.start : span.end].translate(None, SEPARATORS)


def _groups(documents: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield documents in groups that are searched together."""
    first = size = 0
    for number, document in enumerate(documents):
        if size and size + len(document) > AT_ONCE:
            yield documents[first:number]
            first, size = number, 0
        size += len(document) + 1
    if first < len(documents):
        yield documents[first:]


def _in_code_points(content: bytes, spans: Sequence[Span]) -> list[Span]:
    """Return spans of a document in code points, in one pass over it."""
    place = points = 0
    found = []
    for span in spans:
        start = points + len(content[place : span.start].decode())
        place, points = span.end, start + len(content[span.start : span.end].decode())
        found.append(replace(span, start=start, end=points))
    return found
