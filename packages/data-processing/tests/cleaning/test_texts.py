"""Texts in one form: what Arrow does of it is what Python does, and a form is final."""

import sys
import unicodedata
from itertools import product
from typing import get_args

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_processing.cleaning.texts import Case, Form, UnicodeForm, normalise, title

EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
CHANGEABLE = [
    c
    for c in EVERY_CHARACTER
    if {c.lower(), c.upper(), c.casefold(), unicodedata.normalize("NFKD", c)} != {c}
]
DEPRECATED = "\u0149"  # n with an apostrophe before it: the only one whose large form is a pair
FORMS = [
    Form(trim, collapse, case, form, strip)
    for trim, collapse, case, form, strip in product(
        [False, True], [False, True], get_args(Case), get_args(UnicodeForm), [False, True]
    )
]
forms = st.sampled_from(FORMS)
ascii_texts = st.text(st.characters(codec="ascii"), max_size=20)
odd_texts = st.text(
    st.one_of(
        st.characters(exclude_characters=DEPRECATED, exclude_categories=["Cs"]),
        st.sampled_from(
            " \t\u00a0\u2003\u3000\x1c\u0085'\u2019İ\u0131ßẞŐﬁﬃςΣ\u03c3ǆǅ\u0301\u0345\u0307"
        ),
    ),
    max_size=12,
)


def normalised(texts, form):
    """Return texts as a column in a form."""
    frame = pd.DataFrame({"a": pd.Series(texts, dtype=pd.ArrowDtype(pa.string()))})
    return normalise(frame, ["a"], form)["a"].array.__arrow_array__().to_pylist()


def test_dp_31_47_whitespace_at_the_ends_of_any_text_is_that_of_python():
    texts = [f"{c}a{c}" for c in EVERY_CHARACTER]

    assert pc.utf8_trim_whitespace(pa.array(texts)).to_pylist() == [t.strip() for t in texts]


@given(texts=st.lists(ascii_texts), form=forms)
@example(texts=["\x1c a\x1f \x0b b \r\n"], form=Form(trim=True, collapse_whitespace=True))
@example(texts=["\x1c a\x1f \x0b b \r\n"], form=Form(trim=False, collapse_whitespace=True))
def test_arrow_brings_ascii_into_the_form_that_python_does(texts, form):
    if form.case != "title":
        assert form.of_ascii(pa.array(texts, pa.string())).to_pylist() == [*map(form.of, texts)]


@given(texts=st.lists(st.none() | odd_texts | ascii_texts), form=forms)
def test_every_text_of_a_column_comes_into_the_form(texts, form):
    expected = [None if text is None else form.of(text) for text in texts]

    assert normalised(texts, form) == expected


@given(text=odd_texts, form=forms)
def test_a_text_that_is_in_a_form_stays_as_it_is(text, form):
    once = form.of(text)

    assert form.of(once) == once


@pytest.mark.parametrize("case", get_args(Case))
@pytest.mark.parametrize("form", get_args(UnicodeForm))
def test_every_character_is_final_in_its_form(case, form):
    whole = Form(trim=False, case=case, form=form)
    texts = [whole.of(c) for c in CHANGEABLE if c != DEPRECATED]

    assert [whole.of(text) for text in texts] == texts
    if form != "keep":
        assert all(unicodedata.is_normalized(form, text) for text in texts)


@pytest.mark.parametrize("text", ["か\u3099", "ﬁ", "ø", "a", ""])
def test_a_text_without_accents_is_not_even_composed(text):
    assert Form(strip_accents=True).of(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SAINT-DENIS sur mer", "Saint-Denis Sur Mer"),
        ("l'aquila", "L'Aquila"),
        ("o\u2019brien", "O\u2019Brien"),
        ("KING'S LYNN", "King's Lynn"),
        ("21ST street", "21st Street"),
        ("ΑΘΗΝΑΣ", "Αθηνας"),
        ("e\u0301cole", "E\u0301cole"),
        ("ǆ", "ǅ"),
        ("straße", "Straße"),
        ("ﬁn", "Fin"),
        ("d'", "D'"),
        ("'a'", "'A'"),
        ("_a b_", "_A B_"),
        ("हिन्दी", "हिन्दी"),
        ("", ""),
    ],
)
def test_titles_begin_each_word_with_a_large_letter(text, expected):
    assert title(text) == expected
    assert title(expected) == expected
