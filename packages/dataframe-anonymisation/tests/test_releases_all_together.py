"""Releases of which each two tell little enough are let out only if all of them do."""

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation.verify import all_together
from dataframe_anonymisation.verify.all_together import TooManyPathsError, compare_all
from dataframe_anonymisation.verify.together import Table, Texts, compare


def together(now, *before, k, l=None):  # noqa: E741 - the name of the model
    """Compare frames: age makes classes, id ties them; also return whether each pair holds."""
    texts = Texts()
    now, *before = (
        Table.of(
            [frame],
            texts,
            ["age"],
            [name for name in frame.columns if name == "illness"],
            [name for name in frame.columns if name == "id"],
        )
        for frame in (now, *before)
    )
    pairs = [compare(now, one, texts, k, l)[0].holds for one in before]
    return pairs, compare_all(now, before, texts, k, l)


def people(ages, illness="f"):
    return pd.DataFrame(
        {"id": [f"p{n}" for n in range(len(ages))], "age": list(ages), "illness": illness}
    )


# Eight persons in two classes of four by each of three groupings; all three single each one out.
BY_BIT = [people([n >> bit & 1 for n in range(8)]).astype({"age": str}) for bit in range(3)]


def test_three_releases_single_a_person_out_that_no_two_of_them_do():
    pairs, (found,) = together(*BY_BIT, k=2)

    assert pairs == [True, True]
    assert found.tied_by == "id"
    assert (found.groups, found.small, found.smallest) == (8, 8, 1)
    assert not found.holds


def test_three_releases_show_too_few_values_of_a_class_of_which_two_show_enough():
    frames = [pd.concat([one, one.assign(id="q" + one["id"])]) for one in BY_BIT]
    parity = ["ab"[(n ^ n >> 1 ^ n >> 2) & 1] for n in range(8)] * 2
    frames = [one.assign(illness=parity) for one in frames]

    pairs, (found,) = together(*frames, k=2, l=2)

    assert pairs == [True, True]
    assert (found.small, found.uniform) == (0, 8)


def test_who_left_one_release_and_joined_another_is_known_from_all_three():
    whole = people(["x"] * 12)
    without_four, without_others = whole.iloc[4:], whole.iloc[[*range(3), *range(7, 12)]]

    pairs, (found,) = together(without_others, without_four, whole, k=3)

    assert pairs == [True, True]
    assert (found.small, found.smallest) == (1, 1)  # who is in neither of the two


def test_what_earlier_releases_told_already_is_no_fault_of_the_next_one():
    former = people(["x"] * 2 + ["y"] * 8)
    later = people(["x"] * 10)
    now = later.iloc[2:]

    _, (found,) = together(now, later, former, k=4)

    assert found.holds  # the two of x, whom no row of the next release is about
    assert (found.groups, found.smallest) == (1, 8)


def plain(*counts, illness="f"):
    """Return rows without pseudonyms: a label and how many rows it has."""
    ages = [label for label, count in counts for _ in range(count)]
    return pd.DataFrame({"age": ages, "illness": illness})


def test_two_classes_that_leave_one_row_of_a_third_are_found():
    whole = plain(("[0, 30)", 11))
    young, older = plain(("[0, 10)", 5)), plain(("[10, 20)", 5))

    pairs, (found,) = together(older, young, whole, k=5)

    assert pairs == [True, True]
    assert found.tied_by is None
    assert (found.small, found.smallest) == (2, 1)  # whichever of equal classes is taken away
    _, (enough,) = together(older, young, plain(("[0, 30)", 15)), k=5)
    assert enough.holds


def test_classes_within_one_another_are_taken_away_once():
    whole, wide = plain(("[0, 30)", 20)), plain(("[0, 20)", 12))
    narrow = plain(("[0, 10)", 6))

    _, (found,) = together(narrow, wide, whole, k=5)

    assert found.holds


def test_the_same_rows_in_another_order_tell_nothing():
    rows = plain(("{a, b}", 5), ("{b, c}", 5), illness=["f", "g"] * 5)  # labels that overlap

    pairs, found = together(rows, rows.sample(frac=1, random_state=2), rows, k=5)

    assert pairs == [True, True]
    assert found == []
    (other,), _ = together(rows, rows.assign(illness=["g", "f"] * 5), k=5)
    assert not other


def test_more_paths_than_there_is_room_for_are_refused(monkeypatch):
    monkeypatch.setattr(all_together, "MOST_PATHS", 7)

    together(*BY_BIT, k=2)  # one way of each person, however many they are
    more = [pd.concat([one, one.iloc[:1].assign(age="9")]) for one in BY_BIT]

    with pytest.raises(TooManyPathsError, match="release fewer rows of each person"):
        together(*more, k=2)


GROUPING = st.lists(st.integers(-1, 2), min_size=6, max_size=6)  # the class of each; -1 is absent


@settings(max_examples=80, deadline=None)
@given(GROUPING, GROUPING, GROUPING, st.integers(1, 4))
def test_classes_of_all_releases_are_those_that_are_counted_by_hand(now, one, other, k):
    def release(classes):
        rows = [(f"p{n}", str(own), "f") for n, own in enumerate(classes) if own >= 0]
        return pd.DataFrame([("p9", "9", "f"), *rows], columns=["id", "age", "illness"])

    ways = [*zip(now, one, other, strict=True), (9, 9, 9)]
    ways = [way for way in ways if max(way) >= 0]
    sizes = Counter(ways)
    before = Counter(way[1:] for way in ways)
    made = [n for way, n in sizes.items() if way[0] >= 0 or n < before[way[1:]]]

    _, (found,) = together(release(now), release(one), release(other), k=k)

    assert found.groups == len(made)
    assert found.small == sum(size < k for size in made)
