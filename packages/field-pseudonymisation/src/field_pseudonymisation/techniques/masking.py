"""Masking: characters are hidden behind others; what stays is what a rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import is_text, joined, plain, plain_type
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.texts import ASCII, Texts, array_of, matrix_of

if TYPE_CHECKING:
    from collections.abc import Mapping

AT_ONCE = 1 << 16  # bytes: what is covered at a time stays near the processor
FIXED = 3  # characters that stand for a part whose length is hidden
EMAIL = r"(?s)^(?:(.)[^@]+|[^@])(@[^@]+)$"  # of one character before the @ none is shown


class Mask(Base):
    """Hides characters of texts; a text too short to hide anything of is hidden whole."""

    def __post_init__(self) -> None:
        if pa.types.is_nested(plain_type(self.target.type)):
            raise PolicyError(
                f"'mask' works on single values, not on {self.target.type}; name the values inside "
                "them by a path ('COLUMN -> $.PATH')"
            )

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return self.target.type if is_text(self.target.type) else pa.string()

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the masked texts."""
        texts = plain(values)
        if not is_text(texts.type):
            texts = texts.cast(pa.string())
        if self.options.form == "email":
            return per_distinct(texts, self._emails).cast(self.output)
        if self.options.length is not None:
            return self._fixed(texts).cast(self.output)
        return self._true_length(texts).cast(self.output)

    def _emails(self, texts: pa.Array) -> pa.Array:
        hidden = self.options.character * FIXED
        masked = pc.replace_substring_regex(texts, EMAIL, rf"\1{hidden}\2")
        is_address = pc.match_substring_regex(texts, EMAIL)
        return pc.if_else(is_address, masked, pa.scalar(hidden, texts.type))

    def _fixed(self, texts: pa.Array) -> pa.Array:
        """Hide all between the kept ends behind so many characters, whatever was there."""
        first, last = self.options.keep_first, self.options.keep_last
        hidden = self.options.character * self.options.length
        matrix = matrix_of(texts)
        if matrix is not None:
            return array_of(_replaced(matrix, first, last, hidden.encode()))
        lengths = pc.utf8_length(texts)
        if len(texts) and (pc.min(lengths).as_py() or 0) > first + last:
            stop = -last if last else int(np.iinfo(np.int32).max)
            return pc.utf8_replace_slice(texts, first, stop, hidden)
        ends = [pc.if_else(texts.is_valid(), pa.scalar(hidden, texts.type), None)]
        if first:
            ends.insert(0, pc.utf8_slice_codeunits(texts, 0, first))
        if last:
            ends.append(pc.utf8_slice_codeunits(texts, -last))
        masked = joined(texts.type, *ends)
        is_long = pc.greater(lengths, first + last)
        return pc.if_else(is_long, masked, pa.scalar(hidden, masked.type))

    def _true_length(self, array: pa.Array) -> pa.Array:
        options, point = self.options, ord(self.options.character)
        matrix = None if options.separators or point >= ASCII else matrix_of(array)
        if matrix is not None:
            return array_of(_covered(matrix, options.keep_first, options.keep_last, point))
        texts = Texts.of(array)
        characters = texts.characters
        if point >= ASCII and characters.dtype == np.uint8:
            characters = characters.astype(np.uint32)
        hidden = np.full(len(characters), point, characters.dtype)
        is_long = texts.lengths > options.keep_first + options.keep_last
        starts = texts.starts[is_long]
        ends = starts + texts.lengths[is_long]
        for place in range(options.keep_first):
            hidden[starts + place] = characters[starts + place]
        for place in range(1, options.keep_last + 1):
            hidden[ends - place] = characters[ends - place]
        if options.separators:
            points = np.frombuffer(options.separators.encode("utf-32-le"), np.uint32)
            stays = np.isin(characters, points)
            hidden[stays] = characters[stays]
        return texts.with_characters(hidden).to_array(array.type)


def _covered(matrix: np.ndarray, first: int, last: int, point: int) -> np.ndarray:
    """Return rows with one character in place of all but the first and last ones."""
    size = matrix.shape[1]
    stays = np.zeros(size, np.uint8)
    if first + last < size:
        stays[:first] = stays[size - last :] = 0xFF
    rows = -(-AT_ONCE // size)
    keeps = np.tile(stays, rows)
    covers = point & ~keeps
    flat, done = matrix.reshape(-1), np.empty(matrix.size, np.uint8)
    for start in range(0, len(flat), len(keeps)):
        part = done[start : start + len(keeps)]
        np.bitwise_and(flat[start : start + len(part)], keeps[: len(part)], out=part)
        part |= covers[: len(part)]
    return done.reshape(matrix.shape)


def _replaced(matrix: np.ndarray, first: int, last: int, hidden: bytes) -> np.ndarray:
    """Return rows with the same bytes in place of all but the first and last ones."""
    rows, size = matrix.shape
    if first + last >= size:
        first = last = 0
    done = np.empty((rows, first + len(hidden) + last), np.uint8)
    if first:
        _as_wholes(done[:, :first])[...] = _as_wholes(matrix[:, :first])
    cover = np.frombuffer(hidden, np.uint8).reshape(1, -1)
    _as_wholes(done[:, first : first + len(hidden)])[...] = _as_wholes(cover)
    if last:
        _as_wholes(done[:, -last:])[...] = _as_wholes(matrix[:, -last:])
    return done


def _as_wholes(matrix: np.ndarray) -> np.ndarray:
    """Return rows as single items, which numpy copies as such, as numbers where there are some."""
    size = matrix.shape[1]
    return matrix.view(f"{'u' if size in {1, 2, 4, 8} else 'V'}{size}")
