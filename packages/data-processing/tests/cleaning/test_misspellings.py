"""Rare texts near to frequent ones, found as a comparison of all pairs would find them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.cleaning import misspellings as craft
from data_processing.cleaning.misspellings import Nearness, differ_in_number, misspellings

NEAR = Nearness()


def distance(one, other):
    """Return the distance by the recurrence of its definition (Damerau 1964, restricted)."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            if not i or not j:
                table[i][j] = i + j
                continue
            table[i][j] = min(
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (one[i - 1] != other[j - 1]),
            )
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


def by_all_pairs(counts, nearness):
    """Return what misspellings finds, by comparing each text with each other."""
    meant, ambiguous = {}, 0
    for text in sorted(counts, key=lambda one: (-counts[one], one)):
        near = sorted(
            (distance(text, other), -counts[other], other)
            for other in counts
            if other != text
            and other not in meant
            and min(len(text), len(other)) >= nearness.min_length
            and distance(text, other) <= (nearness.max_distance or max(1, len(text) // 5))
            and counts[other] >= nearness.times_rarer * counts[text]
            and not (nearness.keep_numbers and differ_in_number(text, other))
        )
        rivals = [one for one in near[1:] if one[0] == near[0][0]]
        if rivals and near[0][1] > nearness.times_rarer * rivals[0][1]:
            ambiguous += 1
        elif near:
            meant[text] = near[0][2]
    return meant, ambiguous


@given(
    counts=st.dictionaries(
        st.text("abx12", min_size=1, max_size=7), st.sampled_from([1, 2, 5, 20, 300]), max_size=12
    ),
    nearness=st.builds(
        Nearness,
        max_distance=st.sampled_from([None, 1, 2, 3]),
        times_rarer=st.sampled_from([2, 2.5, 10]),
        min_length=st.integers(1, 4),
        keep_numbers=st.booleans(),
    ),
)
def test_they_are_those_of_a_comparison_of_all_pairs(counts, nearness):
    found = misspellings(counts, counts, nearness)

    assert (dict(found.meant), found.ambiguous) == by_all_pairs(counts, nearness)


@pytest.mark.parametrize("cells", [1, 3, 1000])
def test_the_size_of_a_piece_of_work_has_no_part_in_it(monkeypatch, cells):
    counts = {"Berlin": 100, "Brelin": 1, "Berlim": 2, "Hamburg": 90, "Hamburgg": 1, "Hamm": 3}

    monkeypatch.setattr(craft, "CELLS_AT_ONCE", cells)

    assert misspellings(counts, counts, NEAR).meant == {
        "Brelin": "Berlin", "Berlim": "Berlin", "Hamburgg": "Hamburg",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "meant", "ambiguous"),
    [
        ({"Rome": 10, "Rmoe": 1}, {"Rmoe": "Rome"}, 0),
        ({"Rome": 9, "Rmoe": 1}, {}, 0),
        ({"yes": 900, "yex": 1}, {}, 0),
        ({"Berlin": 50, "Merlin": 20, "Xerlin": 1}, {}, 1),
        ({"Berlin": 500, "Merlin": 20, "Xerlin": 1}, {"Merlin": "Berlin", "Xerlin": "Berlin"}, 0),
        ({"Londonderry": 300, "Londondery": 30, "Londondry": 3}, {"Londondery": "Londonderry"}, 0),
        ({"ward 1": 100, "ward 2": 1, "ward x": 1}, {"ward x": "ward 1"}, 0),
        ({"12345": 100, "1234": 1, "123456": 1, "12354": 1, "1x345": 1}, {"1x345": "12345"}, 0),
        ({}, {}, 0),
    ],
)  # fmt: skip
def test_known_cases(counts, meant, ambiguous):
    found = misspellings(counts, counts, NEAR)

    assert (dict(found.meant), found.ambiguous) == (meant, ambiguous)


def test_numbers_may_be_taken_for_misspellings_on_demand():
    counts = {"12345": 100, "12354": 1}
    nearness = replace(NEAR, keep_numbers=False)

    assert misspellings(counts, counts, nearness).meant == {"12354": "12345"}


def test_a_text_on_a_list_is_meant_however_rare_it_is():
    weights = {"Graz": 0, "Linz": 1}

    found = misspellings({"Gratz": 7, "Linx": 7}, weights, NEAR, however_rare=True)

    assert found.meant == {"Gratz": "Graz", "Linx": "Linz"}


def test_of_several_on_a_list_as_near_none_is_meant():
    found = misspellings({"Linn": 1}, {"Linz": 0, "Lind": 0}, NEAR, however_rare=True)

    assert found == craft.Found({}, 1)
