"""The characters of a text column in one array, without a Python object for each value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ASCII = 128


@dataclass(frozen=True)
class Texts:
    """A text column: its characters one behind the other, and how many each row has.

    Attributes:
        characters: bytes where all are ASCII, else code points.
        lengths: in characters; 0 for missing ones.
        present: which rows are not missing.
    """

    characters: np.ndarray
    lengths: np.ndarray
    present: np.ndarray

    @classmethod
    def of(cls, array: pa.Array) -> Texts:
        """Return the characters of an Arrow array of texts, whatever its layout."""
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        array = array.cast(pa.large_string())
        present = np.ones(len(array), bool)
        if array.null_count:
            present = array.is_valid().to_numpy(zero_copy_only=False)
            array = pc.fill_null(array, "")
        _, offsets_buffer, data_buffer = array.buffers()
        if not len(array):
            return cls(np.zeros(0, np.uint8), np.zeros(0, np.int64), present)
        offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset :][: len(array) + 1]
        data = np.frombuffer(data_buffer or b"", np.uint8)[offsets[0] : offsets[-1]]
        if not len(data) or data.max() < ASCII:
            return cls(data, np.diff(offsets), present)
        points = np.frombuffer(bytes(data).decode().encode("utf-32-le"), np.uint32)
        return cls(points, pc.utf8_length(array).to_numpy().astype(np.int64), present)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each row begins among the characters."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths)

    def rows_of(self, positions: np.ndarray) -> np.ndarray:
        """Return the rows, each once, in which characters at ascending positions stand."""
        return np.unique(np.searchsorted(np.cumsum(self.lengths), positions, side="right"))

    def with_characters(self, characters: np.ndarray) -> Texts:
        """Return texts of the same lengths with other characters."""
        return replace(self, characters=characters)

    def to_array(self, kind: pa.DataType | None = None) -> pa.Array:
        """Return the column as an Arrow array of a text type."""
        characters, lengths = self.characters, self.lengths
        if characters.dtype != np.uint8:
            widths = 1 + (characters >= 0x80) + (characters >= 0x800) + (characters >= 0x10000)
            ends = np.concatenate(([0], np.cumsum(widths)))
            stops = np.cumsum(self.lengths)
            lengths = ends[stops] - ends[stops - self.lengths]
            text = characters.astype("<u4").tobytes().decode("utf-32-le")
            characters = np.frombuffer(text.encode(), np.uint8)
        return text_array(characters, lengths, self.present, kind)


def text_array(
    data: np.ndarray, lengths: np.ndarray, present: np.ndarray, kind: pa.DataType | None = None
) -> pa.Array:
    """Return an Arrow array of texts (or large binary) from their bytes and how many each row has.

    Rows that are not present have no bytes.
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    validity = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    if kind == pa.large_binary():
        return pa.Array.from_buffers(kind, len(lengths), buffers)
    made = pa.Array.from_buffers(pa.large_string(), len(lengths), buffers)
    if kind is None or pa.types.is_dictionary(kind):
        kind = pa.string() if len(data) < 1 << 31 else pa.large_string()
    return made.cast(kind)


def matrix_of(array: pa.Array) -> np.ndarray | None:
    """Return texts as a matrix of their bytes; None unless all are ASCII, there and of one length.

    It is a view of the array's own memory, so that it must not be changed.
    """
    if array.null_count or not len(array):
        return None
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, width)[array.offset :][: len(array) + 1]
    size = int(offsets[1] - offsets[0])
    if not size or not (np.diff(offsets) == size).all():
        return None
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    return data.reshape(-1, size) if data.max() < ASCII else None


def array_of(matrix: np.ndarray) -> pa.Array:
    """Return an Arrow array of texts from a matrix of their bytes in UTF-8."""
    rows, size = matrix.shape
    is_large = matrix.size > np.iinfo(np.int32).max
    kind, width = (pa.large_string(), "i8") if is_large else (pa.string(), "i4")
    offsets = np.arange(0, matrix.size + 1, size, dtype=width)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix))]
    return pa.Array.from_buffers(kind, rows, buffers)
