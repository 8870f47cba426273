"""What is out is on the register, whatever happens; and the register cannot be edited unnoticed."""

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from releasing_deployment import CSV, POLICY, TOKEN

from util_services.cli.release import release as command
from util_services.releases.errors import RegisterError
from util_services.releases.places import is_on_this_machine
from util_services.releases.register import Register
from util_services.releases.verifying import check_release


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    return lambda *arguments: CliRunner().invoke(command, arguments)


def records(register):
    (file,) = register.directory.glob("*.jsonl")
    return file, file.read_text().splitlines(keepends=True)


def test_a_release_is_on_the_register_as_its_statement_says(deployment):
    deployment.sign(POLICY | {"dataset": "stays", "valid_days": 10})
    assert deployment.release().success

    (standing,) = Register().standings()
    told, found = (
        standing.release,
        check_release(deployment.root / "out.csv", [deployment.clinic.public]),
    )
    assert standing.is_out
    assert told.id == found.id
    assert (told.dataset, told.purpose) == ("stays", "research on stays")
    assert told.requester == "bob"
    assert told.policy["signed_by"] == "Ada Lovelace"
    assert told.expires == found.statement.expires
    assert told.table.sha256 == found.statement.subjects["out.csv"]
    assert told.table.columns == POLICY["columns"]
    assert told.checks["privacy_models"] == {"k": 5, "l": 2}
    assert told.table.rows == 20


def test_a_refused_release_is_not_on_the_register(deployment):
    deployment.refusal(requester="eve")

    assert Register().standings() == []


def test_the_states_of_a_release_in_time(deployment):
    deployment.sign(POLICY | {"valid_days": 100})
    assert deployment.release().success
    (standing,) = Register().standings()
    day = {"released": standing.release.released[:10], "expires": standing.release.expires[:10]}

    assert standing.state(f"{day['released']}T23:59:59Z") == "out"
    assert standing.state(f"{day['expires']}T00:00:00Z") == "expiring"
    assert standing.state(standing.release.expires) == "expired"


def test_the_commands_show_what_is_out_and_withdraw_it(deployment, run):
    assert run("list").output == "No release is on the register.\n"
    assert deployment.release().success
    (standing,) = Register().standings()
    name = standing.release.id

    shown = run("list")
    assert shown.exit_code == 0
    assert f"{name}  out" in shown.output
    done = run("withdraw", name[:8], "--reason", "an objection came late")
    assert done.exit_code == 0
    assert "withdrawn" in done.output
    assert "an objection came late" in done.output

    (told,) = json.loads(run("list", "--json").output)["releases"]
    assert told["state"] == "withdrawn"
    assert told["withdrawal"]["reason"] == "an objection came late"
    again = run("withdraw", name, "--reason", "once more")
    assert "is withdrawn since" in str(again.exception)
    unknown = run("withdraw", "feed", "--reason", "x")
    assert "No release on the register is called 'feed'" in str(unknown.exception)


@pytest.mark.parametrize("how", ["edited", "cut", "removed", "all removed"])
def test_an_edited_register_is_noticed_and_nothing_is_released_then(deployment, how, run):
    assert deployment.release().success
    register = Register()
    file, lines = records(register)
    match how:
        case "edited":
            file.write_text("".join(lines).replace('"k":5', '"k":2'))
        case "cut":
            file.write_text("".join(lines[:1]))
        case "removed":
            file.write_text("".join([lines[0], *lines[2:]]))
        case "all removed":
            file.unlink()

    with pytest.raises(RegisterError, match="The register of releases is broken at"):
        register.standings()
    assert "The register of releases is broken" in deployment.refusal(out="again.csv")
    assert not (deployment.root / "again.csv").exists()
    assert run("list").exit_code != 0


KILLED = """
import os, signal, sys
import dagster as dg
from util_services.releases.jobs import RELEASE_JOBS
from util_services.releases.register import Register

announce = Register.announce

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def announce_and_die(*given):
    announce(*given)
    die()

if sys.argv[1] == "announced":  # after the register says so, before the data appear
    Register.announce = announce_and_die
else:  # after the data have appeared, before the register says so
    Register.confirm = die

ops = {
    "read_dataset": {"config": {"path": "in.csv"}},
    "release_gate": {"config": {"policy": "policy.yaml", "requester": "bob"}},
    "write_dataset": {"config": {"path": "out.csv"}},
}
with dg.DagsterInstance.get() as instance:
    RELEASE_JOBS[0].execute_in_process({"ops": ops}, instance=instance)
"""


@pytest.mark.parametrize("moment", ["announced", "appeared"])
def test_after_a_kill_the_register_agrees_with_what_is_there(deployment, moment):
    done = subprocess.run([sys.executable, "-c", KILLED, moment], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    is_there = (deployment.root / "out.csv").exists()
    assert is_there == (moment == "appeared")
    (before,) = Register().standings()
    assert not before.is_out

    settled = Register().settle(is_on_this_machine)

    assert [one.is_out for one in settled] == ([True] if is_there else [])
    if is_there:
        assert check_release(deployment.root / "out.csv", [deployment.clinic.public]).is_sound
    else:
        assert deployment.release().success  # and what the killed run has left is replaced
        assert [one.is_out for one in Register().standings()] == [True]


def test_what_a_run_on_another_machine_announced_is_settled_once_that_is_over(
    deployment, monkeypatch
):
    done = subprocess.run([sys.executable, "-c", KILLED, "announced"], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    monkeypatch.setattr("util_services.storage.processes.Process.is_gone", lambda _: False)

    assert len(Register().settle(is_on_this_machine)) == 1
    assert len(Register().settle(is_on_this_machine, lambda _: False)) == 1
    assert Register().settle(is_on_this_machine, lambda _: True) == []


def test_what_appeared_after_it_was_given_up_and_was_not_confirmed_is_found(deployment):
    """A run that was taken for dead goes on, publishes, and is killed before it says so."""
    done = subprocess.run([sys.executable, "-c", KILLED, "appeared"], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    register = Register()
    (standing,) = register.standings()
    register.close_announced(standing.release, lambda _: False)
    assert register.standings() == []

    (found,) = register.settle(is_on_this_machine)

    assert found.release == standing.release
    assert found.is_out
    assert Register().standings() == [found]


def test_a_place_where_a_later_release_is_out_is_not_read_for_one_that_was_given_up(deployment):
    done = subprocess.run([sys.executable, "-c", KILLED, "announced"], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert deployment.release().success
    asked = []

    settled = Register().settle(asked.append)

    assert [one.is_out for one in settled] == [True]
    assert asked == []


def test_what_appears_after_it_was_given_up_is_out(deployment):
    deployment.sign(POLICY)
    register = Register()
    assert deployment.release().success
    (standing,) = register.standings()

    register.close_announced(standing.release, lambda _: False)
    assert [one.is_out for one in register.standings()] == [True]
    register.confirm(standing.release)
    assert [one.is_out for one in register.standings()] == [True]


def test_a_clock_that_was_set_back_hides_no_withdrawal(deployment, monkeypatch):
    deployment.sign(POLICY)
    assert deployment.release().success
    (standing,) = Register().standings()
    monkeypatch.setattr("util_services.audit.writer.now", lambda: "2020-01-01T00:00:00.000Z")

    Register().withdraw(standing.release.id, "ada", "it was wrong", lambda link: link)

    assert [one.withdrawal.reason for one in Register().standings()] == ["it was wrong"]


def test_of_two_releases_of_the_same_data_at_once_the_second_is_refused(deployment, monkeypatch):
    first = Register.announce

    def late(register, release, considered, record):
        monkeypatch.setattr(Register, "announce", first)
        assert deployment.release(out="first.csv").success
        return first(register, release, considered, record)

    monkeypatch.setattr(Register, "announce", late)

    sentence = deployment.refusal(out="second.csv")

    assert "of the same data appeared while this release was judged" in sentence
    assert not any(name.startswith("second.csv") for name in deployment.outputs())
    assert len(Register().standings()) == 1


def test_the_same_bytes_may_be_released_again(deployment):
    assert deployment.release().success
    assert deployment.release(out="again.csv").success

    assert len(Register().standings()) == 2


def test_other_bytes_of_the_same_data_want_a_policy_that_speaks_of_earlier_releases(deployment):
    deployment.sign(POLICY | {"dataset": "stays"})
    assert deployment.release().success
    (first,) = Register().standings()
    (deployment.root / "in.csv").write_text(CSV.rsplit("mac1", 1)[0])  # one row less

    sentence = deployment.refusal(out="again.csv")

    assert "'earlier_releases' among the checks, for there are earlier releases" in sentence
    assert f"released before: '{first.release.id}'" in sentence


def with_earlier(**config):
    checks = POLICY["checks"] | {"earlier_releases": {"k": 2, **config}}
    return POLICY | {"dataset": "stays", "checks": checks}


def test_two_releases_that_differ_by_one_row_are_refused(deployment):
    deployment.sign(with_earlier())
    assert deployment.release().success
    (first,) = Register().standings()
    rows = CSV.splitlines(keepends=True)
    (deployment.root / "in.csv").write_text("".join(rows[:-1]))

    sentence = deployment.refusal(out="again.csv")

    assert f"together with the release '{first.release.id}': joined classes of 2" in sentence
    assert "1 of 3 joined classes are smaller; the smallest has 1" in sentence
    assert not (deployment.root / "again.csv").exists()


def test_a_third_release_is_refused_that_singles_persons_out_together_with_two(deployment):
    """Each two of three groupings leave classes of four persons, and all three leave two."""
    persons = [f"{TOKEN[:-1]}{n:02}" for n in range(16)]
    for bit in range(3):
        rows = "".join(
            f"{person},{'mf'[n >> bit & 1]},{'EI'[n >> 3]}10.0,A\n"
            for n, person in enumerate(persons)
        )
        (deployment.root / f"{bit}.csv").write_text(f"person,sex,diagnosis,ward\n{rows}")
    deployment.sign(with_earlier(k=4) | {"dataset": "stays"})
    for bit in range(2):
        assert deployment.release(f"out{bit}.csv", reading={"path": f"{bit}.csv"}).success

    sentence = deployment.refusal(out="out2.csv", reading={"path": "2.csv"})

    assert "it misses 1 rule of its policy: earlier_releases: together with all 2" in sentence
    assert "earlier releases: joined classes of 4 persons at least" in sentence
    assert not (deployment.root / "out2.csv").exists()


def test_an_earlier_release_that_is_out_of_reach_refuses_the_next_one_by_name(deployment):
    deployment.sign(with_earlier())
    assert deployment.release().success
    (first,) = Register().standings()
    (deployment.root / "out.csv").rename(deployment.root / "moved.csv")
    (deployment.root / "in.csv").write_text(CSV + CSV.split("\n", 1)[1])  # every row twice

    sentence = deployment.refusal(out="again.csv")
    assert f"The release '{first.release.id}' is not at" in sentence
    deployment.sign(with_earlier(unreachable="accept"))
    assert deployment.release(out="accepted.csv").success


def test_a_copy_of_an_earlier_release_may_be_named(deployment):
    deployment.sign(with_earlier())
    assert deployment.release().success
    (deployment.root / "out.csv").rename(deployment.root / "moved.csv")
    (deployment.root / "in.csv").write_text(CSV + CSV.split("\n", 1)[1])

    wrong = deployment.refusal(out="again.csv", earlier=["in.csv"])
    assert "its bytes can be read" in wrong
    assert deployment.release(out="again.csv", earlier=["moved.csv"]).success


def test_the_signer_may_vouch_that_readers_are_others(deployment):
    deployment.sign(with_earlier(criterion="none"))
    assert deployment.release().success
    (deployment.root / "in.csv").write_text(CSV.rsplit("mac1", 1)[0])

    assert deployment.release(out="again.csv").success
