"""k-map, and risks against a population table."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    KMap,
    PolicyError,
    UnattainableError,
    anonymise,
    verify_anonymity,
)
from dataframe_anonymisation.risk import risk_of
from util_services.datasets.schema import UnknownColumnsError
from util_services.errors import ConfigurationError

TOWNS = {"a": ["north", "*"], "b": ["north", "*"], "c": ["south", "*"], "d": ["south", "*"]}
ROW = st.tuples(st.sampled_from(list(TOWNS)), st.integers(0, 3))


def policy(*models, **options):
    known = {
        "models": models,
        "quasi_identifiers": ["town", "age"],
        "hierarchies": {"town": Hierarchy.mapping(TOWNS), "age": Hierarchy.intervals([2])},
        "order": "preserve",
        "suppression_limit": 0.0,
    }
    return AnonymisationPolicy(**(known | options))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=12),
    others=st.lists(ROW, max_size=40),
    k=st.integers(1, 8),
    algorithm=st.sampled_from(["optimal", "local", "mondrian"]),
)
def test_every_class_stands_for_k_rows_of_the_population(rows, others, k, algorithm):
    frame = pd.DataFrame(rows, columns=["town", "age"])
    people = pd.DataFrame([*rows, *others], columns=["town", "age"])

    try:
        result, report = anonymise(frame, policy(KMap(k=k), algorithm=algorithm), population=people)
    except UnattainableError:
        return

    assert report["verified"]["holds"]
    known = people.merge(frame.drop_duplicates())
    for _, part in frame.groupby([result["town"], result["age"]], observed=True):
        assert len(known.merge(part.drop_duplicates())) >= k
    least = report["models"][0]["achieved"]
    assert report["risk_after"]["journalist_highest"] == 1 / least
    assert report["verified"]["models"][0]["measured"] == least


def test_a_lone_row_may_stay_as_it_is_where_the_population_has_many_like_it():
    frame = pd.DataFrame({"town": ["a", "c"], "age": [1, 3]})
    people = pd.DataFrame({"town": ["a"] * 5 + ["c"] * 5, "age": [1] * 5 + [3] * 5})

    result, report = anonymise(frame, policy(KMap(k=5)), population=people)

    assert result["town"].tolist() == ["a", "c"]
    assert report["risk_after"]["prosecutor_highest"] == 1.0
    assert report["risk_after"]["journalist_highest"] == 0.2
    assert report["risk_after"]["marketer"] == 0.2
    assert report["has_population"] is True


def test_what_no_population_can_give_is_told_before_the_search():
    frame = pd.DataFrame({"town": ["a"], "age": [1]})
    people = pd.DataFrame({"town": ["a", "b"], "age": [1, 1]})

    with pytest.raises(UnattainableError, match="population has 1 rows like those of the table"):
        anonymise(frame, policy(KMap(k=2)), population=people)


def test_a_population_is_needed_and_needs_the_columns():
    frame = pd.DataFrame({"town": ["a"], "age": [1]})

    with pytest.raises(PolicyError, match="k-map needs a population table"):
        anonymise(frame, policy(KMap(k=1)))
    with pytest.raises(UnknownColumnsError, match="'age'"):
        anonymise(frame, policy(KMap(k=1)), population=frame[["town"]])
    with pytest.raises(ConfigurationError, match="k-map is checked where its population is"):
        verify_anonymity(frame, ["town"], [KMap(k=1)])
    with pytest.raises(PolicyError, match="'k' must be a whole number"):
        KMap(k=0)


def test_a_population_changes_nothing_but_the_risks_of_other_models():
    frame = pd.DataFrame({"town": ["a", "a", "c", "c"], "age": [1, 1, 3, 3]})
    people = pd.concat([frame] * 3)

    alone, first = anonymise(frame, policy(KAnonymity(k=2)))
    beside, second = anonymise(frame, policy(KAnonymity(k=2)), population=people)

    pd.testing.assert_frame_equal(alone, beside)
    assert first["risk_after"]["journalist_highest"] == 1 / 2
    assert second["risk_after"]["journalist_highest"] == 1 / 6
    assert second["risk_after"]["prosecutor_highest"] == 1 / 2


def test_risks_against_a_population_by_hand():
    """Classes of 2 and 1 rows that stand for 4 and 10 (Dankar and El Emam 2010)."""
    import numpy as np

    found = risk_of(np.array([2, 1]), population=np.array([4, 10]))

    assert found.journalist_highest == 1 / 4
    assert found.marketer == pytest.approx((2 / 4 + 1 / 10) / 3)
    assert found.journalist_average == pytest.approx(max(2 / 14, 0.2))
