"""What is done to keysets and approvers stands in the audit, and never a key."""

import getpass
import json

import pytest

from util_services.keys.leaks import is_shown
from util_services.keys.providers.file import FileProvider


@pytest.fixture
def told(program):
    """Return a function that gives the records of an action."""

    def records(action):
        answer = program("audit", "list", "--action", action, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)["records"]

    return records


def outcomes(records):
    return [record.get("outcome", record["phase"]) for record in records]


def test_the_life_of_a_keyset_is_recorded(program, told, passphrase_file, tmp_path):
    phrase = ["--passphrase-file", passphrase_file]
    create = json.loads(program("keys", "create", "demo", "--json").stdout)
    first = create["keyset"]["keys"][0]["id"]
    for command in (
        ["rotate", "demo"],
        ["disable", "demo", first],
        ["enable", "demo", first],
        ["export", "demo"],
        ["backup", "demo", "--out", "demo.backup", *phrase],
        ["destroy", "demo", first, "--reason", "the study ends", "--yes"],
    ):
        done = program("keys", *command)
        assert done.returncode == 0, done.stderr

    for action in ("create", "rotate", "disable", "enable", "export", "backup", "destroy"):
        found = told(f"keys.{action}")
        assert outcomes(found) == ["before", "success"], action
        assert {record["user"] for record in found} == {getpass.getuser()}
        assert {record["facts"]["keyset"] for record in found} == {"demo"}
    assert told("keys.disable")[0]["facts"]["key"] == first
    assert told("keys.rotate")[1]["facts"]["key"] != first
    assert told("keys.destroy")[0]["purpose"] == "the study ends"
    written = b"".join(file.read_bytes() for file in (tmp_path / "audit").iterdir())
    for key in FileProvider.from_environment().load("demo", with_disabled=True).materials.values():
        assert not is_shown(key, written)


def test_what_failed_is_recorded_as_such(program, told):
    program("keys", "create", "demo")

    assert program("keys", "create", "demo").returncode == 2

    assert outcomes(told("keys.create")) == ["before", "success", "before", "failure"]
    assert told("keys.create")[-1]["error"][0] == "KeysetExistsError"


def test_the_keyset_of_the_audit_itself_is_recorded_once_it_is_there(
    program, told, passphrase_file
):
    phrase = ["--passphrase-file", passphrase_file]
    assert program("keys", "create", "audit", "--purpose", "audit").returncode == 0
    assert outcomes(told("keys.create")) == ["success"]
    assert program("keys", "rotate", "audit").returncode == 0
    assert outcomes(told("keys.rotate")) == ["before", "success"]
    assert program("keys", "backup", "audit", "--out", "a.backup", *phrase).returncode == 0
    (FileProvider.from_environment().folder / "audit.json").unlink()

    lost = program("keys", "create", "demo")
    restored = program("keys", "restore", "a.backup", *phrase)

    assert lost.returncode == 2
    assert "restore it" in lost.stderr
    assert restored.returncode == 0, restored.stderr
    assert outcomes(told("keys.restore")) == ["success"]
    assert program("audit", "verify", "--files-only").returncode == 0


def test_what_cannot_be_recorded_is_not_done(program, tmp_path):
    refused = program("keys", "create", "demo", DATA_SERVICES_AUDIT_DIR="/dev/null/audit")

    assert refused.returncode == 2
    assert "The audit cannot be written" in refused.stderr
    assert program("keys", "show", "demo").returncode == 2


def test_approvers_are_recorded(program, told):
    make = ["ada.key", "--owner", "Ada", "--without-passphrase"]
    assert program("approve", "identity", "create", *make).returncode == 0
    added = program("approve", "trust", "add", "ada.key.pub", "--owner", "Ada", "--json")
    fingerprint = json.loads(added.stdout)["approver"]["fingerprint"]
    assert program("approve", "trust", "revoke", fingerprint).returncode == 0

    for action in ("trust.add", "trust.revoke"):
        found = told(action)
        assert outcomes(found) == ["before", "success"]
        assert found[1]["facts"] == {"fingerprint": fingerprint, "owner": "Ada"}
