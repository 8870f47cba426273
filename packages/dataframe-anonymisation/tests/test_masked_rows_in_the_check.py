"""What the independent check makes of rows with ``*`` in every quasi-identifier."""

import numpy as np
import pandas as pd
import pytest

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    LDiversity,
    anonymise,
    verify_anonymity,
)
from dataframe_anonymisation.verify import Claims, verify

MODELS = [KAnonymity(k=2).to_dict(), LDiversity(l=2, attribute="s").to_dict()]


def claims(**options):
    return Claims(["a"], MODELS, exempt_suppressed=True, **options)


def table(labels, values):
    return [pd.DataFrame({"a": labels, "s": values})]


def test_masked_rows_that_show_sensitive_values_are_a_class_like_others():
    verdict = verify(table(["x", "x", "*"], ["p", "q", "hush"]), claims())

    assert not verdict.holds
    assert verdict.suppressed == 0
    assert verdict.failures == [
        "k-anonymity fails in 1 of 2 classes",
        "distinct l-diversity fails in 1 of 2 classes",
    ]


def test_masked_rows_that_show_a_sensitive_value_of_no_model_are_a_class_like_others():
    frame = pd.DataFrame({"a": ["x", "x", "*"], "s": ["p", "q", None], "t": [None, None, "hush"]})

    assert verify([frame], claims()).holds
    assert not verify([frame], claims(sensitive=["t"])).holds


def test_both_figures_are_told_of_masked_rows():
    found = verify(table(["x", "x", "*"], ["p", "q", None]), claims()).to_dict()

    assert found["holds"]
    assert found["masked_rows"] == 1
    assert [one["measured"] for one in found["models"]] == [2, 2]
    assert [one["measured"] for one in found["models_with_masked_rows"]] == [1, 0]


@pytest.mark.parametrize(
    ("suppressed", "holds"), [(None, True), (0, True), (1, True), (2, True), (3, False)]
)
def test_no_more_rows_are_exempt_than_were_masked(suppressed, holds):
    """Two rows of a class that was generalised to the root may lack a value of their own."""
    rows = table(["x", "x", "*", "*", "*", "*"], ["p", "q", "p", "q", None, None])

    assert verify(rows, claims(suppressed=suppressed)).holds is holds


def test_a_class_of_one_masked_row_too_many_fails():
    verdict = verify(table(["x", "x", "*", "*"], ["p", "q", None, None]), claims(suppressed=1))

    assert not verdict.holds


@pytest.mark.parametrize("rows", [table([], []), table(["*", "*"], [None, None])])
def test_where_nothing_is_to_be_checked_nothing_holds(rows):
    verdict = verify(rows, claims())

    assert not verdict.holds
    assert verdict.failures == ["there is no class to check"]


def test_a_table_that_is_claimed_to_be_empty_holds():
    assert verify(table([], []), claims(rows=0, suppressed=0)).holds
    assert verify(table(["*"], [None]), claims(rows=1, suppressed=1)).holds
    assert not verify_anonymity(table([], [])[0], ["a"], [KAnonymity(k=2)])["holds"]


@pytest.mark.parametrize("values", [[np.nan] * 2, ["p", "q"]])
def test_masked_rows_beside_a_class_that_is_generalised_to_the_root_are_told_apart(values):
    frame = pd.DataFrame({"a": ["x", "y", None, None], "s": ["p", "q", *values]}, dtype=object)
    policy = AnonymisationPolicy(
        models=[KAnonymity(k=2), LDiversity(l=2)],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        hierarchies={"a": Hierarchy.suppression()},
        missing_quasi_identifiers="suppress",
        suppression_limit=0.5,
        suppressed="mask",
    )

    result, report = anonymise(frame, policy)

    assert set(result["a"]) == {"*"}
    assert report["verified"]["masked_rows"] == 2
    assert report["verified"]["classes"] == 1
    assert [one["measured"] for one in report["verified"]["models"]] == [2, 2]
