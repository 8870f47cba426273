"""The outbox on both databases that it may live in."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from util_services.errors import ConfigurationError, StateError
from util_services.notifications.channel import DeliveryError
from util_services.notifications.delivery import DELIVERED, GIVEN_UP, WAITING
from util_services.notifications.notification import Notification
from util_services.notifications.outbox import LEASE_SECONDS, MOST_WAITING, Outbox

DAY = 86_400


def told(number, status="SUCCESS"):
    return Notification(f"run-{number}", "clean_data_job", status)


def keys(entries):
    return [entry.key for entry in entries]


def down(delivery):
    return DeliveryError(delivery.channel, delivery.key, "it is out of reach", is_passing=True)


def refused(delivery):
    return DeliveryError(delivery.channel, delivery.key, "the receiver answered 400")


def deliver_all(outbox, channel):
    """Deliver what is due; return the keys in their order."""
    done = []
    while delivery := outbox.lease(channel):
        outbox.acknowledge(delivery)
        done.append(delivery.key)
    return done


def test_what_is_put_in_is_due_on_each_channel_until_it_is_acknowledged(outbox):
    assert outbox.put(told(1), ["file", "webhook"])

    delivery = outbox.lease("webhook")
    assert delivery.notification == told(1)
    assert (delivery.channel, delivery.attempts) == ("webhook", 1)
    outbox.acknowledge(delivery)

    assert outbox.lease("webhook") is None
    assert [(e.channel, e.state) for e in outbox.entries([WAITING, DELIVERED])] == [
        ("file", WAITING),
        ("webhook", DELIVERED),
    ]


def test_a_notification_is_put_in_once_even_after_it_was_delivered(outbox):
    outbox.put(told(1), ["file"])
    deliver_all(outbox, "file")

    assert not outbox.put(told(1), ["file"])
    assert outbox.put(told(1, "CANCELED"), ["file"])
    assert deliver_all(outbox, "file") == ["run-1:CANCELED"]


def test_it_says_which_of_many_notifications_it_knows(outbox):
    outbox.put(told(7), ["file"])

    assert outbox.known([f"run-{n}:SUCCESS" for n in range(1_200)]) == {"run-7:SUCCESS"}
    assert outbox.known([]) == set()


def test_nobody_else_delivers_what_somebody_is_at_work_on(outbox):
    outbox.put(told(1), ["file"])

    assert outbox.lease("file") is not None
    assert outbox.lease("file") is None


def test_threads_that_deliver_at_once_share_the_work_and_repeat_none(outbox):
    for number in range(40):
        outbox.put(told(number), ["file"])
    start, done = threading.Barrier(4), []

    def work():
        start.wait()
        while delivery := outbox.lease("file"):
            done.append(delivery.key)
            outbox.acknowledge(delivery)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done += deliver_all(outbox, "file")

    assert sorted(done) == sorted(told(n).idempotency_key for n in range(40))


def test_a_lease_that_nobody_gave_back_ends_by_itself(outbox, clock):
    outbox.put(told(1), ["file"])
    outbox.lease("file")

    clock.now += LEASE_SECONDS - 1
    assert outbox.lease("file") is None
    clock.now += 1
    assert outbox.lease("file").attempts == 2


def test_an_acknowledgement_that_comes_late_counts(outbox, clock):
    outbox.put(told(1), ["file"])
    slow = outbox.lease("file")
    clock.now += LEASE_SECONDS
    second = outbox.lease("file")

    outbox.acknowledge(slow)
    outbox.postpone(second, down(second))

    assert [entry.state for entry in outbox.entries([WAITING, DELIVERED])] == [DELIVERED]


def test_a_failure_that_is_told_late_does_not_take_the_work_from_somebody_else(outbox, clock):
    outbox.put(told(1), ["file"])
    slow = outbox.lease("file")
    clock.now += LEASE_SECONDS
    outbox.lease("file")

    outbox.postpone(slow, refused(slow))
    clock.now += 60

    assert outbox.lease("file") is None


def test_no_secret_and_no_hidden_tag_is_kept(outbox, outbox_address):
    secret = Notification("run-1", "j", "SUCCESS", tags={"token": "canary", ".dagster/x": "canary"})
    outbox.put(secret, ["file"])

    engine = create_engine(
        outbox_address if "://" in outbox_address else f"sqlite:///{outbox_address}"
    )
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM data_services_notifications"))
    engine.dispose()

    assert "run-1" in row.payload
    assert "canary" not in repr(row)


def test_a_receiver_in_trouble_pauses_its_channel_for_longer_each_time_and_no_other(outbox, clock):
    for number in range(20):
        outbox.put(told(number), ["file", "webhook"])
    pauses = []
    for _ in range(7):
        delivery = outbox.lease("webhook")
        outbox.postpone(delivery, down(delivery))
        before = clock.now
        while outbox.lease("webhook") is None:
            clock.now += 15
        pauses.append(clock.now - before)

    assert pauses == [15, 30, 60, 120, 240, 300, 300]
    assert len(deliver_all(outbox, "file")) == 20


def test_what_waited_for_a_receiver_is_delivered_within_five_minutes_of_its_return(outbox, clock):
    for number in range(5):
        outbox.put(told(number), ["webhook"])
    end = clock.now + 3_600
    while clock.now < end:
        if delivery := outbox.lease("webhook"):
            outbox.postpone(delivery, down(delivery))
        clock.now += 15

    clock.now += 300

    assert len(deliver_all(outbox, "webhook")) == 5


def test_a_success_ends_the_trouble_of_a_channel(outbox, clock):
    outbox.put(told(1), ["webhook"])
    delivery = outbox.lease("webhook")
    outbox.postpone(delivery, down(delivery))
    (trouble,) = outbox.channels()
    assert (trouble.failing_since, trouble.reason) == (clock.now, "it is out of reach")

    clock.now += 15
    deliver_all(outbox, "webhook")

    (state,) = outbox.channels()
    assert (state.waiting, state.delivered) == (0, 1)
    assert (state.failing_since, state.paused_until, state.reason) == (None, 0.0, None)


def test_a_notification_that_is_refused_holds_up_no_other(outbox, clock):
    outbox.put(told(1), ["webhook"])
    bad = outbox.lease("webhook")
    outbox.postpone(bad, refused(bad))
    outbox.put(told(2), ["webhook"])

    assert deliver_all(outbox, "webhook") == ["run-2:SUCCESS"]
    clock.now += 15
    assert deliver_all(outbox, "webhook") == ["run-1:SUCCESS"]


def test_a_notification_that_brings_its_receiver_down_is_behind_all_others(outbox, clock):
    outbox.put(told(1), ["webhook"])
    poison = outbox.lease("webhook")
    outbox.postpone(poison, down(poison))
    clock.now += 15
    for number in range(2, 5):
        outbox.put(told(number), ["webhook"])

    assert deliver_all(outbox, "webhook")[-1] == "run-1:SUCCESS"


def test_what_nobody_took_in_time_is_given_up_and_stays_on_record(outbox, clock):
    outbox.put(told(1), ["file", "webhook"])
    delivery = outbox.lease("webhook")
    outbox.postpone(delivery, refused(delivery))

    clock.now += 7 * DAY - 1
    assert outbox.give_up_overdue() == ()
    clock.now += 1
    given_up = outbox.give_up_overdue()

    assert [(entry.channel, entry.reason) for entry in given_up] == [
        ("file", "it was not taken within 7 days"),
        (
            "webhook",
            "it was not taken within 7 days; the last reason was: the receiver answered 400",
        ),
    ]
    assert outbox.entries([GIVEN_UP]) == given_up
    assert outbox.lease("file") is None
    assert outbox.give_up_overdue() == ()


def test_what_somebody_is_at_work_on_is_not_given_up(outbox, clock):
    outbox.put(told(1), ["file"])
    clock.now += 7 * DAY
    delivery = outbox.lease("file")

    assert outbox.give_up_overdue() == ()
    outbox.acknowledge(delivery)
    assert keys(outbox.entries([DELIVERED])) == ["run-1:SUCCESS"]


def test_where_too_many_wait_the_oldest_are_given_up(outbox, clock, monkeypatch):
    monkeypatch.setattr("util_services.notifications.outbox.MOST_WAITING", 3)
    for number in range(5):
        outbox.put(told(number), ["file", "webhook"])
        clock.now += 1
    deliver_all(outbox, "file")

    given_up = outbox.give_up_overdue()

    assert keys(given_up) == ["run-0:SUCCESS", "run-1:SUCCESS"]
    assert {entry.reason for entry in given_up} == {"more than 3 were waiting"}
    assert MOST_WAITING == 10_000
    assert deliver_all(outbox, "webhook") == [f"run-{n}:SUCCESS" for n in (2, 3, 4)]


def test_what_was_given_up_is_sent_after_all_on_request(outbox, clock):
    for number in (1, 2):
        outbox.put(told(number), ["file", "webhook"])
    clock.now += 7 * DAY
    outbox.give_up_overdue()

    assert outbox.retry(["run-1:SUCCESS"], "file") == 1
    assert deliver_all(outbox, "file") == ["run-1:SUCCESS"]
    assert outbox.retry() == 3
    assert outbox.give_up_overdue() == ()
    assert deliver_all(outbox, "webhook") == ["run-1:SUCCESS", "run-2:SUCCESS"]
    assert outbox.retry(["unknown"]) == 0


def test_a_request_to_retry_ends_the_pause_of_a_channel(outbox):
    outbox.put(told(1), ["webhook"])
    delivery = outbox.lease("webhook")
    outbox.postpone(delivery, down(delivery))
    assert outbox.lease("webhook") is None

    outbox.retry(channel="webhook")

    assert outbox.lease("webhook") is not None


def test_old_records_go_and_what_was_given_up_is_still_counted(outbox, clock):
    for number in (1, 2):
        outbox.put(told(number), ["file", "webhook"])
    deliver_all(outbox, "file")
    clock.now += 7 * DAY
    outbox.give_up_overdue()
    outbox.forget_old()
    assert {entry.state for entry in outbox.entries([DELIVERED, GIVEN_UP])} == {GIVEN_UP}
    assert outbox.known(["run-1:SUCCESS"]) == {"run-1:SUCCESS"}

    clock.now += 90 * DAY
    outbox.forget_old()

    assert outbox.entries([WAITING, DELIVERED, GIVEN_UP]) == ()
    assert outbox.known(["run-1:SUCCESS"]) == set()
    (webhook,) = outbox.channels()
    assert (webhook.channel, webhook.given_up, webhook.forgotten) == ("webhook", 0, 2)


def test_what_waits_is_never_forgotten(outbox, clock):
    outbox.put(told(1), ["file"])
    clock.now += 365 * DAY

    outbox.forget_old()

    assert deliver_all(outbox, "file") == ["run-1:SUCCESS"]


def test_several_may_open_a_new_outbox_at_once(outbox_address):
    start = threading.Barrier(4)

    def open_and_put(number):
        start.wait()
        return Outbox(outbox_address).put(told(number), ["file"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_put, range(4))) == [True] * 4

    assert len(Outbox(outbox_address).entries([WAITING])) == 4


def test_a_folder_that_is_missing_is_told_in_a_sentence(tmp_path):
    place = tmp_path / "missing" / "state.sqlite"

    with pytest.raises(StateError) as caught:
        Outbox(str(place))

    assert str(caught.value) == (
        f"The state of sensors in '{place}' cannot be used (OperationalError); check that it can "
        "be reached and written, or name another place in DATA_SERVICES_SENSOR_STATE."
    )


FULL_DISK = """
import resource, signal, sys
from util_services.errors import StateError
from util_services.notifications.notification import Notification
from util_services.notifications.outbox import Outbox
outbox = Outbox(sys.argv[1])
told = [Notification(f"run-{n}", "j", "SUCCESS", tags={"x": "y" * 2000}) for n in range(40)]
outbox.put(told[0], ["file"])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_960, resource.RLIM_INFINITY))
taken = 1
try:
    while taken < len(told):
        outbox.put(told[taken], ["file"])
        taken += 1
except StateError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(0 < taken < 40, len(outbox.entries(["waiting"])) == taken, outbox.put(told[taken], ["file"]))
"""


def test_a_full_disk_is_told_and_loses_nothing_that_was_taken_in(tmp_path):
    place = tmp_path / "state.sqlite"

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, place], capture_output=True, text=True, check=False
    )

    sentence, facts = done.stdout.splitlines()
    assert sentence.startswith(f"The state of sensors in '{place}' cannot be used")
    assert facts == "True True True"


def test_a_database_that_is_out_of_reach_is_told_without_its_password():
    with pytest.raises(StateError) as caught:
        Outbox("postgresql+psycopg2://canary:canary-password@127.0.0.1:1/dagster")

    assert "the PostgreSQL database 'dagster' at 127.0.0.1 cannot be used" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("address", ["mysql://user:canary@host/db", "nonsense://", "://"])
def test_a_database_of_another_kind_is_refused(address):
    with pytest.raises(ConfigurationError) as refused:
        Outbox(address)

    assert "is neither the path of a file nor a URL that begins with" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_an_outbox_of_another_layout_is_refused(outbox_address, monkeypatch):
    Outbox(outbox_address)
    monkeypatch.setattr("util_services.notifications.outbox.SCHEMA", 2)

    with pytest.raises(StateError, match="has layout 1 and this version of util-services knows 2"):
        Outbox(outbox_address)
