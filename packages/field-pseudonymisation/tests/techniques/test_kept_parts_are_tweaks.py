"""Parts that format-preserving encryption keeps are in its tweak, as the README describes it."""

import hashlib

import ff1_by_the_book
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.ff1 import FF1, ColumnCipher
from util_services.encryption.secret import Secret
from util_services.keys import Keyset

KEYS = Keyset.generate()
SUBKEY = KEYS.primary.subkey("clinic", "format_preserving_encrypt")


def applied(values, **rule):
    rule = {"technique": "format_preserving_encrypt"} | rule
    table = pa.table({"a": pa.array(values, pa.string())})
    done, report = pseudonymise(table, PseudonymisationPolicy("k", "clinic", {"a": rule}), KEYS)
    assert depseudonymise(done, report, KEYS)[0]["a"].to_pylist() == values
    return done["a"].to_pylist()


def plain(value, kept, alphabet="digits"):
    tweak = hashlib.sha256(b"\0\0\0\6clinic" + kept.encode()).digest()[:16]
    return FF1(SUBKEY, alphabet).encrypt(value, tweak)


@pytest.mark.parametrize("rows", [1, 100])
def test_equal_middles_differ_under_other_kept_parts(rows):
    middle = "12345678"
    found = applied(
        [f"41 {middle}-7", f"42 {middle}-7", f"41 {middle}-8", None, f"41{middle}7"] * rows,
        keep_prefix=2,
        keep_suffix=1,
        separators=" -",
    )

    assert found[0] == f"41 {plain(middle, '417')}-7"
    assert found[1] == f"42 {plain(middle, '427')}-7"
    assert found[2] == f"41 {plain(middle, '418')}-8"
    assert found[4] == f"41{plain(middle, '417')}7"
    assert len({text[3:11] for text in found[:3]}) == 3


def test_what_follows_a_delimiter_is_in_the_tweak():
    found = applied(
        ["annabel@æ.example", "annabel@b.example", "annabel"], preserve_from="@", alphabet="lower"
    )

    assert found[0] == plain("annabel", "@æ.example", "lower") + "@æ.example"
    assert found[1] == plain("annabel", "@b.example", "lower") + "@b.example"
    assert found[2] == plain("annabel", "", "lower")


def test_the_country_of_an_iban_is_in_the_tweak_and_its_check_digits_are_not():
    (found,) = applied(["DE89370400440532013000"], check_digit="iban")

    assert found[4:] == plain("370400440532013000", "DE")


def test_a_luhn_digit_is_not_in_the_tweak():
    (found,) = applied(["4111111111111111"], check_digit="luhn", keep_prefix=6)

    assert found[6:15] == plain("111111111", "411111")


def test_without_kept_parts_the_tweak_is_the_domain():
    (found,) = applied(["123-4567"], separators="-")

    assert found.replace("-", "") == FF1(SUBKEY).encrypt("1234567", b"clinic")


@settings(max_examples=40, deadline=None)
@given(
    radix=st.sampled_from([2, 10, 36, 300]),
    lengths=st.lists(st.integers(2, 70), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_tweaks_of_rows_give_what_one_tweak_at_a_time_gives(radix, lengths, seed):
    generator = np.random.default_rng(seed)
    key = generator.bytes(32)
    tweaks = generator.integers(0, 256, (len(lengths), 16), np.uint8)
    values = [generator.integers(0, radix, length).astype(np.uint16) for length in lengths]
    cipher = ColumnCipher(Secret(key), radix)

    found = cipher.crypt(np.concatenate(values), np.array(lengths), tweaks, decrypt=False)

    expected = [
        ff1_by_the_book.crypt(key, radix, tweak.tobytes(), value.tolist(), decrypt=False)
        for value, tweak in zip(values, tweaks, strict=True)
    ]
    assert found.tolist() == [numeral for one in expected for numeral in one]
    back = cipher.crypt(found, np.array(lengths), tweaks, decrypt=True)
    assert np.array_equal(back, np.concatenate(values))
