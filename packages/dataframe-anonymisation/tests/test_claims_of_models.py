"""A model that is checked on a published table keeps all its parameters."""

import json

import pandas as pd
import pytest

from dataframe_anonymisation import (
    AlphaKAnonymity,
    AnonymisationPolicy,
    BetaLikeness,
    DeltaDisclosure,
    DeltaPresence,
    Hierarchy,
    KAnonymity,
    LDiversity,
    PolicyError,
    TCloseness,
    UnattainableError,
    anonymise,
    verify_anonymity,
)
from util_services.errors import ConfigurationError

LEVELS = ["low", "middle", "high"]
TREE = {
    "flu": ["lung", "*"],
    "cough": ["lung", "*"],
    "ulcer": ["gut", "*"],
    "colic": ["gut", "*"],
}


def found(values, model):
    half = len(values) // 2
    frame = pd.DataFrame({"a": ["x"] * half + ["y"] * half, "s": values})
    verdict = verify_anonymity(frame, ["a"], [model])
    return verdict["holds"], verdict["models"][0]["measured"]


def test_a_declared_order_is_the_one_of_the_check():
    values = ["low", "low", "middle", "middle", "high", "high"]
    apart = TCloseness(t=0.2, attribute="s", distance="ordered", order=LEVELS)
    near = TCloseness(t=0.2, attribute="s", distance="ordered", order=["low", "high", "middle"])

    assert found(values, apart) == (False, 0.3333)
    assert found(values, near) == (True, 0.1667)


@pytest.mark.parametrize("order", [(), ["low", "high"]])
def test_texts_without_a_place_in_an_order_are_refused(order):
    model = TCloseness(t=1, attribute="s", distance="ordered", order=order)

    with pytest.raises(ConfigurationError, match="needs an order, and 's' has values"):
        found(["low", "middle", "high", "low"], model)


def test_the_hierarchical_distance_is_refused_without_a_hierarchy():
    with pytest.raises(PolicyError, match="needs the hierarchy of its column"):
        found(["flu", "ulcer"], TCloseness(t=1, attribute="s", distance="hierarchical"))


def test_the_value_that_flags_rows_is_the_one_of_the_check():
    values = ["yes", "yes", "yes", "no"]

    assert found(values, DeltaPresence(0.5, 1, attribute="s", value="yes")) == (True, 1.0)
    assert not found(values, DeltaPresence(0.5, 1, attribute="s", value="no"))[0]


def test_a_missing_value_counts_in_the_check_if_it_counts_in_the_model():
    values = ["p", None, "q", None]

    assert found(values, LDiversity(l=2, attribute="s", missing_counts=True)) == (True, 2)
    assert found(values, LDiversity(l=2, attribute="s")) == (False, 1)


def test_a_table_whose_missing_values_count_is_published():
    frame = pd.DataFrame({"a": ["x", "x", "y", "y"], "s": ["p", None, "q", None]})
    policy = AnonymisationPolicy(
        models=[LDiversity(l=2, missing_counts=True)],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
    )

    result, report = anonymise(frame, policy)

    assert set(result["a"]) == {"x", "y"}
    assert report["verified"]["models"][0]["measured"] == 2


@pytest.mark.parametrize(
    "model",
    [
        LDiversity(l=2),
        LDiversity(l=2, variant="entropy"),
        TCloseness(t=1),
        AlphaKAnonymity(k=2, alpha=1),
        DeltaDisclosure(delta=1),
        BetaLikeness(beta=1),
        DeltaPresence(0, 1),
    ],
)
def test_a_model_that_names_no_column_is_refused(model):
    with pytest.raises(PolicyError, match="needs 'attribute'; name the column"):
        found(["p", "q"], model)


@pytest.mark.parametrize(("names", "models"), [([], [KAnonymity(k=2)]), (["a"], []), (["a"], [2])])
def test_a_check_of_nothing_is_refused(names, models):
    with pytest.raises(ConfigurationError, match="must name"):
        verify_anonymity(pd.DataFrame({"a": ["x", "x"]}), names, models)


def test_what_has_no_finite_measure_has_none():
    model = LDiversity(l=2, c=1, variant="recursive", attribute="s")

    assert found(["p", "p", "q", "q"], model) == (False, None)


@pytest.mark.parametrize("secret", ["flu", None])
def test_masked_rows_do_not_disturb_a_check_that_knows_a_hierarchy(secret):
    frame = pd.DataFrame({"a": ["x"] * 4 + ["y"], "s": [*TREE, secret]})
    policy = AnonymisationPolicy(
        models=[KAnonymity(k=4), TCloseness(t=0.9, distance="hierarchical")],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        hierarchies={"a": Hierarchy.suppression(), "s": Hierarchy.mapping(TREE)},
        algorithm="optimal",
        suppression_limit=0.2,
        suppressed="mask",
    )

    _, report = anonymise(frame, policy)

    assert report["verified"]["holds"]
    assert report["verified"]["masked_rows"] == 1
    assert "flu" not in json.dumps(report)


@pytest.mark.parametrize(("frequent", "c", "rest"), [(55, 1.1, 50), (99, 2.2, 45), (63, 1.4, 45)])
def test_the_constant_of_recursive_diversity_means_what_is_written(frequent, c, rest):
    """As binary fractions, 1.1 * 50 is more than 55."""
    model = LDiversity(l=2, c=c, variant="recursive", attribute="s")
    policy = AnonymisationPolicy(
        models=[model],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        suppression_limit=0.0,
    )
    at_bound = pd.DataFrame({"a": "x", "s": ["p"] * frequent + ["q"] * rest})
    below = at_bound.iloc[1:]

    with pytest.raises(UnattainableError, match="the whole table fails"):
        anonymise(at_bound, policy)
    assert not verify_anonymity(at_bound, ["a"], [model])["holds"]
    assert len(anonymise(below, policy)[0]) == len(below)
    assert verify_anonymity(below, ["a"], [model])["holds"]
