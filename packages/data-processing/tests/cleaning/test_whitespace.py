"""Runs of whitespace in the bytes of texts: what a regular expression of Arrow makes of them."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_processing.cleaning.whitespace import with_single_spaces

RUNS = r"[ \t-\r\x1c-\x1f]{2,}|[\t-\r\x1c-\x1f]"
LETTERS = st.sampled_from(["a", "ß", "\u2003", "\u00a0", "😀", " ", "\t", "\x1c", "\x00", "\x08"])
TEXTS = st.lists(st.none() | st.text(LETTERS, max_size=6), max_size=12)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@given(texts=TEXTS, before=st.integers(0, 3))
@example(texts=["a ", " b", "", "  ", " "], before=0)
@example(texts=["", "", "a  b", "", None], before=1)
def test_a_run_becomes_one_space_and_all_else_stays(kind, texts, before):
    whole = pa.array(["  x\t"] * before + texts, pa.large_string())
    expected = pc.replace_substring_regex(whole, RUNS, " ")[before:].to_pylist()

    found = with_single_spaces(whole.cast(kind)[before:])

    found.validate(full=True)
    assert found.type == kind
    assert found.to_pylist() == expected
