"""What a vault has forgotten nothing leads back to; a second person has approved it."""

import json
import shlex
from datetime import timedelta

import pyarrow as pa
import pytest
from click.testing import CliRunner

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.commands import JOB, vaults
from field_pseudonymisation.errors import PolicyError, TokenError
from field_pseudonymisation.forgetting import tokens_of
from util_services.approvals import ApprovalRefusedError, ApprovalRequest, Approver, approve
from util_services.approvals.records import digest_of_file
from util_services.approvals.trust import add_approver
from util_services.audit.writer import writer
from util_services.keys import Keyset
from util_services.keys.key_pairs import KeyPair

POLICY = PseudonymisationPolicy("k", "clinic-a", {"a": {"technique": "tokenise"}})
KEYS = Keyset.generate()
VALUES = ["ann", "bo", "cy"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A deployment with an audit, an approver and a vault of three tokens."""
    for name in ("KEYS", "VAULTS", "AUDIT_DIR", "TRUST", "APPROVALS"):
        (tmp_path / name.lower()).mkdir(mode=0o700)
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(tmp_path / name.lower()))
    yield tmp_path
    writer().close()


@pytest.fixture
def made(folder):
    return pseudonymise(pa.table({"a": VALUES}), POLICY, KEYS)


@pytest.fixture
def forget(folder):
    """Ask the vault to forget tokens, with an approval of a purpose."""
    pair = KeyPair.generate("approval", "Ada Lovelace")
    add_approver(folder / "trust", Approver(pair.public, "Ada Lovelace"))

    def run(text, approved="erasure 9", *more):
        file, approval = folder / "tokens.txt", folder / "approval.token"
        file.write_text(text)
        request = ApprovalRequest(JOB, digest_of_file(file), approved, "bob", None, None)
        approval.write_text(approve(request, pair, timedelta(hours=1)))
        asked = ["--purpose", "erasure 9", "--requester", "bob", "--approval", str(approval)]
        return CliRunner().invoke(vaults, ["forget", str(file), *asked, *more])

    return run


def audited(folder):
    found = []
    for chain in (folder / "audit_dir").glob("*.jsonl"):
        found += map(json.loads, chain.read_text().splitlines())
    return [line for line in found if line.get("action") in {"tokens.forget", "approval"}]


def test_what_is_forgotten_comes_back_for_nobody_and_the_rest_does(made, forget, folder):
    done, report = made
    tokens = done["a"].to_pylist()

    result = forget(f"{tokens[1]}\n\n{tokens[1]}\n", "erasure 9", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "schema": 1,
        "vault": "default",
        "forgotten": 1,
        "not_there": 0,
    }
    with pytest.raises(TokenError, match="row 1"):
        depseudonymise(done, report, KEYS)
    left = done.take([0, 2])
    back, _ = depseudonymise(left, report, KEYS, other_dataset=True)
    assert back["a"].to_pylist() == ["ann", "cy"]
    again, _ = pseudonymise(pa.table({"a": VALUES}), POLICY, KEYS)
    assert [a == b for a, b in zip(again["a"].to_pylist(), tokens, strict=True)] == [
        True,
        False,
        True,
    ]
    before, after = audited(folder)
    assert (before["phase"], after["phase"], after["counts"]) == (
        "before",
        "after",
        {"tokens_forgotten": 1},
    )
    assert before["facts"] == {
        "tokens_sha256": digest_of_file(folder / "tokens.txt"),
        "vault": "default",
    }
    assert (before["requester"], before["purpose"]) == ("bob", "erasure 9")


@pytest.mark.parametrize("command", [vaults, vaults.commands["forget"]], ids=lambda one: one.name)
def test_the_example_of_the_help_runs(made, forget, folder, monkeypatch, command):
    token = made[0]["a"][0].as_py()
    assert forget(token, "curiosity").exit_code == 1  # leaves the files behind
    monkeypatch.chdir(folder)
    assert forget(token).exit_code == 0
    example = " ".join(command.help.partition("Example: data-services vaults ")[2].split())

    again = CliRunner().invoke(vaults, shlex.split(example))

    assert again.exit_code == 0, again.output
    assert "has forgotten 0 tokens; 1 were not there" in again.stdout


def test_nothing_is_forgotten_that_was_not_approved(made, forget, folder):
    done, report = made

    result = forget("\n".join(done["a"].to_pylist()), "curiosity")

    assert isinstance(result.exception, ApprovalRefusedError)
    assert depseudonymise(done, report, KEYS)[0]["a"].to_pylist() == VALUES
    (refused,) = audited(folder)
    assert (refused["action"], refused["outcome"]) == ("approval", "refused")


@pytest.mark.parametrize("name", ["defualt", "../vaults/default"])
def test_a_vault_that_is_not_there_is_refused_and_not_made(made, forget, folder, name):
    result = forget(made[0]["a"][0].as_py(), "erasure 9", "--vault", name)

    assert isinstance(result.exception, PolicyError)
    assert f"There is no vault '{name}'" in str(result.exception)
    assert [file.name for file in (folder / "vaults").iterdir()] == ["default.vault"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds none"),
        (b"\n \n", "holds none"),
        (b"\xff", "not in UTF-8"),
        (b"token\ntok1.00a1b2c3.AAAAAAAAAAAAAAAAAAAAAA\n", "on line 1 what is no token"),
        (b"tok1.00a1b2c3.AAAAAAAAAAAAAAAAAAAAAA\n\nann@example.org\n", "on line 3 what is"),
        (b"siv1.00a1b2c3.AAAAAAAAAAAAAAAAAAAAAA\n", "on line 1"),
    ],
)
def test_a_file_that_holds_anything_but_tokens_is_refused_without_quoting_it(content, sentence):
    with pytest.raises(PolicyError, match=sentence) as refusal:
        tokens_of(content)

    assert "ann" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"no database at all, but a text of some length" * 99])
def test_a_vault_that_is_empty_or_none_is_told_in_a_sentence(made, folder, content):
    done, report = made
    (folder / "vaults/default.vault").write_bytes(content)

    sentence = "cannot be used" if content else "the vault does not have"
    with pytest.raises((PolicyError, TokenError), match=sentence):
        depseudonymise(done, report, KEYS)
