"""Texts that were decoded in a wrong encoding, repaired; right ones left alone."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.cleaning.mojibake import repaired

STEP = {"step": "repair_mojibake", "columns": ["a"]}


@pytest.mark.parametrize(
    ("broken", "right"),
    [
        # from the documentation of ftfy 6.3
        ("âœ” No problems", "✔ No problems"),
        ("l\u2019humanitÃ©", "l\u2019humanité"),
        ("voilÃ le travail", "voilà le travail"),
        ("sÃ³", "só"),
        # UTF-8 read as Windows-1252, once and twice
        ("cafÃ©", "café"),
        ("cafÃƒÂ©", "café"),
        ("MÃ¼nchen\nKÃ¶ln", "München\nKöln"),
        ("ok\ncafÃ©\ncaf√©", "ok\ncafé\ncafé"),  # each line in its own wrong encoding
        ("ÐœÐ¾Ñ\u0081ÐºÐ²Ð°", "Москва"),
    ],
)
def test_texts_are_as_before_the_wrong_decoding(cleaned, broken, right):
    done = cleaned({"a": [broken, None, right]}, STEP)

    assert done.column("a") == [right, None, right]
    assert dict(done.note.changed) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "café",
        "Ångström",
        "&eacute;",
        "ﬁn",
        "“quoted”",
        "e\u0301",
        "Ã",
        "日本語",
        "a\tb\r\n",
    ],
)
def test_right_texts_stay_as_they_are(cleaned, text):
    assert cleaned({"a": [text]}, STEP).column("a") == [text]


def test_what_is_lost_is_not_marked_as_lost():
    assert "\ufffd" not in repaired("â€œLost quoteâ€?")


@given(st.text())
def test_a_repaired_text_stays_as_it_is(text):
    once = repaired(text)

    assert repaired(once) == once


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "Zs"])))
def test_a_double_encoding_of_western_text_is_undone_or_left(text):
    broken = text.encode().decode("latin-1")

    assert repaired(broken) in {broken, text, repaired(text)}


def test_spark_repairs_the_same(cleaned, cleaned_on_spark):
    table = pa.table({"a": ["cafÃ©", "x", None] * 5})

    assert cleaned_on_spark(table, STEP).table.equals(cleaned(table, STEP).table)
