"""Alphabets: which characters stand for which numerals."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from field_pseudonymisation.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

ALPHABETS: Mapping[str, str] = {
    "digits": string.digits,
    "hex": string.digits + "abcdef",
    "hex_upper": string.digits + "ABCDEF",
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "letters": string.ascii_uppercase + string.ascii_lowercase,
    "alphanumeric_upper": string.digits + string.ascii_uppercase,
    "alphanumeric_lower": string.digits + string.ascii_lowercase,
    "alphanumeric": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}
MOST_CHARACTERS = 1 << 16  # SP 800-38G: the radix is at most 2^16
ASCII = 128
STRANGE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Alphabet:
    """Different characters in an order: the first is 0."""

    letters: str

    @classmethod
    def of(cls, name: str) -> Alphabet:
        """Return an alphabet by its name, or the one that a text of characters is.

        Raises:
            PolicyError: if it has fewer than 2 or more than 65,536 characters, or one twice.
        """
        letters = ALPHABETS.get(name, name)
        if not 2 <= len(letters) <= MOST_CHARACTERS:
            raise PolicyError("An alphabet has from 2 to 65,536 characters; correct 'alphabet'.")
        if len(set(letters)) < len(letters):
            raise PolicyError("A character stands in 'alphabet' twice; name each once.")
        if any("\ud800" <= letter <= "\udfff" for letter in letters):
            raise PolicyError("'alphabet' holds half a character (a lone surrogate); remove it.")
        return cls(letters)

    def __len__(self) -> int:
        return len(self.letters)

    @cached_property
    def _points(self) -> np.ndarray:
        return np.array([ord(letter) for letter in self.letters], np.uint32)

    @cached_property
    def is_ascii(self) -> bool:
        """Whether all letters are ASCII."""
        return bool(self._points.max() < ASCII)

    @cached_property
    def _run(self) -> int | None:
        """The code of the first letter, where the letters follow one another in ASCII."""
        follows = (np.diff(self._points.astype(np.int64)) == 1).all()
        return int(self._points[0]) if self.is_ascii and follows else None

    @cached_property
    def _table(self) -> np.ndarray:
        table = np.full(int(self._points.max()) + 2, STRANGE, np.uint32)
        table[self._points] = np.arange(len(self), dtype=np.uint32)
        return table

    @cached_property
    def _byte_table(self) -> np.ndarray:
        table = np.full(256, 255, np.uint8)
        table[self._points] = np.arange(len(self), dtype=np.uint8)
        return table

    @property
    def _numeral(self) -> type[np.unsignedinteger]:
        return np.uint8 if len(self) <= 256 else np.uint16

    def numerals(self, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the numerals of characters, and which of these are not in the alphabet."""
        if characters.dtype == np.uint8:
            if self._run is not None:
                numerals = characters - np.uint8(self._run)
                return numerals, numerals >= len(self)
            if self.is_ascii:
                numerals = self._byte_table[characters]
                return numerals, numerals == 255
        table = self._table
        found = table[np.minimum(characters.astype(np.uint32), len(table) - 1)]
        return found.astype(self._numeral), found == STRANGE

    def characters(self, numerals: np.ndarray) -> np.ndarray:
        """Return the characters of numerals: bytes of ASCII, or code points."""
        if self._run is not None:
            return np.asarray(numerals.astype(np.uint8) + np.uint8(self._run))
        points = self._points.astype(np.uint8) if self.is_ascii else self._points
        return np.asarray(points[numerals])
