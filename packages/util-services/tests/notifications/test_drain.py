"""Delivering from the outbox over real channels, and what a kill in the midst of it leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from util_services.notifications.channel import DeliveryError
from util_services.notifications.delivery import DELIVERED, WAITING
from util_services.notifications.drain import drain
from util_services.notifications.file import FileChannel
from util_services.notifications.notification import Notification
from util_services.notifications.outbox import Outbox
from util_services.notifications.webhook import WebhookChannel

BUDGET_SECONDS = 20.0
PROGRAM = """
import sys
from util_services.notifications.drain import drain
from util_services.notifications.outbox import Outbox
from util_services.notifications.webhook import WebhookChannel
address, url = sys.argv[1:]
print("ready", flush=True)
while drain(Outbox(address), {"webhook": WebhookChannel(url)}, 60) or True:
    pass
"""


def told(number):
    return Notification(f"run-{number}", "clean_data_job", "SUCCESS")


class Spy:
    """A channel of a plug-in that does what it is told to."""

    def __init__(self, behaviour=lambda _: None):
        self.name = "spy"
        self.behaviour = behaviour
        self.received = []

    def deliver(self, notification):
        self.received.append(notification.idempotency_key)
        self.behaviour(notification)


def raises(error):
    def behaviour(_):
        raise error

    return behaviour


@pytest.fixture
def wait_until():
    def wait(is_true):
        deadline = time.monotonic() + 60
        while not is_true():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait


def test_everything_due_goes_out_on_every_channel(outbox, tmp_path, receiver):
    sink = receiver()
    sink.start()
    for number in range(3):
        outbox.put(told(number), ["file", "webhook"])

    failures = drain(
        outbox,
        {"file": FileChannel(tmp_path / "n.jsonl"), "webhook": WebhookChannel(sink.url)},
        BUDGET_SECONDS,
    )

    assert failures == ()
    expected = [told(number).to_dict() for number in range(3)]
    lines = (tmp_path / "n.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == expected
    assert [json.loads(body) for _, body in sink.received] == expected


def test_a_dead_channel_is_tried_once_and_keeps_no_other_from_delivering(outbox, tmp_path):
    dead = FileChannel(tmp_path / "absent" / "n.jsonl")
    for number in range(3):
        outbox.put(told(number), ["dead", "file"])

    failures = drain(
        outbox, {"dead": dead, "file": FileChannel(tmp_path / "n.jsonl")}, BUDGET_SECONDS
    )

    assert [(failure.key, failure.reason) for failure in failures] == [
        ("run-0:SUCCESS", "No such file or directory")
    ]
    assert len((tmp_path / "n.jsonl").read_text().splitlines()) == 3
    assert {entry.channel for entry in outbox.entries([WAITING])} == {"dead"}


def test_a_channel_that_raises_anything_else_is_told_by_its_class_and_the_rest_goes_out(outbox):
    broken = Spy(lambda n: raises(KeyError("canary"))(n) if n.run_id == "run-0" else None)
    for number in range(2):
        outbox.put(told(number), ["spy"])

    failures = drain(outbox, {"spy": broken}, BUDGET_SECONDS)

    assert [(failure.key, failure.reason) for failure in failures] == [
        ("run-0:SUCCESS", "KeyError")
    ]
    assert [entry.key for entry in outbox.entries([DELIVERED])] == ["run-1:SUCCESS"]


def test_a_channel_that_hangs_holds_up_neither_the_caller_nor_the_next_round(
    outbox, tmp_path, wait_until
):
    release = threading.Event()
    hanging = Spy(lambda _: release.wait())
    outbox.put(told(0), ["spy", "file"])
    channels = {"spy": hanging, "file": FileChannel(tmp_path / "n.jsonl")}

    began = time.monotonic()
    drain(outbox, channels, 0.5)
    outbox.put(told(1), ["spy", "file"])
    drain(outbox, channels, 0.5)

    assert time.monotonic() - began < BUDGET_SECONDS
    assert len((tmp_path / "n.jsonl").read_text().splitlines()) == 2
    assert hanging.received == ["run-0:SUCCESS"]
    release.set()
    wait_until(lambda: len(outbox.entries([DELIVERED])) == 3)


def test_a_failure_that_nobody_waits_for_any_more_is_logged(outbox, caplog, wait_until):
    release = threading.Event()

    def fail_late(notification):
        release.wait()
        raise DeliveryError("spy", notification.idempotency_key, "it went away", is_passing=True)

    outbox.put(told(0), ["spy"])

    assert drain(outbox, {"spy": Spy(fail_late)}, 0.2) == ()
    release.set()

    wait_until(lambda: outbox.entries([WAITING])[0].reason == "it went away")
    assert "Channel 'spy' did not deliver notification run-0:SUCCESS: it went away" in caplog.text


def test_a_database_that_goes_away_after_the_sending_is_waited_for(tmp_path, caplog):
    place = tmp_path / "state.sqlite"
    outbox = Outbox(str(place))
    outbox.put(told(0), ["spy"])
    away = tmp_path / "away.sqlite"

    def lose_database(_):
        place.rename(away)
        place.mkdir()  # which no database can be opened at
        threading.Timer(0.2, bring_back).start()

    def bring_back():
        place.rmdir()
        away.rename(place)

    channel = Spy(lose_database)
    drain(outbox, {"spy": channel}, BUDGET_SECONDS)

    assert channel.received == ["run-0:SUCCESS"]
    assert [entry.state for entry in outbox.entries([WAITING, DELIVERED])] == [DELIVERED]


@pytest.fixture
def start_drain(outbox_address, tmp_path):
    """Return a function that starts a process which delivers over the webhook for ever."""
    started = []

    def start(url):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, outbox_address, url], stdout=subprocess.PIPE
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_kill_between_sending_and_record_repeats_that_one_at_once(
    outbox_address, receiver, start_drain, wait_until
):
    sink = receiver()
    sink.answers_when = threading.Event()
    sink.start()
    outbox = Outbox(outbox_address)
    outbox.put(told(0), ["webhook"])
    process = start_drain(sink.url)
    wait_until(lambda: sink.received)

    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    sink.answers_when.set()
    assert drain(outbox, {"webhook": WebhookChannel(sink.url)}, BUDGET_SECONDS) == ()

    assert [headers["Idempotency-Key"] for headers, _ in sink.received] == ["run-0:SUCCESS"] * 2
    assert [entry.state for entry in outbox.entries([WAITING, DELIVERED])] == [DELIVERED]


def test_kills_at_random_lose_none_and_repeat_at_most_one_each(
    outbox_address, receiver, start_drain, wait_until
):
    sink, rounds, batch = receiver(), 6, 12
    sink.start()
    outbox = Outbox(outbox_address)
    chance = random.Random(20)  # noqa: S311 - when to kill is no secret

    for number in range(rounds):
        two = [start_drain(sink.url) for _ in range(2)]
        wanted = len(sink.received) + chance.randrange(1, batch)
        for one in range(batch):
            outbox.put(told(number * batch + one), ["webhook"])
        wait_until(lambda wanted=wanted: len(sink.received) >= wanted)
        for process in two:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    drain(outbox, {"webhook": WebhookChannel(sink.url)}, 60)

    received = [headers["Idempotency-Key"] for headers, _ in sink.received]
    assert set(received) == {told(n).idempotency_key for n in range(rounds * batch)}
    assert len(received) <= (batch + 2) * rounds
    assert len(outbox.entries([DELIVERED])) == rounds * batch
