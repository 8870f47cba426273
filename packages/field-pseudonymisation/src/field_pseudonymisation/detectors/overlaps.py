"""Which of several findings at one place counts."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from field_pseudonymisation.detectors.detector import Span


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Return spans of a document that do not overlap, in their order.

    Of those that overlap the longest counts, since it leaves nothing of the others behind; of
    equally long ones that of the higher score; of these the one that begins first, then by the
    names of entity and detector.
    """
    kept: list[Span] = []
    for cluster in _clusters(sorted(spans)):
        kept += cluster if len(cluster) == 1 else _best(cluster)
    return kept


def is_partly_lost(spans: Iterable[Span], kept: list[Span]) -> bool:
    """Return whether part of a span that was not kept lies outside of all that were."""
    starts = [one.start for one in kept]
    for span in spans:
        place = span.start
        at = max(bisect_right(starts, place) - 1, 0)
        while at < len(kept) and kept[at].start <= place < span.end:
            place = max(place, kept[at].end)
            at += 1
        if place < span.end:
            return True
    return False


def _clusters(spans: list[Span]) -> Iterator[list[Span]]:
    """Yield spans in groups that overlap, directly or by way of others."""
    cluster: list[Span] = []
    end = 0
    for span in spans:
        if cluster and span.start >= end:
            yield cluster
            cluster = []
        cluster.append(span)
        end = max(end, span.end) if len(cluster) > 1 else span.end
    if cluster:
        yield cluster


def _best(spans: list[Span]) -> list[Span]:
    starts: list[int] = []
    kept: list[Span] = []
    for span in sorted(spans, key=_rank):
        at = bisect_right(starts, span.start)
        is_free = not (at and kept[at - 1].end > span.start) and not (
            at < len(kept) and kept[at].start < span.end
        )
        if is_free:
            starts.insert(at, span.start)
            kept.insert(at, span)
    return kept


def _rank(span: Span) -> tuple[int, float, int, str, str]:
    return span.start - span.end, -span.score, span.start, span.entity, span.detector
