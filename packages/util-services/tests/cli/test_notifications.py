"""`data-services notifications`, in a process of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from http_sink import HttpSink

from util_services.notifications.channel import DeliveryError
from util_services.notifications.notification import Notification
from util_services.notifications.outbox import Outbox

PROGRAM = Path(sys.executable).with_name("data-services")


@pytest.fixture
def data_services(tmp_path, clean_environment):
    home = tmp_path / "home"

    def run(*arguments, **variables):
        return subprocess.run(
            [PROGRAM, "notifications", *arguments],
            env={**os.environ, "DAGSTER_HOME": str(home), "HOME": str(home), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def open_outbox(tmp_path):
    """Return a function that opens the outbox as it would be some days ago."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    def outbox(days_ago=0):
        return Outbox(
            str(home / "data_services_sensors.sqlite"),
            clock=lambda: time.time() - days_ago * 86_400,
        )

    return outbox


@pytest.fixture
def troubled(open_outbox):
    """An outbox in which one notification was given up, one is delivered and one waits."""
    for number, days_ago in ((1, 8), (2, 0), (3, 0)):
        told = Notification(f"run-{number}", "clean_data_job", "SUCCESS")
        open_outbox(days_ago).put(told, ["webhook"])
    outbox = open_outbox()
    outbox.give_up_overdue()
    delivered, waiting = outbox.lease("webhook"), outbox.lease("webhook")
    outbox.acknowledge(delivered)
    outbox.postpone(
        waiting, DeliveryError("webhook", waiting.key, "the receiver answered 503", is_passing=True)
    )
    return outbox


def test_an_empty_outbox_is_told(data_services):
    answer = data_services("list")

    assert (answer.returncode, answer.stdout) == (0, "Nothing was to be told yet.\n")


def test_the_list_shows_what_waits_and_what_was_given_up_with_the_reasons(troubled, data_services):
    answer = data_services("list")

    assert answer.returncode == 0, answer.stderr
    channel, *entries = answer.stdout.splitlines()
    assert channel.startswith("webhook: 1 waiting, 1 given up; in trouble since 20")
    assert "(the receiver answered 503), next attempt from 20" in channel
    assert entries == [
        "  run-1:SUCCESS of clean_data_job on webhook: given up, 0 attempts: it was not taken "
        "within 7 days",
        "  run-3:SUCCESS of clean_data_job on webhook: waiting, 1 attempt: the receiver answered "
        "503",
    ]


def test_the_list_is_there_for_machines(troubled, data_services):
    answer = json.loads(data_services("list", "--all", "--json").stdout)

    assert answer["schema"] == 1
    (channel,) = answer["channels"]
    assert (channel["waiting"], channel["given_up"], channel["delivered"]) == (1, 1, 1)
    assert channel["failing_since"].endswith("+00:00")
    assert [(one["key"], one["state"]) for one in answer["notifications"]] == [
        ("run-1:SUCCESS", "given_up"),
        ("run-2:SUCCESS", "delivered"),
        ("run-3:SUCCESS", "waiting"),
    ]


def test_retry_makes_due_what_waits_and_what_was_given_up(troubled, data_services):
    answer = data_services("retry")

    assert (answer.returncode, answer.stdout) == (0, "2 deliveries are due now.\n")
    assert {troubled.lease("webhook").key, troubled.lease("webhook").key} == {
        "run-1:SUCCESS",
        "run-3:SUCCESS",
    }


def test_retry_takes_keys_and_a_channel(troubled, data_services):
    assert json.loads(data_services("retry", "--channel", "smtp", "--json").stdout)["due"] == 0
    answer = data_services("retry", "run-1:SUCCESS", "--channel", "webhook")

    assert answer.stdout == "1 delivery is due now.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["run-1:SUCESS"],
            "There is no notification 'run-1:SUCESS'; did you mean 'run-1:SUCCESS'.",
        ),
        (["--channel", "webhok"], "There is no channel 'webhok'; did you mean 'webhook'."),
        (
            ["--channel", "nope"],
            "There is no channel 'nope'; 'data-services notifications list --all' shows those that "
            "there are.",
        ),
    ],
)
def test_retry_refuses_what_there_is_not(troubled, data_services, words, sentence):
    answer = data_services("retry", *words)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == f"error: {sentence}\n"


def test_a_test_says_of_each_channel_whether_it_takes_notifications(data_services, tmp_path):
    sink = HttpSink()
    sink.start()
    variables = {
        "DATA_SERVICES_NOTIFY_WEBHOOK_URL": sink.url,
        "DATA_SERVICES_NOTIFY_FILE": str(tmp_path / "absent" / "n.jsonl"),
    }

    answer = data_services("test", **variables)
    sink.stop()

    assert answer.returncode == 1
    assert answer.stdout == "file: No such file or directory\nwebhook: delivered\n"
    ((_, body),) = sink.received
    assert json.loads(body)["job"] == "notifications_test"


def test_a_test_without_a_channel_is_refused(data_services):
    answer = data_services("test", "--json")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: No channel is configured; set one of the variables DATA_SERVICES_NOTIFY_….\n"
    )


def test_a_state_that_cannot_be_used_is_told_in_a_sentence(data_services, tmp_path):
    answer = data_services("list", DATA_SERVICES_SENSOR_STATE=str(tmp_path / "absent" / "x"))

    assert answer.returncode == 1
    assert answer.stderr.startswith("error: The state of sensors in '")
    assert len(answer.stderr.splitlines()) == 1
