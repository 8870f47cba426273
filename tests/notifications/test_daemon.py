"""What is told through a real daemon, when receivers are down and processes are killed."""

import hashlib
import hmac
import json
import threading

import pytest


def keys(runs):
    return {f"{run}:{status}" for run, status in runs}


def test_receivers_that_are_down_at_first_are_told_of_every_run_once(machine, canaries):
    machine.processes.start()
    runs = [
        (machine.run("good.csv"), "SUCCESS"),
        (machine.run("ragged.csv"), "FAILURE"),
        (machine.cancelled_run(), "CANCELED"),
    ]
    machine.wait_until(lambda: set(machine.told_by_file()) == keys(runs))

    def troubles():
        return {c["channel"]: c["reason"] for c in machine.listed()["channels"] if c["waiting"]}

    machine.wait_until(lambda: len(troubles()) == 2)
    assert troubles() == {
        "smtp": "the server is out of reach (ConnectionRefusedError)",
        "webhook": "the receiver is out of reach (ConnectionRefusedError)",
    }
    assert machine.told_by_web() == machine.told_by_mail() == []

    machine.web.start()
    with machine.mail.serve():
        machine.wait_until(lambda: set(machine.told_by_web()) == keys(runs))
        machine.wait_until(lambda: set(machine.told_by_mail()) == keys(runs))

    machine.wait_until(lambda: machine.listed()["notifications"] == [])
    for told in (machine.told_by_file(), machine.told_by_web(), machine.told_by_mail()):
        assert sorted(told) == sorted(keys(runs))
    assert_told_facts(machine, runs)
    assert_no_value(machine, canaries)


def assert_told_facts(machine, runs):
    bodies = {
        body["status"]: body for body in map(json.loads, machine.file.read_text().splitlines())
    }
    success, failure, cancelled = (bodies[status] for _, status in runs)
    assert success["rows"] == {"in": 3, "out": 2, "dropped": 1, "quarantined": 0}
    assert success["report"].endswith(".csv.report.html")
    assert success["start"] < success["end"]
    assert success["code"]["distribution"] == "data-processing"
    assert success["code"].keys() == {"distribution", "version", "commit"}
    assert (success["failed_step"], success["error_class"]) == (None, None)
    assert (failure["failed_step"], failure["error_class"]) == ("read_dataset", "DatasetError")
    assert failure["rows"] == {}
    assert (cancelled["failed_step"], cancelled["error_class"]) == (None, None)
    by_web = {json.loads(body)["status"]: json.loads(body) for _, body in machine.web.received}
    assert by_web == bodies
    subjects = {mail["Subject"] for _, mail in machine.mail.received}
    endings = zip(runs, ("succeeded", "failed", "was cancelled"), strict=True)
    assert subjects == {
        f"remove_duplicates_job {ending} (run {run[:8]})" for (run, _), ending in endings
    }


def assert_no_value(machine, canaries):
    told = machine.file.read_bytes() + b"".join(body for _, body in machine.web.received)
    told += b"".join(mail.as_bytes() for _, mail in machine.mail.received)
    told += (machine.home / "data_services_sensors.sqlite").read_bytes()
    assert b"remove_duplicates_job" in told
    secret = machine.environment["DATA_SERVICES_NOTIFY_WEBHOOK_SECRET"]
    assert not [word for word in (*canaries, secret) if word.encode() in told]
    assert secret not in machine.processes.log("code")
    for headers, body in machine.web.received:
        signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Data-Services-Signature"] == f"sha256={signed}"


@pytest.mark.parametrize("killed", [["daemon"], ["daemon", "code"]], ids="+".join)
def test_a_kill_between_sending_and_record_loses_none_and_repeats_one_at_most(machine, killed):
    machine.web.answers_when = threading.Event()
    machine.web.start()
    machine.processes.start()
    with machine.mail.serve():
        first = f"{machine.run('good.csv')}:SUCCESS"
        machine.wait_until(lambda: machine.told_by_web() == [first])

        machine.processes.kill(*killed)
        machine.web.answers_when.set()
        second = f"{machine.run('good.csv')}:SUCCESS"  # while nobody is there to tell of it
        if "code" in killed:
            machine.processes.start_code_server()
        if "daemon" in killed:
            machine.processes.start_daemon()
        machine.wait_until(
            lambda: {first, second} == set(machine.told_by_web()) == set(machine.told_by_mail())
        )
        machine.wait_until(lambda: machine.listed()["notifications"] == [])

    repeats = 1 if "code" in killed else 0
    assert sorted(machine.told_by_web()) == sorted([first] * (1 + repeats) + [second])
    assert sorted(machine.told_by_mail()) == sorted([first, second])
    assert sorted(machine.told_by_file()) == sorted([first, second])
