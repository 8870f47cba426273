"""Keys that are the same for different spellings of a text.

The two keys are OpenRefine's, as its documentation defines them ("Clustering methods in-depth"):
the fingerprint and the n-gram fingerprint.
"""

from __future__ import annotations

import unicodedata

import regex

from data_processing.cleaning.folding import DIACRITICAL_MARKS

# Punctuation and controls, and the symbols that POSIX counts among punctuation.
PUNCTUATION = regex.compile(r"[\p{P}\p{Cc}$+<=>^`|~--\s]", regex.VERSION1)

# Western letters that have no decomposition, as OpenRefine writes them, and half rings and an
# apostrophe that count as letters.
WESTERN = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe", "ð": "d", "đ": "d", "þ": "th", "ħ": "h",
        "\u0131": "i", "ĸ": "k", "ł": "l", "ŋ": "n", "ŧ": "t", "ẜ": "s", "\u1e9d": "s", "©": "c",
        "\u02bc": "", "\u02be": "", "\u02bf": "",
    }
)  # fmt: skip


def fingerprint(text: str) -> str:
    """Return the words of a text: plain, each once, in order.

    Letters are small and without diacritical marks, punctuation is left out.
    """
    return " ".join(sorted(set(_plain(text).split())))


def ngram_fingerprint(text: str, size: int = 2) -> str:
    """Return the runs of ``size`` characters of a text: plain, each once, in order, in one word.

    A shorter text is its own key; OpenRefine gives all of them the empty one.
    """
    letters = "".join(_plain(text).split())
    if len(letters) < size:
        return letters
    runs = {letters[start : start + size] for start in range(len(letters) - size + 1)}
    return "".join(sorted(runs))


def _plain(text: str) -> str:
    small = unicodedata.normalize("NFKD", text).lower().translate(WESTERN)
    bare = PUNCTUATION.sub("", DIACRITICAL_MARKS.sub("", small))
    return unicodedata.normalize("NFC", bare)
