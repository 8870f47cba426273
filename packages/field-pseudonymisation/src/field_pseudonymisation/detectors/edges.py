"""What stands on either side of a candidate, in documents of UTF-8."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from field_pseudonymisation.detectors.detector import Edges

ASCII = 0x80
CONTINUED = 0xC0  # bytes from 0x80 up to here go on with a character
WITHOUT_SPACES = 0x2E80  # from here on, scripts that put no spaces between words
AT = frozenset(b"@")
NO_WORD = re.compile(rb"[^0-9A-Za-z_]")
IS_WORD = [chr(byte).isalnum() or byte == ord("_") for byte in range(ASCII)]
IS_DIGIT = [48 <= byte <= 57 for byte in range(256)]
IS_SEPARATOR = [byte in b".-/:" for byte in range(256)]


def is_free(content: bytes, start: int, end: int, edges: Edges) -> bool:
    """Return whether a place stands by itself, as its edges ask."""
    if edges == "none":
        return True
    if (start and _is_word_before(content, start)) or _is_word_at(content, end):
        return False
    if edges == "host":
        return not (start and content[start - 1] in AT) and not (
            end < len(content) and content[end] in AT
        )
    return edges == "word" or not (_goes_on_before(content, start) or _goes_on_at(content, end))


def behind_word(content: bytes, start: int) -> int:
    """Return where the letters and digits end that stand at a place."""
    found = NO_WORD.search(content, start)
    return len(content) if found is None else max(found.start(), start + 1)


def _is_word_before(content: bytes, place: int) -> bool:
    byte = content[place - 1]
    if byte < ASCII:
        return IS_WORD[byte]
    first = place - 1
    while first > max(0, place - 4) and ASCII <= content[first] < CONTINUED:
        first -= 1
    return _is_letter(content[first:place])


def _is_word_at(content: bytes, place: int) -> bool:
    if place >= len(content):
        return False
    byte = content[place]
    return IS_WORD[byte] if byte < ASCII else _is_letter(content[place : place + 4])


def _is_letter(encoded: bytes) -> bool:
    character = encoded.decode(errors="ignore")[:1]
    return character.isalnum() and ord(character) < WITHOUT_SPACES


def _goes_on_before(content: bytes, start: int) -> bool:
    return start > 1 and IS_SEPARATOR[content[start - 1]] and IS_DIGIT[content[start - 2]]


def _goes_on_at(content: bytes, end: int) -> bool:
    return end + 1 < len(content) and IS_SEPARATOR[content[end]] and IS_DIGIT[content[end + 1]]
