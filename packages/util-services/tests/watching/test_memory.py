"""What watchers remember, on both databases that it may lie in."""

import pytest

from util_services.watching.changes import Known
from util_services.watching.memory import Memory


@pytest.fixture(params=["sqlite", "postgresql"])
def remember(request, tmp_path):
    """Return a function that opens the memory of a watcher at a moment."""
    address = (
        str(tmp_path / "state.sqlite")
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )

    def memory(watcher="one", now=0.0):
        return Memory(address, watcher, clock=lambda: now)

    return memory


def update(memory, present, last_round=0, is_watched=lambda _: True):
    return memory.update(present, is_watched, stable_seconds=30.0, last_round=last_round)


def test_what_was_seen_is_remembered_by_the_next_process(remember):
    update(remember(), {"a": "v1", "b": "v1"})

    later = update(remember(now=30.0), {"a": "v1", "b": "v2"})

    assert later.due == {"a": Known("v1", 0.0)}
    assert later.remembered == {"b": Known("v2", 30.0)}


def test_what_was_asked_for_is_not_asked_for_again(remember):
    update(remember(), {"a": "v1"})
    due = update(remember(now=30.0), {"a": "v1"}).due
    remember().ask(due, 1)

    assert update(remember(now=60.0), {"a": "v1"}, last_round=1).due == {}
    assert update(remember(now=60.0), {"a": "v1"}, last_round=0).due == {"a": Known("v1", 0.0)}


def test_what_is_gone_is_told_once(remember):
    update(remember(), {"a": "v1", "b": "v1"})

    assert update(remember(), {"b": "v1"}).gone == ("a",)
    assert update(remember(), {"b": "v1"}).gone == ()


def test_what_is_no_longer_watched_is_forgotten_without_a_word(remember):
    update(remember(), {"in/a": "v1", "old/b": "v1"})

    found = update(remember(), {"in/a": "v1"}, is_watched=lambda one: one.startswith("in/"))

    assert found.gone == ()
    assert update(remember(), {"in/a": "v1"}).gone == ()


def test_watchers_do_not_share_what_they_remember(remember):
    update(remember("one"), {"a": "v1"})

    assert update(remember("two"), {}).gone == ()
    assert update(remember("one"), {}).gone == ("a",)


def test_many_objects_are_remembered(remember):
    present = {f"in/{number:05}.csv": "v1" for number in range(3_000)}
    update(remember(), present)

    found = update(remember(now=30.0), present)

    assert len(found.due) == 3_000
    assert update(remember(), {}).gone == tuple(sorted(present))
