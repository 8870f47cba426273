"""The dialect of a CSV file: how it is declared, and what its header says."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from util_services.datasets.schema import Column, RepeatedNamesError, Schema
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEADER_BYTES = 1 << 20  # a header longer than this is no header
QUOTE = '"'
DuplicateNames = Literal["error", "suffix"]
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
    empty_as_null: bool = False  # whether a quoted empty field is missing too

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

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> CsvDialect:
        """Return the dialect that ``to_dict`` describes."""
        ends = {name: end for end, name in LINE_ENDS.items()}
        return cls(**{**record, "line_end": ends[record["line_end"]]})


def read_header(
    head: bytes,
    declared: CsvDialect,
    *,
    duplicate_names: DuplicateNames = "error",
    set_aside: bool = False,
) -> tuple[CsvDialect, Schema]:
    """Read names and end of line from the first bytes of a CSV file; every column is text.

    Args:
        head: the first ``HEADER_BYTES`` of the file, or all of a shorter one; a byte-order mark is
            not part of the first name.
        declared: the dialect, whose end of line is not looked at.
        duplicate_names: whether columns of one name are refused, or told apart by a number.
        set_aside: whether bytes outside the encoding are left to those who set records aside.

    Raises:
        DatasetError: if there is no header, it is not in this encoding, or names are not unique.
    """
    encoding = declared.encoding
    if not head:
        raise DatasetError("The file is empty, without even a header; check how it was written.")
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        text = decoder.decode(head, final=len(head) < HEADER_BYTES).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        good = head[: error.start].decode(encoding, errors="ignore")
        if not (set_aside and "\n" in good.replace("\r", "\n")):
            raise not_in_encoding(encoding, error.start, good.count("\n") + 1) from None
        text = good.removeprefix("\ufeff")
    except UnicodeError:  # such as UTF-16 without a byte-order mark
        raise not_in_encoding(encoding, 0, 1) from None
    record, line_end = _first_record(text, declared.delimiter, is_whole=len(head) < HEADER_BYTES)
    if not record:
        raise DatasetError("The file begins with an empty line; its first line must name columns.")
    if duplicate_names == "suffix":
        record = _told_apart(record)
    try:
        schema = Schema(tuple(Column(name, "string") for name in record))
    except RepeatedNamesError as error:
        raise DatasetError(f"{error} Or set 'csv.duplicate_names: suffix'.") from None
    return replace(declared, line_end=line_end), schema


def not_in_encoding(encoding: str, offset: int, line: int) -> DatasetError:
    """Return the error for bytes that the declared encoding does not know."""
    return DatasetError(
        f"The file is not in the encoding '{encoding}': byte {offset} in line {line} does not "
        "belong to it; set 'csv.encoding' to the file's encoding."
    )


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return names of which each repeated one ends in its number, as in ``a``, ``a_2``, ``a_3``."""
    taken, told = {name.casefold() for name in names}, []
    seen: set[str] = set()
    for name in names:
        number, wish = 1, name
        while wish.casefold() in seen or (number > 1 and wish.casefold() in taken):
            number += 1
            wish = f"{name}_{number}"
        seen.add(wish.casefold())
        told.append(wish)
    return told


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
