"""What is new, as a pure function; and a model of uploads, ticks and failures in any order."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from util_services.watching.changes import Known, compare


def changes(known, present, now=100.0, stable_seconds=30.0, last_round=0):
    return compare(known, present, now=now, stable_seconds=stable_seconds, last_round=last_round)


def test_a_new_object_is_remembered_and_due_once_it_was_stable():
    first = changes({}, {"a": "v1"})
    assert (first.remembered, first.due) == ({"a": Known("v1", 100.0)}, {})

    early = changes(first.remembered, {"a": "v1"}, now=129.0)
    late = changes(first.remembered, {"a": "v1"}, now=130.0)

    assert (early.remembered, early.due) == ({}, {})
    assert list(late.due) == ["a"]


def test_without_a_time_to_be_stable_it_is_due_at_once():
    assert list(changes({}, {"a": "v1"}, stable_seconds=0.0).due) == ["a"]


def test_an_object_that_changes_waits_anew():
    known = {"a": Known("v1", 0.0)}

    found = changes(known, {"a": "v2"})

    assert (found.remembered, found.due) == ({"a": Known("v2", 100.0)}, {})


def test_a_version_is_asked_for_once():
    known = {"a": Known("v1", 0.0).asked(1)}

    assert changes(known, {"a": "v1"}, last_round=1).due == {}


def test_a_change_after_a_run_remembers_the_run():
    known = {"a": Known("v1", 0.0).asked(1)}

    found = changes(known, {"a": "v2"}, last_round=1)

    assert found.remembered == {"a": Known("v2", 100.0, round=0, runs=1)}


def test_what_was_asked_in_a_round_that_came_to_nothing_is_due_again_as_if_never_asked():
    known = {"a": Known("v1", 0.0).asked(2)}

    found = changes(known, {"a": "v1"}, last_round=1)

    assert found.due == found.remembered == {"a": Known("v1", 0.0)}


def test_an_object_that_is_not_whole_is_neither_new_nor_gone():
    known = {"a": Known("v1", 0.0).asked(1)}

    found = changes(known, {"a": None, "b": None}, last_round=1)

    assert (found.remembered, found.due, found.gone) == ({}, {}, ())


def test_what_is_no_longer_there_is_gone():
    known = {"b": Known("v1", 0.0), "a": Known("v1", 0.0)}

    assert changes(known, {}).gone == ("a", "b")


def test_those_longest_there_are_due_first():
    known = {"b": Known("v", 1.0), "c": Known("v", 0.0), "a": Known("v", 1.0)}

    assert list(changes(known, dict.fromkeys("abc", "v")).due) == ["c", "a", "b"]


events = st.lists(
    st.one_of(
        st.tuples(st.just("upload"), st.sampled_from("abc")),
        st.tuples(st.just("delete"), st.sampled_from("abc")),
        st.tuples(st.just("tick"), st.booleans()),  # whether Dagster takes the requests over
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=500)
@given(events, st.integers(1, 3))
def test_every_version_that_stays_is_taken_over_exactly_once(events, most):
    """Whatever happens before: afterwards each version that is there was asked for once."""
    present, known, taken, runs = {}, {}, [], Counter()
    now, last_round, number = 0.0, 0, 0

    def tick(is_taken_over):
        nonlocal known, last_round
        found = changes(known, present, now, 30.0, last_round)
        known = {**known, **found.remembered}
        for address in found.gone:
            del known[address]
            del runs[address]
        asked = dict(list(found.due.items())[:most])
        known |= {address: one.asked(last_round + 1) for address, one in asked.items()}
        if is_taken_over and asked:
            taken.extend((address, one.version) for address, one in asked.items())
            runs.update(asked.keys())
            last_round += 1

    for kind, value in events:
        if kind == "upload":
            number += 1
            present[value] = f"v{number}"
        elif kind == "delete":
            present.pop(value, None)
        elif kind == "wait":
            now += value
        else:
            tick(value)
    for _ in range(4):
        tick(is_taken_over=True)
        now += 40.0

    assert len(taken) == len(set(taken))
    assert set(present.items()) <= set(taken)
    assert {address: one.runs for address, one in known.items()} == {
        address: runs[address] for address in present
    }
