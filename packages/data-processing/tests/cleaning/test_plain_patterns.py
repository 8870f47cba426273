"""Patterns that RE2 is left in ASCII texts do there what the Unicode engine does."""

import pyarrow as pa
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_processing.cleaning.plain_patterns import plain
from data_processing.cleaning.replacing import Replacement

CLASSES = [r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", ".", r"\.", r"\-", r"\\", r"\$", r"\("]
ITEMS = ["a-z", "0-9", "A-Z", "a", "1", " ", ".", "_", ":", "(", r"\d", r"\w", r"\s", r"\-"]
REPEATS = ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{1,2}?"]

sets = st.builds(
    "[{}{}]".format,
    st.sampled_from(["", "^"]),
    st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3).map("".join),
)
atoms = st.one_of(st.sampled_from("ab1 -_/:0zA"), st.sampled_from(CLASSES), sets)
pieces = st.builds("{}{}".format, atoms, st.sampled_from(REPEATS))
sequences = st.recursive(
    st.lists(pieces, max_size=3).map("".join),
    lambda inner: st.one_of(
        st.builds("{}|{}".format, inner, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, inner),
    ),
    max_leaves=4,
)
patterns = st.builds(
    "{}{}{}".format, st.sampled_from(["", "^"]), sequences, st.sampled_from(["", "$"])
)
texts = st.text("ab1 -_.\t\v\n\x1c/:0zA", max_size=8)


@settings(max_examples=400)
@given(pattern=patterns, values=st.lists(texts, min_size=5, max_size=20), data=st.data())
def test_both_engines_replace_and_count_the_same(pattern, values, data):
    compiled = regex.compile(pattern, regex.VERSION1)
    groups = [rf"<\{number}>" for number in range(1, min(compiled.groups, 9) + 1)]
    replacement = data.draw(st.sampled_from(["", "x", "a", *groups]))
    found = plain(pattern, replacement)
    if found is None:
        return

    suited = [
        text
        for text, suits in zip(values, found.suits(pa.array(values)).to_pylist(), strict=True)
        if suits
    ]
    replaced, count = found.within(pa.array(suited, pa.string()))

    expected = [compiled.subn(replacement, text) for text in suited]
    assert replaced.to_pylist() == [text for text, _ in expected]
    assert count == sum(number for _, number in expected)


@pytest.mark.parametrize(
    "pattern",
    [r"\d+", r"\s*-\s*", r"[^0-9A-Za-z]", r"(\d{2})/(\d{2})", r"^0+", r"\.0$", "st|street", "a??b"],
)
def test_plain_patterns_are_left_to_it(pattern):
    assert plain(pattern, "x") is not None


@pytest.mark.parametrize(
    "pattern",
    [
        "", "a*", "a|", "^", "$", r"\b", r"\bst\b", "(a+)+", "(?i)a", "(?=a)a", r"(a)\1", "a++",
        "[a--b]", "[[a]]", "é", "^a|b", r"\p{L}", r"\x41", "a{1000}", "(?P<n>a)", "a$b", "a^b",
    ],
)  # fmt: skip
def test_others_are_not(pattern):
    assert plain(pattern, "x") is None


@pytest.mark.parametrize("replacement", [r"\g<0>", "\\n", r"\12", "\\0", "\\\\"])
def test_replacements_with_other_escapes_are_not(replacement):
    assert plain("(a)", replacement) is None


@given(
    values=st.lists(
        st.none() | texts | st.sampled_from(["é1", "1\u0663", "1\n", "11", "1\n1", "\u00a0"])
    )
)
@example(values=["1\n", "11", None, "é1", "1"])
@pytest.mark.parametrize("pattern", [r"\d+", r"\s", r"\d$", r"^\d"])
def test_a_column_of_all_kinds_of_texts_is_replaced_as_by_one_engine(pattern, values):
    compiled = regex.compile(pattern, regex.VERSION1)

    replaced, count = Replacement(pattern, "#").within(pa.array(values, pa.string()), "a")

    expected = [(None, 0) if text is None else compiled.subn("#", text) for text in values]
    assert replaced.to_pylist() == [text for text, _ in expected]
    assert count == sum(number for _, number in expected)
