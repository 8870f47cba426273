"""Write the categories of a column in one way each: find what means the same, and choose one of it.

The state of a column is how often each of its texts stands there. All else follows from that, also
for texts of another file that the state is applied to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from data_processing.cleaning.fingerprints import fingerprint, ngram_fingerprint
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.mapping import Recoded, Recoding, Unmatched
from data_processing.cleaning.misspellings import Nearness, misspellings
from util_services.engines.stage_batches import NOTHING_ELSE, Map
from util_services.engines.stage_fits import Fit, Fitted, Query
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    import pyarrow as pa

    from util_services.engines.stage_fits import Groups

    Frame = nw.LazyFrame[Any]

Method = Literal["fingerprint", "ngram", "edit_distance", "mapping"]
Meaning = Callable[[str], str | None]  # what a text should be; None if nobody knows

MAX_TEXTS = 250_000  # distinct ones of a column, which are held in memory
TEXT, COUNT = "text", "count"
LIMITS = {
    "edit_distance": (
        "Misspellings are judged by spelling and frequency alone: a rare text that is right may "
        "have become a frequent one.",
    )
}


@dataclass(frozen=True, slots=True)
class Harmony:
    """How the categories of a column are harmonised.

    Attributes:
        method: how texts that mean the same are found.
        ngram_size: characters in a run of the n-gram fingerprint.
        nearness: when a text is a misspelling of another.
        mapping: what texts mean, for the method ``mapping``.
        allowed: the only categories there are; if none are named, any.
        keep: texts that are right as they are.
        unmatched: what becomes of texts that are not allowed, or not mapped.
        min_count: a category of fewer rows is rare.
        min_share: a category of a smaller share of the rows that have a text is rare.
        other: what stands in the place of rare categories and, on demand, of unmatched texts.
    """

    method: Method = "fingerprint"
    ngram_size: int = 2
    nearness: Nearness = field(default_factory=Nearness)
    mapping: Mapping[str, str] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    unmatched: Unmatched = "keep"
    min_count: int = 0
    min_share: float = 0.0
    other: str = "other"

    @property
    def right(self) -> frozenset[str]:
        """The texts that are never changed."""
        return frozenset((*self.allowed, *self.keep))

    def fit(self, column: str, schema: pa.Schema) -> Fit:
        """Return the part that harmonises a column.

        Raises:
            ConfigurationError: if it holds no texts.
        """
        kind = schema.field(column).type
        if not is_text(kind):
            raise ConfigurationError(
                f"The column {quoted_name(column)} holds {kind}, not texts; leave it out, or cast "
                "it to text first."
            )
        reads = frozenset({column})
        return Fit(
            "harmonise", reads, Query(_counted), lambda groups: self._then(groups, column), reads
        )

    def _then(self, groups: Groups, column: str) -> Fitted:
        if len(groups) > MAX_TEXTS:
            raise DatasetError(
                f"The column {quoted_name(column)} holds more than {MAX_TEXTS} different texts, "
                "too many for categories; leave it out."
            )
        counts = {row[TEXT]: row[COUNT] for row in groups}
        meaning, facts = self._meaning(counts)
        harmonised = self._without_rare(counts, meaning)
        known = {text: harmonised(text) for text in counts}
        changed = {text: new for text, new in known.items() if new not in (text, None)}
        told = {
            "texts": len(counts),
            "texts_changed": len(changed),
            "categories": len({new for new in known.values() if new is not None}),
            **facts,
        }
        warnings = (f"The column {quoted_name(column)} holds no texts, so none were harmonised.",)
        recoding = Recoding(Known(known, harmonised), self.unmatched, self.other)
        return Fitted(
            (
                Map(
                    "harmonise",
                    Recoded((column,), recoding),
                    frozenset({column}),
                    reads=NOTHING_ELSE,
                ),
            ),
            facts={"columns": {column: told}},
            warnings=() if counts else warnings,
            limits=LIMITS.get(self.method, ()),
        )

    def _meaning(self, counts: Mapping[str, int]) -> tuple[Meaning, dict[str, int]]:
        """Return what texts should be, and counts for the report."""
        match self.method:
            case "fingerprint":
                return self._by_key(counts, fingerprint), {}
            case "ngram":
                return self._by_key(counts, partial(ngram_fingerprint, size=self.ngram_size)), {}
            case "edit_distance":
                return self._by_distance(counts)
            case "mapping":
                return ByMapping(self.mapping, self.right | set(self.mapping.values())), {}

    def _by_key(self, counts: Mapping[str, int], key: Callable[[str], str]) -> Meaning:
        """Return the category of the same key: the most frequent text, of several the smallest."""
        categories: dict[str, str] = {}
        candidates = self.allowed or counts
        for text in sorted(candidates, key=lambda one: (-counts.get(one, 0), one)):
            categories.setdefault(key(text), text)
        categories.pop("", None)  # what has nothing but punctuation has nothing in common
        return ByKey(key, categories, self.right, is_closed=bool(self.allowed))

    def _by_distance(self, counts: Mapping[str, int]) -> tuple[Meaning, dict[str, int]]:
        right = self.right
        asked = {text: count for text, count in counts.items() if text not in right}
        closed = bool(self.allowed)
        if closed:
            weights = {text: counts.get(text, 0) for text in self.allowed}
        else:
            least = self.nearness.times_rarer * min(asked.values(), default=0)
            weights = {text: count for text, count in counts.items() if count >= least}
        found = misspellings(asked, weights, self.nearness, however_rare=closed)
        stay = right if closed else right | counts.keys()
        meant = {text: text for text in stay} | dict(found.meant)
        weights = {text: count for text, count in weights.items() if text not in found.meant}
        seen = right | counts.keys()
        meaning = ByDistance(meant, seen, weights, self.nearness, is_closed=closed)
        return meaning, {"ambiguous": found.ambiguous}

    def _without_rare(self, counts: Mapping[str, int], meaning: Meaning) -> Meaning:
        """Return the meaning of texts with rare categories put together."""
        if not self.min_count and not self.min_share:
            return meaning
        rows: Counter[str | None] = Counter()
        for text, count in counts.items():
            rows[meaning(text)] += count
        least = max(self.min_count, self.min_share * sum(counts.values()))
        frequent = {text for text, count in rows.items() if text is not None and count >= least}
        return Frequent(meaning, self.right | frequent, self.other)


def _counted(frame: Frame, places: Mapping[str, str]) -> Frame:
    """Return how often each text stands there, as far as they can be held."""
    (place,) = places.values()
    texts = frame.select(nw.col(place).alias(TEXT)).filter(~nw.col(TEXT).is_null())
    return texts.group_by(TEXT).agg(nw.len().alias(COUNT)).sort(TEXT).head(MAX_TEXTS + 1)


@dataclass(frozen=True, slots=True)
class Known:
    """Meanings that were worked out before, and how others are."""

    meanings: Mapping[str, str | None]
    rest: Meaning

    def __call__(self, text: str) -> str | None:
        """Return what a text should be.

        Raises:
            KeyError: if nobody knows.
        """
        found = self.meanings[text] if text in self.meanings else self.rest(text)
        if found is None:
            raise KeyError
        return found


@dataclass(frozen=True, slots=True)
class ByMapping:
    """Meanings that are named."""

    mapping: Mapping[str, str]
    right: frozenset[str]

    def __call__(self, text: str) -> str | None:
        """Return what a text should be."""
        return self.mapping.get(text, text if text in self.right else None)


@dataclass(frozen=True, slots=True)
class ByKey:
    """The category with the same key as a text."""

    key: Callable[[str], str]
    categories: Mapping[str, str]
    right: frozenset[str]
    is_closed: bool

    def __call__(self, text: str) -> str | None:
        """Return what a text should be."""
        if text in self.right:
            return text
        return self.categories.get(self.key(text), None if self.is_closed else text)


@dataclass(frozen=True, slots=True)
class ByDistance:
    """The text that another is a misspelling of."""

    meant: Mapping[str, str]
    seen: frozenset[str]
    weights: Mapping[str, int]
    nearness: Nearness
    is_closed: bool

    def __call__(self, text: str) -> str | None:
        """Return what a text should be; one that was not seen before counts as rare."""
        if text in self.seen:
            return self.meant.get(text)
        found = misspellings({text: 1}, self.weights, self.nearness, however_rare=self.is_closed)
        return found.meant.get(text, None if self.is_closed else text)


@dataclass(frozen=True, slots=True)
class Frequent:
    """Meanings with rare categories put together."""

    meaning: Meaning
    frequent: frozenset[str]
    other: str

    def __call__(self, text: str) -> str | None:
        """Return what a text should be."""
        found = self.meaning(text)
        return found if found is None or found in self.frequent else self.other
