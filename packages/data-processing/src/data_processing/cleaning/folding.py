"""Fold texts so that those which differ only in case, whitespace or accents become the same.

Everything here is Unicode-correct and happens in Python: regular expressions of Arrow and DuckDB
know ASCII whitespace only, and no engine folds case beyond it alike.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal

from pyarrow import types

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    import pyarrow as pa

Difference = Literal["case", "whitespace", "accents"]


# The Unicode blocks of combining diacritical marks, but for U+0345: a small iota, which case
# folding makes a letter.
DIACRITICAL_MARKS = re.compile(
    "[\u0300-\u0344\u0346-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds texts."""
    return any(
        test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view)
    )


def holds_texts(kind: pa.DataType) -> bool:
    """Whether texts stand inside the lists, structs or maps of a column of this type."""
    parts = [kind.field(n).type for n in range(kind.num_fields)]
    return any(is_text(part) or holds_texts(part) for part in parts)


def fold_texts(
    frame: pd.DataFrame, columns: Iterable[str], ignore: frozenset[Difference]
) -> pd.DataFrame:
    """Return a frame with the texts of some columns folded; missing values stay missing."""
    return frame.assign(**{name: _fold_column(frame[name], ignore) for name in columns})


def fold(text: str, ignore: frozenset[Difference]) -> str:
    """Return a text without the differences that do not count.

    * ``case`` is the canonical caseless match of Unicode 3.13, D145: ``ß`` is ``ss``, ``ﬁ`` is
      ``fi``, and a letter is the same composed or decomposed.
    * ``accents`` drops the combining diacritical marks of the canonical decomposition: ``é`` is
      ``e``. ``ø`` and ``ł``, which have no decomposition, stay, and so do marks that are letters in
      effect, such as the vowel signs of Devanagari and the voiced marks of kana.
    * ``whitespace`` trims, and makes one space of each run of Unicode whitespace.
    """
    if "case" in ignore:
        text = unicodedata.normalize("NFD", text).casefold()
    if "accents" in ignore:
        text = DIACRITICAL_MARKS.sub("", unicodedata.normalize("NFD", text))
    if "whitespace" in ignore:
        text = " ".join(text.split())
    return text if ignore <= {"whitespace"} else unicodedata.normalize("NFC", text)


def _fold_column(series: pd.Series, ignore: frozenset[Difference]) -> pd.Series:
    """Fold each distinct text once."""
    folded = {text: fold(text, ignore) for text in series.dropna().unique()}
    return series.map(folded).astype(series.dtype)
