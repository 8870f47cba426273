"""Sealing under a passphrase and for a recovery key, by the vectors of RFCs and by tampering."""

import base64
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.encryption.secret import Secret
from util_services.keys.errors import BrokenRecordError, KeysError, WrongRecoveryKeyError
from util_services.keys.key_pairs import KeyPair
from util_services.keys.leaks import is_shown
from util_services.keys.sealing import (
    MAX_SCRYPT_COST,
    SCRYPT_COST,
    Passphrase,
    Recipient,
    RecoveryKey,
    hpke_suite,
    scrypt,
)

RECORD = {"keyset": {"name": "demo"}, "made": "2026-05-04T08:00:00Z"}
CHEAP = 1 << 4  # the cost in tests; the least that a person's passphrase gets is SCRYPT_COST


def passphrase(text):
    return Passphrase(Secret(text.encode()), CHEAP)


def test_scrypt_is_that_of_rfc_7914():
    vectors = [  # section 12
        ("", "", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
         "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"),
        ("password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376"
         "634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"),
        ("pleaseletmein", "SodiumChloride", 16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba"
         "904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"),
    ]  # fmt: skip
    for text, salt, cost, block, lanes, derived in vectors:
        result = scrypt(Secret(text.encode()), salt.encode(), cost, block, lanes, 64)
        assert result.hex() == derived


def test_the_suite_for_recovery_keys_is_that_of_rfc_9180_appendix_a_2():
    from cryptography.hazmat.bindings._rust import openssl
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    recipient = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    )
    sealed = bytes.fromhex(
        "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    )
    info = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")

    opened = openssl.hpke._decrypt_with_aad(hpke_suite(), sealed, recipient, info, b"Count-0")

    assert opened == b"Beauty is truth, truth beauty"


@pytest.fixture(scope="module")
def pair():
    return KeyPair.generate("recovery", "Ada")


@pytest.fixture(params=["passphrase", "recovery key"])
def lock(request, pair):
    """What seals, and what opens it."""
    if request.param == "passphrase":
        phrase = passphrase("correct horse battery staple")
        return phrase, phrase
    return Recipient(pair.public), RecoveryKey(pair)


def test_what_was_sealed_opens_and_is_not_to_be_seen(lock):
    sealer, opener = lock
    content = Secret.random(64)

    seal = sealer.seal(RECORD, content)

    assert opener.open(RECORD, seal) == content
    assert not is_shown(content, repr(seal))
    assert sealer.seal(RECORD, content) != seal


def test_whatever_is_changed_beside_or_in_a_seal_it_stays_closed(lock):
    sealer, opener = lock
    seal = sealer.seal(RECORD, Secret.random(64))
    changed = {**RECORD, "made": "2026-05-05T08:00:00Z"}

    with pytest.raises(WrongRecoveryKeyError):
        opener.open(changed, seal)
    for name, value in seal.items():
        if isinstance(value, int):
            others = [value * 2, value + 1, -value, str(value), None]
        else:
            others = ["", "?", None, value[:-4], "A" + value[1:], "B" + value[1:]]
        for other in others:
            if other == value:
                continue
            with pytest.raises((WrongRecoveryKeyError, BrokenRecordError)):
                opener.open(RECORD, {**seal, name: other})
        with pytest.raises(BrokenRecordError):
            opener.open(RECORD, {key: seal[key] for key in seal if key != name})
    with pytest.raises(BrokenRecordError):
        opener.open(RECORD, {**seal, "more": 1})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_one_bit_of_a_sealed_content_keeps_it_closed(lock, data):
    sealer, opener = lock
    seal = sealer.seal(RECORD, Secret.random(32))
    sealed = bytearray(base64.b64decode(seal["content"]))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(WrongRecoveryKeyError):
        opener.open(RECORD, {**seal, "content": base64.b64encode(sealed).decode()})


def test_another_passphrase_is_told_in_one_sentence():
    seal = passphrase("correct horse battery").seal(RECORD, Secret.random(32))

    with pytest.raises(WrongRecoveryKeyError) as refused:
        passphrase("wrong horse battery").open(RECORD, seal)

    assert str(refused.value) == (
        "The passphrase is wrong, or the file was changed; give the passphrase under which it was "
        "sealed."
    )


def test_another_recovery_key_is_told_with_the_fingerprint_of_the_right_one(pair):
    other = KeyPair.generate("recovery", "Bob")
    seal = Recipient(pair.public).seal(RECORD, Secret.random(32))

    with pytest.raises(WrongRecoveryKeyError) as refused:
        RecoveryKey(other).open(RECORD, seal)

    assert str(refused.value) == (
        f"It was sealed for the recovery key '{pair.public.fingerprint}' and this one is "
        f"'{other.public.fingerprint}'; give the other one."
    )


def test_what_was_sealed_one_way_is_not_opened_the_other(pair):
    by_phrase = passphrase("correct horse battery").seal(RECORD, Secret.random(32))
    by_key = Recipient(pair.public).seal(RECORD, Secret.random(32))

    with pytest.raises(
        WrongRecoveryKeyError, match="with a passphrase and not with a recovery key"
    ):
        RecoveryKey(pair).open(RECORD, by_phrase)
    with pytest.raises(
        WrongRecoveryKeyError, match="with a recovery key and not with a passphrase"
    ):
        passphrase("correct horse battery").open(RECORD, by_key)
    with pytest.raises(BrokenRecordError, match="not sealed in a way that this version knows"):
        RecoveryKey(pair).open(RECORD, {**by_key, "method": "magic"})


def test_a_passphrase_is_the_same_however_a_keyboard_writes_it():
    composed, decomposed = (unicodedata.normalize(form, "prélude à été") for form in ("NFC", "NFD"))
    content = Secret.random(32)

    seal = passphrase(composed).seal(RECORD, content)

    assert composed != decomposed
    assert passphrase(decomposed).open(RECORD, seal) == content


def test_a_new_passphrase_is_long_and_costs_what_it_must():
    with pytest.raises(KeysError, match="fewer than 12 characters"):
        Passphrase.new(Secret(b"elevenchars"))

    new = Passphrase.new(Secret("zwölf Zeichen".encode()))

    seal = new.seal(RECORD, Secret.random(32))
    assert (seal["n"], seal["r"], seal["p"]) == (SCRYPT_COST, 8, 1) == (131_072, 8, 1)


def test_a_file_cannot_ask_for_all_the_memory_of_the_machine():
    seal = passphrase("correct horse battery").seal(RECORD, Secret.random(32))

    for parameters in ({"n": MAX_SCRYPT_COST * 2}, {"r": 1 << 20}, {"p": 1 << 20}, {"n": 1000}):
        with pytest.raises(BrokenRecordError, match="of scrypt"):
            passphrase("correct horse battery").open(RECORD, {**seal, **parameters})
