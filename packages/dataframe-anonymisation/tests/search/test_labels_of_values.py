"""Labels that are made of the values of a class: ranges, sets and means."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    DeltaDisclosure,
    Hierarchy,
    KAnonymity,
    LDiversity,
    PolicyError,
    UnattainableError,
    anonymise,
)
from dataframe_anonymisation.verify.labels import is_of_values, members

TOWNS = ["a", "b,c", "{d}", "e\\", "f"]
ROW = st.tuples(
    st.one_of(st.none(), st.sampled_from(TOWNS)),
    st.one_of(st.none(), st.integers(-20, 60)),
    st.sampled_from(["u", "v", "w"]),
)


def policy(**options):
    known = {
        "models": [KAnonymity(k=2)],
        "quasi_identifiers": ["town", "age"],
        "sensitive_attributes": ["s"],
        "hierarchies": {"town": Hierarchy.suppression(), "age": Hierarchy.intervals([10, 40])},
        "labels": {"town": "values", "age": "values"},
        "order": "preserve",
        "suppression_limit": 0.0,
    }
    return AnonymisationPolicy(**(known | options))


def unescaped(label):
    """Return the members of a set, written anew with another method than the package."""
    found, member, escaped = [], "", False
    for mark in label[1:-1]:
        if escaped or mark not in "\\,":
            member, escaped = member + mark, False
        elif mark == "\\":
            escaped = True
        else:
            found, member = [*found, member], ""
    parts = [*found, member]
    return [parts[0], *(part[1:] for part in parts[1:])]


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=40),
    k=st.integers(1, 4),
    algorithm=st.sampled_from(["local", "mondrian"]),
    model=st.sampled_from([LDiversity(l=2), DeltaDisclosure(delta=2)]),
)
def test_labels_are_the_values_of_their_classes(rows, k, algorithm, model):
    frame = pd.DataFrame(rows, columns=["town", "age", "s"])
    frame["age"] = frame["age"].astype("Int64")

    try:
        asked = policy(models=[KAnonymity(k=k), model], algorithm=algorithm)
        result, report = anonymise(frame, asked)
    except UnattainableError:
        return

    assert report["verified"]["holds"]
    key = [result[name].astype(object).fillna("missing") for name in ("town", "age")]
    for (town, age), part in frame.groupby(key):
        assert len(part) >= k
        if age.startswith("["):
            low, high = age[1:-1].split(", ")
            assert (int(low), int(high)) == (part["age"].min(), part["age"].max())
        if town.startswith("{") and town != "{d}":
            assert sorted(unescaped(town)) == sorted(set(part["town"])) == sorted(members(town))


def test_numbers_are_labelled_with_their_mean():
    frame = pd.DataFrame({"age": [20, 21, 25, 60, 70, 80, 90], "s": list("uvuvuvu")})
    asked = policy(
        models=[KAnonymity(k=3)],
        quasi_identifiers=["age"],
        hierarchies={"age": Hierarchy.intervals([10, 20, 40])},
        labels={"age": "mean"},
        algorithm="mondrian",
    )

    result, report = anonymise(frame, asked)

    assert result["age"].tolist() == ["22"] * 3 + ["75"] * 4
    assert report["levels"]["age"]["own labels"] == 7
    assert report["loss"]["gcp"] == pytest.approx((3 * 5 + 4 * 30) / 70 / 7)
    assert report["verified"]["holds"]


def test_classes_of_one_mean_are_one():
    frame = pd.DataFrame({"age": [1, 1, 0, 2], "s": list("uvuv")})
    asked = policy(quasi_identifiers=["age"], hierarchies={}, labels={"age": "mean"})

    result, report = anonymise(frame, asked)

    assert set(result["age"]) == {"1"}
    assert report["risk_after"]["classes"] == report["verified"]["classes"] == 1


def test_a_class_with_a_missing_value_is_suppressed_as_before():
    frame = pd.DataFrame({"age": [1, 2, None], "town": list("aaa"), "s": list("uvu")})

    result, _ = anonymise(frame, policy(models=[KAnonymity(k=3)]))

    assert set(result["age"]) == {"*"}


def test_a_set_that_reads_like_a_value_is_not_used():
    """AN-33: a label that is also a real value."""
    frame = pd.DataFrame({"town": ["a", "b", "{a, b}", "{a, b}"], "age": 1, "s": list("uvuv")})

    result, _ = anonymise(frame, policy())

    assert result["town"].tolist()[:2] != ["{a, b}"] * 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels": {"age": "median"}}, "'labels' must be one of"),
        ({"labels": {"s": "values"}}, "'labels' names columns that are no quasi-identifiers"),
        ({"algorithm": "optimal"}, "'optimal' is about the labels of hierarchies"),
    ],
)
def test_labels_that_cannot_be_are_refused(options, sentence):
    with pytest.raises(PolicyError, match=sentence):
        policy(**options)


def test_means_of_what_are_no_numbers_are_refused():
    frame = pd.DataFrame({"town": ["a", "b"], "age": 1, "s": list("uv")})

    with pytest.raises(PolicyError, match="'town' has values that are no numbers"):
        anonymise(frame, policy(labels={"town": "mean"}))


DAYS = [dt.date(2020, 1, day) for day in range(1, 7)]
HOURS = pd.date_range("2020-10-25 00:30", periods=6, freq="h")


@pytest.mark.parametrize("algorithm", ["local", "mondrian"])
@pytest.mark.parametrize(
    ("moments", "ranges"),
    [
        (DAYS, {"[2020-01-01, 2020-01-03]", "[2020-01-04, 2020-01-06]"}),
        (
            [f"{day} 10:00:00" for day in DAYS],
            {
                "[2020-01-01 10:00:00, 2020-01-03 10:00:00]",
                "[2020-01-04 10:00:00, 2020-01-06 10:00:00]",
            },
        ),
        (
            pd.to_datetime([10**18 + n for n in range(6)]),
            None,
        ),
        (HOURS.tz_localize("UTC"), None),
        (HOURS.tz_localize("UTC").tz_convert("Europe/Berlin"), None),
    ],
)
def test_dates_and_times_are_labelled_with_their_ranges(moments, ranges, algorithm):
    frame = pd.DataFrame({"town": "a", "age": moments, "s": list("uvuvuv")})
    asked = policy(
        models=[KAnonymity(k=3)],
        hierarchies={"age": Hierarchy.date(["decade"])},
        labels={"age": "values"},
        algorithm=algorithm,
    )

    published, report = anonymise(frame, asked)

    assert report["verified"]["holds"]
    assert all(label.startswith("[") for label in published["age"])
    if ranges is not None and algorithm == "mondrian":
        assert set(published["age"]) == ranges


@pytest.mark.parametrize("moments", [DAYS, [f"202001{n:02}" for n in range(1, 7)]])
def test_dates_have_no_means(moments):
    frame = pd.DataFrame({"town": "a", "age": moments, "s": list("uvuvuv")})
    dates = {"age": Hierarchy.date(["month"])}

    with pytest.raises(PolicyError, match="'age' has values that are no numbers"):
        anonymise(frame, policy(hierarchies=dates, labels={"age": "mean"}))


@pytest.mark.parametrize(
    ("label", "value", "stands"),
    [
        ("[1, 5]", "1", True),
        ("[1, 5]", "5", True),
        ("[1, 5]", "5.01", False),
        ("[-3.5, -1]", "-2", True),
        ("[1, 5]", None, False),
        ("{a, b}", "b", True),
        ("{a, b}", "a, b", False),
        ("{a\\, b}", "a, b", True),
        ("{\\{\\}}", "{}", True),
        ("a", "a", False),
        ("[2020-01-01, 2020-01-05]", "2020-01-05", True),
        ("[2020-01-01, 2020-01-05]", "2020-01-06", False),
        ("[2020-01-01 09:00:00, 2020-01-01 10:00:00]", "2020-01-01 10:00:01", False),
        ("[2020-01-01, 2020-01-05]", "3", False),
    ],
)
def test_what_a_label_stands_for_is_in_its_text(label, value, stands):
    assert is_of_values(label, value) is stands


@pytest.mark.parametrize(
    ("algorithm", "k", "gcp", "error"),
    [("mondrian", 5, 0.0197, 0.075), ("mondrian", 10, 0.036, 0.18), ("local", 5, 0.0179, 0.02)],
)
def test_labels_of_values_lose_less_on_adult(adult, adult_policy, algorithm, k, gcp, error):
    asked = adult_policy(KAnonymity(k=k), algorithm=algorithm, suppression_limit=0.0)
    styles = dict.fromkeys(asked.quasi_identifiers, "values")
    asked = adult_policy(KAnonymity(k=k), algorithm=algorithm, suppression_limit=0.0, labels=styles)

    _, report = anonymise(adult, asked)

    assert report["loss"]["gcp"] <= gcp
    assert report["loss"]["median_query_error"] <= error
