"""Patterns so plain that RE2, which Arrow has, replaces the same in ASCII text, and far faster.

Only what both engines read alike is admitted: characters, classes, sets without set operations,
repeats of one of these, groups that are not repeated, alternatives, and anchors at the very ends.
A pattern that may match nothing is not: the engines find such places differently.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import regex

ITEM = r"[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[\w ,;:!@#%=<>/.()+*?'\"$]|\\[dws\-.\[\]^\\/]"
ATOM = rf"[\w ,;:!@#%=<>/\"'~&`-]|\\[dDwWsS\-.*+?()\[\]{{}}|^$/\\]|\.|\[\^?(?:{ITEM})+\]"
REPEAT = r"(?:[*+?]|\{\d{1,3}(?:,\d{1,3})?\})\??"
PLAIN = re.compile(rf"\^?(?:(?:{ATOM})(?:{REPEAT})?|\((?:\?:)?|\)(?![*+?{{])|\|)*\$?", re.ASCII)
PLAIN_REPLACEMENT = re.compile(r"(?:[^\\]|\\[1-9](?!\d))*", re.DOTALL)
SET = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])+\]", re.DOTALL)
WHITESPACE = r"\t-\r "  # of ASCII, as `regex` knows it; RE2 leaves out the vertical tab


@dataclass(frozen=True, slots=True)
class PlainReplacement:
    """A replacement that RE2 does to texts of ASCII alone.

    Attributes:
        pattern: the pattern as RE2 reads it.
        replacement: what stands in its place.
    """

    pattern: str
    replacement: str

    def suits(self, texts: pa.Array) -> pa.Array:
        """Return for which texts both engines do the same."""
        suited = pc.string_is_ascii(texts)
        if self.pattern.endswith("$"):  # which RE2 does not see before a line break at the end
            suited = pc.and_(suited, pc.invert(pc.match_substring(texts, "\n")))
        return pc.fill_null(suited, fill_value=True)

    def within(self, texts: pa.Array) -> tuple[pa.Array, int]:
        """Return texts with all matches replaced, and how many there were."""
        if self.pattern.startswith("^"):
            matches = pc.match_substring_regex(texts, self.pattern)
        else:
            matches = pc.count_substring_regex(texts, self.pattern)
        replaced = pc.replace_substring_regex(texts, self.pattern, self.replacement)
        return replaced, pc.sum(matches, min_count=0).as_py()


@functools.lru_cache(maxsize=100)
def plain(pattern: str, replacement: str) -> PlainReplacement | None:
    """Return a replacement for RE2 if it does what `regex` does, else None.

    Args:
        pattern: a pattern that `regex` takes.
        replacement: what stands in its place.
    """
    if not PLAIN.fullmatch(pattern) or not PLAIN_REPLACEMENT.fullmatch(replacement):
        return None
    if pattern.startswith("^") and "|" in pattern:  # anchored in a part only
        return None
    if regex.compile(pattern, regex.VERSION1).fullmatch(""):
        return None
    return PlainReplacement(SET.sub(_with_whitespace, pattern), replacement)


def _with_whitespace(found: re.Match[str]) -> str:
    r"""Return an escape or a set in which ``\s`` is spelt out."""
    text = found[0]
    if text == r"\s":
        return f"[{WHITESPACE}]"
    if text == r"\S":
        return f"[^{WHITESPACE}]"
    if not text.startswith("["):
        return text
    return re.sub(r"\\.", lambda one: WHITESPACE if one[0] == r"\s" else one[0], text)
