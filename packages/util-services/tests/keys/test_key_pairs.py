"""Identities and recovery keys: signatures, fingerprints and files."""

import base64
import json
import os
import pickle
import stat

import pytest

from util_services.encryption.secret import Secret
from util_services.keys.errors import BrokenRecordError, KeysError, WrongRecoveryKeyError
from util_services.keys.key_files import (
    KeyFileError,
    read_private_key,
    read_public_key,
    write_key_pair,
)
from util_services.keys.key_pairs import (
    KeyPair,
    PrivateFile,
    PublicKey,
    public_bytes,
    thumbprint,
)
from util_services.keys.leaks import is_shown
from util_services.keys.sealing import Passphrase
from util_services.storage.private import NameTakenError, NotPrivateError

PHRASE = Passphrase(Secret(b"correct horse battery"), 1 << 4)

RFC_8032 = [  # section 7.1, tests 1 to 3: private key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("private", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(private, public, message, signature):
    secret = Secret(bytes.fromhex(private))
    key = PublicKey("approval", "Ada", "2026-05-04T08:00:00Z", public_bytes("approval", secret))

    made = KeyPair(key, secret).sign(bytes.fromhex(message))

    assert key.content.hex() == public
    assert made.hex() == signature
    assert key.verifies(made, bytes.fromhex(message))
    assert not key.verifies(made, bytes.fromhex(message) + b"!")
    assert not key.verifies(made[:-1], bytes.fromhex(message))


def test_a_fingerprint_is_the_thumbprint_of_rfc_8037_appendix_a_3():
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

    stated = base64.urlsafe_b64decode("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k=")
    assert thumbprint("Ed25519", public) == stated.hex()


@pytest.mark.parametrize("phrase", [PHRASE, None], ids=["sealed", "plain"])
@pytest.mark.parametrize("use", ["approval", "recovery"])
def test_a_key_pair_comes_back_from_its_files(tmp_path, use, phrase):
    pair = KeyPair.generate(use, "Ada Lovelace")

    public = write_key_pair(pair, tmp_path / "ada.key", phrase)

    held = read_private_key(tmp_path / "ada.key", use)
    opened = held.open(phrase)
    assert held.is_sealed == (phrase is not None)
    assert opened.public == pair.public == read_public_key(public, use)
    assert opened._private == pair._private
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    assert modes == {"ada.key": 0o600, "ada.key.pub": 0o644}


def test_a_sealed_key_is_not_to_be_seen_in_its_file(tmp_path):
    pair = KeyPair.generate("approval", "Ada")

    write_key_pair(pair, tmp_path / "ada.key", PHRASE)

    assert not is_shown(pair._private, (tmp_path / "ada.key").read_bytes())
    with pytest.raises(KeysError, match="is sealed; give its passphrase"):
        read_private_key(tmp_path / "ada.key", "approval").open(None)
    with pytest.raises(WrongRecoveryKeyError):
        read_private_key(tmp_path / "ada.key", "approval").open(
            Passphrase(Secret(b"wrong horse battery"), 1 << 4)
        )


def test_nothing_is_written_over(tmp_path):
    write_key_pair(KeyPair.generate("approval", "Ada"), tmp_path / "ada.key", None)
    before = (tmp_path / "ada.key").read_bytes()

    with pytest.raises(NameTakenError, match="exists already"):
        write_key_pair(KeyPair.generate("approval", "Ada"), tmp_path / "ada.key", None)
    (tmp_path / "ada.key.pub").unlink()
    with pytest.raises(NameTakenError, match="exists already"):
        write_key_pair(KeyPair.generate("approval", "Ada"), tmp_path / "ada.key", None)

    assert (tmp_path / "ada.key").read_bytes() == before
    assert not (tmp_path / "ada.key.pub").exists()


def test_a_private_file_that_others_can_read_is_not_used(tmp_path):
    write_key_pair(KeyPair.generate("approval", "Ada"), tmp_path / "ada.key", None)
    (tmp_path / "ada.key").chmod(0o640)

    with pytest.raises(NotPrivateError, match="is open to others"):
        read_private_key(tmp_path / "ada.key", "approval")


def test_a_public_half_in_place_of_the_private_one_is_told_as_such(tmp_path):
    public = write_key_pair(KeyPair.generate("recovery", "Ada"), tmp_path / "ada.key", None)

    with pytest.raises(KeyFileError) as refused:
        read_private_key(public, "recovery")

    assert str(refused.value) == (
        f"'{public}' is the public half of a key pair; name the private half, which lies beside it "
        "without '.pub'."
    )


CHANGES = {
    "another schema": ({"schema": 2}, "its schema number is 2"),
    "another kind": ({"kind": "data-services/keyset"}, "it calls itself 'data-services/keyset'"),
    "another use": ({"use": "recovery"}, "its key is for 'recovery' and not for 'approval'"),
    "an unknown use": ({"use": "magic"}, "'use' is not of its form"),
    "another owner": ({"owner": " Ada"}, "the owner is empty, or has spaces around it"),
    "no owner": ({"owner": ""}, "the owner is empty, or has spaces around it"),
    "an owner on two lines": ({"owner": "A\nB"}, "the owner is no text on one line"),
    "no public key": ({"public_key": "AAAA"}, "'public_key' does not have 32 bytes"),
    "a field too many": ({"more": 1}, "a public key has the unknown field 'more'"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("which", ["private", "public"])
def test_a_file_that_is_not_as_it_must_be_is_one_sentence(tmp_path, which, change):
    changes, reason = CHANGES[change]
    public = write_key_pair(KeyPair.generate("approval", "Ada"), tmp_path / "ada.key", None)
    file = public if which == "public" else tmp_path / "ada.key"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    with pytest.raises(KeyFileError) as refused:
        (read_public_key if which == "public" else read_private_key)(file, "approval")

    if change != "another kind":
        assert str(refused.value).startswith(
            f"'{file}' holds no key that can be used here: {reason}"
        )


def test_a_public_file_whose_fingerprint_is_of_another_key_is_refused(tmp_path):
    pair, other = KeyPair.generate("approval", "Ada"), KeyPair.generate("approval", "Eve")
    public = write_key_pair(pair, tmp_path / "ada.key", None)
    record = json.loads(public.read_text())
    record["public_key"] = json.loads(other.public.to_file())["public_key"]
    public.write_text(json.dumps(record))

    with pytest.raises(KeyFileError, match="its fingerprint is that of another key"):
        read_public_key(public, "approval")


def test_halves_that_do_not_belong_together_are_refused():
    pair, other = KeyPair.generate("approval", "Ada"), KeyPair.generate("approval", "Eve")
    mixed = PrivateFile(pair.public, None, other._private)

    with pytest.raises(BrokenRecordError, match="belongs to another public key"):
        mixed.open(None)


def test_an_owner_that_cannot_be_shown_is_refused():
    for owner in ("", " Ada", "A\nB", "a" * 201, "\x1b[31m"):
        with pytest.raises(KeysError, match="The owner cannot be used"):
            KeyPair.generate("approval", owner)


def test_neither_texts_nor_pickles_hold_a_private_key():
    pair = KeyPair.generate("approval", "Ada")

    assert not is_shown(pair._private, f"{pair} {pair!r} {pair.public!r} {os.environ!r}")
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(pair)
