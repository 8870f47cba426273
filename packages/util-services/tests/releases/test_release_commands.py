"""``data-services release``: what it makes, what it refuses, and its exit status."""

import hashlib
import json

import pytest
from click.testing import CliRunner

from util_services.cli.release import release
from util_services.keys.key_files import write_key_pair
from util_services.releases.envelope import STATEMENT_TYPE, Envelope
from util_services.releases.statement import Statement

NEVER = "2999-01-01T00:00:00Z"
POLICY = "purpose: x\nreleased_by: [bob]\ncolumns: {stay: insensitive}\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    return lambda *arguments: CliRunner().invoke(release, arguments)


@pytest.fixture
def arrived(tmp_path, clinic):
    """A release of one file, with the public key of who made it."""
    (tmp_path / "out.csv").write_bytes(b"a\n1\n")
    predicate = {
        "released": "2026-05-04T08:00:00Z",
        "expires": NEVER,
        "purpose": "x",
        "policy_signed_by": "Ada",
        "rules": [],
    }
    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    statement = Statement({"out.csv": digest}, predicate).to_json()
    envelope = Envelope.sealed(STATEMENT_TYPE, statement, clinic)
    (tmp_path / "out.csv.release.json").write_bytes(envelope.to_json())
    write_key_pair(clinic, tmp_path / "clinic.key", None)
    return tmp_path / "out.csv"


@pytest.mark.parametrize("name", release.commands)
def test_the_help_of_every_command_has_an_example(name):
    assert f"Example: data-services release {name}" in release.commands[name].help


def test_a_key_is_made_for_releases_and_is_readable_by_its_owner_alone(run, tmp_path):
    made = run("key", "release.key", "--owner", "Clinic A", "--without-passphrase", "--json")

    assert made.exit_code == 0
    assert json.loads(made.output)["owner"] == "Clinic A"
    assert (tmp_path / "release.key").stat().st_mode & 0o077 == 0
    assert b'"use": "release"' in (tmp_path / "release.key.pub").read_bytes()


def test_a_sound_release_is_told_in_words_and_as_json(run, arrived):
    told = run("verify", "out.csv", "--key", "clinic.key.pub")
    as_json = run("verify", "out.csv", "--key", "clinic.key.pub", "--json")

    assert (told.exit_code, as_json.exit_code) == (0, 0)
    assert "signed by  Clinic A" in told.output
    assert "as signed  out.csv" in told.output
    assert json.loads(as_json.output)["sound"] is True


def test_an_unsound_release_ends_with_1(run, arrived):
    arrived.write_bytes(b"a\n2\n")

    found = run("verify", "out.csv", "--key", "clinic.key.pub")

    assert found.exit_code == 1
    assert "error: 'out.csv' is not what was signed." in found.output


def test_a_release_of_a_stranger_ends_with_1(run, arrived):
    run("key", "other.key", "--owner", "Clinic A", "--without-passphrase")

    found = run("verify", "out.csv", "--key", "other.key.pub", "--json")

    assert found.exit_code == 1
    assert "signed with none of the keys given" in found.output


def test_a_key_of_another_use_cannot_verify(run, arrived, ada, tmp_path):
    write_key_pair(ada, tmp_path / "ada.key", None)

    found = run("verify", "out.csv", "--key", "ada.key.pub")

    assert found.exit_code != 0
    assert "its key is for 'approval' and not for 'release'" in str(found.exception)


def test_what_is_no_policy_is_not_signed(run, ada, tmp_path):
    write_key_pair(ada, tmp_path / "ada.key", None)
    (tmp_path / "policy.yaml").write_text(POLICY + "approvals: none\n")

    found = run("sign-policy", "policy.yaml", "--identity", "ada.key")

    assert found.exit_code != 0
    assert "unknown key 'approvals'" in str(found.exception)
    assert not (tmp_path / "policy.yaml.signature.json").exists()


def test_a_policy_whose_tables_are_not_judged_together_is_not_signed(run, tmp_path):
    further = "tables: {a: {columns: {stay: insensitive}, references: {stay: stay}}}\n"
    checks = "checks: {personal_data: {}}\n"
    (tmp_path / "policy.yaml").write_text(POLICY + checks + further)
    (tmp_path / "ada.key").write_text("")

    refused = run("sign-policy", "policy.yaml", "--identity", "ada.key")

    assert refused.exit_code != 0
    assert "what must hold of all of them together; add 'joined_view'" in str(refused.exception)
    assert not (tmp_path / "policy.yaml.signature.json").exists()


def test_a_withdrawal_without_a_reason_is_refused(run):
    refused = run("withdraw", "0123456789abcdef", "--reason", " ")

    assert refused.exit_code == 2
    assert "'--reason' is empty; say in a sentence why it is withdrawn." in refused.output
