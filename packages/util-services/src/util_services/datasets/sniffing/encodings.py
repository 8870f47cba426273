"""Which encoding a text is likely in.

A byte-order mark, valid UTF-8 and the zero bytes of UTF-16 are near certain. What is left are old
encodings, told by what their bytes would spell: letters that the languages of an encoding use,
inside words and in plausible case, speak for it. Those with several bytes a character are judged by
charset-normalizer, which knows them well and those of western Europe badly.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "äöüßéèêëàâáãåæçíìîïñóòôõøœúùûýÿÄÖÜÉÈÊÀÂÁÅÆÇÍÎÑÓÔÕØŒÚ"
CENTRAL = "ąćęłńóśźżáčďéěíňřšťúůýžőűäöüßăâîșțşţđľĺŕôĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽŐŰÄÖÜ"
CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЭЮЯЁІЇЄ"
GREEK = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ"
TURKISH = "çğıöşüâîûÇĞİÖŞÜ"
# In this order, a later one must be better than those before it.
LETTERS = {
    "cp1252": WESTERN,
    "iso8859-15": WESTERN,
    "cp1250": CENTRAL,
    "iso8859-2": CENTRAL,
    "cp1254": TURKISH,
    "cp1251": CYRILLIC,
    "koi8-r": CYRILLIC,
    "cp866": CYRILLIC,
    "cp1253": GREEK,
    "cp850": WESTERN,
    "mac_roman": WESTERN,
    "cp852": CENTRAL,
}
ALSO_PLAUSIBLE = "€£§°²³µ·\u2013\u2014\u2018\u2019“”„«»…½¼\u00d7"
DASHES = "\u2013\u2014\u2018\u2019"
WIDE = {"cp932", "shift_jis", "euc_jp", "gb18030", "big5", "cp949", "euc_kr", "gbk", "gb2312"}
ALIASES = {"euc_jis_2004": "euc_jp", "shift_jis_2004": "cp932", "big5hkscs": "big5", "johab": ""}
ZERO_SHARE = 0.2  # of zero bytes at even or odd places, in a text of UTF-16
JUDGED_BYTES = 1 << 16
PLAUSIBLE = 0.5
WIDE_BELOW = 0.8
CERTAIN_CHARACTERS = 20
HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """An encoding by its name in Python, how sure it is, and why."""

    name: str
    confidence: float
    reason: str


def guess_encoding(head: bytes, parts: Sequence[bytes], *, is_whole: bool) -> EncodingGuess | None:
    """Return the encoding that a text is likely in; None for bytes that are no text."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return EncodingGuess(name, 1.0, f"a byte-order mark of {name}")
    if b"\0" in head[:JUDGED_BYTES]:
        return _wide_without_mark(head)
    if _is_utf8(head, ends=is_whole) and all(_is_utf8(part, begins=False) for part in parts):
        if any(HIGH.search(part) for part in (head, *parts)):
            return EncodingGuess("utf-8", 0.99, "all of the sample is valid UTF-8")
        return EncodingGuess("utf-8", 0.95, "the sample is plain ASCII, which UTF-8 contains")
    return _legacy(
        [*head.splitlines(keepends=True)[: None if is_whole else -1]]
        + [line for part in parts for line in part.splitlines(keepends=True)[1:-1]]
    )


def _wide_without_mark(head: bytes) -> EncodingGuess | None:
    text = head[: len(head) // 2 * 2]
    for name, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = text[place::2].count(0) / (len(text) / 2)
        others = text[1 - place :: 2].count(0)
        if zeros > ZERO_SHARE and not others:
            return EncodingGuess(name, 0.9, f"zero bytes stand where {name} has them")
    return None


def _is_utf8(part: bytes, *, begins: bool = True, ends: bool = False) -> bool:
    if not begins:
        part = part.lstrip(bytes(range(0x80, 0xC0)))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(part, final=ends)
    except UnicodeDecodeError:
        return False
    return True


def _legacy(lines: Sequence[bytes]) -> EncodingGuess | None:
    """Return the old encoding whose letters explain the bytes above ASCII best."""
    judged = b"".join(_until(JUDGED_BYTES, (line for line in lines if HIGH.search(line))))
    scores = {name: _score(judged, name) for name in LETTERS}
    best = max(scores, key=lambda name: scores[name])  # the first of equals
    wide = _several_bytes(judged)
    if wide is not None and scores[best] < WIDE_BELOW:
        return EncodingGuess(wide, 0.8, f"bytes above ASCII come in pairs that {wide} knows")
    if scores[best] < PLAUSIBLE:
        return EncodingGuess("cp1252", 0.2, "no encoding makes plausible letters of all bytes")
    count = len(HIGH.findall(judged))
    confidence = round(min(scores[best], 0.9) * min(1.0, 0.6 + 0.4 * count / CERTAIN_CHARACTERS), 2)
    return EncodingGuess(
        best, confidence, f"{count} bytes above ASCII make plausible letters in {best}"
    )


def _until(length: int, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Return whole lines, for a character must not be cut, up to about a length."""
    for line in lines:
        if length < 0:
            return
        length -= len(line)
        yield line


def _score(content: bytes, encoding: str) -> float:
    """Return how plausible the characters above ASCII are, from -1 to 1."""
    text = content.decode(encoding, errors="replace")
    expected = LETTERS[encoding]
    total = count = 0.0
    before = " "
    for character in text:
        if character > "\x7f":
            count += 1
            if character in expected:
                total += -0.5 if character.isupper() and before.islower() else 1
            elif character in ALSO_PLAUSIBLE:
                total += 0.1 if before.isalpha() and character not in DASHES else 0.7
            elif character.isalpha():
                total -= 0.2
            else:
                total -= 1
        elif character.islower() and before > "\x7f" and not before.isalpha():
            total -= 0.3
        before = character
    return total / count if count else 0.0


def _several_bytes(content: bytes) -> str | None:
    """Return the encoding with several bytes a character that fits, if one does."""
    from charset_normalizer import from_bytes

    best = from_bytes(content).best()
    if best is None:
        return None
    name = ALIASES.get(best.encoding, best.encoding)
    return name if name in WIDE else None
