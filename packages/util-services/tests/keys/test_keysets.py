"""Keysets and keys in Python: making, loading, deriving."""

import hashlib
import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.encryption.secret import Secret
from util_services.keys import Key, Keyset, KeysetInfo
from util_services.keys.errors import (
    BrokenRecordError,
    DestroyedKeyError,
    DisabledKeyError,
    KeysetNameError,
    UnknownKeyError,
    WrongPurposeError,
)
from util_services.keys.keyset import check_of
from util_services.keys.leaks import is_shown

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ONE_KEYSET = Keyset.generate()


def rfc_5869(material, info, length):
    """HKDF-SHA256 with no salt, from the text of the RFC and the standard library alone."""
    pseudorandom = hmac.digest(bytes(32), material, "sha256")
    blocks, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(pseudorandom, block + info + bytes([number]), hashlib.sha256)
        blocks += block
    return blocks[:length]


def documented_info(*parts):
    """The ``info`` as docs/keys.md describes it."""
    encoded = [part.encode() for part in parts]
    lengths = (len(part).to_bytes(4, "big") + part for part in encoded)
    return b"data-services/keys/1" + b"".join(lengths)


def test_a_keyset_is_made_with_one_random_key():
    one, other = Keyset.generate("demo", "audit"), Keyset.generate("demo", "audit")

    assert (one.name, one.purpose) == ("demo", "audit")
    assert [key.id for key in one.keys] == [one.primary.id]
    assert [len(material) for material in one.materials.values()] == [32]
    assert one.primary.subkey("a") != other.primary.subkey("a")


def test_a_keyset_made_without_arguments_is_for_pseudonymisation():
    assert Keyset.generate().purpose == "pseudonymisation"


@given(domain=TEXTS, labels=st.lists(TEXTS, max_size=3), length=st.integers(16, 100))
def test_subkeys_are_what_the_documentation_says(domain, labels, length):
    material = ONE_KEYSET.materials[ONE_KEYSET.primary.id].reveal()
    info = documented_info("subkey", "pseudonymisation", domain, *labels)

    subkey = ONE_KEYSET.primary.subkey(domain, *labels, length=length)

    assert subkey.reveal() == rfc_5869(material, info, length)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=1, max_size=4))
def test_two_uses_have_a_subkey_in_common_only_if_they_are_the_same(one, other):
    subkeys = (ONE_KEYSET.primary.subkey(*parts) for parts in (one, other))

    assert (next(subkeys) == next(subkeys)) == (one == other)


def test_the_same_key_under_two_purposes_gives_unrelated_subkeys():
    keyset = Keyset.generate("demo", "audit")
    info = keyset.primary.info
    material = keyset.materials[info.id]

    assert Key(info, "audit", material).subkey("a") != Key(info, "vault", material).subkey("a")


@pytest.mark.parametrize("domain", ["", "\ud800"])
def test_a_domain_that_is_no_text_is_refused(domain):
    with pytest.raises(KeysetNameError, match="cannot name a domain"):
        ONE_KEYSET.primary.subkey(domain)
    with pytest.raises(KeysetNameError, match="cannot name a domain"):
        ONE_KEYSET.primary.subkey("a", domain)


@pytest.mark.parametrize("length", [0, 8, 15, 8161])
def test_a_subkey_is_neither_guessable_nor_longer_than_the_rfc_allows(length):
    with pytest.raises(ValueError, match="from 16 to 8160 bytes"):
        ONE_KEYSET.primary.subkey("a", length=length)


def test_a_rotation_changes_what_is_new_and_nothing_that_was():
    keyset = Keyset.generate()
    former = keyset.primary

    rotated = keyset.changed(KeysetInfo.rotated)

    assert rotated.primary.id != former.id
    assert rotated.primary.subkey("a") != former.subkey("a")
    assert rotated.key(former.id).subkey("a") == former.subkey("a")
    assert keyset.primary.id == former.id


def test_keys_that_may_not_be_used_are_refused_by_name():
    keyset = Keyset.generate("demo").changed(KeysetInfo.rotated)
    former = keyset.info.keys[1].id

    disabled = keyset.changed(lambda info: info.disabled(former))
    destroyed = keyset.changed(lambda info: info.destroyed(former, now="2026-05-04T08:00:00Z"))

    with pytest.raises(DisabledKeyError) as refused:
        disabled.key(former)
    assert str(refused.value) == (
        f"The key '{former}' of the keyset 'demo' is disabled; whoever holds the keys can enable "
        "it with 'data-services keys enable'."
    )
    with pytest.raises(DestroyedKeyError, match="destroyed on 2026-05-04T08:00:00Z"):
        destroyed.key(former)
    with pytest.raises(UnknownKeyError):
        keyset.key("ffffffff")
    assert [key.id for key in disabled.keys] == [disabled.primary.id]
    assert former in disabled.materials
    assert former not in destroyed.materials


def test_a_keyset_without_keys_has_no_primary_one():
    gone = Keyset.generate("demo").changed(KeysetInfo.destroyed)

    with pytest.raises(DestroyedKeyError):
        _ = gone.primary
    assert (gone.keys, gone.materials) == ((), {})


def test_a_keyset_is_loaded_for_its_purpose_alone(files):
    files.create(Keyset.generate("demo", "audit"))

    assert Keyset.load("demo").purpose == "audit"
    assert Keyset.load("demo", purpose="audit").name == "demo"
    with pytest.raises(WrongPurposeError) as refused:
        Keyset.load("demo", purpose="vault")
    assert str(refused.value) == (
        "The keyset 'demo' is for 'audit' and is asked for 'vault'; name a keyset that was made "
        "for that."
    )


def test_a_key_that_was_disabled_when_its_keyset_was_loaded_is_not_there(files):
    keyset = Keyset.generate("demo").changed(KeysetInfo.rotated)
    former = keyset.info.keys[1].id
    files.create(keyset)
    files.update("demo", lambda info: info.disabled(former))

    loaded = Keyset.load("demo")

    assert former not in loaded.materials
    with pytest.raises(DisabledKeyError):
        loaded.changed(lambda info: info.enabled(former)).key(former)


def test_a_key_is_known_again_by_its_check_which_tells_nothing_of_it():
    material = Secret.random(32)

    assert check_of(material) == rfc_5869(material.reveal(), documented_info("check"), 8).hex()


@pytest.mark.parametrize(
    ("material", "reason"),
    [
        (Secret(bytes(32)), "is no random one"),
        (Secret(b"\xff" * 32), "is no random one"),
        (Secret(b"0123456789" * 3 + b"01"), "is no random one"),
        (Secret.random(31), "does not have 32 bytes"),
        (Secret.random(33), "does not have 32 bytes"),
        (Secret.random(32), "is not the one that its check tells"),
    ],
)
def test_a_key_that_is_no_random_one_or_another_one_is_refused(material, reason):
    info = Keyset.generate().info

    with pytest.raises(BrokenRecordError, match=reason):
        Keyset(info, {info.keys[0].id: material})


def test_neither_texts_nor_pickles_hold_a_key():
    keyset = Keyset.generate("demo")
    material = keyset.materials[keyset.primary.id]

    shown = f"{keyset} {keyset!r} {keyset.primary} {keyset.primary!r} {keyset.info} {keyset.keys}"

    assert not is_shown(material, shown)
    assert keyset.primary.id in repr(keyset)
    for unpicklable in (keyset, keyset.primary):
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(unpicklable)
