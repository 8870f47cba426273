import signal
import time

import pytest

from util_services.runs import cancellation
from util_services.runs.cancellation import recorded_interrupts


@pytest.fixture
def _heard_hangups():
    """Hear of hangups, also where the tests run under nohup."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


@pytest.fixture
def _endless_patience(monkeypatch):
    """Whoever waits for a record that never comes waits until the test is given up."""
    monkeypatch.setattr(cancellation, "RECORD_PATIENCE_SECONDS", 3600)


@pytest.mark.usefixtures("_heard_hangups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_asks_after_an_interrupt_waits_until_it_is_recorded(number):
    recorded = []

    def record():
        time.sleep(0.3)
        recorded.append(number)

    former = signal.getsignal(number)
    with recorded_interrupts(record) as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert recorded == []

        interrupts.await_record()

        assert recorded == [number]
    assert signal.getsignal(number) == former


@pytest.mark.usefixtures("_endless_patience")
def test_nobody_waits_without_an_interrupt():
    with recorded_interrupts(lambda: None) as interrupts:
        interrupts.await_record()


@pytest.mark.usefixtures("_endless_patience")
def test_the_record_may_ask_how_the_run_stands():
    with recorded_interrupts(lambda: interrupts.await_record()) as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.await_record()


def test_a_hangup_that_is_ignored_stays_ignored():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with recorded_interrupts(lambda: None):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, former)
