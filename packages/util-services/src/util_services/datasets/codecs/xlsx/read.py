"""From a worksheet to Arrow batches: what a column is, and what its cells are in it.

A sheet is read twice: once for the types of its columns, once for its rows, so that memory holds
one batch and the texts that cells share. A column has a type where all its cells agree:

- texts; whole numbers (int64, or a decimal beyond); numbers (float64); booleans; dates (date32);
  date-times, dates among them (timestamp[us]); times of a day (time64[us]);
- else text: a text as it is, a whole number in its digits, another number in the shortest digits
  that mean it, TRUE or FALSE, dates and times as ISO 8601 says (2024-02-13, 2024-02-13T10:30:00).

The first row that holds a value names the columns. A cell without content is missing; so are the
covered cells of merged ones. Hidden rows and columns are read like others; formulas give the value
that was stored with them. An empty row between others is a row; one behind the last is not.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from util_services.datasets.codecs.protocol import BATCH_ROWS, DEFAULT_OPTIONS, CodecOptions
from util_services.datasets.codecs.xlsx.serials import (
    DAY_MICROSECONDS,
    DAY_THAT_NEVER_WAS,
    microseconds_of,
)
from util_services.datasets.codecs.xlsx.sheet import Cell, Row, column_letters, rows_of
from util_services.datasets.codecs.xlsx.workbook import Sheet, Workbook, refusing_damage
from util_services.datasets.schema import Column, Schema
from util_services.errors import DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

INT64 = 1 << 63
WHOLE_DOUBLES = 1 << 53  # up to here each whole number is a double
WIDE = 10**38
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - cells have no zone


def read_xlsx(file: AnyPath, options: CodecOptions = DEFAULT_OPTIONS) -> pa.RecordBatchReader:
    """Return the rows of a worksheet.

    Raises:
        DatasetError: naming sheet and cell, if a value cannot be read exactly.
        ConfigurationError: if there is no such sheet.
    """
    import pyarrow as pa

    with Workbook(file, options.bounds) as workbook:
        sheet = workbook.sheet(options.sheet)
        is_1904 = workbook.is_1904 if options.excel_1904 is None else options.excel_1904
        table = _Table(sheet, is_1904, errors_are_missing=options.error_cells == "missing")
        with refusing_damage(), closing(rows_of(workbook, sheet)) as rows:
            table.survey(rows)
    schema = pa.schema([(c.name, c.type()) for c in table.columns])
    return pa.RecordBatchReader.from_batches(schema, _batches(file, options, table, schema))


def _batches(
    file: AnyPath, options: CodecOptions, table: _Table, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with (
        Workbook(file, options.bounds) as workbook,
        refusing_damage(),
        closing(rows_of(workbook, table.sheet)) as raw_rows,
    ):
        rows = table.rows(raw_rows)
        while True:
            columns: list[list[Any]] = [[] for _ in schema]
            for _, row in zip(range(BATCH_ROWS), rows):  # noqa: B905 - the last batch is shorter
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
            if not columns or not columns[0]:
                return
            arrays = [pa.array(v, f.type) for v, f in zip(columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


@dataclass(slots=True)
class _Column:
    """What a first reading tells of a column."""

    name: str
    kinds: set[str] = field(default_factory=set)
    least: int = 0
    greatest: int = 0

    def add(self, kind: str, value: object) -> None:
        self.kinds.add(kind)
        if kind == "integer" and isinstance(value, int):
            self.least = min(self.least, value)
            self.greatest = max(self.greatest, value)

    @property
    def kind(self) -> str:
        """The kind that all cells agree on, or else text."""
        largest = max(-self.least, self.greatest)
        if self.kinds == {"integer"}:
            fits = self.least >= -INT64 and self.greatest < INT64
            return "integer" if fits else "wide" if largest < WIDE else "text"
        if self.kinds == {"integer", "float"}:
            return "float" if largest <= WHOLE_DOUBLES else "text"
        if self.kinds == {"date", "datetime"}:
            return "datetime"
        return next(iter(self.kinds)) if len(self.kinds) == 1 else "text"

    def type(self) -> pa.DataType:
        import pyarrow as pa

        types = {
            "text": pa.string(),
            "integer": pa.int64(),
            "wide": pa.decimal128(38, 0),
            "float": pa.float64(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
            "datetime": pa.timestamp("us"),
            "time": pa.time64("us"),
        }
        return types[self.kind]


class _Table:
    """The table on a sheet: its header, its columns, and the way from cells to values."""

    def __init__(self, sheet: Sheet, is_1904: bool, *, errors_are_missing: bool) -> None:  # noqa: FBT001
        self.sheet = sheet
        self.columns: list[_Column] = []
        self._is_1904 = is_1904
        self._errors_are_missing = errors_are_missing
        self._header_row = 0

    def survey(self, rows: Iterator[Row]) -> None:
        """Learn names and types from all rows."""
        header = next(rows, None)
        if header is None:
            raise DatasetError(
                f"The sheet {quoted([self.sheet.name])} is empty, without even a header; check "
                "'sheet' and how the workbook was written."
            )
        self._header_row, cells = header
        names = [""] * (cells[-1].column + 1)
        for cell in cells:
            names[cell.column] = self._text(self._clean(cell, self._header_row))
        Schema(tuple(Column(name, "") for name in names))
        self.columns = [_Column(name) for name in names]
        for number, cells in rows:
            for raw in cells:
                cell = self._clean(raw, number)
                if cell.kind == "missing":
                    continue
                if cell.column >= len(self.columns):
                    raise DatasetError(
                        f"{self._place(cell, number)} holds a value beyond the header, which names "
                        f"{len(self.columns)} columns in row {self._header_row}; name its column."
                    )
                self.columns[cell.column].add(cell.kind, cell.value)

    def rows(self, rows: Iterator[Row]) -> Iterator[list[Any]]:
        """Return the values of each row below the header."""
        kinds = [column.kind for column in self.columns]
        expected = self._header_row + 1
        next(rows, None)
        for number, cells in rows:
            for _ in range(expected, number):
                yield [None] * len(kinds)
            expected = number + 1
            values: list[Any] = [None] * len(kinds)
            for raw in cells:
                cell = self._clean(raw, number)
                if cell.kind != "missing":
                    values[cell.column] = self._value(cell, kinds[cell.column])
            yield values

    def _clean(self, cell: Cell, row: int) -> Cell:
        """Return a cell with its days counted from 1970, or refuse what has no value."""
        match cell.kind:
            case "date" | "datetime":
                moment = microseconds_of(float(cell.value), is_1904=self._is_1904)
                if moment is None:
                    raise DatasetError(self._no_day(cell, row))
                return cell._replace(value=moment)
            case "time":
                within = round(float(cell.value) * DAY_MICROSECONDS)
                return cell._replace(value=min(within, DAY_MICROSECONDS - 1))
            case "iso":
                return self._iso(cell, row)
            case "error" if self._errors_are_missing:
                return cell._replace(kind="missing")
            case "error":
                raise DatasetError(
                    f"{self._place(cell, row)} holds an error such as #N/A instead of a value; "
                    "repair it, or set 'error_cells' to 'missing'."
                )
        return cell

    def _no_day(self, cell: Cell, row: int) -> str:
        if not self._is_1904 and int(float(cell.value)) == DAY_THAT_NEVER_WAS:
            return (
                f"{self._place(cell, row)} holds day 60 of Excel's calendar, 29 February 1900, "
                "which never was; correct it."
            )
        return (
            f"{self._place(cell, row)} holds a date that Excel's calendar does not reach; correct "
            "it, or give the cell the format of a number."
        )

    def _iso(self, cell: Cell, row: int) -> Cell:
        text = str(cell.value)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is not None:
            raise DatasetError(f"{self._place(cell, row)} holds no date as Excel writes it.")
        value = _microseconds(moment)
        return cell._replace(kind="datetime" if "T" in text else "date", value=value)

    def _value(self, cell: Cell, kind: str) -> Any:
        match kind:
            case "text":
                return self._text(cell)
            case "float":
                return float(cell.value)
            case "date":
                return int(cell.value) // DAY_MICROSECONDS
        return cell.value

    def _text(self, cell: Cell) -> str:
        match cell.kind:
            case "boolean":
                return "TRUE" if cell.value else "FALSE"
            case "date":
                day = int(cell.value) // DAY_MICROSECONDS
                return date.fromordinal(EPOCH.toordinal() + day).isoformat()
            case "datetime":
                return _moment(int(cell.value)).isoformat()
            case "time":
                return _moment(int(cell.value)).time().isoformat()
            case "float":
                return repr(cell.value)
        return str(cell.value)

    def _place(self, cell: Cell, row: int) -> str:
        return f"The cell {column_letters(cell.column)}{row} of {quoted([self.sheet.name])}"


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
