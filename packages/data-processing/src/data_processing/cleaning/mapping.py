"""Replace texts by others that a mapping names, given in a recipe or as a table of two columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.distinct import column, texts_of, whole, with_columns
from data_processing.cleaning.folding import Difference, fold
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    Frame = nw.LazyFrame[Any]

Unmatched = Literal["keep", "null", "error", "other"]

MAX_ENTRIES = 1_000_000  # of a table, which is held in memory
FROM, TO = "from", "to"


class UnmatchedError(DatasetError):
    """Raised when a column holds a text that a mapping does not name, and it should."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column

    def __str__(self) -> str:
        """Return the sentence."""
        return (
            f"The column {quoted_name(self.column)} holds texts that are neither mapped nor "
            "allowed; name them, or set 'unmatched' to keep, null or other."
        )


@dataclass(frozen=True, slots=True)
class Recoding:
    """What becomes of the texts of columns.

    Attributes:
        function: returns what stands for a text, or raises `KeyError` where nothing does; None is
            a missing value.
        unmatched: what becomes of a text for which nothing stands.
        other: what stands for it if that is ``other``.
    """

    function: Callable[[str], str | None]
    unmatched: Unmatched = "keep"
    other: str = "other"

    def of(self, texts: pa.Array, name: str) -> tuple[pa.Array, int]:
        """Return texts recoded, and for how many nothing stood.

        Raises:
            UnmatchedError: if nothing stands for one and that is an error.
        """
        encoded = texts.dictionary_encode()
        recoded, misses = list[str | None](), list[bool]()
        for text in encoded.dictionary.to_pylist():
            try:
                recoded.append(self.function(text))
                misses.append(False)
            except KeyError:
                recoded.append(self._instead(text, name))
                misses.append(True)
        missed = pc.sum(pc.take(pa.array(misses, pa.bool_()), encoded.indices), min_count=0).as_py()
        return whole(pc.take(pa.array(recoded, texts.type), encoded.indices)), missed

    def _instead(self, text: str, name: str) -> str | None:
        match self.unmatched:
            case "keep":
                return text
            case "null":
                return None
            case "other":
                return self.other
            case "error":
                raise UnmatchedError(name)


@dataclass(frozen=True, slots=True)
class LookUp:
    """A mapping whose keys are compared folded."""

    entries: Mapping[str, str | None]
    ignore: frozenset[Difference] = frozenset()

    @classmethod
    def of(
        cls, pairs: Iterable[tuple[str, str | None]], ignore: Iterable[Difference] = ()
    ) -> tuple[LookUp, int]:
        """Return the mapping that pairs give, and for how many texts they contradict themselves."""
        differences = frozenset(ignore)
        entries: dict[str, str | None] = {}
        contradictions = set()
        for text, value in pairs:
            key = fold(text, differences)
            if entries.setdefault(key, value) != value:
                contradictions.add(key)
        return cls(entries, differences), len(contradictions)

    def __call__(self, text: str) -> str | None:
        """Return what stands for a text."""
        return self.entries[fold(text, self.ignore)]


@dataclass(frozen=True, slots=True)
class Recoded:
    """Recode the texts of some columns, and count those for which nothing stands."""

    columns: tuple[str, ...]
    recoding: Recoding

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with these columns recoded."""
        changed, missed = {}, 0
        for name in self.columns:
            texts, count = self.recoding.of(texts_of(frame[name]), name)
            changed[name] = column(texts, frame[name])
            missed += count
        return with_columns(frame, changed), {"unmatched": missed}


def inline(mapping: Mapping[str, str | None], ignore: Iterable[Difference]) -> LookUp:
    """Return the look-up of a mapping that stands in a recipe.

    Raises:
        ConfigurationError: if keys are equal when folded, and their values are not.
    """
    found, contradictions = LookUp.of(mapping.items(), ignore)
    if contradictions:
        raise ConfigurationError(
            f"'mapping' has {contradictions} keys that are equal to another one under 'ignore' and "
            "have another value; leave one of each."
        )
    return found


def pairs_of(frame: Frame, places: Mapping[str, str]) -> Frame:
    """Return the rows of a table of two columns, as far as they can be held.

    Raises:
        ConfigurationError: if it has other columns.
    """
    schema = frame.collect_schema()
    if [schema[place] for place in places.values()] != [nw.String, nw.String]:
        raise ConfigurationError(
            "'table' must have two columns, both of texts: what is replaced, and what stands in "
            "its place."
        )
    source, target = (nw.col(place) for place in places.values())
    pairs = frame.select(source.alias(FROM), target.alias(TO)).filter(~nw.col(FROM).is_null())
    return pairs.unique().sort(FROM, TO).head(MAX_ENTRIES + 1)


def from_table(rows: Sequence[Mapping[str, Any]], ignore: Iterable[Difference]) -> LookUp:
    """Return the look-up of a table.

    Raises:
        DatasetError: if it has too many rows, or several values for one text.
    """
    if len(rows) > MAX_ENTRIES:
        raise DatasetError(
            f"'table' has more than {MAX_ENTRIES} rows; use the step join_datasets instead."
        )
    found, contradictions = LookUp.of(((row[FROM], row[TO]) for row in rows), ignore)
    if contradictions:
        raise DatasetError(
            f"'table' has several values for {contradictions} texts; leave one row for each."
        )
    return found
