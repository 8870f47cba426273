"""AN-23: where an entity is named, models, risks and the independent check count persons."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AlphaKAnonymity,
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    LDiversity,
    TCloseness,
    UnattainableError,
    anonymise,
    assess_risk,
    verify_anonymity,
)
from util_services.datasets.schema import UnknownColumnsError
from util_services.errors import ConfigurationError

TOWNS = {"a": ["north", "*"], "b": ["north", "*"], "c": ["south", "*"], "d": ["south", "*"]}
ROW = st.tuples(
    st.one_of(st.none(), st.sampled_from(list(TOWNS))),
    st.sampled_from(["u", "v", "w", None, ""]),
    st.sampled_from(["1", "2"]),
    st.one_of(st.none(), st.integers(1, 9)),
)
MODELS = {
    "k": list,
    "distinct": lambda: [LDiversity(l=2, attribute="s")],
    "entropy": lambda: [LDiversity(l=1.6, attribute="s", variant="entropy")],
    "recursive": lambda: [LDiversity(l=2, c=3, attribute="s", variant="recursive")],
    "t": lambda: [TCloseness(t=0.3, attribute="s"), TCloseness(t=0.4, attribute="r")],
    "alpha": lambda: [AlphaKAnonymity(k=1, alpha=0.6, attribute="s")],
}


def policy(models, **options):
    known = {
        "models": [KAnonymity(k=2), *models],
        "quasi_identifiers": ["town"],
        "sensitive_attributes": ["s", "r"],
        "hierarchies": {"town": Hierarchy.mapping(TOWNS)},
        "entity": "person",
    }
    return AnonymisationPolicy(**(known | options))


def shares(rows, name):
    """Return the share of each value among distinct pairs of person and value."""
    pairs = rows[[name, "person"]].astype(object).where(rows[[name, "person"]].notna(), "none")
    return pairs.drop_duplicates()[name].value_counts(normalize=True)


def holds(model, rows, whole):
    """Return whether a class satisfies a model over its persons, by the definition."""
    found = shares(rows, "s" if model != "r" else "r")
    match model:
        case "k":
            return rows["person"].nunique() >= 2
        case "distinct":
            return rows["s"].nunique() >= 2
        case "entropy":
            return -sum(p * math.log(p) for p in found) >= math.log(1.6) - 1e-9
        case "recursive":
            ordered = sorted(found, reverse=True)
            return ordered[0] < 3 * sum(ordered[1:]) + 1e-9
        case "alpha":
            return max(found) <= 0.6 + 1e-9
        case _:
            far = [
                shares(rows, name).sub(shares(whole, name), fill_value=0).abs().sum() / 2
                for name in ("s", "r")
            ]
            return far[0] <= 0.3 + 1e-9 and far[1] <= 0.4 + 1e-9


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=40),
    model=st.sampled_from(list(MODELS)),
    algorithm=st.sampled_from(["optimal", "local", "mondrian"]),
)
def test_every_class_satisfies_its_models_over_persons(rows, model, algorithm):
    frame = pd.DataFrame(rows, columns=["town", "s", "r", "person"])
    asked = policy(MODELS[model](), algorithm=algorithm, order="preserve", suppression_limit=0.0)

    try:
        result, report = anonymise(frame, asked)
    except UnattainableError:
        return

    assert report["verified"]["holds"]
    assert report["counted"] == "persons"
    classes = frame.groupby(result["town"].astype(object).fillna("none"))
    smallest = min(classes["person"].nunique())
    assert report["models"][0]["achieved"] == smallest >= 2
    assert report["verified"]["models"][0]["measured"] == smallest
    assert report["risk_after"]["prosecutor_highest"] == 1 / smallest
    assert all(holds(model, part, frame) for _, part in classes)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=40),
    model=st.sampled_from(list(MODELS)),
    algorithm=st.sampled_from(["optimal", "local", "mondrian"]),
    entity=st.sampled_from([None, "person"]),
    options=st.fixed_dictionaries(
        {
            "suppressed": st.sampled_from(["drop", "mask"]),
            "suppressed_class": st.sampled_from(["exempt", "tested"]),
            "missing_quasi_identifiers": st.sampled_from(["value", "suppress"]),
            "suppression_limit": st.sampled_from([0.0, 0.3, 1.0]),
            "strip": st.booleans(),
        }
    ),
)
def test_the_independent_check_confirms_whatever_a_search_finds(
    rows, model, algorithm, entity, options
):
    """`anonymise` raises VerificationError where the two disagree."""
    frame = pd.DataFrame(rows, columns=["town", "s", "r", "person"])
    asked = policy(
        MODELS[model](), algorithm=algorithm, entity=entity, identifiers=["person"], **options
    )

    try:
        _, report = anonymise(frame, asked)
    except UnattainableError:
        return

    assert report["verified"]["holds"]


def test_a_person_with_many_rows_does_not_hide_that_others_share_a_value():
    frame = pd.DataFrame(
        {
            "town": ["a"] * 8,
            "s": ["u"] * 3 + ["v"] * 3 + ["u"] * 1 + ["v"] * 1,
            "r": ["1"] * 8,
            "person": ["p1", "p2", "p3", "p4", "p4", "p4", "p4", "p4"],
        }
    )

    _, report = anonymise(frame, policy([AlphaKAnonymity(k=1, alpha=0.9, attribute="s")]))

    assert report["models"][-1]["achieved"] == 0.8  # u: four of five pairs of person and value
    assert report["verified"]["models"][-1]["measured"] == 0.8


def test_risks_are_assessed_of_persons():
    frame = pd.DataFrame(
        {"town": ["a"] * 4 + ["b"] * 2, "person": ["p1"] * 4 + ["p2", "p3"], "n": np.arange(6)}
    )

    rows, persons = assess_risk(frame, ["town"]), assess_risk(frame, ["town"], entity="person")

    assert rows["uniques"] == 0
    assert persons["uniques"] == 1
    assert persons["prosecutor_highest"] == 1.0
    assert persons["rows"] == 3


@pytest.mark.parametrize(
    ("entity", "error", "sentence"),
    [
        ("town", ConfigurationError, "'town' says whose rows these are"),
        ("nobody", UnknownColumnsError, "'nobody'"),
    ],
)
def test_an_entity_that_cannot_be_one_is_refused(entity, error, sentence):
    frame = pd.DataFrame({"town": ["a"], "person": ["p"]})

    with pytest.raises(error, match=sentence):
        assess_risk(frame, ["town"], entity=entity)


@pytest.mark.parametrize("threshold", [0, 1.1, float("nan"), "1"])
def test_a_threshold_of_risk_that_is_none_is_refused(threshold):
    with pytest.raises(ConfigurationError, match="'threshold' must be a number above 0"):
        assess_risk(pd.DataFrame({"town": ["a"]}), ["town"], threshold=threshold)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=40),
    k=st.integers(1, 4),
    l=st.integers(1, 3),
    t=st.sampled_from([0.1, 0.4, 0.8]),
)
def test_persons_of_a_published_table_are_counted_as_pandas_counts_them(rows, k, l, t):  # noqa: E741
    frame = pd.DataFrame(rows, columns=["town", "s", "r", "person"])
    models = [
        KAnonymity(k=k),
        LDiversity(l=l, attribute="s"),
        TCloseness(t=t, attribute="s", distance="equal"),
    ]

    found = verify_anonymity(frame, ["town"], models, entity="person")["models"]

    classes = frame.groupby("town", dropna=False)
    assert found[0]["measured"] == classes["person"].nunique().min()
    assert found[0]["failing_classes"] == (classes["person"].nunique() < k).sum()
    assert found[1]["failing_classes"] == (classes["s"].nunique() < l).sum()
    whole = shares(frame, "s")
    distances = [
        (shares(part, "s").reindex(whole.index, fill_value=0) - whole).abs().sum() / 2
        for _, part in classes
    ]
    assert found[2]["measured"] == pytest.approx(max(distances), abs=1e-4)  # told with 4 digits
