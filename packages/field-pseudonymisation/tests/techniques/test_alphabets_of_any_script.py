"""Format-preserving encryption over alphabets of ASCII, Latin-1 and beyond, on texts of each."""

import secrets

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.ff1 import FF1
from util_services.keys import Keyset

KEYS = Keyset.generate()
ASCII, LATIN, PLANE, BEYOND = "abcdefghij0123", "æøåÆØÅéèüö", "ŁćжщΩאب漢字カ", "😀🙂🦊"
SCRIPTS = [ASCII, LATIN, PLANE, ASCII + LATIN, ASCII + PLANE, ASCII + LATIN + PLANE + BEYOND]


@st.composite
def columns(draw):
    letters = "".join(draw(st.permutations(draw(st.sampled_from(SCRIPTS)))))
    few = st.sampled_from([letter for letter in letters if letter.isascii()] or list(letters))
    some = st.sampled_from(letters)
    texts = st.one_of(
        st.text(few, min_size=14, max_size=18), st.text(some, min_size=14, max_size=18)
    )
    separators = draw(st.sampled_from(["", "-", "ß-", "語"]))
    values = draw(st.lists(st.one_of(st.none(), texts), min_size=1, max_size=6))
    if separators:
        values = [v and v[:5] + separators[0] + v[5:] for v in values]
    return letters, separators, values


@settings(max_examples=80, deadline=None)
@given(columns(), st.integers(0, 2), st.integers(0, 2))
def test_texts_stay_in_their_alphabet_and_come_back(column, first, last):
    letters, separators, values = column
    rule = {
        "technique": "format_preserving_encrypt",
        "alphabet": letters,
        "separators": separators,
        "keep_prefix": first,
        "keep_suffix": last,
    }
    given_ = pa.table({"a": pa.array(values, pa.string())})

    done, report = pseudonymise(given_, PseudonymisationPolicy("k", "d", {"a": rule}), KEYS)
    back, _ = depseudonymise(done, report, KEYS)

    assert back["a"].to_pylist() == values
    for before, after in zip(values, done["a"].to_pylist(), strict=True):
        if before is not None:
            assert len(after) == len(before)
            assert before[:first] == after[:first]
            assert last == 0 or before[-last:] == after[-last:]
            places = zip(before, after, strict=True)
            assert all(b == a if b in separators else a in letters for b, a in places)


@pytest.mark.parametrize("letters", SCRIPTS)
def test_a_column_of_ascii_alone_is_no_special_case(letters):
    ff1 = FF1(secrets.token_bytes(32), letters)
    shared = [letter for letter in letters if letter.isascii()] or list(letters)
    values = ["".join(shared * 20)[:20], None, shared[0] * 9]

    mixed = ff1.encrypt([*values, "".join(letters)])

    assert ff1.encrypt(values) == mixed[:3]
    assert ff1.decrypt(mixed[:3]) == values
