"""From Arrow batches to an Excel workbook with one sheet, row by row into the archive.

Cells hold what Excel would store: texts are always texts, so that none is ever taken for a formula;
numbers are written with all the digits of a double, which common writers cut to 16. What Excel
cannot hold is refused: whole numbers beyond 2^53 and decimals of more than 15 digits (their type
would be a text), NaN and infinities, moments with a time zone, before 1900 or finer than the
calendar tells apart, texts of more than 32,767 characters, and nested or binary values.
"""

from __future__ import annotations

import math
import re
import zipfile
from decimal import Context
from functools import partial
from typing import TYPE_CHECKING, Any

from util_services.datasets.codecs.protocol import DEFAULT_OPTIONS, CodecOptions
from util_services.datasets.codecs.xlsx.serials import (
    DAY_MICROSECONDS,
    serial_of,
)
from util_services.datasets.codecs.xlsx.sheet import MAX_COLUMNS, MAX_ROWS, column_letters
from util_services.datasets.compression import EARLIEST, PERMISSIONS
from util_services.encryption.paths import for_library
from util_services.errors import ConfigurationError, DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from typing import IO

    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

MAX_CHARACTERS = 32_767
MAX_WHOLE = 1 << 53
DECIMAL_DIGITS = 15
SHEET_NAME = "Sheet1"
MAX_SHEET_NAME = 31
SLICE_ROWS = 5_000
NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\]|^'|'$")
# What XML cannot hold or would change, and what would be taken for the escape of such a thing.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>"
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="{sheet}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>"
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{MAIN}">'
        '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/>'
        '<numFmt numFmtId="165" formatCode="hh:mm:ss.000"/></numFmts>'
        '<fonts count="1"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
        '</cellStyleXfs><cellXfs count="4">'
        + "".join(
            f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0"'
            + (' applyNumberFormat="1"/>' if number else "/>")
            for number in (0, 14, 164, 165)
        )
        + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
        "</cellStyles></styleSheet>"
    ),
}
SHEET_PART = "xl/worksheets/sheet1.xml"
DATE_STYLE, MOMENT_STYLE, TIME_STYLE = 1, 2, 3

NO_TEXT = f"a text of more than {MAX_CHARACTERS} characters, the limit of a cell; shorten it"
NO_WHOLE = "a whole number beyond 2^53, which Excel would round; cast the column to text"
NO_FLOAT = "NaN or an infinity, which Excel does not know; replace it"
NO_DECIMAL = (
    f"a decimal of more than {DECIMAL_DIGITS} digits, which Excel would round; cast the column to "
    "text"
)
NO_DATE = "a date before 1900 or behind 9999, which Excel does not know; cast the column to text"
NO_MOMENT = (
    "a time before 1900 or behind 9999, or finer than Excel tells apart; round the column to "
    "milliseconds, or cast it to text"
)
MICROSECONDS = 1_000_000
PER_SECOND = {"s": 1, "ms": 1000, "us": MICROSECONDS, "ns": 1_000_000_000}
NARROW = 32  # bits
WIDE_CONTEXT = Context(prec=80)

Cell = tuple[str, str]  # the attributes of a cell, and what is in it


def write_xlsx(
    rows: pa.RecordBatchReader, file: AnyPath, options: CodecOptions = DEFAULT_OPTIONS
) -> int:
    """Write rows below a header to the only sheet of a workbook, and return their number.

    Raises:
        DatasetError: naming the column, and the row from 1, that Excel cannot hold exactly.
        ConfigurationError: if 'sheet' is no name for a sheet.
    """
    sheet = SHEET_NAME if options.sheet is None else options.sheet
    if not 0 < len(sheet) <= MAX_SHEET_NAME or NOT_IN_SHEET_NAMES.search(sheet):
        raise ConfigurationError(
            f"'sheet' must be 1 to {MAX_SHEET_NAME} characters and none of []:*?/\\, for it names "
            "a sheet."
        )
    names = rows.schema.names
    if len(names) > MAX_COLUMNS:
        raise DatasetError(
            f"The dataset has {len(names)} columns and a sheet of Excel {MAX_COLUMNS}; write "
            "another format."
        )
    writers = [_writer(field.name, field.type) for field in rows.schema]
    with for_library(file, "wb") as opened, zipfile.ZipFile(opened, "w") as archive:
        for part, text in PARTS.items():
            content = text.replace("{sheet}", _escaped(sheet).replace('"', "&quot;"))
            with archive.open(_member(part), "w") as target:
                target.write((XML + content).encode())
        try:
            with archive.open(_member(SHEET_PART), "w") as target:
                return _write_sheet(rows, writers, target)
        except RuntimeError as error:  # that of zipfile, for a member beyond 2 GB
            if isinstance(error, NotImplementedError | RecursionError):
                raise
            raise DatasetError(
                "The sheet grows beyond 2 GB, more than Excel opens; write another format."
            ) from None


def _write_sheet(
    rows: pa.RecordBatchReader, writers: list[_ColumnWriter], target: IO[bytes]
) -> int:
    letters = [column_letters(number) for number in range(len(writers))]
    target.write(f'{XML}<worksheet xmlns="{MAIN}"><sheetData>'.encode())
    header = [_text_cell(name) for name in rows.schema.names]
    if None in header:
        raise DatasetError(
            f"A column name is longer than {MAX_CHARACTERS} characters, the limit of a cell."
        )
    target.write(_row(1, letters, header).encode())
    count, last_is_empty = 0, False
    for batch in rows:
        for start in range(0, batch.num_rows, SLICE_ROWS):
            part = batch.slice(start, SLICE_ROWS)
            if count + part.num_rows >= MAX_ROWS:
                raise DatasetError(
                    f"The dataset has more rows than the {MAX_ROWS - 1} that a sheet of Excel "
                    "holds below its header; write another format."
                )
            cells = [w.cells(c, count) for w, c in zip(writers, part.columns, strict=True)]
            text = "".join(
                _row(number, letters, row)
                for number, row in enumerate(zip(*cells, strict=True), count + 2)
            )
            target.write(text.encode())
            count += part.num_rows
            last_is_empty = all(column[-1] is None for column in cells)
    if last_is_empty:
        raise DatasetError(
            f"Row {count}, the last, holds no value, and Excel cannot tell it from the empty rest "
            "of the sheet; drop it, or write another format."
        )
    target.write(b"</sheetData></worksheet>")
    return count


def _row(number: int, letters: list[str], cells: Any) -> str:
    """Return the XML of a row; a missing value has no cell."""
    inner = "".join(
        [
            f'<c r="{letter}{number}"{cell[0]}>{cell[1]}</c>'
            for letter, cell in zip(letters, cells, strict=True)
            if cell is not None
        ]
    )
    return f'<row r="{number}">{inner}</row>'


class _ColumnWriter:
    """Turns the values of one column into cells."""

    def __init__(
        self,
        name: str,
        values: Callable[[pa.Array], list[Any]],
        cell: Callable[[Any], Cell | None],
        refusal: str,
    ) -> None:
        self._name, self._values, self._cell, self._refusal = name, values, cell, refusal

    def decoding(self) -> _ColumnWriter:
        """Return a writer of the same values held in a dictionary."""
        return _ColumnWriter(
            self._name,
            lambda array: self._values(array.dictionary_decode()),
            self._cell,
            self._refusal,
        )

    def cells(self, array: pa.Array, rows_before: int) -> list[Cell | None]:
        cells: list[Cell | None] = []
        for number, value in enumerate(self._values(array), rows_before + 1):
            cell = None if value is None else self._cell(value)
            if cell is None and value is not None:
                raise DatasetError(
                    f"Row {number} of the column {quoted([self._name])} holds {self._refusal}."
                )
            cells.append(cell)
        return cells


def _writer(name: str, kind: pa.DataType) -> _ColumnWriter:
    """Return what turns the values of a type into cells.

    Raises:
        DatasetError: if no cell can hold such values.
    """
    import pyarrow.types as kinds

    if kinds.is_dictionary(kind):
        return _writer(name, kind.value_type).decoding()
    if kinds.is_temporal(kind) and getattr(kind, "tz", None) is None:
        if kinds.is_date(kind):
            scale = DAY_MICROSECONDS if kind.bit_width == NARROW else 1000
            return _ColumnWriter(name, _counts, partial(_date_cell, scale=scale), NO_DATE)
        if kinds.is_timestamp(kind) or kinds.is_time(kind):
            style = TIME_STYLE if kinds.is_time(kind) else MOMENT_STYLE
            moment = partial(_moment_cell, per_second=PER_SECOND[kind.unit], style=style)
            return _ColumnWriter(name, _counts, moment, NO_MOMENT)
    tests: tuple[tuple[Any, Callable[[Any], Cell | None], str], ...] = (
        (kinds.is_string, _text_cell, NO_TEXT),
        (kinds.is_large_string, _text_cell, NO_TEXT),
        (kinds.is_string_view, _text_cell, NO_TEXT),
        (kinds.is_null, _text_cell, NO_TEXT),
        (kinds.is_integer, _whole_cell, NO_WHOLE),
        (kinds.is_floating, _float_cell, NO_FLOAT),
        (kinds.is_decimal, _decimal_cell, NO_DECIMAL),
        (kinds.is_boolean, _boolean_cell, ""),
    )
    for is_kind, cell, refusal in tests:
        if is_kind(kind):
            return _ColumnWriter(name, _plain, cell, refusal)
    called = "a time zone" if kinds.is_timestamp(kind) else f"the type {kind}"
    raise DatasetError(
        f"The column {quoted([name])} has {called}, which no cell of Excel can hold; cast it to "
        "text, or write another format."
    )


def _plain(array: pa.Array) -> list[Any]:
    values: list[Any] = array.to_pylist()
    return values


def _counts(array: pa.Array) -> list[Any]:
    """Return dates and times as the numbers that Arrow stores."""
    import pyarrow as pa

    return _plain(array.view(pa.int32() if array.type.bit_width == NARROW else pa.int64()))


def _text_cell(text: str) -> Cell | None:
    if len(text) > MAX_CHARACTERS // 2 and len(text.encode("utf-16-le")) > 2 * MAX_CHARACTERS:
        return None
    return ' t="inlineStr"', f'<is><t xml:space="preserve">{_escaped(text)}</t></is>'


def _escaped(text: str) -> str:
    return UNSAFE.sub(lambda match: f"_x{ord(match[0]):04X}_", text).translate(MARKUP)


def _whole_cell(number: int) -> Cell | None:
    return ("", f"<v>{number}</v>") if -MAX_WHOLE <= number <= MAX_WHOLE else None


def _float_cell(number: float) -> Cell | None:
    return ("", f"<v>{number!r}</v>") if math.isfinite(number) else None


def _decimal_cell(number: Decimal) -> Cell | None:
    digits = number.normalize(WIDE_CONTEXT)
    fits = len(digits.as_tuple().digits) <= DECIMAL_DIGITS
    return ("", f"<v>{digits:f}</v>") if fits else None


def _boolean_cell(value: bool) -> Cell:  # noqa: FBT001 - a cell's value
    return ' t="b"', f"<v>{int(value)}</v>"


def _date_cell(count: int, scale: int) -> Cell | None:
    serial = serial_of(count * scale)
    if serial is None or not serial.is_integer():
        return None
    return f' s="{DATE_STYLE}"', f"<v>{int(serial)}</v>"


def _moment_cell(count: int, per_second: int, style: int) -> Cell | None:
    microseconds, rest = divmod(count * MICROSECONDS, per_second)
    serial = microseconds / DAY_MICROSECONDS if style == TIME_STYLE else serial_of(microseconds)
    if rest or serial is None:
        return None
    return f' s="{style}"', f"<v>{serial!r}</v>"


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EARLIEST)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = PERMISSIONS
    info.create_system = 3  # as in every other archive that is written
    return info
