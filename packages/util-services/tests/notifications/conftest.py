import pytest
from http_sink import HttpSink

from util_services.notifications.outbox import Outbox


@pytest.fixture
def receiver():
    """Return a function that makes receivers; each is stopped at the end of the test."""
    made = []

    def make(*answers):
        made.append(HttpSink(answers))
        return made[-1]

    yield make
    for one in made:
        one.stop()


class Clock:
    """A clock that tests put forward."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def outbox_address(request, tmp_path):
    """The address of a database without any tables."""
    if request.param == "sqlite":
        return str(tmp_path / "state.sqlite")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def outbox(outbox_address, clock):
    return Outbox(outbox_address, clock=clock)
