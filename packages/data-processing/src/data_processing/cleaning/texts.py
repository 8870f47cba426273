"""Bring texts into one form.

Whitespace and letter case are those of Python, which follow the Unicode Character Database. What
Arrow does alike is left to Arrow: whitespace at the ends of any text, and case and inner whitespace
of texts that are ASCII alone. The rest is worked out once for each distinct text.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow.compute as pc
import regex

from data_processing.cleaning.distinct import column, map_distinct, texts_of, with_columns
from data_processing.cleaning.folding import DIACRITICAL_MARKS
from data_processing.cleaning.whitespace import with_single_spaces

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    import pyarrow as pa

Case = Literal["keep", "lower", "upper", "title", "fold"]
UnicodeForm = Literal["keep", "NFC", "NFD", "NFKC", "NFKD"]

# Letters, digits and what is written on them; an apostrophe belongs to the word when a single
# letter follows it, as in "King's".
WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['\u2019]\p{L}\p{M}*(?![\p{L}\p{M}\p{N}]))?")


@dataclass(frozen=True, slots=True)
class Form:
    """The form that texts are brought into."""

    trim: bool = True
    collapse_whitespace: bool = False
    case: Case = "keep"
    form: UnicodeForm = "keep"
    strip_accents: bool = False

    def of(self, text: str) -> str:
        """Return a text in this form."""
        text = self._composed(text)
        if self.strip_accents:
            text = without_accents(text)
        match self.case:
            case "lower":
                text = text.lower()
            case "upper":
                text = text.upper()
            case "title":
                text = title(text)
            case "fold":
                text = text.casefold()
        text = self._composed(text)  # since letters of another case may have come apart
        if self.collapse_whitespace:
            inner = " ".join(text.split())
            return inner if self.trim else _with_ends(text, inner)
        return text.strip() if self.trim else text

    def of_ascii(self, texts: pa.Array) -> pa.Array:
        """Return texts of ASCII alone in this form; Unicode forms and accents leave them alone."""
        if self.case in {"lower", "fold"}:
            texts = pc.ascii_lower(texts)
        elif self.case == "upper":
            texts = pc.ascii_upper(texts)
        if self.trim:
            texts = pc.utf8_trim_whitespace(texts)
        if self.collapse_whitespace:
            texts = with_single_spaces(texts)
        return texts

    def _composed(self, text: str) -> str:
        return text if self.form == "keep" else unicodedata.normalize(self.form, text)


def normalise(frame: pd.DataFrame, columns: Iterable[str], form: Form) -> pd.DataFrame:
    """Return a frame with the texts of some columns in one form."""
    return with_columns(frame, {name: _normalised(frame[name], form) for name in columns})


def _normalised(series: pd.Series, form: Form) -> pd.Series:
    if form == Form():  # which is for Arrow to do whatever the text
        return column(pc.utf8_trim_whitespace(texts_of(series)), series)
    on_ascii = None if form.case == "title" else form.of_ascii
    return map_distinct(series, form.of, on_ascii=on_ascii)


def title(text: str) -> str:
    """Return a text with the first letter of each word large and the others small.

    A word is a run of letters, marks and digits, so that '3rd' stays as it is. A letter behind an
    apostrophe begins another one, as in "L'Aquila" and "O'Brien", unless it is the only one there,
    as in "King's"; Python's own ``title`` writes "King'S" and '3Rd'.
    """
    return str(WORD.sub(lambda word: word[0].capitalize(), text))


def without_accents(text: str) -> str:
    """Return a text without diacritical marks, composed; one that has none as it is."""
    decomposed = unicodedata.normalize("NFD", text)
    bare = DIACRITICAL_MARKS.sub("", decomposed)
    return text if bare == decomposed else unicodedata.normalize("NFC", bare)


def _with_ends(text: str, inner: str) -> str:
    """Return collapsed text with one space at each end that had whitespace."""
    if not inner:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{inner}{' ' if text[-1].isspace() else ''}"
