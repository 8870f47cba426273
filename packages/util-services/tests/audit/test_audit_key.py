"""Where the key of the audit comes from, and who may know it."""

import os
import stat
import subprocess
import sys

import pytest

from util_services.audit.errors import AuditError
from util_services.audit.key import audit_keys, unusable_keys, writing_key
from util_services.audit.record import WorkRecord
from util_services.audit.writer import check_writable, writer
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.leaks import is_shown
from util_services.keys.providers.choice import key_provider

MAKE_A_KEY = """
from util_services.audit.key import writing_key
print(writing_key(is_first=True).id)
"""


@pytest.fixture
def folder(tmp_path, clean_environment, monkeypatch):
    """A folder for keysets, which is not there yet."""
    place = tmp_path / "keys"
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(place))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    return place


def test_without_one_a_keyset_is_made_that_nobody_else_can_read(folder):
    assert audit_keys() == ()

    made = writing_key(is_first=True)

    assert audit_keys() == (made,)
    assert stat.S_IMODE((folder / "audit.json").stat().st_mode) == 0o600
    keyset = Keyset.load("audit", purpose="audit")
    assert made.id == keyset.primary.id
    assert not is_shown(keyset.materials[made.id], repr(made) + made.mac(b"{}"))


def test_processes_that_need_the_first_key_at_once_agree_on_it(folder):
    command = [sys.executable, "-c", MAKE_A_KEY]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    told = {process.communicate()[0] for process in started}

    assert told == {f"{audit_keys()[0].id}\n"}


def test_after_a_rotation_the_new_key_writes_and_the_former_one_verifies(folder):
    former = writing_key(is_first=True)
    provider = key_provider()
    provider.update("audit", KeysetInfo.rotated)
    program = "from util_services.audit.key import audit_keys; print(*(k.id for k in audit_keys()))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert answer.stdout.split() == [provider.describe("audit").primary.id, former.id]


def test_a_keyset_of_the_environment_is_used_as_it_is(audit, in_environment):
    assert [key.id for key in audit_keys()] == [audit.key.id]
    assert writing_key(is_first=True).mac(b"{}") == audit.key.mac(b"{}")


def test_a_provider_that_only_reads_is_asked_for_the_keyset(folder, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_KEY_PROVIDER", "environment")

    with pytest.raises(AuditError, match="data-services keys create audit --purpose audit"):
        writing_key(is_first=True)


def test_a_lost_key_is_not_replaced_where_there_are_records(folder, tmp_path, monkeypatch):
    writer().append("work", WorkRecord("tea").to_dict())
    writer().close()
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "other"))

    for attempt in (writer, check_writable):
        with pytest.raises(AuditError, match="that they were written with is not there"):
            attempt()
    assert not (tmp_path / "other").exists()


def test_a_keyset_for_something_else_is_refused(folder):
    key_provider().create(Keyset.generate("audit", purpose="pseudonymisation"))

    with pytest.raises(AuditError, match=r"^The audit has no key\. The keyset 'audit' is for"):
        audit_keys()


def test_a_keyset_that_others_can_read_is_refused(folder):
    writing_key(is_first=True)
    (folder / "audit.json").chmod(0o644)
    program = "from util_services.audit.key import audit_keys; audit_keys()"

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "AuditError: The audit has no key. " in answer.stderr
    assert "is open to others (mode 0644)" in answer.stderr


def test_a_folder_for_keys_that_cannot_be_made_is_one_sentence(tmp_path, folder, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "file" / "keys"))

    with pytest.raises(AuditError, match="No key can be made for the audit"):
        writing_key(is_first=True)


@pytest.mark.parametrize("kind", ["file", "below a file", "too long"])
def test_a_folder_that_cannot_be_used_is_refused_before_a_run(folder, tmp_path, monkeypatch, kind):
    file = tmp_path / "file"
    file.touch()
    place = {"file": file, "below a file": file / "x", "too long": tmp_path / ("x" * 300)}[kind]
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(place))

    with pytest.raises(AuditError, match="The audit cannot be written to"):
        check_writable()
    assert not os.path.lexists(folder)


def test_the_states_of_keys_that_cannot_be_used_are_known(folder):
    writing_key(is_first=True)
    assert unusable_keys() == {}
    provider = key_provider()
    first = provider.describe("audit").primary.id
    second = provider.update("audit", KeysetInfo.rotated).primary.id
    provider.update("audit", KeysetInfo.rotated)
    provider.update("audit", lambda info: info.disabled(first))
    provider.update("audit", lambda info: info.destroyed(second))
    program = "from util_services.audit.key import unusable_keys; print(unusable_keys())"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert answer.stdout.strip() == str({second: "destroyed", first: "disabled"})
