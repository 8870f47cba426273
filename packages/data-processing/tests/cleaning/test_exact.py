"""Exact sums: the same as those of fractions, bit for bit, however the values are split."""

import math
import statistics
from fractions import Fraction
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing.cleaning import exact

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
WIDE = st.integers(-(10**38), 10**38)
KINDS = {np.float64: FLOATS, np.int64: INTEGERS, object: WIDE}


@st.composite
def grouped(draw):
    """Numbers of one kind, the group of each, and how many groups there are."""
    kind = draw(st.sampled_from(list(KINDS)))
    values = draw(st.lists(KINDS[kind], max_size=30))
    groups = draw(st.integers(1, 4))
    codes = draw(st.lists(st.integers(0, groups - 1), min_size=len(values), max_size=len(values)))
    return np.array(values, kind), np.array(codes, np.int64), groups


def of_group(values, codes, group):
    return [Fraction(value) for value in values[codes == group].tolist()]


@settings(max_examples=300, deadline=None)
@given(grouped())
def test_sums_and_squares_are_those_of_fractions(numbers):
    values, codes, groups = numbers

    found = [
        [exact.fraction(one) for one in function(*numbers)]
        for function in (exact.sums, exact.squares)
    ]

    wanted = [of_group(values, codes, group) for group in range(groups)]
    assert found == [
        [sum(part, Fraction()) for part in wanted],
        [sum((value * value for value in part), Fraction()) for part in wanted],
    ]


@settings(max_examples=100, deadline=None)
@given(grouped(), st.integers(1, 10), st.randoms())
def test_neither_order_nor_split_of_the_values_matters(numbers, pieces, random):
    values, codes, groups = numbers
    order = list(range(len(values)))
    random.shuffle(order)

    for function in (exact.sums, exact.squares):
        split = np.array_split(np.array(order, np.int64), pieces)
        parts = [function(values[o], codes[o], groups) for o in split]
        together = [reduce(exact.added, group) for group in zip(*parts, strict=True)]

        assert [exact.fraction(one) for one in together] == [
            exact.fraction(one) for one in function(values, codes, groups)
        ]


@pytest.mark.parametrize("size", [1, 32_768, 32_769, 200_001])
def test_a_sum_of_many_values_is_that_of_fsum(size):
    random = np.random.default_rng(size)
    values = random.normal(size=size) * 10.0 ** random.integers(-300, 300, size)

    (found,) = exact.sums(values, np.zeros(size, np.int64), 1)

    assert exact.nearest(exact.fraction(found)) == math.fsum(values)


@pytest.mark.parametrize("value", [2.0**53 - 1, -(2.0**1023) * (2 - 2**-52), 5e-324, -5e-324])
def test_tallies_of_the_longest_mantissas_are_not_rounded(value):
    values, codes = np.full(70_000, value), np.zeros(70_000, np.int64)

    assert exact.fraction(exact.sums(values, codes, 1)[0]) == 70_000 * Fraction(value)
    assert exact.fraction(exact.squares(values, codes, 1)[0]) == 70_000 * Fraction(value) ** 2


def test_tallies_of_the_greatest_integers_are_not_rounded():
    for value in (2**63 - 1, -(2**63), 2**53, 2**53 + 1):
        values, codes = np.full(70_000, value), np.zeros(70_000, np.int64)

        assert exact.fraction(exact.sums(values, codes, 1)[0]) == 70_000 * value
        assert exact.fraction(exact.squares(values, codes, 1)[0]) == 70_000 * value**2


def test_many_groups_far_apart_in_size_are_kept_apart():
    random = np.random.default_rng(0)
    values = random.normal(size=5000) * 10.0 ** random.integers(-300, 300, 5000)
    codes = random.integers(0, 4000, 5000)

    found = exact.sums(values, codes, 4000)

    assert [exact.fraction(one) for one in found] == [
        sum(of_group(values, codes, group), Fraction()) for group in range(4000)
    ]


@settings(max_examples=300)
@given(st.fractions(min_value=0))
def test_a_root_is_the_nearest_double(number):
    found = Fraction(exact.root(number))

    around = [Fraction(math.nextafter(float(found), toward)) for toward in (0, math.inf)]
    middles = [(found + one) / 2 for one in around]
    assert max(middles[0], 0) ** 2 <= number <= middles[1] ** 2


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Fraction(0), 0.0),
        (Fraction(2), math.sqrt(2)),
        (Fraction(10) ** 700, math.inf),
        (Fraction(1, 10**700), 0.0),
        (Fraction(5e-324) ** 2, 5e-324),
        (Fraction(3, 2) ** 2 * Fraction(5e-324) ** 2, 1e-323),  # a tie goes to the even one
        (Fraction((2**53 + 1) ** 2), 2.0**53),
        (Fraction((2**53 + 1) ** 2 + 1), 2.0**53 + 2),  # a little more than a tie
    ],
)
def test_roots_at_the_edges_of_doubles(number, expected):
    assert exact.root(number) == expected


@settings(max_examples=200)
@given(st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=20))
def test_a_deviation_is_that_of_the_standard_library(values):
    total, squared = (
        exact.fraction(function(np.array(values), np.zeros(len(values), np.int64), 1)[0])
        for function in (exact.sums, exact.squares)
    )

    spread = exact.variance(len(values), total, squared)

    assert exact.nearest(spread) == statistics.variance(values)
    assert exact.root(spread) == statistics.stdev(values)
    assert exact.nearest(total / len(values)) == statistics.mean(values)


def test_a_quotient_beyond_all_doubles_is_infinite():
    assert exact.nearest(Fraction(10) ** 400) == math.inf
    assert exact.nearest(-(Fraction(10) ** 400)) == -math.inf
