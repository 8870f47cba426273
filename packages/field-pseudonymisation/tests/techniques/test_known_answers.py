"""Techniques against published vectors, and against the libraries that others would use."""

import base64
import hashlib
import hmac
import secrets

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import TokenError
from field_pseudonymisation.flat import Flat
from field_pseudonymisation.techniques.hashing import hmac_sha256
from field_pseudonymisation.techniques.siv import ColumnSiv
from util_services.encryption.secret import Secret
from util_services.keys import Keyset


def flat(values):
    return Flat.of(pa.array(values, pa.large_binary()))


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pseudonyms(values, keyset, **rule):
    policy = PseudonymisationPolicy(domain="clinic-a", rules={"a": rule})
    return pseudonymise(pa.table({"a": values}), policy, keyset)[0]["a"].to_pylist()


@pytest.mark.parametrize("case", range(4))
def test_hmac_gives_the_answers_of_rfc_4231(vectors, case):
    vector = vectors["hmac_sha256_rfc4231"]["vectors"][case]
    key, data = bytes.fromhex(vector["key"]), bytes.fromhex(vector["data"])
    if len(key) > 64:
        key = hashlib.sha256(key).digest()

    macs = hmac_sha256(Secret(key), pa.array([data, None, data], pa.binary()), 32)

    expected = bytes.fromhex(vector["mac"])
    assert macs[:32][: len(expected)] == expected
    assert macs[:32] == macs[32:]


def test_siv_gives_the_answer_of_rfc_5297_a1(vectors):
    vector = vectors["aes_siv_rfc5297"]["vectors"][0]
    (associated,) = (bytes.fromhex(text) for text in vector["ad"])
    cipher = ColumnSiv(Secret(bytes.fromhex(vector["key"])), associated)
    plain = bytes.fromhex(vector["plaintext"])

    sealed = cipher.seal(flat([plain, None, plain]))

    assert sealed.to_binary().to_pylist() == [
        bytes.fromhex(vector["output"]),
        None,
        bytes.fromhex(vector["output"]),
    ]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.binary(min_size=1, max_size=70)), max_size=30),
    associated=st.binary(min_size=1, max_size=50),
    key_bytes=st.sampled_from([32, 48, 64]),
)
def test_columns_are_sealed_as_cryptography_seals_each_value(values, associated, key_bytes):
    key = secrets.token_bytes(key_bytes)
    whole, cipher = AESSIV(key), ColumnSiv(Secret(key), associated)

    sealed = cipher.seal(flat(values))
    opened, wrong = cipher.open(sealed)

    expected = [None if v is None else whole.encrypt(v, [associated]) for v in values]
    assert sealed.to_binary().to_pylist() == expected
    assert opened.to_binary().to_pylist() == values
    assert not wrong.any()


@pytest.mark.parametrize("length", [1023, 1024, 1025, 5000])
def test_long_values_are_sealed_alike_on_both_sides_of_the_limit(length):
    key, value = secrets.token_bytes(64), secrets.token_bytes(length)
    cipher = ColumnSiv(Secret(key), b"d")

    sealed = cipher.seal(flat([value, b"x"]))

    assert sealed.to_binary()[0].as_py() == AESSIV(key).encrypt(value, [b"d"])
    assert cipher.open(sealed)[0].to_binary().to_pylist() == [value, b"x"]


@settings(max_examples=40, deadline=None)
@given(bit=st.integers(0, 8 * 36 - 1), length=st.just(20))
def test_any_flipped_bit_is_noticed(bit, length):
    cipher = ColumnSiv(Secret(secrets.token_bytes(64)), b"d")
    sealed = bytearray(cipher.seal(flat([b"p" * length])).data.tobytes())
    sealed[bit // 8] ^= 1 << bit % 8

    _, wrong = cipher.open(flat([bytes(sealed), None]))

    assert wrong.tolist() == [True, False]


def test_the_standard_library_reproduces_hashes():
    keyset = Keyset.generate()
    subkey = keyset.primary.subkey("clinic-a", "hash").reveal()

    (token, number) = (pseudonyms([value], keyset, technique="hash")[0] for value in ("Åse", 17))

    for pseudonym, message in ((token, "sÅse".encode()), (number, b"i17")):
        scheme, key_id, body = pseudonym.split(".")
        assert (scheme, key_id) == ("mac1", keyset.primary.id)
        assert unpadded(body) == hmac.digest(subkey, message, "sha256")[:16]


@pytest.mark.parametrize(
    ("form", "write"),
    [
        ("hex", bytes.hex),
        ("base64url", lambda mac: base64.urlsafe_b64encode(mac).decode().rstrip("=")),
        ("base32", lambda mac: base64.b32encode(mac).decode().rstrip("=").lower()),
    ],
)
def test_bare_forms_hold_the_same_hash(form, write):
    keyset = Keyset.generate()
    subkey = keyset.primary.subkey("clinic-a", "hash").reveal()

    found = pseudonyms(["x", None], keyset, technique="hash", form=form, bytes=20)

    assert found == [write(hmac.digest(subkey, b"sx", "sha256")[:20]), None]


def test_cryptography_opens_deterministic_tokens():
    keyset = Keyset.generate()
    key = keyset.primary.subkey("clinic-a", "encrypt", length=64).reveal()

    (token,) = pseudonyms(["0047"], keyset, technique="encrypt")

    associated = len(b"clinic-a").to_bytes(4, "big") + b"clinic-a"
    assert AESSIV(key).decrypt(unpadded(token.split(".")[2]), [associated]) == b"s0047"


def test_cryptography_opens_random_tokens_and_no_two_are_alike():
    keyset = Keyset.generate()
    tokens = pseudonyms(["0047"] * 50, keyset, technique="encrypt", mode="random")
    subkey = keyset.primary.subkey("clinic-a", "encrypt-random")
    associated = len(b"clinic-a").to_bytes(4, "big") + b"clinic-a"

    assert len(set(tokens)) == 50
    for token in tokens:
        body = unpadded(token.split(".")[2])
        salt, nonce, sealed = body[:16], body[16:28], body[28:]
        cipher = AESGCM(subkey.derive(b"data-services/gcm/1", 32, salt).reveal())
        assert cipher.decrypt(nonce, sealed, associated) == b"s0047"


def test_a_million_guesses_without_the_key_find_nothing():
    (token,) = pseudonyms(["000123"], Keyset.generate(), technique="hash", form="hex")
    guesses = (f"{number:06}".encode() for number in range(1_000_000))

    assert not any(hashlib.sha256(guess).hexdigest()[:32] == token for guess in guesses)


def test_shifts_of_dates_are_spread_evenly_and_never_none():
    keyset = Keyset.generate()
    people = [f"p{number}" for number in range(20_000)]
    table = pa.table({"who": people, "day": ["2020-06-15"] * len(people)})
    rules = {"who": "retain", "day": {"technique": "date_shift", "entity": "who", "days": 5}}
    policy = PseudonymisationPolicy(domain="d", rules=rules)

    days = pseudonymise(table, policy, keyset)[0]["day"].cast(pa.date32()).cast(pa.int32())

    moved = days.to_numpy() - days.type.to_pandas_dtype()(18428)
    values, counts = np.unique(moved, return_counts=True)
    assert values.tolist() == [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]
    chi_square = float(((counts - 2000) ** 2 / 2000).sum())
    assert chi_square < 45  # 9 degrees of freedom: beyond it once in a million keys


def test_the_form_of_tink_is_its_prefix_before_what_cryptography_opens():
    keyset = Keyset.generate()
    key = keyset.primary.subkey("clinic-a", "encrypt", length=64).reveal()
    table = pa.table({"a": ["0047", None, "", "a longer value than one block of AES"]})
    policy = PseudonymisationPolicy(
        "k", "clinic-a", {"a": {"technique": "encrypt", "form": "tink"}}
    )

    done, report = pseudonymise(table, policy, keyset)

    raw = unpadded(done["a"][0].as_py())
    assert raw[:5] == b"\x01" + bytes.fromhex(keyset.primary.id)
    associated = len(b"clinic-a").to_bytes(4, "big") + b"clinic-a"
    assert AESSIV(key).decrypt(raw[5:], [associated]) == b"s0047"
    assert depseudonymise(done, report, keyset)[0].equals(table)
    for wrong in ("short", "A" * 40, "AQ" + "=" * 30):
        with pytest.raises(TokenError):
            depseudonymise(pa.table({"a": [wrong]}), report, keyset)
