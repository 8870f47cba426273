"""Backups of keysets: to another machine, and not by the wrong hands."""

import json

import pytest

from util_services.encryption.secret import Secret
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.backup import Backup, BackupError
from util_services.keys.errors import DestroyedKeyError, KeysetExistsError, WrongRecoveryKeyError
from util_services.keys.key_pairs import KeyPair
from util_services.keys.leaks import is_shown
from util_services.keys.providers.file import FileProvider, PlainWrapping
from util_services.keys.sealing import Passphrase, Recipient, RecoveryKey

PHRASE = Passphrase(Secret(b"correct horse battery"), 1 << 4)


@pytest.fixture
def keyset(files):
    """A keyset with a primary, an active, a disabled and a destroyed key."""
    files.create(Keyset.generate("demo"))
    for _ in range(3):
        info = files.update("demo", KeysetInfo.rotated)
    files.update("demo", lambda now: now.disabled(info.keys[2].id))
    files.update("demo", lambda now: now.destroyed(info.keys[3].id))
    return files.load("demo", with_disabled=True)


@pytest.fixture
def another_machine(tmp_path):
    return FileProvider(tmp_path / "another machine", PlainWrapping())


@pytest.mark.parametrize("by", ["passphrase", "recovery key"])
def test_a_keyset_is_restored_on_another_machine_with_all_its_keys(keyset, another_machine, by):
    pair = KeyPair.generate("recovery", "Ada")
    sealer, opener = (
        (PHRASE, PHRASE) if by == "passphrase" else (Recipient(pair.public), RecoveryKey(pair))
    )
    file = Backup.of(keyset, sealer).to_bytes()

    opened = Backup.from_bytes(file.reveal()).open(opener)
    another_machine.create(opened.changed(lambda info: info.restored("demo")))

    restored = another_machine.load("demo", with_disabled=True)
    assert restored.materials == keyset.materials
    assert restored.info.keys == keyset.info.keys
    assert restored.info.history[:-1] == keyset.info.history
    assert restored.info.history[-1].action == "restored"
    assert restored.primary.subkey("a") == keyset.primary.subkey("a")


def test_a_backup_shows_what_it_is_of_and_no_key(keyset):
    backup = Backup.of(keyset, PHRASE)

    file = backup.to_bytes().reveal()

    assert Backup.from_bytes(file).info == keyset.info
    assert not any(is_shown(material, file) for material in keyset.materials.values())


def test_a_backup_needs_every_key_that_is_not_destroyed(files, keyset):
    with pytest.raises(ValueError, match="with its disabled keys"):
        Backup.of(files.load("demo"), PHRASE)


def test_there_is_no_backup_of_what_was_destroyed(files, keyset):
    files.update("demo", KeysetInfo.destroyed)

    with pytest.raises(DestroyedKeyError):
        Backup.of(files.load("demo", with_disabled=True), PHRASE)


def test_a_wrong_passphrase_is_one_sentence(keyset):
    backup = Backup.of(keyset, PHRASE)

    with pytest.raises(WrongRecoveryKeyError) as refused:
        backup.open(Passphrase(Secret(b"wrong horse battery"), 1 << 4))

    assert str(refused.value) == (
        "The backup of 'demo' stays closed. The passphrase is wrong, or the file was changed; give "
        "the passphrase under which it was sealed."
    )


@pytest.mark.parametrize("field", ["name", "purpose", "created", "revision", "state", "check"])
def test_nothing_that_lies_open_in_a_backup_can_be_changed(keyset, field):
    record = json.loads(Backup.of(keyset, PHRASE).to_bytes().reveal())
    described = record["keyset"]
    if field == "state":
        described["keys"][1]["state"] = "disabled"
    elif field == "check":
        described["keys"][1]["check"] = "0" * 16
    else:
        others = {"name": "x", "purpose": "x", "created": "2020-01-01T00:00:00Z", "revision": 99}
        described[field] = others[field]

    changed = Backup.from_bytes(json.dumps(record).encode())

    with pytest.raises(WrongRecoveryKeyError):
        changed.open(PHRASE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "its schema number is 2, and this release of util-services reads 1"),
        ({"kind": "data-services/keyset"}, "it calls itself 'data-services/keyset' and should be"),
        ({"seal": None}, "it is not sealed in a way that this version knows"),
        ({"made": 1}, "'made' is no time such as"),
        ({"more": 1}, "a backup has the unknown field 'more'"),
        ({"keyset": {}}, "a keyset lacks 'created'"),
    ],
)
def test_what_is_no_backup_is_one_sentence(keyset, change, reason):
    record = json.loads(Backup.of(keyset, PHRASE).to_bytes().reveal()) | change

    with pytest.raises(BackupError, match=reason):
        Backup.from_bytes(json.dumps(record).encode()).open(PHRASE)


def test_a_backup_does_not_bring_back_what_was_destroyed_after_it(files, keyset):
    backup = Backup.of(keyset, PHRASE)
    files.update("demo", KeysetInfo.destroyed)

    restored = backup.open(PHRASE).changed(lambda info: info.restored("again"))

    with pytest.raises(KeysetExistsError, match="a destroyed one does not come back"):
        files.create(restored)
