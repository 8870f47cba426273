r"""Regular expressions of RE2, which take time linear in the text, made Unicode-correct.

``\s``, ``\d`` and ``\w`` of RE2 know ASCII alone. Here they stand for Unicode's classes, and what
cannot be made so is refused by name.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from util_services.errors import ConfigurationError, quoted_name

SPACES = (
    r"\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
CLASSES = {"s": SPACES, "d": r"\p{Nd}", "w": r"\p{L}\p{M}\p{N}_"}
REFUSED = {
    "b": "a border of words",
    "B": "a place inside words",
    "C": "single bytes",
    "Q": "quoted text",
}


def unicode_pattern(pattern: str) -> str:
    r"""Return a pattern whose classes ``\s``, ``\d`` and ``\w`` are those of Unicode.

    White space is what `str.isspace` says, a digit is of the category Nd, and a word is made of
    letters, marks, numbers and the underscore.

    Raises:
        ConfigurationError: if RE2 cannot read the pattern, or uses what holds for ASCII alone.
    """
    parts: list[str] = []
    inside, position = False, 0  # inside: between square brackets
    while position < len(pattern):
        one = pattern[position]
        if one == "\\" and position + 1 < len(pattern):
            parts.append(_escape(pattern[position + 1], pattern, inside=inside))
            position += 2
            continue
        if inside and pattern.startswith("[:", position):
            raise _refused(pattern, "[:…:]", r"it knows ASCII alone; write \p{…}, such as \p{L}")
        if one == "[" and not inside:
            inside = True
            # a bracket that comes first is a member
            first = position + (2 if pattern.startswith("^", position + 1) else 1)
            if pattern.startswith("]", first):
                parts.append(pattern[position : first + 1])
                position = first + 1
                continue
        elif one == "]":
            inside = False
        parts.append(one)
        position += 1
    found = "".join(parts)
    try:
        pc.match_substring_regex(pa.array([""]), found)
    except (pa.ArrowException, UnicodeEncodeError):
        raise ConfigurationError(
            f"The pattern {quoted_name(pattern)} cannot be read; write it in the syntax of RE2, "
            "which has no references back and no looking ahead."
        ) from None
    return found


def matches_between_characters(pattern: str) -> bool:
    """Whether a pattern, as `unicode_pattern` returns it, may match no characters at all.

    If it does so anywhere, then also in a text without characters: every place that an anchor asks
    for is there.
    """
    return bool(pc.match_substring_regex(pa.array([""]), pattern)[0].as_py())


def _escape(letter: str, pattern: str, *, inside: bool) -> str:
    """Return what an escape stands for."""
    if letter in REFUSED:
        raise _refused(
            pattern, f"\\{letter}", f"{REFUSED[letter]} has no meaning that holds for Unicode"
        )
    lower = letter.lower()
    if lower not in CLASSES:
        return f"\\{letter}"
    if letter == lower:
        return CLASSES[lower] if inside else f"[{CLASSES[lower]}]"
    if inside:
        raise _refused(pattern, f"\\{letter}", f"in brackets, write [^\\{lower}] by itself")
    return f"[^{CLASSES[lower]}]"


def _refused(pattern: str, what: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The pattern {quoted_name(pattern)} uses {what}, which is not admitted: {why}."
    )
