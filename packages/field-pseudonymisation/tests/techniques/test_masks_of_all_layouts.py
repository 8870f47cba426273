"""Masks are what they are, however the texts lie in memory; and so are counts of values."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.frequencies import frequencies

ENDS = st.integers(0, 9)
UNIFORM = st.integers(1, 20).flatmap(
    lambda size: st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=size, max_size=size),
        min_size=1,
        max_size=40,
    )
)
ANY = st.lists(st.none() | st.text(max_size=12), max_size=40)


def masked(text, first, last, character, length):
    if text is None:
        return None
    hidden = character * (len(text) if length is None else length)
    if len(text) <= first + last:
        return hidden
    middle = character * (len(text) - first - last) if length is None else hidden
    return text[:first] + middle + text[len(text) - last :]


@settings(max_examples=200, deadline=None)
@given(
    values=UNIFORM | ANY,
    first=ENDS,
    last=ENDS,
    character=st.sampled_from("*#€"),
    length=st.none() | st.integers(1, 9),
    kind=st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]),
    cut=st.integers(0, 3),
)
def test_masks_keep_the_ends_and_nothing_else(values, first, last, character, length, kind, cut):
    array = pa.array(values, pa.string()).cast(kind).slice(min(cut, len(values)))
    rule = {"technique": "mask", "keep_first": first, "keep_last": last, "character": character}
    rule |= {} if length is None else {"length": length}

    done, _ = pseudonymise(pa.table({"a": array}), PseudonymisationPolicy(rules={"a": rule}))

    done["a"].validate(full=True)
    expected = [masked(one, first, last, character, length) for one in values[cut:]]
    assert done["a"].to_pylist() == expected
    assert array.to_pylist() == values[cut:]


@settings(max_examples=100, deadline=None)
@given(values=UNIFORM | ANY | st.lists(st.sampled_from(["", "\0", "\0\0", "a", "aa"]), max_size=40))
def test_values_are_counted(values):
    counts = Counter(value for value in values if value is not None)
    once = sum(count == 1 for count in counts.values())
    expected = (len(counts), max(counts.values()), once) if counts else (0, 0, 0)

    assert frequencies(pa.array(values, pa.string())) == expected


@pytest.mark.parametrize("values", [[1, 1, 2, None], [True, False, True], [1.5, 1.5, 2.5]])
def test_values_of_other_types_are_counted(values):
    assert frequencies(pa.array(values)) == (2, 2, 1)


@pytest.mark.parametrize("values", [pa.array([["x"], []]), pa.array([{"a": "x"}])], ids=str)
def test_lists_and_structs_are_refused_before_the_first_row(values):
    policy = PseudonymisationPolicy("", "d", {"a": {"technique": "mask"}})

    with pytest.raises(PolicyError, match=r"not on (list|struct)<.*by a path .*\(column 'a'\)"):
        pseudonymise(pa.table({"a": values}), policy)
