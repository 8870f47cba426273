"""Bring texts into one form.

Arrow's and DuckDB's whitespace is partly that of ASCII and their case rules are not Python's, so
each distinct text is worked on once in Python, which is Unicode-correct and fast enough.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from data_processing.cleaning.distinct import map_distinct
from data_processing.cleaning.folding import DIACRITICAL_MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

Case = Literal["keep", "lower", "upper", "title", "fold"]
UnicodeForm = Literal["keep", "NFC", "NFD", "NFKC", "NFKD"]


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
        if self.form != "keep":
            text = unicodedata.normalize(self.form, text)
        if self.strip_accents:
            marked = unicodedata.normalize("NFD", text)
            text = unicodedata.normalize("NFC", DIACRITICAL_MARKS.sub("", marked))
        match self.case:
            case "lower":
                text = text.lower()
            case "upper":
                text = text.upper()
            case "title":
                text = text.title()
            case "fold":
                text = text.casefold()
        if self.collapse_whitespace:
            inner = " ".join(text.split())
            text = inner if self.trim else _with_ends(text, inner)
        elif self.trim:
            text = text.strip()
        return text


def normalise(frame: pd.DataFrame, columns: Iterable[str], form: Form) -> pd.DataFrame:
    """Return a frame with the texts of some columns in one form."""
    return frame.assign(**{name: map_distinct(frame[name], form.of) for name in columns})


def _with_ends(text: str, inner: str) -> str:
    """Return collapsed text with one space at each end that had whitespace."""
    if not inner:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{inner}{' ' if text[-1].isspace() else ''}"
