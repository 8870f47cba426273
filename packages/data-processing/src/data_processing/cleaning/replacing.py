"""Replace parts of texts: a literal by Arrow, a regular expression once for each distinct text.

The expressions are those of the library `regex`, whose classes, boundaries and case rules are
Unicode's. RE2, which Arrow and DuckDB have, needs no time limit, but knows these for ASCII only; it
is left plain patterns in ASCII texts. What a backtracking engine can be led to is bounded instead:
the time for one text and for a batch, and the size of the compiled pattern; recursion, which takes
memory faster than time, is refused.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import regex

from data_processing.cleaning.distinct import column, texts_of, whole, with_columns
from data_processing.cleaning.plain_patterns import PlainReplacement, plain
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

TEXT_SECONDS = 5  # of processor time; a usual pattern takes microseconds
BATCH_SECONDS = 300
MAX_PATTERN_LENGTH = 1000
MAX_COUNTED_REPEATS = 100_000  # which take about 40 MB
COUNTED = regex.compile(r"(?<!\\)\{(\d*)(?:,(\d*))?\}")
RECURSION = regex.compile(r"\(\?(?:R|[+-]?\d|&|P>)")


@dataclass(frozen=True, slots=True)
class Replacement:
    r"""What is replaced in texts, and by what.

    Attributes:
        pattern: a regular expression in the dialect of `regex`, version 1.
        replacement: what stands in its place; ``\1`` or ``\g<name>`` is what a group matched.
        literal: whether both are plain texts.
        ignore_case: whether letters match in any case, by full case folding: ``ß`` matches ``SS``.
    """

    pattern: str
    replacement: str
    literal: bool = False
    ignore_case: bool = False

    def check(self) -> None:
        """Try the pattern on nothing.

        Raises:
            ConfigurationError: if it cannot be compiled, or is too costly to.
        """
        if not self.literal:
            _check_costs(self.pattern)
        try:
            self._compiled()
            # The replacement is read at the first match only, so here is one that matches nothing.
            _compile(f"(?:{self._pattern}\n)?", self._flags).sub(self._written, "")
        except Exception as error:  # noqa: BLE001 - the library raises many kinds
            reason = str(error) or type(error).__name__
            raise ConfigurationError(
                f"'pattern' and 'replacement' cannot be used: {reason}; correct them, or set "
                "'literal' to replace plain text."
            ) from None

    def within(self, texts: pa.Array, name: str) -> tuple[pa.Array, int]:
        """Return texts with all matches replaced, and how many there were.

        Args:
            texts: an array of texts.
            name: the column, for errors.

        Raises:
            DatasetError: if the pattern takes too long.
        """
        if self.literal and not self.ignore_case:
            found = pc.sum(pc.count_substring(texts, self.pattern), min_count=0).as_py()
            return pc.replace_substring(texts, self.pattern, self.replacement), found
        by_arrow = self._by_arrow()
        if by_arrow is None:
            return self._each_distinct(texts, name)
        suited = by_arrow.suits(texts)
        others = pc.invert(suited)
        replaced, found = by_arrow.within(texts.filter(suited))
        others_replaced, others_found = self._each_distinct(texts.filter(others), name)
        done = pc.replace_with_mask(texts, suited, replaced)
        return pc.replace_with_mask(done, others, others_replaced), found + others_found

    def _by_arrow(self) -> PlainReplacement | None:
        if self.literal or self.ignore_case:
            return None
        return plain(self.pattern, self.replacement)

    def _each_distinct(self, texts: pa.Array, name: str) -> tuple[pa.Array, int]:
        encoded = texts.dictionary_encode()
        replaced, counts = self._each(encoded.dictionary.to_pylist(), name)
        found = pc.sum(pc.take(pa.array(counts, pa.int64()), encoded.indices), min_count=0).as_py()
        return whole(pc.take(pa.array(replaced, texts.type), encoded.indices)), found

    def _each(self, texts: Iterable[str], name: str) -> tuple[list[str], list[int]]:
        replace, written = self._compiled().subn, self._written
        ends = time.monotonic() + BATCH_SECONDS
        replaced, counts = [], []
        for text in texts:
            try:
                left = ends - time.monotonic()
                done, count = replace(written, text, timeout=max(min(TEXT_SECONDS, left), 1e-3))
            except TimeoutError:
                raise DatasetError(
                    f"The pattern takes too long in the column {quoted_name(name)}; write it "
                    "without repeats inside repeats, such as (a+)+."
                ) from None
            replaced.append(done)
            counts.append(count)
        return replaced, counts

    @property
    def _written(self) -> str:
        """The replacement as a template."""
        return self.replacement.replace("\\", r"\\") if self.literal else self.replacement

    @property
    def _pattern(self) -> str:
        return regex.escape(self.pattern) if self.literal else self.pattern

    @property
    def _flags(self) -> int:
        return regex.VERSION1 | (regex.IGNORECASE if self.ignore_case else 0)

    def _compiled(self) -> Any:
        return _compile(self._pattern, self._flags)


def replace(
    frame: pd.DataFrame, columns: Iterable[str], replacement: Replacement
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return a frame with matches replaced in some columns, and how many there were."""
    changed, found = {}, 0
    for name in columns:
        texts, count = replacement.within(texts_of(frame[name]), name)
        changed[name] = column(texts, frame[name])
        found += count
    return with_columns(frame, changed), {"replacements": found}


def _check_costs(pattern: str) -> None:
    is_long = len(pattern) > MAX_PATTERN_LENGTH
    counted = [
        max(int(number) for number in (*bounds, "1") if number)
        for bounds in COUNTED.findall("" if is_long else pattern)
    ]
    if is_long or prod(counted) > MAX_COUNTED_REPEATS:
        raise ConfigurationError(
            f"'pattern' is too large: it may have {MAX_PATTERN_LENGTH} characters, and the counts "
            f"of repeats such as {{2,5}} may multiply to {MAX_COUNTED_REPEATS}."
        )
    if RECURSION.search(pattern):
        raise ConfigurationError("'pattern' calls itself, which is not admitted; write it out.")


@functools.lru_cache(maxsize=100)
def _compile(pattern: str, flags: int) -> Any:
    return regex.compile(pattern, flags)
