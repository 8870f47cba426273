"""The dialect of a CSV file: how it is declared, and what its header says."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import asdict, dataclass
from typing import Any

from util_services.datasets.schema import Column, Schema
from util_services.errors import ConfigurationError, DatasetError, quoted_name

HEADER_BYTES = 1 << 20  # a header longer than this is no header
QUOTE = '"'
LINE_ENDS = {"\n": "lf", "\r\n": "crlf", "\r": "cr"}


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How the text of a CSV file is laid out (RFC 4180 with a free delimiter and encoding).

    A doubled quote stands for a quote inside a quoted field; an unquoted empty field is missing, a
    quoted empty field is an empty text.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"

    def __post_init__(self) -> None:
        """Refuse what no CSV file can be.

        Raises:
            ConfigurationError: naming the option.
        """
        if len(self.delimiter) != 1 or self.delimiter in f"{QUOTE}\r\n" or not ord(self.delimiter):
            raise ConfigurationError("'csv.delimiter' must be one character and no quote.")
        if not _is_text_encoding(self.encoding):
            raise ConfigurationError(
                f"'csv.encoding' names no known encoding: {quoted_name(self.encoding)}; use for "
                "example 'utf-8', 'cp1252' or 'utf-16'."
            )

    @property
    def is_utf8(self) -> bool:
        """Whether engines can read the bytes without transcoding."""
        return codecs.lookup(self.encoding).name in {"utf-8", "utf-8-sig"}

    def to_dict(self) -> dict[str, Any]:
        """Return the dialect as plain data, the end of line by name."""
        return asdict(self) | {"line_end": LINE_ENDS[self.line_end]}


def read_header(
    head: bytes, delimiter: str = ",", encoding: str = "utf-8"
) -> tuple[CsvDialect, Schema]:
    """Read names and end of line from the first bytes of a CSV file; every column is text.

    Args:
        head: the first ``HEADER_BYTES`` of the file, or all of a shorter one.
        delimiter: the declared delimiter.
        encoding: the declared encoding; a byte-order mark is not part of the first name.

    Raises:
        DatasetError: if there is no header, it is not in this encoding, or names are not unique.
    """
    declared = CsvDialect(delimiter, encoding)
    if not head:
        raise DatasetError("The file is empty, without even a header; check how it was written.")
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        text = decoder.decode(head, final=len(head) < HEADER_BYTES).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        good = head[: error.start].decode(encoding, errors="ignore")
        raise not_in_encoding(encoding, error.start, good.count("\n") + 1) from None
    except UnicodeError:  # such as UTF-16 without a byte-order mark
        raise not_in_encoding(encoding, 0, 1) from None
    record, line_end = _first_record(text, delimiter, is_whole=len(head) < HEADER_BYTES)
    if not record:
        raise DatasetError("The file begins with an empty line; its first line must name columns.")
    schema = Schema(tuple(Column(name, "string") for name in record))
    return CsvDialect(declared.delimiter, declared.encoding, line_end), schema


def not_in_encoding(encoding: str, offset: int, line: int) -> DatasetError:
    """Return the error for bytes that the declared encoding does not know."""
    return DatasetError(
        f"The file is not in the encoding '{encoding}': byte {offset} in line {line} does not "
        "belong to it; set 'csv.encoding' to the file's encoding."
    )


def _is_text_encoding(name: str) -> bool:
    """Whether a codec decodes bytes to text; 'base64' and its like do not."""
    try:
        return isinstance(codecs.decode(b"", name), str)
    except (LookupError, TypeError, ValueError):
        return False


def _first_record(text: str, delimiter: str, *, is_whole: bool) -> tuple[list[str], str]:
    """Return the fields of the first record and the line end behind it."""
    inside_quotes = False
    end = len(text)
    for position, character in enumerate(text):
        if character == QUOTE:
            inside_quotes = not inside_quotes
        elif character in "\r\n" and not inside_quotes:
            end = position
            break
    if inside_quotes:
        raise DatasetError("The header has a quote that is never closed; repair the file.")
    if end == len(text) and not is_whole:
        raise DatasetError(
            f"The first line is longer than {HEADER_BYTES >> 20} MB, so it is no header; check the "
            "file, or 'csv.encoding'."
        )
    line_end = "\r\n" if text[end : end + 2] == "\r\n" else text[end : end + 1] or "\n"
    csv.field_size_limit(max(csv.field_size_limit(), HEADER_BYTES))
    record = next(csv.reader(io.StringIO(text[:end], newline=""), delimiter=delimiter), [])
    return record, line_end
