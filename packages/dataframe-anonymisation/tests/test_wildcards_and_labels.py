"""What is published as a label means: ``*``, ranges and sets (AN-09, AN-14, AN-38 to AN-41)."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    TCloseness,
    anonymise,
)


def asked_for(k, **options):
    return AnonymisationPolicy(
        models=[KAnonymity(k=k)], suppression_limit=0.0, order="preserve", **options
    )


def fewest_alike(published):
    """Return the fewest rows that a row may be where a star is any value, row by row."""
    rows = published.to_numpy()
    return min(
        sum(all(a == b or "*" in {a, b} for a, b in zip(one, other, strict=True)) for other in rows)
        for one in rows
    )


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(*[st.sampled_from(["a", "b", "c"])] * 3).map(list), min_size=4, max_size=40
    ),
    algorithm=st.sampled_from(["local", "mondrian", "optimal"]),
)
def test_an_14_the_risk_of_stars_that_may_be_any_value_is_reported(rows, algorithm):
    frame = pd.DataFrame(rows, columns=["x", "y", "z"])

    published, report = anonymise(
        frame, asked_for(2, quasi_identifiers=["x", "y", "z"], algorithm=algorithm)
    )

    assert report["risk_after"]["wildcard_highest"] == 1 / fewest_alike(published)
    assert report["risk_after"]["wildcard_highest"] <= report["risk_after"]["prosecutor_highest"]


def test_an_14_masked_rows_may_be_anybodys_where_stars_are_any_value():
    frame = pd.DataFrame({"x": ["a", "a", "b", "b", "c"]})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=2)],
        quasi_identifiers=["x"],
        algorithm="optimal",
        suppression_limit=0.2,
        suppressed="mask",
    )

    published, report = anonymise(frame, asked)

    assert list(published["x"]).count("*") == 1
    assert report["risk_after"]["prosecutor_highest"] == 1 / 2
    assert report["risk_after"]["wildcard_highest"] == 1 / 3


def test_an_14_a_risk_of_too_many_classes_to_compare_is_what_it_is_at_most(monkeypatch):
    from dataframe_anonymisation import wildcards

    monkeypatch.setattr(wildcards, "MAX_CELLS", 0)
    monkeypatch.setattr(wildcards, "CHUNK", 1)
    pairs = [*itertools.product("ab", "cd"), ("a", "e"), ("f", "g")]
    frame = pd.DataFrame(pairs * 2, columns=["x", "y"])

    published, report = anonymise(
        frame, asked_for(3, quasi_identifiers=["x", "y"], algorithm="local")
    )

    found = report["risk_after"]
    assert 1 / fewest_alike(published) <= found["wildcard_highest"] <= found["prosecutor_highest"]


def test_an_09_a_column_that_tells_nothing_any_more_is_warned_of():
    frame = pd.DataFrame({"zip": ["1", "2", "3", "4"], "sex": list("mmff"), "s": list("pqpq")})
    asked = AnonymisationPolicy(
        models=[TCloseness(t=0.0)],
        quasi_identifiers=["zip", "sex"],
        sensitive_attributes=["s"],
        hierarchies={"zip": Hierarchy.suppression()},
        suppression_limit=0.0,
    )

    published, report = anonymise(frame, asked)

    assert set(published["zip"]) == {"*"}
    assert [w for w in report["warnings"] if "tells nothing" in w] == [
        "All rows have '*' in 'zip', which tells nothing any more; ask less of the models, let "
        "more rows be suppressed, or give a hierarchy with more levels."
    ]


SHAPES = (
    re.compile(r"\*"),
    re.compile(r"\[-?\d+, -?\d+[)\]]"),
    re.compile(r"\{([^\\,{}]|\\.)+(, ([^\\,{}]|\\.)+)+\}"),
    re.compile(r"-?\d+|[a-d]"),
)


@pytest.mark.parametrize("style", ["hierarchy", "values"])
@pytest.mark.parametrize("algorithm", ["local", "mondrian"])
def test_an_38_labels_are_values_stars_intervals_or_sets(style, algorithm):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"age": random.integers(-9, 90, 200), "town": random.choice(list("abcd"), 200)}
    )
    asked = asked_for(
        4,
        quasi_identifiers=["age", "town"],
        hierarchies={"age": Hierarchy.intervals([5, 20])},
        labels={"age": style, "town": style},
        algorithm=algorithm,
    )

    published, _ = anonymise(frame, asked)

    labels = {label for name in published for label in published[name]}
    assert all(any(shape.fullmatch(label) for shape in SHAPES) for label in labels)


def test_an_39_hierarchy_labels_do_not_tell_the_extremes_of_a_class_and_ranges_do():
    frame = pd.DataFrame({"age": [21, 23, 27, 61, 64, 68]})
    options = {
        "quasi_identifiers": ["age"],
        "hierarchies": {"age": Hierarchy.intervals([10])},
        "algorithm": "mondrian",
    }

    snapped, _ = anonymise(frame, asked_for(3, **options))
    exact, _ = anonymise(frame, asked_for(3, **options, labels={"age": "values"}))

    assert set(snapped["age"]) == {"[20, 30)", "[60, 70)"}
    assert set(exact["age"]) == {"[21, 27]", "[61, 68]"}


def test_an_40_every_row_is_published_or_counted_as_suppressed_and_no_value_is_made_up():
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "age": random.integers(0, 90, 300),
            "s": random.choice(list("pqr"), 300),
            "other": random.integers(0, 5, 300),
        }
    )
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=40)],
        quasi_identifiers=["age"],
        sensitive_attributes=["s"],
        insensitive_attributes=["other"],
        hierarchies={"age": Hierarchy.intervals([7])},
        algorithm="optimal",
        suppression_limit=0.9,
    )

    published, report = anonymise(frame, asked)

    assert len(published) + report["rows_suppressed"] == 300
    for name in ("s", "other"):
        assert (published[name].value_counts() <= frame[name].value_counts()).all()
    low = published["age"].str.extract(r"\[(-?\d+), (\d+)\)").astype(float)
    inside = [
        ((frame["age"] >= a) & (frame["age"] < b)).sum()
        for a, b in low.dropna().drop_duplicates().to_numpy()
    ]
    assert sum(inside) >= len(low.dropna())


def test_an_41_labels_are_of_the_last_partition_and_not_of_the_cut():
    ages = [20, 21, 22, 70, 71, 72]
    frame = pd.DataFrame({"age": ages * 2, "sex": ["m"] * 6 + ["f"] * 6})
    asked = asked_for(
        3,
        quasi_identifiers=["age", "sex"],
        labels={"age": "values", "sex": "values"},
        algorithm="mondrian",
    )

    published, report = anonymise(frame, asked)

    assert set(published["age"]) == {"[20, 22]", "[70, 72]"}
    assert set(published["sex"]) == {"m", "f"}
    assert report["loss"]["gcp"] == pytest.approx(2 / 52 / 2)
