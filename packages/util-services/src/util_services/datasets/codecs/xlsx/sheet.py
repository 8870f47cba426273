"""The rows of a worksheet as they stand in its XML, one after the other."""

from __future__ import annotations

import math
import re
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from util_services.datasets.codecs.xlsx.workbook import (
    Sheet,
    Workbook,
    local,
    new_parser,
    unescaped,
)
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Generator

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
DIGITS = "0123456789"
WHOLE = re.compile(r"0|-?[1-9][0-9]*")


class Cell(NamedTuple):
    """A cell that holds something.

    ``kind`` is one of text, integer, float, boolean, date, datetime, time (of which ``value`` is
    the serial), iso (a date as text) and error.
    """

    column: int
    kind: str
    value: str | int | float | bool


Row = tuple[int, list[Cell]]


def rows_of(workbook: Workbook, sheet: Sheet) -> Generator[Row]:
    """Return number and cells of each row that holds a value, from the top.

    Raises:
        DatasetError: naming the row, if rows or cells cannot be understood.
    """
    reading = _Reading(workbook)
    with closing(workbook.parse(sheet.part, reading.parser)) as pieces:
        for _ in pieces:
            yield from reading.done
            reading.done.clear()


def column_letters(number: int) -> str:
    """Return what Excel calls a column, the first being number 0."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


class _Reading:
    """What is known at a place of a sheet's XML."""

    def __init__(self, workbook: Workbook) -> None:
        self.done: list[Row] = []
        self.parser = new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self._strings, self._styles = workbook.strings, workbook.styles
        self._names: dict[str, str] = {}
        self._columns: dict[str, int] = {}
        self._row, self._cells = 0, list[Cell]()
        self._column = -1
        self._type, self._style = "n", ""
        self._in_cell = self._collects = self._has_text = self._has_formula = False
        self._hints = 0
        self._text = ""

    def _start(self, name: str, given: dict[str, str]) -> None:
        tag = self._names.get(name) or self._names.setdefault(name, local(name))
        if tag == "c":
            self._begin_cell(given)
        elif self._in_cell:
            if tag == "rPh":
                self._hints += 1
            elif tag == "v" or (tag == "t" and not self._hints):
                self._collects = self._has_text = True
            elif tag == "f":
                self._has_formula = True
        elif tag == "row":
            number = int(given["r"]) if "r" in given else self._row + 1
            if not self._row < number <= MAX_ROWS:
                raise DatasetError(
                    f"Row {number} of the sheet stands behind row {self._row}, or is beyond the "
                    "last that Excel knows; save the workbook anew."
                )
            self._row, self._column, self._cells = number, -1, []

    def _begin_cell(self, given: dict[str, str]) -> None:
        place = given.get("r")
        if place is None:
            column = self._column + 1
        else:
            letters = place.rstrip(DIGITS)
            column = self._columns.get(letters, -1)
            if column < 0:
                column = self._columns[letters] = _column_number(letters)
        if not self._column < column < MAX_COLUMNS:
            raise DatasetError(
                f"The cells of row {self._row} are not in the order of their columns; save the "
                "workbook anew."
            )
        self._column = column
        self._type, self._style = given.get("t", "n"), given.get("s", "")
        self._in_cell, self._has_text, self._text = True, False, ""
        self._has_formula = False

    def _characters(self, data: str) -> None:
        if self._collects:
            self._text += data

    def _end(self, name: str) -> None:
        tag = self._names[name]
        if tag == "c":
            self._in_cell = False
            if self._has_formula and not self._text and self._type == "n":
                raise DatasetError(
                    f"The cell {column_letters(self._column)}{self._row} holds a formula whose "
                    "value was never worked out; open the workbook in Excel or LibreOffice and "
                    "save it."
                )
            if self._has_text:
                self._end_cell()
        elif tag == "row":
            if self._cells:
                self.done.append((self._row, self._cells))
        elif tag == "rPh":
            self._hints -= 1
        elif self._collects:
            self._collects = False

    def _end_cell(self) -> None:
        text, column = self._text, self._column
        try:
            match self._type:
                case "s":
                    self._cells.append(Cell(column, "text", self._strings[int(text)]))
                case "inlineStr" | "str":
                    self._cells.append(Cell(column, "text", unescaped(text)))
                case "b":
                    self._cells.append(Cell(column, "boolean", text.strip() in ("1", "true")))
                case "e":
                    self._cells.append(Cell(column, "error", ""))
                case "d":
                    self._cells.append(Cell(column, "iso", text.strip()))
                case _:
                    if text:
                        self._cells.append(self._number(column, text))
        except (ValueError, IndexError):
            raise DatasetError(
                f"The cell {column_letters(column)}{self._row} cannot be understood; save the "
                "workbook anew."
            ) from None

    def _number(self, column: int, text: str) -> Cell:
        style = self._styles[int(self._style)] if self._style and self._styles else None
        if style is None:
            if WHOLE.fullmatch(text):
                return Cell(column, "integer", int(text))
            number = float(text)
            if not math.isfinite(number):
                raise ValueError
            return Cell(column, "float", number)
        serial = float(text)
        if 0 <= serial < 1:
            return Cell(column, "time", serial)
        if style == "date" and serial.is_integer():
            return Cell(column, "date", serial)
        return Cell(column, "datetime", serial)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        if not "A" <= letter <= "Z":
            return MAX_COLUMNS
        number = number * 26 + ord(letter) - ord("A") + 1
    return min(number - 1, MAX_COLUMNS)
