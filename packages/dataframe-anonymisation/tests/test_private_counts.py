"""Counts with differential privacy: the noise, its scale, and what it guards."""

import itertools
import json
import math
import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dataframe_anonymisation import PolicyError, PrivateCounts, Sum, private_counts
from dataframe_anonymisation.differential.counts import counted_privately
from dataframe_anonymisation.differential.discrete_laplace import bernoulli_exp, discrete_laplace
from dataframe_anonymisation.private_counting import count_table
from util_services.datasets.schema import UnknownColumnsError
from util_services.errors import DatasetError

NOTHING = 1e5  # so large an epsilon that there is no noise to speak of


def source(seed):
    return random.Random(seed).randrange  # noqa: S311 - draws that a test can repeat


@pytest.mark.parametrize("scale", [Fraction(1, 3), Fraction(1), Fraction(7, 2), Fraction(20)])
def test_noise_has_the_discrete_laplace_distribution(scale):
    draws = 20_000
    below = source(3)
    found = Counter(discrete_laplace(scale, below) for _ in range(draws))
    q = math.exp(-1 / scale)
    bins = range(-math.ceil(4 * scale), math.ceil(4 * scale) + 1)
    expected = np.array([(1 - q) / (1 + q) * q ** abs(y) * draws for y in bins])
    seen = np.array([found[y] for y in bins], float)
    expected = np.append(expected, draws - expected.sum())
    seen = np.append(seen, draws - seen.sum())
    large = expected > 5

    result = stats.chisquare(
        np.append(seen[large], seen[~large].sum() + 1e-9),
        np.append(expected[large], expected[~large].sum() + 1e-9),
    )

    assert result.pvalue > 0.001


@pytest.mark.parametrize("gamma", [Fraction(0), Fraction(1, 7), Fraction(1)])
def test_a_coin_falls_with_the_probability_of_an_exponential(gamma):
    below, draws = source(5), 20_000

    heads = sum(bernoulli_exp(gamma, below) for _ in range(draws))

    chance = math.exp(-gamma)
    assert abs(heads - draws * chance) <= 4 * math.sqrt(draws * chance * (1 - chance)) + 1e-9


def test_changing_a_person_changes_the_chance_of_any_output_by_a_factor_of_e_to_the_epsilon():
    """Counted over many draws, for two neighbouring tables and each pair of small counts."""
    asked = PrivateCounts(groups={"a": ["x", "y"]}, epsilon=1.5)
    below = source(11)

    def outputs(groups):
        rows = np.array(groups)
        return Counter(
            tuple(counted_privately(asked, rows, None, {}, below)["count"]) for _ in range(2000)
        )

    first, second = outputs([0, 0, 1]), outputs([0, 1, 1])
    for output in itertools.product(range(4), repeat=2):
        if min(first[output], second[output]) > 60:
            assert math.log(first[output] / second[output]) < 1.5 + 0.35


@pytest.mark.parametrize(("epsilon", "scale"), [(1, 2), (0.1, 20), (0.5, 4)])
def test_the_scale_is_that_of_one_person_who_changes_groups(epsilon, scale):
    assert PrivateCounts(groups={"a": ["x"]}, epsilon=epsilon).scale() == scale


def test_sums_and_groups_of_a_person_share_the_budget():
    asked = PrivateCounts(
        groups={"a": ["x"]},
        epsilon=1,
        sums={"n": Sum(lower=-5, upper=10, step=0.5)},
        entity="p",
        max_groups=3,
    )

    assert asked.scale() == 2 * 3 * 2
    assert asked.scale("n") == 2 * 3 * 2 * 20


FRAME = pd.DataFrame(
    {
        "a": ["x", "x", "y", "z", None],
        "b": [1, 2, 1, 1, 1],
        "n": [5.0, 100.0, None, 7.0, 3.0],
        "p": ["p1", "p1", "p2", "p3", "p4"],
    }
)


def test_every_declared_group_is_published_and_no_other():
    asked = PrivateCounts(groups={"a": ["x", "y", "none"], "b": ["1", "2"]}, epsilon=NOTHING)

    found, report = private_counts(FRAME, asked)

    assert found.values.tolist() == [
        ["x", "1", 1],
        ["x", "2", 1],
        ["y", "1", 1],
        ["y", "2", 0],
        ["none", "1", 0],
        ["none", "2", 0],
    ]
    assert report["epsilon"] == NOTHING
    assert "z" not in json.dumps(report["noise"])


def test_a_person_counts_once_in_a_group_and_in_few_groups():
    one = PrivateCounts(groups={"a": ["x", "y"]}, epsilon=NOTHING, entity="p")
    many = FRAME.assign(a=["x", "y", "x", "x", "x"], p="p1")

    assert private_counts(FRAME, one)[0]["count"].tolist() == [1, 1]
    assert private_counts(many, one)[0]["count"].sum() == 1


def test_sums_are_of_numbers_in_their_range():
    asked = PrivateCounts(
        groups={"a": ["x", "y"]}, epsilon=NOTHING, sums={"n": Sum(lower=1, upper=20)}
    )

    found, _ = private_counts(FRAME, asked)

    assert found["sum of n"].tolist() == [25, 1]  # 5 + 20; the missing number counts as 1
    by_person = PrivateCounts(
        groups={"a": ["x"]}, epsilon=NOTHING, sums={"n": Sum(lower=0, upper=20)}, entity="p"
    )
    assert private_counts(FRAME, by_person)[0]["sum of n"].tolist() == [20]


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("xyz"), st.integers(-9, 9))),
    most=st.integers(1, 3),
)
def test_one_person_changes_exact_counts_and_sums_by_no_more_than_the_sensitivity(rows, most):
    """The scale of the noise times epsilon bounds what a person adds to all groups together."""
    asked = PrivateCounts(
        groups={"a": list("xyz")},
        epsilon=NOTHING,
        entity="p",
        max_groups=most,
        sums={"n": Sum(lower=-4, upper=6)},
    )
    table = pa.table(
        {
            "a": pa.array([row[1] for row in rows], pa.string()),
            "n": pa.array([row[2] for row in rows], pa.int64()),
            "p": pa.array([str(row[0]) for row in rows], pa.string()),
        }
    )
    of_one = table.filter(pa.array([row[0] == 0 for row in rows], pa.bool_()))

    found = count_table(of_one, asked)

    assert found["count"].abs().sum() <= most
    assert found["sum of n"].abs().sum() <= 6 * most
    assert 2 * most == asked.scale() * asked.share
    assert 2 * most * 6 == asked.scale("n") * asked.share


def test_counts_below_nothing_are_published_only_if_they_may_be():
    groups = {"a": [f"v{n}" for n in range(200)]}
    empty = FRAME.head(0)

    free, _ = private_counts(empty, PrivateCounts(groups=groups, epsilon=0.5))
    cut, _ = private_counts(empty, PrivateCounts(groups=groups, epsilon=0.5, non_negative=True))

    assert free["count"].min() < 0
    assert cut["count"].min() == 0


def test_the_noise_is_another_in_each_call():
    asked = PrivateCounts(groups={"a": [f"v{n}" for n in range(50)]}, epsilon=0.1)

    first, second = (private_counts(FRAME, asked)[0]["count"].tolist() for _ in range(2))

    assert first != second


def test_the_error_that_is_told_is_that_of_the_noise():
    asked = PrivateCounts(groups={"a": ["x"]}, epsilon=0.5)
    _, report = private_counts(FRAME, asked)
    below = source(2)
    sizes = [abs(discrete_laplace(asked.scale(), below)) for _ in range(10_000)]

    told = report["noise"]["count"]

    assert told["scale"] == 4
    assert told["mean_error"] == pytest.approx(np.mean(sizes), rel=0.05)
    assert np.mean(np.array(sizes) <= told["error_of_95_percent"]) >= 0.945
    assert np.mean(np.array(sizes) <= told["error_of_95_percent"] - 1) < 0.955


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epsilon": 0}, "'epsilon' must be a number above 0"),
        ({"epsilon": float("nan")}, "'epsilon' must be a number"),
        ({"groups": {}}, "'groups' must name columns"),
        ({"groups": {"a": []}}, "'groups' must name columns"),
        ({"groups": {"a": ["x", "x"]}}, "names a value of 'a' twice"),
        ({"groups": {"a": "xyz"}}, "must list the values of each column as texts"),
        ({"groups": {"a": [1, 2]}}, "must list the values of each column as texts"),
        ({"groups": {"count": ["x"]}}, "'count' has several meanings"),
        ({"groups": {"a": ["x"]}, "entity": "a"}, "'a' has several meanings"),
        ({"max_groups": 2}, "'max_groups' is about persons"),
        ({"max_groups": 0}, "'max_groups' must be a whole number"),
        ({"groups": {c: list(map(str, range(101))) for c in "abc"}}, "more than 1000000"),
    ],
)
def test_what_contradicts_itself_is_refused(options, sentence):
    known = {"groups": {"a": ["x"]}, "epsilon": 1}

    with pytest.raises(PolicyError, match=sentence):
        PrivateCounts(**known | options)


@pytest.mark.parametrize(("lower", "upper", "step"), [(1, 0, 1), (0, float("inf"), 1), (0, 1, 0)])
def test_a_range_that_is_none_is_refused(lower, upper, step):
    with pytest.raises(PolicyError):
        Sum(lower=lower, upper=upper, step=step)


def test_columns_that_lack_or_have_no_numbers_are_refused():
    asked = PrivateCounts(groups={"a": ["x"]}, epsilon=1, sums={"p": Sum(lower=0, upper=1)})

    with pytest.raises(DatasetError, match="'p' has cells that are no numbers"):
        private_counts(FRAME, asked)
    with pytest.raises(UnknownColumnsError, match="'a'"):
        private_counts(FRAME[["p"]], asked)
