"""Bounds on what any table can reach, against every way to suppress rows of a small one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation import AlphaKAnonymity, LDiversity
from dataframe_anonymisation.models.base import levelled
from dataframe_anonymisation.table import Attribute, Contingency

COUNTS = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def remains(counts, spare):
    """Yield what may be left of counts, something at least, if so many are taken away."""
    for left in itertools.product(*(range(count + 1) for count in counts)):
        if sum(left) > 0 and sum(counts) - sum(left) <= spare:
            yield sorted(left, reverse=True)


def entropy(counts):
    shares = [count / sum(counts) for count in counts if count]
    return math.exp(-sum(share * math.log(share) for share in shares))


def refused(model, counts, spare):
    total = np.array(counts, np.int64)
    values = tuple(map(str, range(len(counts))))
    none = np.zeros(0, np.int64)
    attribute = Attribute("s", values, none, none, none, total)
    table = Contingency((), (), none, {"s": attribute}, int(total.sum()))
    return model.bound(table, spare) is not None


@settings(max_examples=150)
@given(counts=COUNTS, spare=st.integers(0, 6), bound=st.floats(1, 4))
def test_no_attainable_entropy_is_refused(counts, spare, bound):
    best = max(map(entropy, remains(counts, spare)))

    found = refused(LDiversity(l=bound, attribute="s", variant="entropy"), counts, spare)

    assert not found or best < bound
    assert spare or found is (best < bound - 1e-9)


@settings(max_examples=150)
@given(counts=COUNTS, spare=st.integers(0, 6), alpha=st.floats(0.05, 1))
def test_no_attainable_share_is_refused(counts, spare, alpha):
    best = min(max(left) / sum(left) for left in remains(counts, spare))

    found = refused(AlphaKAnonymity(k=1, alpha=alpha, attribute="s"), counts, spare)

    assert not found or best > alpha
    assert spare or found is (best > alpha)


@settings(max_examples=150)
@given(
    counts=COUNTS, spare=st.integers(0, 6), least=st.integers(1, 3), c=st.sampled_from([0.5, 1, 2])
)
def test_no_attainable_recursive_diversity_is_refused(counts, spare, least, c):
    attainable = any(left[0] < c * sum(left[least - 1 :]) for left in remains(counts, spare))

    model = LDiversity(l=least, c=c, attribute="s", variant="recursive")

    assert not (refused(model, counts, spare) and attainable)
    assert spare or refused(model, counts, spare) is not attainable


@pytest.mark.parametrize(
    ("spare", "left"), [(0, [5, 3, 1]), (2, [3, 3, 1]), (3, [2.5, 2.5, 1]), (6, [1, 1, 1])]
)
def test_the_most_frequent_values_are_levelled(spare, left):
    assert levelled(np.array([5, 3, 1]), spare).tolist() == pytest.approx(left)
