"""JSON files that hold one array of objects: to JSON lines and back, byte by byte.

Nothing is parsed into values, so every number, escape and nested value stays as it is written.
The scan knows only strings, brackets and what stands between elements. Whether an element is JSON
is for the reader of the lines to say; line N of the result is element N of the array.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import numpy as np

from util_services.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from util_services.encryption.paths import AnyPath

    Bytes = NDArray[np.uint8]

BLOCK_BYTES = 1 << 20
QUOTE, BACKSLASH, COMMA, NEWLINE, RETURN, TAB, SPACE = b'"\\,\n\r\t '
OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT = b"[]{}"
START = 0  # stands before the first byte of a file
NEIGHBOURS = np.zeros((256, 256), dtype=bool)  # what may follow what, outside the objects
for _pair in (b"[{", b"[]", b"{}", b"},", b"}]", b",{", b"\0[", b"\0{"):
    NEIGHBOURS[_pair[0], _pair[1]] = True
CASE_BIT = 0x20  # in which a bracket differs from a brace


def json_to_lines(source: AnyPath, target: AnyPath, *, block_bytes: int = BLOCK_BYTES) -> int:
    """Write the objects of a JSON array one a line, and return how many there are.

    A file that is one object is a dataset of one row. Memory does not grow with the file.

    Raises:
        DatasetError: naming the element and the byte where the file is no array of objects.
    """
    with source.open("rb") as content, target.open("wb") as lines:
        bom = content.read(len(codecs.BOM_UTF8))
        scan = _Scan(offset=len(bom) if bom == codecs.BOM_UTF8 else 0)
        content.seek(scan.offset)
        while block := content.read(block_bytes):
            lines.write(scan.lines_of(block))
        scan.finish()
        lines.write(b"\n")
    return scan.elements


def lines_to_json(source: AnyPath, target: AnyPath, *, block_bytes: int = BLOCK_BYTES) -> int:
    """Write the objects of JSON lines as one array, an object a line, and return their number."""
    rows, before, ended = 0, b"\n", True
    with source.open("rb") as lines, target.open("wb") as array:
        array.write(b"[")
        while block := lines.read(block_bytes):
            rows += block.count(b"\n")
            array.write(before + block.removesuffix(b"\n").replace(b"\n", b",\n"))
            ended = block.endswith(b"\n")
            before = b",\n" if ended else b""
        rows += not ended
        array.write(b"\n]\n" if rows else b"]\n")
    return rows


class _Scan:
    """What is known at a place of the file, carried from block to block."""

    def __init__(self, offset: int) -> None:
        self.offset = offset  # of the block in the file
        self.elements = 0  # begun so far
        self._in_string = False
        self._is_escaped = False  # whether the first byte of the block is
        self._depth = 0
        self._base: int | None = None  # the depth at which elements begin: 1 in an array
        self._in_element = False
        self._last = START  # the last byte outside elements, or bracket of one

    def lines_of(self, block: bytes) -> bytes:
        """Return a block with line ends between elements, and nowhere else."""
        text = np.frombuffer(block, dtype=np.uint8)
        if self._base is None and not self._find_beginning(text):
            self.offset += len(block)
            return b""
        in_string = self._strings(text)
        begins, ends = self._elements(text, in_string)
        outer = self._outer(text, begins, ends)
        self._check_neighbours(text, outer, begins)
        control = np.flatnonzero(in_string & (text < SPACE))
        if len(control):
            raise self._error(
                int(control[0]), begins, "has a control character inside a text; escape it"
            )
        result = text.copy()
        result[(text == NEWLINE) | (text == RETURN)] = SPACE
        marks = text[outer]
        result[outer[marks == COMMA]] = NEWLINE
        if self._base:
            result[outer[(marks == OPEN_ARRAY) | (marks == CLOSE_ARRAY)]] = SPACE
        self.elements += len(begins)
        self.offset += len(block)
        if len(outer):
            self._last = int(marks[-1])
        return result.tobytes()

    def finish(self) -> None:
        """Check that the file is whole.

        Raises:
            DatasetError: if it breaks off, or holds no object.
        """
        if self._last == START:
            raise DatasetError("The file holds no JSON; it must hold an array of objects.")
        if self._last != (CLOSE_ARRAY if self._base else CLOSE_OBJECT):
            raise DatasetError(
                f"The file breaks off at byte {self.offset}, in or behind element {self.elements}; "
                "write it anew."
            )
        if not self.elements:
            raise DatasetError(
                "The file holds an empty array, so nothing names the columns; write at least one "
                "object."
            )

    def _find_beginning(self, text: Bytes) -> bool:
        """Find out from its first byte whether the file is an array or a single object."""
        first = np.flatnonzero(~_is_space(text))
        if not len(first):
            return False
        byte = int(text[first[0]])
        if byte not in (OPEN_ARRAY, OPEN_OBJECT):
            where = self.offset + int(first[0])
            reason = "is not in UTF-8" if {0, 0xFF, 0xFE} & set(text[:4].tolist()) else "is no JSON"
            raise DatasetError(
                f"The file {reason}, or begins with neither an array nor an object (byte {where}); "
                "a dataset is an array of objects in UTF-8."
            )
        self._base = int(byte == OPEN_ARRAY)
        return True

    def _strings(self, text: Bytes) -> NDArray[np.bool_]:
        """Return which bytes are in strings, the quote that opens one among them."""
        quotes = text == QUOTE
        if self._is_escaped:
            quotes[0] = False
        slashes = np.flatnonzero(text[int(self._is_escaped) :] == BACKSLASH)
        slashes += int(self._is_escaped)
        self._is_escaped = False
        if len(slashes):
            is_first = np.diff(slashes, prepend=-2) != 1
            firsts = slashes[is_first]
            lengths = np.diff(np.flatnonzero(is_first), append=len(slashes))
            escaped = (firsts + lengths)[lengths % 2 == 1]
            self._is_escaped = bool(len(escaped)) and int(escaped[-1]) == len(text)
            quotes[escaped[escaped < len(text)]] = False
        inside = _parity(quotes) ^ self._in_string
        self._in_string = bool(inside[-1])
        return inside

    def _elements(
        self, text: Bytes, in_string: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where elements begin and where they end."""
        brackets = text | CASE_BIT
        is_bracket = (brackets == OPEN_OBJECT) | (brackets == CLOSE_OBJECT)
        places = np.flatnonzero(is_bracket & ~in_string)
        steps = np.where(brackets[places] == OPEN_OBJECT, 1, -1)
        depth = self._depth + np.cumsum(steps, dtype=np.int64)
        if len(depth):
            self._depth = int(depth[-1])
        begins = places[(steps == 1) & (depth == (self._base or 0) + 1)]
        ends = places[(steps == -1) & (depth == (self._base or 0))]
        return begins, ends

    def _outer(
        self, text: Bytes, begins: NDArray[np.intp], ends: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return the places of all but white space outside elements, and of their brackets."""
        turns = np.zeros(len(text) + 1, dtype=bool)
        turns[begins] = True
        turns[ends + 1] ^= True
        inside = _parity(turns) ^ self._in_element
        self._in_element = bool(inside[-1])
        is_outer = ~(inside[:-1] | _is_space(text))
        is_outer[begins] = is_outer[ends] = True
        return np.flatnonzero(is_outer)

    def _check_neighbours(
        self, text: Bytes, outer: NDArray[np.intp], begins: NDArray[np.intp]
    ) -> None:
        """Check the order of brackets and commas between elements."""
        marks = text[outer]
        before = np.concatenate(([np.uint8(self._last)], marks[:-1])) if len(marks) else marks
        wrong = np.flatnonzero(~NEIGHBOURS[before, marks])
        if not self._base:  # behind a single object there is nothing
            behind = np.flatnonzero(before == CLOSE_OBJECT)
            wrong = np.sort(np.concatenate((wrong, behind)))
        if not len(wrong):
            return
        previous, found = int(before[wrong[0]]), int(marks[wrong[0]])
        place = int(outer[wrong[0]])
        if not self._base and previous == CLOSE_OBJECT and found == OPEN_OBJECT:
            raise DatasetError(
                "The file holds several JSON objects one behind the other, not an array; set "
                "'format' to 'jsonl' if each stands on a line of its own."
            )
        if previous in (CLOSE_ARRAY, CLOSE_OBJECT) and not (self._base and previous != CLOSE_ARRAY):
            raise DatasetError(
                f"The file goes on behind its JSON at byte {self.offset + place}; repair it."
            )
        if previous == COMMA and found == CLOSE_ARRAY:
            raise self._error(place, begins, "is followed by a comma and no other element")
        if previous == CLOSE_OBJECT:
            raise self._error(place, begins, "is not followed by a comma or the end of the array")
        if previous == OPEN_OBJECT:
            raise self._error(place, begins, "has brackets that do not match")
        raise self._error(place, begins, "is no JSON object", ahead=1)

    def _error(
        self, place: int, begins: NDArray[np.intp], wrong: str, ahead: int = 0
    ) -> DatasetError:
        number = self.elements + int(np.searchsorted(begins, place)) + ahead
        return DatasetError(
            f"Element {number} of the array {wrong} (byte {self.offset + place}); a dataset is an "
            "array of objects."
        )


def _is_space(text: Bytes) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (
        (text == SPACE) | (text == NEWLINE) | (text == RETURN) | (text == TAB)
    )
    return found


def _parity(turns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether the number of turns up to a place is odd."""
    return np.bitwise_xor.accumulate(turns.view(np.uint8)).view(np.bool_)
