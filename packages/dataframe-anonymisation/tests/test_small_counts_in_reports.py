"""AN-47: reports do not tell counts of few rows of the original table."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    PolicyError,
    UnattainableError,
    anonymise,
)
from dataframe_anonymisation.small_counts import told


def policy(**options):
    known = {
        "models": [KAnonymity(k=2)],
        "quasi_identifiers": ["a"],
        "hierarchies": {"a": Hierarchy.suppression()},
        "missing_quasi_identifiers": "suppress",
        "suppression_limit": 0.5,
        "algorithm": "optimal",
    }
    return AnonymisationPolicy(**(known | options))


def frame(uniques, missing, pairs=50):
    values = [*(f"u{n}" for n in range(uniques)), *[None] * missing]
    return pd.DataFrame({"a": [*values, *(f"p{n // 2}" for n in range(2 * pairs))]})


@pytest.mark.parametrize(("uniques", "is_told"), [(3, False), (9, False), (10, True), (0, True)])
def test_the_number_of_rows_that_were_alone_is_told_from_the_threshold_on(uniques, is_told):
    _, report = anonymise(frame(uniques, 0), policy())

    before = report["risk_before"]
    assert before["uniques"] == (uniques if is_told else None)
    assert before["sizes"]["1"] == (uniques if is_told else None)
    assert before["sizes"]["2"] == (100 if is_told else None)  # else it follows from all rows
    assert report["risk_after"]["uniques"] == 0


def test_shares_do_not_tell_what_counts_withhold():
    values = ["u1", "u2", *["rest"] * 40]
    _, report = anonymise(pd.DataFrame({"a": values}), policy())

    assert report["risk_before"]["at_risk_share"] is None
    assert report["risk_before"]["uniques"] is None


def test_rows_by_reason_do_not_tell_small_counts():
    _, few = anonymise(frame(20, 3), policy())
    _, many = anonymise(frame(20, 12), policy())

    reasons = ("missing values", "no class that satisfies the models")
    assert few["suppressed_by_reason"] == dict.fromkeys(reasons)
    assert few["rows_suppressed"] == 23
    assert many["suppressed_by_reason"] == dict(zip(reasons, (12, 20), strict=True))


def test_an_error_does_not_tell_small_counts():
    with pytest.raises(UnattainableError, match="fewer than 10 rows with missing values"):
        anonymise(frame(0, 3), policy(suppression_limit=0.0))


def test_a_threshold_of_nothing_tells_all():
    _, report = anonymise(frame(3, 4), policy(report_threshold=0))

    assert report["risk_before"]["uniques"] == 3
    assert report["suppressed_by_reason"]["missing values"] == 4
    assert None not in json.loads(json.dumps(report))["risk_before"]["sizes"].values()


@pytest.mark.parametrize("threshold", [-1, 2.5, True, "10"])
def test_a_threshold_that_is_none_is_refused(threshold):
    with pytest.raises(PolicyError, match="'report_threshold' must be a whole number"):
        policy(report_threshold=threshold)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(0, 20))
def test_what_is_withheld_is_no_small_count_in_sum_unless_all_is(counts, threshold):
    whole = {str(n): count for n, count in enumerate(counts)}

    found = told(whole, threshold)

    hidden = sum(count for name, count in whole.items() if found[name] is None)
    rest = [count for count in found.values() if count is not None]
    assert not any(0 < count < threshold for count in rest)
    assert hidden == 0 or hidden >= threshold or not any(rest)
