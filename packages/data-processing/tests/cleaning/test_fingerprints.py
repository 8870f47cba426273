"""The keys of OpenRefine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.cleaning.fingerprints import fingerprint, ngram_fingerprint


@pytest.mark.parametrize(
    ("text", "key"),
    [
        # OpenRefine's KeyerTests
        ("the multi multi word test", "multi test the word"),
        (" école ÉCole ecoLe ", "ecole"),
        ("\tABC \t DEF ", "abc def"),
        ("æø", "aeoe"),
        ("©ß", "css"),
        ("ÐÞ", "dth"),
        ("ﬀﬁﬂﬃﬅﬆ", "fffiflffistst"),
        ("\u0149", "n"),
        ("Ŀŀ", "ll"),
        # Elasticsearch's documentation of its fingerprint analyser
        (
            "Yes yes, Gödel said this sentence is consistent and.",
            "and consistent godel is said sentence this yes",
        ),
        # Text::Fingerprint of CPAN
        (
            "À noite, vovô Kowalsky vê o ímã cair no pé do pingüim queixoso e vovó põe açúcar no "
            "chá de tâmaras do jabuti feliz.",
            "a acucar cair cha de do e feliz ima jabuti kowalsky no noite o pe pinguim poe "
            "queixoso tamaras ve vovo",
        ),
        # our own
        ("O\u2019Brien, Pat", "obrien pat"),
        ("Straße STRASSE", "strasse"),
        ("İstanbul istanbul", "istanbul"),
        ("a\u00a0b\u3000c", "a b c"),
        ("C++ = C", "c"),
        ("が か", "か が"),
        ("?!", ""),
    ],
)
def test_a_fingerprint_is_the_words_of_a_text_in_order(text, key):
    assert fingerprint(text) == key


@pytest.mark.parametrize(
    ("text", "size", "key"),
    [
        # OpenRefine's KeyerTests and NGramFingerprintKeyerTest
        ("abcdefg", 2, "abbccddeeffg"),
        ("hello", 1, "ehlo"),
        ("he!llo,. world", 1, "dehlorw"),
        ("\u0001a, !b-c_d\u00a0d\tz\u0003", 3, "abcbcdcddddz"),
        # its documentation: "Paris" in both sizes
        ("Paris", 2, "arispari"),
        ("Paris", 1, "aiprs"),
        # our own: short texts keep apart
        ("a", 2, "a"),
        ("b.", 2, "b"),
        ("", 2, ""),
    ],
)
def test_an_ngram_fingerprint_is_the_runs_of_a_text_in_order(text, size, key):
    assert ngram_fingerprint(text, size) == key


@given(words=st.lists(st.text(min_size=1)), data=st.data())
def test_the_order_of_words_has_no_part_in_a_fingerprint(words, data):
    other = data.draw(st.permutations(words))

    assert fingerprint(" ".join(words)) == fingerprint(" ".join(other))


@given(st.text())
def test_the_fingerprint_of_a_fingerprint_is_the_same(text):
    key = fingerprint(text)

    assert fingerprint(key) == key
