"""Part the records of a text file into those that can be read and those that cannot.

Used only where a file has bad records and the run asks to set them aside. None is repaired, and
none is made up: where a quote opens a field and what closes it is not followed by a delimiter or a
line end, all lines from the one to the other are one bad record.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from util_services.datasets.csv_dialect import QUOTE, CsvDialect
from util_services.datasets.json_lines import fault_of
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.encryption.paths import AnyPath

MAX_RECORD_BYTES = 256 << 20  # a record of a CSV file, quoted line breaks included
READ_BYTES = 1 << 20
QUOTED = rb'"(?>[^"]+|"")*+"'
NOT_UTF8 = "has bytes that are not in the file's encoding"


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be read: where it stands, why, and its bytes in UTF-8 where they are."""

    line: int  # the first
    lines: int
    reason: str
    content: bytes


Reject = Callable[[BadRecord], None]


def sift_csv(
    file: AnyPath, dialect: CsvDialect, columns: int, clean: AnyPath, reject: Reject
) -> int:
    """Copy the good records of a CSV file, and tell of the bad ones.

    Args:
        file: the text in UTF-8; bytes that are none make their record a bad one.
        dialect: its dialect.
        columns: how many fields a record has.
        clean: the file to write: the header and all good records, as they are.
        reject: is told each bad record.

    Returns:
        The number of good records.

    Raises:
        DatasetError: if a quote is never closed, so that no record behind it can be told.
    """
    kept, syntax = 0, _Syntax(dialect)
    with file.open("rb") as content, clean.open("wb") as good:
        for number, (line, lines, record, is_open) in enumerate(_records(content, syntax)):
            if is_open:
                raise DatasetError(
                    f"The quote that opens a field in line {line} is never closed, so the records "
                    "behind it cannot be told apart; repair it."
                )
            if number == 0 or (columns > 1 and not record.strip(b"\r\n")):
                good.write(record)
                continue
            reason = syntax.fault(record, columns, is_last=not record.endswith(syntax.end))
            if reason is None:
                kept += 1
                good.write(record)
            else:
                reject(BadRecord(line, lines, reason, record.rstrip(b"\r\n")))
    return kept


def sift_lines(file: AnyPath, unit: str, clean: AnyPath, reject: Reject) -> int:
    """Copy the good lines of a file of JSON lines, and tell of the bad ones; blank ones are none.

    Args:
        file: the lines.
        unit: what a line is called, "Element" where the lines were an array.
        clean: the file to write.
        reject: is told each bad line.

    Returns:
        The number of good lines.
    """
    kept = 0
    with file.open("rb") as content, clean.open("wb") as good:
        for number, line in enumerate(content, 1):
            if line.isspace():
                continue
            reason = fault_of(line, unit)
            if reason is None:
                kept += 1
                good.write(line)
            else:
                reject(BadRecord(number, 1, reason, line.rstrip(b"\r\n")))
    return kept


class _Syntax:
    """What a record of a dialect looks like."""

    def __init__(self, dialect: CsvDialect) -> None:
        self.dialect = dialect
        self.delimiter = dialect.delimiter.encode()
        self.end = dialect.line_end.encode()
        cut = re.escape(self.delimiter)
        text = rb"(?:(?!" + cut + rb")[^\r\n])"
        plain = rb'(?!")' + text + rb"*+"  # a quote inside is one like any other character
        field = rb"(?:" + QUOTED + rb"|" + plain + rb")"
        fields = rb"(?:" + field + cut + rb")*+"
        self._whole = re.compile(fields + field, re.DOTALL)
        self._open = re.compile(fields + rb'"(?>[^"]+|"")*+', re.DOTALL)

    def is_open(self, text: bytes) -> bool:
        """Return whether a text ends inside a quoted field."""
        return self._open.fullmatch(text) is not None

    def fault(self, record: bytes, columns: int, *, is_last: bool) -> str | None:
        """Return what is wrong with a record, None if nothing is."""
        text = record if is_last else record.removesuffix(self.end)
        if len(record) > MAX_RECORD_BYTES:
            return f"is longer than {MAX_RECORD_BYTES >> 20} MB"
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            return NOT_UTF8
        if b'"' not in text:
            if b"\r" in text or b"\n" in text:
                return "does not end like the other lines"
            found = text.count(self.delimiter) + 1
        elif not self._whole.fullmatch(text):
            return "has text behind a closing quote"
        else:
            found = len(next(csv.reader([decoded], delimiter=self.dialect.delimiter)))
        if found == columns:
            return None
        return f"has {'more' if found > columns else 'fewer'} fields than the header"


def _records(content: BinaryIO, syntax: _Syntax) -> Iterator[tuple[int, int, bytes, bool]]:
    """Return each record with its first line, its number of lines, and whether it is still open."""
    csv.field_size_limit(1 << 30)
    bom = content.read(len(codecs.BOM_UTF8))
    if bom != codecs.BOM_UTF8:
        bom = b""
        content.seek(0)
    first, pieces, is_open = 1, [bom], False
    for line in _lines(content, syntax.end[-1:]):
        pieces.append(line)
        if QUOTE.encode() in line:  # any other line leaves it as it is
            is_open = syntax.is_open(b"".join(pieces[1:]))
        if not is_open:
            yield first, len(pieces) - 1, b"".join(pieces), False
            first, pieces = first + len(pieces) - 1, [b""]
    if is_open:
        yield first, len(pieces) - 1, b"".join(pieces), True


def _lines(content: BinaryIO, end: bytes) -> Iterator[bytes]:
    """Return the lines of a file, each with its end."""
    if end == b"\n":
        yield from content
        return
    rest = b""
    while block := content.read(READ_BYTES):
        *lines, rest = (rest + block).split(end)
        yield from (line + end for line in lines)
    if rest:
        yield rest
