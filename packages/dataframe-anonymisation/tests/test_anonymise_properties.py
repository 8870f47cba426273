"""What holds of every result, whatever the table, the models and the search."""

import re

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    LDiversity,
    UnattainableError,
    anonymise,
)

TOWNS = {"a": ["north", "*"], "b": ["north", "*"], "c": ["south", "*"], "d": ["east", "*"]}
INTERVAL = re.compile(r"\[(-?\d+), (-?\d+)\)")
ROW = st.tuples(
    st.one_of(st.none(), st.sampled_from(list(TOWNS))),
    st.integers(-20, 60),
    st.sampled_from(["u", "v", "w", None]),
    st.integers(0, 3),
)


def covers(label, value):
    """Return whether a published label stands for a value, by its text alone."""
    if label == "*":
        return True
    if value is None or label is None:
        return value is None and label is None
    if isinstance(value, int):
        found = INTERVAL.fullmatch(label)
        return int(found[1]) <= value < int(found[2]) if found else label == str(value)
    return label == value or label in TOWNS[value]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=40),
    k=st.integers(1, 4),
    diverse=st.integers(1, 2),
    algorithm=st.sampled_from(["optimal", "local", "mondrian"]),
    limit=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_labels_cover_values_and_everything_else_is_untouched(rows, k, diverse, algorithm, limit):
    frame = pd.DataFrame(rows, columns=["town", "age", "secret", "other"])
    frame["number"] = range(len(frame))
    policy = AnonymisationPolicy(
        models=[KAnonymity(k=k), LDiversity(l=diverse)],
        quasi_identifiers=["town", "age"],
        sensitive_attributes=["secret"],
        insensitive_attributes=["other", "number"],
        hierarchies={
            "town": Hierarchy.mapping(TOWNS),
            "age": Hierarchy.intervals([5, 10, 40]),
        },
        algorithm=algorithm,
        suppression_limit=limit,
    )

    try:
        result, report = anonymise(frame, policy)
    except UnattainableError:
        return

    assert len(result) + report["rows_suppressed"] == len(frame)
    assert report["rows_suppressed"] <= limit * len(frame)
    original = frame.set_index("number")
    for row in result.itertuples(index=False):
        given_row = original.loc[row.number]
        missing = pd.isna(row.town)
        assert covers(
            None if missing else row.town, given_row.town if not pd.isna(given_row.town) else None
        )
        assert covers(row.age, int(given_row.age))
        assert row.other == given_row.other
        assert row.secret == given_row.secret or (pd.isna(row.secret) and pd.isna(given_row.secret))
    classes = result.groupby(["town", "age"], observed=True, dropna=False)
    assert (classes.size() >= k).all()
    assert (classes["secret"].nunique() >= diverse).all()
