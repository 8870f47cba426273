"""A second reading of CSV files that the engine has no part in, so that no reader errs unnoticed.

A file whose quotes all stand where RFC 4180 wants them is counted by `count_records`, at the speed
of the disk. Any other file is read by the standard library and compared cell by cell.
"""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from util_services.datasets.csv_dialect import QUOTE, CsvDialect
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from util_services.encryption.paths import AnyPath

BLOCK_BYTES = 4 << 20
QUOTE_BYTE, NEWLINE, RETURN = ord(QUOTE), ord("\n"), ord("\r")

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class RecordCount:
    """What a file holds behind its header, and whether counting could tell for certain."""

    records: int
    delimiters: int  # outside quotes, those of the header too
    longest: int  # bytes of the longest record, or of the header
    is_regular: bool

    def agrees(self, rows: int, columns: int) -> bool:
        """Return whether so many rows of so many columns are all that the file holds."""
        return (
            self.is_regular
            and self.records == rows
            and self.delimiters == (rows + 1) * (columns - 1)
        )


def count_records(file: AnyPath, dialect: CsvDialect, *, columns: int) -> RecordCount:
    """Count the records behind the header of a UTF-8 CSV file.

    A line end counts where the number of quotes before it is even. An empty line is a record of a
    file with one column (a missing value) and none of a wider file. The count is regular if each
    quote that opens a field follows a delimiter or a line end, and each that closes one precedes
    these; only then do quotes and parity mean the same.
    """
    end = RETURN if dialect.line_end == "\r" else NEWLINE
    delimiter = dialect.delimiter.encode()
    before_field = np.array([delimiter[-1], end, QUOTE_BYTE], dtype=np.uint8)
    behind_field = np.array([delimiter[0], NEWLINE, RETURN, QUOTE_BYTE], dtype=np.uint8)
    ends = blank = quotes = delimiters = longest = offset = 0
    begin = 1  # where the record before ended, counted like places in the first block
    regular = len(delimiter) == 1
    carry = bytes([0, end])  # the last two bytes; a file begins like a line
    with file.open("rb") as content:
        if content.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            content.seek(0)
        while block := content.read(BLOCK_BYTES):
            text = np.frombuffer(carry + block, dtype=np.uint8)
            marks = np.flatnonzero(text[2:] == QUOTE_BYTE) + 2
            found = _outside(np.flatnonzero(text[2:] == end) + 2, marks, quotes)
            ends += len(found)
            if len(found):
                longest = max(longest, int(np.diff(found, prepend=begin - offset).max()))
                begin = offset + int(found[-1])
            blank += _empty_lines(text, found, end)
            regular &= _ends_alike(text, marks, quotes, dialect.line_end)
            cuts = np.flatnonzero(text[2:] == delimiter[0]) + 2
            delimiters += len(_outside(cuts, marks, quotes))
            opening = marks[quotes % 2 :: 2]
            closing = marks[1 - quotes % 2 :: 2]
            if carry[1] == QUOTE_BYTE and quotes % 2 == 0:
                closing = np.append(closing, 1)
            closing = closing[closing + 1 < len(text)]
            regular &= bool(np.isin(text[opening - 1], before_field).all())
            regular &= bool(np.isin(text[closing + 1], behind_field).all())
            quotes += len(marks)
            carry = (carry + block)[-2:]
            offset += len(block)
    records = ends + (carry[-1] != end) - 1 - (blank if columns > 1 else 0)
    longest = max(longest, offset + 1 - begin)
    return RecordCount(int(records), delimiters, longest, regular and quotes % 2 == 0)


def check_against_standard_library(
    rows: Iterable[Row],
    file: AnyPath,
    dialect: CsvDialect,
    names: Sequence[str],
    limit_rows: int | None = None,
) -> None:
    """Compare what an engine read with what the standard library reads in a UTF-8 CSV file.

    Raises:
        DatasetError: naming the line of the first record that the two read differently.
    """
    for row, (line, record) in zip_longest(
        rows, islice(_records(file, dialect, len(names)), limit_rows), fillvalue=(0, None)
    ):
        if record is None or row == (0, None):
            raise DatasetError(
                "Some records of the file were not read as such; its quotes or line ends are "
                "inconsistent, repair the file."
            )
        if len(record) != len(names):
            raise DatasetError(
                f"The record that ends in line {line} has {len(record)} fields, the header has "
                f"{len(names)}; repair it, correct 'csv.delimiter', or set 'bad_rows: quarantine'."
            )
        if any((cell or "") != text for cell, text in zip(row, record, strict=True)):
            raise DatasetError(
                f"The record that ends in line {line} has text beside a quoted field, which "
                "readers understand differently; quote its fields as RFC 4180 says."
            )


def _records(file: AnyPath, dialect: CsvDialect, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Return the records behind the header, each with the line that it ends in."""
    csv.field_size_limit(1 << 30)
    with file.open(encoding="utf-8-sig", newline="") as content:
        reader = csv.reader(content, delimiter=dialect.delimiter)
        next(reader, None)
        for record in reader:
            if record or columns == 1:
                yield reader.line_num, record or [""]


def _outside(places: np.ndarray, quotes: np.ndarray, quotes_before: int) -> np.ndarray:
    """Return those places that stand outside quotes."""
    if len(quotes) == 0:
        return places if quotes_before % 2 == 0 else places[:0]
    inside = (np.searchsorted(quotes, places) + quotes_before) % 2
    outside: np.ndarray = places[inside == 0]
    return outside


def _ends_alike(text: np.ndarray, quotes: np.ndarray, quotes_before: int, line_end: str) -> bool:
    """Return whether no line end outside quotes is of another kind; the last byte is left open."""
    returns = _outside(np.flatnonzero(text[1:-1] == RETURN) + 1, quotes, quotes_before)
    match line_end:
        case "\n":
            return len(returns) == 0
        case "\r":
            newlines = np.flatnonzero(text[2:] == NEWLINE) + 2
            return len(_outside(newlines, quotes, quotes_before)) == 0
    newlines = _outside(np.flatnonzero(text[2:] == NEWLINE) + 2, quotes, quotes_before)
    return bool((text[returns + 1] == NEWLINE).all() and (text[newlines - 1] == RETURN).all())


def _empty_lines(text: np.ndarray, ends: np.ndarray, end: int) -> int:
    previous = text[ends - 1]
    empty = previous == end
    if end == NEWLINE:
        empty |= (previous == RETURN) & (text[ends - 2] == NEWLINE)
    return int(np.count_nonzero(empty))
