"""The providers that come with util-services, on the contract and beyond it."""

import base64
import json
import logging
import os
import stat
import traceback

import pytest

from util_services.encryption.secret import Secret
from util_services.errors import ConfigurationError, DataServicesError
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.conformance import check_key_provider
from util_services.keys.errors import (
    DamagedKeysetError,
    DestroyedKeyError,
    KeyServiceError,
    KeysetExistsError,
    KeysetNotFoundError,
    ReadOnlyProviderError,
    UnknownProviderError,
    WrongProviderError,
)
from util_services.keys.leaks import is_shown
from util_services.keys.providers.choice import key_provider
from util_services.keys.providers.environment import EnvironmentProvider
from util_services.keys.providers.file import FileProvider
from util_services.keys.providers.kms import KmsProvider
from util_services.storage.private import NotPrivateError, WriteError, write_whole


def rotated_to_disabled(provider, name="demo"):
    """Make a keyset with a primary, an active and a disabled key."""
    provider.create(Keyset.generate(name))
    provider.update(name, KeysetInfo.rotated)
    info = provider.update(name, KeysetInfo.rotated)
    return provider.update(name, lambda now: now.disabled(info.keys[2].id))


def content_of(folder):
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


# choice


def test_keysets_are_files_of_this_user_unless_another_provider_is_chosen(
    clean_environment, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)

    provider = key_provider()

    assert isinstance(provider, FileProvider)
    assert provider.folder == tmp_path / ".local/share/data-services/keys"
    assert provider.names() == ()


def test_the_environment_chooses_the_provider(keys_folder, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_KEY_PROVIDER", "environment")

    assert isinstance(key_provider(), EnvironmentProvider)
    assert isinstance(key_provider("file"), FileProvider)


def test_a_provider_that_nobody_brings_is_refused_with_those_that_there_are(monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_KEY_PROVIDER", "valut")

    with pytest.raises(UnknownProviderError) as refused:
        Keyset.load("demo")

    assert str(refused.value) == (
        "DATA_SERVICES_KEY_PROVIDER names 'valut', which no installed package brings; use "
        "'environment', 'file', 'kms'."
    )


# files


def test_the_provider_of_files_keeps_the_contract(keys_folder):
    check_key_provider(FileProvider.from_environment)


def test_files_and_folder_are_for_their_owner_alone(files):
    rotated_to_disabled(files)

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in files.folder.iterdir()}
    assert modes == {"demo.json": 0o600}
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(("which", "mode"), [("file", 0o640), ("folder", 0o750)])
def test_keys_that_others_could_read_are_not_used(files, which, mode):
    files.create(Keyset.generate("demo"))
    (files.folder if which == "folder" else files.folder / "demo.json").chmod(mode)

    for use in (
        lambda: files.load("demo"),
        lambda: files.describe("demo"),
        lambda: files.update("demo", KeysetInfo.rotated),
    ):
        with pytest.raises(NotPrivateError, match="is open to others"):
            use()


def test_a_folder_of_keys_that_is_a_link_is_not_used(files, tmp_path):
    files.create(Keyset.generate("demo"))
    files.folder.rename(tmp_path / "elsewhere")
    files.folder.symlink_to(tmp_path / "elsewhere")

    for use in (files.names, lambda: files.load("demo"), lambda: files.create(Keyset.generate())):
        with pytest.raises(NotPrivateError, match="is a link"):
            use()


def test_a_keyset_that_is_a_link_is_not_used(files, tmp_path):
    files.create(Keyset.generate("demo"))
    (files.folder / "demo.json").rename(tmp_path / "elsewhere.json")
    (files.folder / "demo.json").symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(NotPrivateError, match="is a link"):
        files.load("demo")
    with pytest.raises(KeysetExistsError):
        files.create(Keyset.generate("demo"))


def test_a_name_cannot_lead_out_of_the_folder(files):
    with pytest.raises(DataServicesError, match="cannot name a keyset"):
        files.load("../demo")


def test_other_files_in_the_folder_are_no_keysets(files):
    files.create(Keyset.generate("demo"))
    for name in ("README.md", "Demo.json", ".hidden.json", "a b.json"):
        (files.folder / name).write_text("{}")

    assert files.names() == ("demo",)


def test_a_missing_keyset_says_where_it_was_looked_for(files):
    with pytest.raises(KeysetNotFoundError) as refused:
        files.load("demo")

    assert str(refused.value) == (
        f"There is no keyset 'demo' in '{files.folder}'; make one with 'data-services keys "
        "create', or correct the name."
    )


def test_a_destroyed_key_is_gone_from_the_disk_and_overwritten_where_it_lay(files):
    info = rotated_to_disabled(files)
    doomed = info.keys[2].id
    material = files.load("demo", with_disabled=True).materials[doomed]

    with (files.folder / "demo.json").open("rb") as before:
        files.update("demo", lambda now: now.destroyed(doomed, "erasure"))

        assert not any(before.read())
    assert not is_shown(material, content_of(files.folder))
    with pytest.raises(DestroyedKeyError):
        files.load("demo").key(doomed)


def test_a_key_that_was_destroyed_does_not_come_back_under_another_name(files):
    keyset = Keyset.generate("demo")
    files.create(keyset)
    files.update("demo", KeysetInfo.destroyed)

    with pytest.raises(KeysetExistsError) as refused:
        files.create(keyset.changed(lambda info: info.restored("other")))

    assert str(refused.value) == (
        f"The key '{keyset.primary.id}' was destroyed in the keyset 'demo'; a key belongs to one "
        "keyset, and a destroyed one does not come back."
    )


def test_one_damaged_keyset_harms_no_other(files):
    files.create(Keyset.generate("demo"))
    write_whole(files.folder / "broken.json", Secret(b"{}"), replace=False)

    files.create(Keyset.generate("third"))

    assert files.names() == ("broken", "demo", "third")
    assert files.load("demo").name == "demo"
    with pytest.raises(DamagedKeysetError):
        files.load("broken")


def test_a_folder_that_cannot_be_written_still_gives_its_keys(files):
    files.create(Keyset.generate("demo"))
    (files.folder / ".demo.lock").mkdir()  # as good as a read-only folder, for root too

    assert files.load("demo").name == "demo"
    with pytest.raises(WriteError, match="cannot be written \\(Is a directory\\)"):
        files.update("demo", KeysetInfo.rotated)


def test_keys_in_a_wrapping_of_another_provider_name_the_cure(files, kms):
    kms.create(Keyset.generate("demo"))

    with pytest.raises(WrongProviderError) as refused:
        files.load("demo")

    assert str(refused.value) == (
        f"The keyset 'demo' in '{files.folder}' keeps its keys as 'aws-kms', which the provider "
        "'file' does not read; set DATA_SERVICES_KEY_PROVIDER to the one that does."
    )


# the environment


@pytest.fixture
def variables(files, monkeypatch):
    """Return a function that moves the keysets of the folder into the environment."""

    def move(*, wrapped_at=0):
        for name in files.names():
            file = files.folder / f"{name}.json"
            text = base64.b64encode(file.read_bytes()).decode()
            if wrapped_at:
                pieces = [text[i : i + wrapped_at] for i in range(0, len(text), wrapped_at)]
                text = "\n".join(pieces) + "\n"
            variable = f"DATA_SERVICES_KEYSET_{name.upper().replace('-', '_')}"
            monkeypatch.setenv(variable, text)
            file.unlink()
        return EnvironmentProvider.from_environment()

    return move


def test_the_provider_of_the_environment_keeps_the_contract(files, variables):
    rotated_to_disabled(files, "clinic-a")

    check_key_provider(lambda: variables())


@pytest.mark.parametrize("wrapped_at", [0, 76])
def test_a_file_in_base64_is_a_keyset_in_the_environment(files, variables, wrapped_at):
    info = rotated_to_disabled(files, "clinic-a")
    keyset = files.load("clinic-a")

    provider = variables(wrapped_at=wrapped_at)

    assert provider.names() == ("clinic-a",)
    assert provider.describe("clinic-a") == info
    assert provider.load("clinic-a").materials == keyset.materials


def test_variables_that_are_no_keyset_are_not_listed(monkeypatch, clean_environment):
    for name in ("demo", "A__B", "", "1A", "A-B"):
        monkeypatch.setenv(f"DATA_SERVICES_KEYSET_{name}", "x")
    monkeypatch.setenv("DATA_SERVICES_KEYSETS", "x")

    assert EnvironmentProvider.from_environment().names() == ()


def test_the_environment_cannot_be_changed_and_says_what_to_do(files, variables):
    files.create(Keyset.generate("clinic-a"))
    provider = variables()

    for change in (
        lambda: provider.create(Keyset.generate("clinic-a")),
        lambda: provider.update("clinic-a", KeysetInfo.rotated),
    ):
        with pytest.raises(ReadOnlyProviderError) as refused:
            change()
        assert str(refused.value) == (
            "The key provider 'environment' only reads keysets; make or change it with "
            "DATA_SERVICES_KEY_PROVIDER=file where keys are made, and set "
            "DATA_SERVICES_KEYSET_CLINIC_A to the Base64 of its file."
        )


@pytest.mark.parametrize("value", ["?", "e30=", base64.b64encode(b"{").decode(), "é"])
def test_a_variable_that_is_no_keyset_is_one_sentence_without_its_value(monkeypatch, value):
    monkeypatch.setenv("DATA_SERVICES_KEYSET_DEMO", value)

    with pytest.raises(DamagedKeysetError) as refused:
        EnvironmentProvider.from_environment().load("demo")

    assert str(refused.value).startswith(
        "The keyset 'demo' in DATA_SERVICES_KEYSET_DEMO cannot be used: "
    )
    assert value not in str(refused.value).replace("?", "") or value == "?"


def test_one_key_under_two_purposes_is_refused(files, monkeypatch):
    files.create(Keyset.generate("one", "audit"))
    document = json.loads((files.folder / "one.json").read_text())
    for name, purpose, key_id in (("one", "audit", None), ("two", "vault", "00a1b2c3")):
        text = json.dumps({**document, "name": name, "purpose": purpose})
        if key_id:
            text = text.replace(document["keys"][0]["id"], key_id)
        value = base64.b64encode(text.encode()).decode()
        monkeypatch.setenv(f"DATA_SERVICES_KEYSET_{name.upper()}", value)

    with pytest.raises(KeysetExistsError, match="is primary in the keyset 'one'; a key belongs"):
        EnvironmentProvider.from_environment().load("two")


# AWS KMS


def test_the_provider_of_kms_keeps_the_contract(kms_client):
    check_key_provider(KmsProvider.from_environment)


def test_nothing_on_the_disk_holds_a_key_that_kms_wraps(kms):
    rotated_to_disabled(kms)

    keyset = kms.load("demo", with_disabled=True)

    assert len(keyset.materials) == 3
    written = content_of(kms.folder)
    assert not any(is_shown(material, written) for material in keyset.materials.values())


def test_kms_unwraps_a_key_only_for_its_keyset_purpose_and_id(kms, kms_client):
    keyset = Keyset.generate("demo", "audit")
    kms.create(keyset)
    document = json.loads((kms.folder / "demo.json").read_text())
    wrapped = base64.b64decode(document["materials"][keyset.primary.id]["content"])
    context = {
        "application": "data-services",
        "keyset": "demo",
        "purpose": "audit",
        "key": keyset.primary.id,
    }

    answer = kms_client.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)

    assert answer["Plaintext"] == keyset.materials[keyset.primary.id].reveal()
    for name in ("keyset", "purpose", "key"):
        with pytest.raises(kms_client.exceptions.InvalidCiphertextException):
            kms_client.decrypt(CiphertextBlob=wrapped, EncryptionContext=context | {name: "x"})


@pytest.mark.parametrize("change", ["moved", "other purpose", "swapped", "flipped"])
def test_a_wrapped_key_that_was_changed_or_moved_is_refused(kms, change):
    kms.create(Keyset.generate("demo"))
    kms.update("demo", KeysetInfo.rotated)
    document = json.loads((kms.folder / "demo.json").read_text())
    first, second = document["materials"]
    if change == "moved":
        document["name"] = "demo-two"
    elif change == "other purpose":
        document["purpose"] = "vault"
    elif change == "swapped":
        document["materials"] = {
            first: document["materials"][second],
            second: document["materials"][first],
        }
    else:
        flipped = bytearray(base64.b64decode(document["materials"][first]["content"]))
        flipped[-1] ^= 1
        document["materials"][first]["content"] = base64.b64encode(flipped).decode()
    text = json.dumps(document).encode()
    write_whole(kms.folder / f"{document['name']}.json", Secret(text), replace=True)

    with pytest.raises(DamagedKeysetError, match="KMS finds that a key was changed, moved"):
        kms.load(document["name"])


def test_a_key_wrapped_under_another_kms_key_is_refused(kms, kms_client, monkeypatch):
    kms.create(Keyset.generate("demo"))
    other = kms_client.create_key()["KeyMetadata"]["KeyId"]
    monkeypatch.setenv("DATA_SERVICES_KMS_KEY", other)

    with pytest.raises(DataServicesError) as refused:
        KmsProvider.from_environment().load("demo")

    assert str(refused.value) == (
        f"KMS answers AccessDeniedException to Decrypt with the key '{other}'; give this role "
        "kms:Encrypt and kms:Decrypt on it."
    )


def test_a_key_that_is_destroyed_leaves_nothing_that_kms_could_unwrap(kms):
    info = rotated_to_disabled(kms)
    doomed = info.keys[2].id
    document = json.loads((kms.folder / "demo.json").read_text())
    wrapped = base64.b64decode(document["materials"][doomed]["content"])

    after = kms.update("demo", lambda now: now.destroyed(doomed))

    assert after.key(doomed).state == "destroyed"
    assert not is_shown(Secret(wrapped), content_of(kms.folder))
    assert doomed not in kms.load("demo", with_disabled=True).materials


def test_what_needs_no_key_asks_kms_for_nothing(kms, monkeypatch):
    rotated_to_disabled(kms)
    monkeypatch.setenv("DATA_SERVICES_KMS_ENDPOINT_URL", "http://127.0.0.1:1")
    out_of_reach = KmsProvider.from_environment()

    info = out_of_reach.describe("demo")
    disabled = info.keys[2].id

    assert out_of_reach.names() == ("demo",)
    assert out_of_reach.update("demo", lambda now: now.enabled(disabled)).revision == 5
    assert out_of_reach.update("demo", lambda now: now.destroyed(disabled)).revision == 6


def test_kms_out_of_reach_is_one_sentence_and_changes_nothing(kms, monkeypatch):
    kms.create(Keyset.generate("demo"))
    monkeypatch.setenv("DATA_SERVICES_KMS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("util_services.keys.providers.kms.ATTEMPTS", 1)
    out_of_reach = KmsProvider.from_environment()

    for use in (
        lambda: out_of_reach.load("demo"),
        lambda: out_of_reach.update("demo", KeysetInfo.rotated),
    ):
        with pytest.raises(KeyServiceError) as refused:
            use()
        assert str(refused.value) == (
            "KMS cannot be asked (EndpointConnectionError); check credentials, region, endpoint "
            "and network."
        )
    assert kms.describe("demo").revision == 1


def test_a_kms_key_that_there_is_not_is_one_sentence(kms_client, monkeypatch):
    absent = "00000000-0000-0000-0000-000000000000"
    monkeypatch.setenv("DATA_SERVICES_KMS_KEY", absent)

    with pytest.raises(KeyServiceError) as refused:
        KmsProvider.from_environment().create(Keyset.generate("demo"))

    assert str(refused.value) == (
        f"KMS answers NotFoundException to Encrypt with the key '{absent}'; correct "
        "DATA_SERVICES_KMS_KEY or the region."
    )


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("KMS_KEY", None, "needs a key of AWS KMS; set DATA_SERVICES_KMS_KEY"),
        ("KMS_ENDPOINT_URL", "http://kms.example.org", "must begin with 'https://'"),
        ("KMS_ENDPOINT_URL", "no url", "must begin with 'https://'"),
    ],
)
def test_settings_of_kms_that_are_missing_or_unsafe_are_named(
    kms_client, monkeypatch, variable, value, sentence
):
    if value is None:
        monkeypatch.delenv(f"DATA_SERVICES_{variable}")
    else:
        monkeypatch.setenv(f"DATA_SERVICES_{variable}", value)

    with pytest.raises(ConfigurationError, match=sentence):
        KmsProvider.from_environment()


def test_a_missing_region_is_named(kms_client, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)

    with pytest.raises(ConfigurationError, match="set AWS_REGION"):
        KmsProvider.from_environment()


def test_no_debug_log_quotes_a_key_that_travels_to_or_from_kms(kms_client, caplog):
    caplog.set_level(logging.DEBUG)
    provider = KmsProvider.from_environment()
    keyset = Keyset.generate("demo")

    provider.create(keyset)
    KmsProvider.from_environment().load("demo")
    kms_client.list_keys()

    logged = "\n".join(f"{r.getMessage()} {r.args} {r.exc_info}" for r in caplog.records)
    assert "ListKeys" in logged  # others are logged as before
    assert not is_shown(keyset.materials[keyset.primary.id], logged)


def test_an_error_of_kms_shows_no_key_even_with_local_variables(kms, monkeypatch):
    keyset = Keyset.generate("demo")
    monkeypatch.setenv("DATA_SERVICES_KMS_KEY", "alias/absent")

    with pytest.raises(DataServicesError) as refused:
        KmsProvider.from_environment().create(keyset)

    told = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    assert not is_shown(keyset.materials[keyset.primary.id], "".join(told.format()))
    assert refused.value.__context__ is None  # the error of botocore, whose frames hold the key
