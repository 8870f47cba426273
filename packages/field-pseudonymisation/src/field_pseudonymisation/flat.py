"""Byte strings of a column, one behind the other, worked on in groups of one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.texts import text_array

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class Flat:
    """Byte strings: their bytes, how many each row has, and which rows are not missing."""

    data: np.ndarray
    lengths: np.ndarray
    present: np.ndarray

    @classmethod
    def of(cls, array: pa.Array) -> Flat:
        """Return the bytes of an array of binary values or texts."""
        array = array.cast(pa.large_binary())
        present = np.ones(len(array), bool)
        if array.null_count:
            present = array.is_valid().to_numpy(zero_copy_only=False)
            array = pc.fill_null(array, b"")
        if not len(array):
            return cls(np.zeros(0, np.uint8), np.zeros(0, np.int64), present)
        _, offsets_buffer, data_buffer = array.buffers()
        offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset :][: len(array) + 1]
        data = np.frombuffer(data_buffer or b"", np.uint8)[offsets[0] : offsets[-1]]
        return cls(data, np.diff(offsets), present)

    @classmethod
    def empty(cls, lengths: np.ndarray, present: np.ndarray) -> Flat:
        """Return byte strings of these lengths, to be filled with ``put``."""
        return cls(np.empty(int(lengths.sum()), np.uint8), lengths, present)

    def groups(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield each length with the rows that have it, at most `ROWS_AT_ONCE` of them."""
        lengths = np.where(self.present, self.lengths, -1)
        for length in np.unique(lengths[self.present]):
            rows = np.flatnonzero(lengths == length)
            for first in range(0, len(rows), ROWS_AT_ONCE):
                yield int(length), rows[first : first + ROWS_AT_ONCE]

    def get(self, length: int, rows: np.ndarray) -> np.ndarray:
        """Return the bytes of rows of one length as a matrix."""
        if self._are_adjacent(length, rows):
            start = int(self._starts[rows[0]])
            return self.data[start : start + len(rows) * length].reshape(len(rows), length)
        return np.asarray(self.data[self._starts[rows, None] + np.arange(length)])

    def put(self, length: int, rows: np.ndarray, matrix: np.ndarray) -> None:
        """Write the bytes of rows of one length."""
        if self._are_adjacent(length, rows):
            start = int(self._starts[rows[0]])
            self.data[start : start + len(rows) * length] = matrix.reshape(-1)
        else:
            self.data[self._starts[rows, None] + np.arange(length)] = matrix

    def behind(self, head: bytes) -> Flat:
        """Return each row behind the same bytes."""
        added = np.where(self.present, self.lengths + len(head), 0)
        result = Flat.empty(added, self.present)
        for length, rows in self.groups():
            matrix = np.empty((len(rows), len(head) + length), np.uint8)
            matrix[:, : len(head)] = np.frombuffer(head, np.uint8)
            matrix[:, len(head) :] = self.get(length, rows)
            result.put(len(head) + length, rows, matrix)
        return result

    def of_rows(self, rows: np.ndarray) -> Flat:
        """Return the same column with nothing but some rows, given as truth values."""
        if (rows == self.present).all():
            return self
        keeps = np.repeat(rows, self.lengths)
        return Flat(self.data[keeps], np.where(rows, self.lengths, 0), rows)

    def to_binary(self) -> pa.Array:
        """Return the rows as an Arrow array of binary values."""
        return text_array(self.data, self.lengths, self.present, pa.large_binary())

    def to_payloads(self) -> list[bytes]:
        """Return the bytes of each row."""
        data = self.data.tobytes()
        ends = np.cumsum(self.lengths).tolist()
        return [data[end - n : end] for end, n in zip(ends, self.lengths.tolist(), strict=True)]

    def to_texts(self, kind: pa.DataType | None = None) -> pa.Array:
        """Return the rows, which are UTF-8, as an Arrow array of texts."""
        return text_array(self.data, self.lengths, self.present, kind)

    def _are_adjacent(self, length: int, rows: np.ndarray) -> bool:
        if not len(rows):
            return False
        span = self._starts[rows[-1]] + length - self._starts[rows[0]]
        return bool(span == len(rows) * length)

    @property
    def _starts(self) -> np.ndarray:
        found = self.__dict__.get("starts")
        if found is None:
            found = self.__dict__["starts"] = np.cumsum(self.lengths) - self.lengths
        return np.asarray(found)
