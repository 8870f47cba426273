import sys
import unicodedata

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.cleaning.folding import fold, fold_texts

DIFFERENCES = st.sets(st.sampled_from(["case", "whitespace", "accents"])).map(frozenset)


@pytest.mark.parametrize(
    ("ignore", "one", "other"),
    [
        ("case", "Straße", "STRASSE"),
        ("case", "ﬁnal", "FINAL"),
        ("case", "ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("case", "Åse", "\u0061\u030ase"),
        ("case", "İ", "i\u0307"),
        ("case", "ᾳ", "\u0391\u0399"),
        ("whitespace", "\u00a0a\u2003\u3000b\t", "a b"),
        ("whitespace", "a\r\nb\u0085\u2028", " a b"),
        ("whitespace", "\u3000", ""),
        ("accents", "Éric", "Eric"),
        ("accents", "E\u0301ric", "Eric"),
        ("accents", "Nguyễn Đức", "Nguyên Đưc"),
        ("accents", "й", "и"),
        ("case accents", "İSTANBUL", "istanbul"),
        ("case accents", "ÉRIC", "e\u0301ric"),
        ("case accents whitespace", "\u2003ÇA\u00a0va ", "ca VA"),
    ],
)
def test_dp_30_31_47_texts_that_fold_together(ignore, one, other):
    differences = frozenset(ignore.split())

    assert fold(one, differences) == fold(other, differences)


@pytest.mark.parametrize(
    ("ignore", "one", "other"),
    [
        ("case", "İ", "i"),
        ("case", "\u0131", "i"),
        ("case", "é", "e"),
        ("case", "a b", "a  b"),
        ("whitespace", "ab", "a b"),
        ("whitespace", "A", "a"),
        ("whitespace", "a\u200bb", "a b"),
        ("whitespace", "é", "e\u0301"),
        ("accents", "e", "E"),
        ("accents", "ø", "o"),
        ("accents", "ł", "l"),
        ("accents", "が", "か"),
        ("accents", "हिन्दी", "हन्द"),
        ("accents", "ﬁ", "fi"),
        ("accents", "ß", "ss"),
        ("case accents whitespace", "", "-"),
    ],
)
def test_texts_that_stay_apart(ignore, one, other):
    differences = frozenset(ignore.split())

    assert fold(one, differences) != fold(other, differences)


@given(st.text(), DIFFERENCES)
def test_folding_twice_is_folding_once(text, ignore):
    once = fold(text, ignore)

    assert fold(once, ignore) == once


@pytest.mark.parametrize("less", ["case", "accents", "whitespace"])
def test_ignoring_more_never_tells_apart_what_was_the_same(less):
    more = frozenset({"case", "accents", "whitespace"})
    characters = (chr(point) for point in range(sys.maxunicode + 1))

    apart = [
        c
        for c in characters
        if unicodedata.category(c) not in {"Cn", "Co", "Cs"}
        and fold(f"a{c}b", more) != fold(fold(f"a{c}b", frozenset({less})), more)
    ]

    assert apart == []


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_missing_texts_stay_missing_and_the_input_is_untouched(kind):
    frame = pd.DataFrame({"a": pd.array(["X", None, "x"], pd.ArrowDtype(kind)), "b": ["X"] * 3})
    before = frame.copy()

    folded = fold_texts(frame, ["a"], frozenset({"case"}))

    assert folded["a"].tolist() == ["x", pd.NA, "x"]
    assert folded["b"].tolist() == ["X"] * 3
    pd.testing.assert_frame_equal(frame, before)
