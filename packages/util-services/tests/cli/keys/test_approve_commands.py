"""``data-services approve``: two people, one token, and every way to be refused."""

import json

import click
import pytest

from util_services.approvals.records import Claims
from util_services.approvals.uses import FolderUses
from util_services.cli.approve import approve
from util_services.keys.fields import secret_from_base64
from util_services.keys.leaks import is_shown

ASKED = [
    "--job", "depseudonymise_structured_job", "--dataset", "visits.csv",
    "--purpose", "complaint 17", "--requester", "bob", "--column", "email", "--all-rows",
]  # fmt: skip


def commands_of(group, *names):
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands_of(command, *names, command.name)
        yield " ".join((*names, command.name)), command


COMMANDS = dict(commands_of(approve, "data-services", "approve"))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example(name):
    assert f"Example: {name}" in COMMANDS[name].help


@pytest.fixture
def people(program, tmp_path):
    """Ada, who may approve, and the dataset that it is about."""
    (tmp_path / "visits.csv").write_text("id,email\n1,pseudonym\n")
    (tmp_path / "rows.txt").write_text("1\n")
    for name in ("ada", "eve"):
        made = program(
            "approve", "identity", "create", f"{name}.key", "--owner", name.title(),
            "--without-passphrase",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    added = program("approve", "trust", "add", "ada.key.pub", "--owner", "Ada", "--alias", "al")
    assert added.returncode == 0, added.stderr
    return program


@pytest.fixture
def sign(people, tmp_path):
    """Return a function that signs an approval and gives the name of its file."""

    def make(*options, identity="ada.key", asked=ASKED, **variables):
        file = f"{len(list(tmp_path.iterdir()))}.token"
        signed = people(
            "approve", "new", "--identity", identity, *asked, "--yes", "--out", file, *options,
            **variables,
        )  # fmt: skip
        assert signed.returncode == 0, signed.stderr
        assert signed.stdout == ""
        return file

    return make


def asked_but(*changes):
    """Return the options with other values, a value of None taking the option away."""
    pairs = [ASKED[i : i + 2] for i in range(0, 10, 2)]
    given = dict(pairs) | {"--all-rows": ""} | dict(changes)
    return [part for name, value in given.items() if value is not None for part in (name, value)
            if part]  # fmt: skip


def test_what_was_approved_is_verified_and_shown(people, sign):
    token = sign("--valid-for", "2h", "--single-use")

    shown = people("approve", "show", token)
    verified = people("approve", "verify", token, *ASKED)

    assert shown.returncode == verified.returncode == 0
    assert "purpose:   complaint 17\n" in shown.stdout
    assert "columns:   'email'\n" in shown.stdout
    assert "uses:      one\n" in shown.stdout
    assert "said to be signed by " in shown.stdout
    assert verified.stdout.startswith("Approved by Ada until ")


def test_reports_in_json_hold_all_that_was_approved(people, sign):
    token = sign()

    shown = json.loads(people("approve", "show", token, "--json").stdout)
    verified = json.loads(people("approve", "verify", token, *ASKED, "--json").stdout)

    assert (shown["schema"], shown["checked"]) == (1, False)
    assert (verified["schema"], verified["accepted"]) == (1, True)
    assert verified["approval"]["claims"] == shown["claims"]
    assert shown["claims"]["columns"] == ["email"]


def test_a_token_goes_through_a_pipe(people):
    signed = people("approve", "new", "--identity", "ada.key", *ASKED, "--yes")
    verified = people("approve", "verify", "-", *ASKED, given=signed.stdout)

    assert signed.stdout.count("\n") == 1
    assert "requester: bob\n" in signed.stderr
    assert verified.returncode == 0, verified.stderr


REFUSED = {
    "job": ("--job", "k_anonymity_job"),
    "purpose": ("--purpose", "curiosity"),
    "requester": ("--requester", "eve"),
    "columns": ("--column", "name"),
    "dataset": ("--dataset", "rows.txt"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_was_not_approved_is_refused_with_status_1_and_a_reason(people, sign, reason):
    token = sign()

    done = people("approve", "verify", token, *asked_but(REFUSED[reason]), "--json")

    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["accepted"], report["reason"]) == (False, reason)
    assert done.stderr == f"error: {report['sentence']}\n"


def test_rows_are_those_of_a_file(people, sign):
    some = asked_but(("--all-rows", None), ("--rows", "rows.txt"))
    token = sign(asked=some)

    assert people("approve", "verify", token, *some).returncode == 0
    assert people("approve", "verify", token, *ASKED).returncode == 1


def test_a_stranger_and_a_revoked_key_approve_nothing(people, sign):
    token, of_a_stranger = sign(), sign(identity="eve.key")
    listed = json.loads(people("approve", "trust", "list", "--json").stdout)
    (ada,) = listed["approvers"]

    stranger = people("approve", "verify", of_a_stranger, *ASKED, "--json")
    people("approve", "trust", "revoke", ada["fingerprint"])
    revoked = people("approve", "verify", token, *ASKED, "--json")

    assert (stranger.returncode, revoked.returncode) == (1, 1)
    assert json.loads(stranger.stdout)["reason"] == "untrusted"
    assert json.loads(revoked.stdout)["reason"] == "revoked"
    assert "trusted no longer since " in people("approve", "trust", "list").stdout


def test_approvers_cannot_approve_their_own_requests_by_any_name(people, sign):
    own = people("approve", "new", "--identity", "ada.key", *asked_but(("--requester", "ADA")),
                 "--yes")  # fmt: skip
    by_alias = asked_but(("--requester", "AL"))
    known = people("approve", "new", "--identity", "ada.key", *by_alias, "--yes")
    unknown = sign(asked=by_alias, DATA_SERVICES_TRUST="")  # nobody says whose names there are
    verified = people("approve", "verify", unknown, *by_alias, "--json")

    assert (own.returncode, known.returncode, known.stdout) == (2, 2, "")
    assert known.stderr == (
        "error: 'AL' is a name of 'Ada', who cannot approve a request of their own; ask a second "
        "person.\n"
    )
    assert own.stderr.endswith("cannot approve a request of their own; ask a second person.\n")
    assert verified.returncode == 1
    assert json.loads(verified.stdout)["reason"] == "self_approval"


def test_a_sealed_identity_signs_with_its_passphrase_alone(people, tmp_path, passphrase_file):
    create = ["approve", "identity", "create", "carl.key", "--owner", "Carl"]
    signing = ["approve", "new", "--identity", "carl.key", *ASKED, "--yes"]
    assert people(*create, "--passphrase-file", passphrase_file).returncode == 0
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase")
    wrong.chmod(0o600)

    without = people(*signing)
    in_the_way = people(*signing, "--out", "visits.csv", "--passphrase-file", passphrase_file)
    with_wrong = people(*signing, "--passphrase-file", wrong)
    signed = people(*signing, "--passphrase-file", passphrase_file)

    assert (without.returncode, with_wrong.returncode, signed.returncode) == (2, 2, 0)
    assert "There is no terminal to ask at" in without.stderr
    assert "The passphrase is wrong" in with_wrong.stderr
    assert in_the_way.stderr == "error: 'visits.csv' exists already; choose another name.\n"
    assert "purpose" not in with_wrong.stderr + in_the_way.stderr
    assert signed.stdout.count(".") == 2


def test_nothing_is_signed_without_a_yes(people):
    done = people("approve", "new", "--identity", "ada.key", *ASKED, given="y\n")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "error: There is no terminal to ask at; give '--yes' to sign without a question.\n"
    )


def test_no_command_shows_a_private_key(people, tmp_path):
    record = json.loads((tmp_path / "ada.key").read_text())
    private = secret_from_base64(record["private_key"], "the key")
    outputs = [
        people("approve", "identity", "show", "ada.key.pub", "--json"),
        people("approve", "identity", "show", "ada.key"),
        people("approve", "trust", "list", "--json"),
        people("approve", "new", "--identity", "ada.key", *ASKED, "--yes"),
    ]

    assert [done.returncode for done in outputs] == [0, 2, 0, 0]
    assert not is_shown(private, "".join(done.stdout + done.stderr for done in outputs))


WRONG = {
    "two inputs": (("--digest", "ab" * 32), "Give either --dataset or --digest."),
    "no rows": (("--all-rows", None), "Give either --rows or --all-rows."),
    "no column": (("--column", None), "Give either --column or --all-columns."),
    "no file": (("--dataset", "absent.csv"), "File 'absent.csv' does not exist"),
    "an empty purpose": (("--purpose", " "), "'purpose' is empty, or has spaces around it"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_ends_with_status_2(people, wrong):
    change, sentence = WRONG[wrong]

    done = people("approve", "new", "--identity", "ada.key", *asked_but(change), "--yes")

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in " ".join(done.stderr.split())


@pytest.mark.parametrize("length", ["0h", "8", "-1h", "8 h", "9999999d"])
def test_a_length_of_time_that_is_none_is_refused(people, length):
    done = people(
        "approve", "new", "--identity", "ada.key", *ASKED, "--yes", f"--valid-for={length}"
    )

    assert done.returncode == 2
    assert "'--valid-for' must be a number with m, h or d, such as '8h'." in done.stderr


def test_a_deployment_that_trusts_nobody_checks_nothing(people, sign):
    done = people("approve", "verify", sign(), *ASKED, DATA_SERVICES_TRUST="")

    assert done.returncode == 2
    assert done.stderr.startswith("error: Nobody is trusted to approve anything here; set ")


def test_an_approval_that_is_used_up_is_not_verified_and_an_unused_one_stays_so(
    people, sign, tmp_path
):
    token, uses = sign("--single-use"), {"DATA_SERVICES_APPROVALS": "uses"}
    verify = ["approve", "verify", token, *ASKED, "--json"]
    claims = json.loads(people("approve", "show", token, "--json").stdout)["claims"]

    before = [people(*verify, **uses).returncode for _ in range(2)]
    FolderUses(tmp_path / "uses").claim(Claims.from_dict(claims), "run-1")
    after = people(*verify, **uses)

    assert before == [0, 0]
    assert after.returncode == 1
    assert json.loads(after.stdout)["reason"] == "used"
