"""A canary in every place where a key, a passphrase or a private key could come to light."""

import base64
import json
import logging
import os
import pickle
import re
import traceback

import pytest

from util_services.approvals import ApprovalRequest
from util_services.encryption.secret import Secret
from util_services.errors import DataServicesError
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.backup import Backup
from util_services.keys.document import Document
from util_services.keys.key_files import read_private_key
from util_services.keys.key_pairs import KeyPair
from util_services.keys.leaks import is_shown
from util_services.keys.providers.environment import EnvironmentProvider
from util_services.keys.sealing import Passphrase, Recipient, RecoveryKey
from util_services.storage.private import write_whole


def everything_about(error):
    """Return all that could be printed of an error: with local variables, chained, pickled."""
    told, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = traceback.StackSummary.extract(
            traceback.walk_tb(error.__traceback__), capture_locals=True
        )
        told += [repr((f.name, f.line, f.locals)) for f in frames if f.filename != __file__]
        told += [str(error), repr(error), repr(vars(error)), repr(pickle.dumps(error.args))]
        error = error.__cause__ or error.__context__
    return "".join(told)


@pytest.fixture
def keyset(files):
    files.create(Keyset.generate("demo"))
    return files.load("demo")


@pytest.fixture
def material(keyset):
    return keyset.materials[keyset.primary.id]


def spoilt_documents(files):
    """Give documents that hold the real key and are refused for one reason each."""
    text = (files.folder / "demo.json").read_text()
    record = json.loads(text)
    yield "no JSON", text[:-4]
    yield "no UTF-8", text.encode() + b"\xff"
    yield "twice", text.replace('"schema": 1', '"schema": 1, "schema": 1')
    yield "schema", json.dumps(record | {"schema": 2})
    yield "name", json.dumps(record | {"name": "other"})
    yield "field", json.dumps(record | {"more": 1})
    yield "check", re.sub(r'"check": "[0-9a-f]{16}"', '"check": "0000000000000000"', text)
    yield "wrapping", text.replace('"plain"', '"other"')
    yield "no Base64", re.sub(r'("content": ")', r"\1?", text)
    (held,) = record["materials"].values()
    short = {**held, "content": held["content"][4:]}
    yield "short", json.dumps(record | {"materials": {record["keys"][0]["id"]: short}})
    yield "key as a field", json.dumps(record | {"materials": held})


def test_no_refusal_of_a_keyset_shows_its_key(files, material, monkeypatch):
    documents = dict(spoilt_documents(files))

    for name, document in documents.items():
        content = document if isinstance(document, bytes) else document.encode()
        write_whole(files.folder / "demo.json", Secret(content), replace=True)
        variable = base64.b64encode(content).decode()
        monkeypatch.setenv("DATA_SERVICES_KEYSET_DEMO", variable)
        for provider in (files, EnvironmentProvider.from_environment()):
            with pytest.raises(DataServicesError) as refused:
                provider.load("demo")
            shown = everything_about(refused.value)
            assert not is_shown(material, shown), name
            assert variable not in shown, name


def test_no_refusal_of_a_change_shows_a_key(files, material, monkeypatch):
    files.update("demo", KeysetInfo.rotated)
    monkeypatch.setattr(os, "fsync", lambda _: 1 / 0)

    for change in (
        lambda: files.update("demo", lambda info: info.disabled(info.keys[0].id)),
        lambda: files.update("demo", KeysetInfo.rotated),
        lambda: files.create(Keyset.generate("demo")),
        lambda: Document(files.describe("demo"), {}).from_bytes(Secret(material.reveal())),
    ):
        with pytest.raises(DataServicesError) as refused:
            change()
        assert not is_shown(material, everything_about(refused.value))


def test_no_refusal_of_a_backup_shows_a_key_or_a_passphrase(keyset, material):
    pair = KeyPair.generate("recovery", "Ada")
    phrase = Secret.random(24)
    text = Secret(phrase.reveal().hex().encode())
    by_phrase = Backup.of(keyset, Passphrase(text, 1 << 4))
    by_key = Backup.of(keyset, Recipient(pair.public))
    wrong = Secret.random(24)

    for opening in (
        lambda: by_phrase.open(Passphrase(Secret(wrong.reveal().hex().encode()), 1 << 4)),
        lambda: by_phrase.open(RecoveryKey(pair)),
        lambda: by_key.open(Passphrase(text, 1 << 4)),
        lambda: by_key.open(RecoveryKey(KeyPair.generate("recovery", "Eve"))),
        lambda: Passphrase.new(Secret(b"short")),
        lambda: Backup(by_phrase.info, "later", by_phrase.seal).open(Passphrase(text, 1 << 4)),
        lambda: by_phrase.open(Passphrase(Secret(b"\xff" + text.reveal()), 1 << 4)),
    ):
        with pytest.raises(DataServicesError) as refused:
            opening()
        shown = everything_about(refused.value)
        for secret in (material, phrase, text, wrong, pair._private):
            assert not is_shown(secret, shown)


def test_no_refusal_of_an_identity_shows_its_private_key(tmp_path):
    pair = KeyPair.generate("approval", "Ada")
    record = json.loads(pair.to_file(None).reveal())
    spoilt = [
        json.dumps(record)[:-3],
        json.dumps(record | {"use": "recovery"}),
        json.dumps(record | {"schema": 2}),
        json.dumps(record | {"seal": {}}),
        json.dumps(record | {"private_key": record["private_key"][4:]}),
        json.dumps(record | {"public_key": record["private_key"]}).replace("public-key", "x"),
    ]

    for number, text in enumerate(spoilt):
        file = tmp_path / f"{number}.key"
        write_whole(file, Secret(text.encode()), replace=False)
        with pytest.raises(DataServicesError) as refused:
            read_private_key(file, "approval").open(None)
        assert not is_shown(pair._private, everything_about(refused.value))


def test_nothing_is_logged_of_a_key(files, caplog):
    caplog.set_level(logging.DEBUG)
    files.create(Keyset.generate("demo"))
    files.update("demo", KeysetInfo.rotated)

    keyset = files.load("demo")
    keyset.primary.subkey("clinic-a")

    logged = "\n".join(map(repr, (vars(record) for record in caplog.records)))
    assert not any(is_shown(material, logged) for material in keyset.materials.values())


def test_what_is_known_of_a_keyset_holds_nothing_to_hide(keyset, material):
    public = [
        json.dumps(keyset.info.to_dict()),
        repr(keyset.info),
        repr(pickle.dumps(keyset.info)),
        repr(keyset.keys),
    ]

    assert not is_shown(material, "".join(public))


def test_a_request_holds_names_and_digests_alone():
    fields = set(ApprovalRequest.__dataclass_fields__)

    assert fields == {"job", "dataset", "purpose", "requester", "columns", "rows"}


@pytest.mark.parametrize("around", [b"", b"a", b"ab", b"abc"])
def test_the_canary_is_found_in_every_spelling(around):
    secret = Secret.random(32)
    content = secret.reveal()
    hidden = around + content + around

    for spelling in (
        hidden,
        hidden.hex(),
        hidden.hex().upper(),
        base64.b64encode(hidden),
        base64.urlsafe_b64encode(hidden),
        repr([content]),
        str(list(hidden)),
        hidden.decode("latin-1"),
    ):
        assert is_shown(secret, spelling)
    assert not is_shown(secret, repr(os.urandom(64)))
