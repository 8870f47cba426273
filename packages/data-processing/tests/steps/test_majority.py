"""Columns that depend on others, repaired by what most rows of a key say."""

import datetime as dt
from collections import Counter
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing import clean
from data_processing.cleaning import majority as craft
from data_processing.cleaning.majority import places_of
from util_services.errors import ConfigurationError, DatasetError


def majority(keys=("zip",), columns=("city",), **options):
    return {"step": "majority", "keys": list(keys), "columns": list(columns), **options}


def told(done, column="city"):
    return done.note.facts["columns"][column]


def test_rows_of_a_key_get_the_value_that_most_of_them_have(cleaned):
    table = {
        "zip": ["1", "1", "1", "2", "2", "3", "1"],
        "city": ["Rome", "Rone", "Rome", "Bari", "Bari", "Pisa", None],
    }

    done = cleaned(table, majority())

    assert done.column("city") == ["Rome", "Rome", "Rome", "Bari", "Bari", "Pisa", None]
    assert dict(done.note.changed) == {"city": 1}
    assert told(done) == {"keys_that_disagree": 1, "undecided": 0}


@pytest.mark.parametrize(
    ("cities", "share", "expected"),
    [
        (["a", "b"], 0.0, ["a", "b"]),
        (["a", "a", "b", "b"], 0.1, ["a", "a", "b", "b"]),
        (["a", "a", "b", "c"], 0.5, ["a", "a", "b", "c"]),
        (["a", "a", "b", "c"], 0.49, ["a", "a", "a", "a"]),
        (["a", "a", "a", "b"], 0.75, ["a", "a", "a", "b"]),
        (["a", "a", "a", "b"], 0.7, ["a", "a", "a", "a"]),
        (["a"] * 7 + ["b"] * 3, 0.7, ["a"] * 7 + ["b"] * 3),
        (["a", "a", "b", None, None, None], 0.6, ["a", "a", "a", None, None, None]),
    ],
)
def test_dp_22_without_a_majority_above_the_share_nothing_changes(cleaned, cities, share, expected):
    done = cleaned({"zip": ["1"] * len(cities), "city": cities}, majority(min_share=share))

    assert done.column("city") == expected
    assert told(done) == {"keys_that_disagree": 1, "undecided": int(cities == expected)}


def test_dp_20_rows_without_a_key_decide_nothing_and_are_counted(cleaned):
    table = {
        "zip": [None, None, None, "1", "1", "1"],
        "country": ["x", "x", "x", None, "x", None],
        "city": ["a", "a", "b", "a", "a", "b"],
    }

    done = cleaned(table, majority(["zip", "country"], ["city"]))

    assert done.column("city") == table["city"]
    assert dict(done.note.counts) == {"rows_without_key": 5}


def test_missing_values_are_filled_on_demand(cleaned):
    table = {"zip": ["1", "1", "2", "2", "3"], "city": ["a", None, None, None, "b"]}

    left = cleaned(table, majority())
    assert left.column("city") == table["city"]
    assert told(left) == {"keys_that_disagree": 0, "undecided": 0}
    done = cleaned(table, majority(fill_missing=True))
    assert done.column("city") == ["a", "a", None, None, "b"]
    assert told(done) == {"keys_that_disagree": 1, "undecided": 0}


def test_several_keys_decide_together(cleaned):
    table = {
        "a": ["x", "x", "x", "y", "y", "y", "x"],
        "b": [1, 1, 1, 1, 1, 1, 2],
        "c": [True, True, True, True, True, True, True],
        "city": ["r", "r", "s", "t", "t", "u", "v"],
    }

    done = cleaned(table, majority(["a", "b", "c"]))

    assert done.column("city") == ["r", "r", "r", "t", "t", "t", "v"]


def test_columns_are_repaired_by_themselves(cleaned):
    table = {"zip": ["1"] * 3, "city": ["a", "a", "b"], "land": ["x", "y", "y"]}

    done = cleaned(table, majority(columns=["city", "land"]))

    assert done.rows() == [{"zip": "1", "city": "a", "land": "y"}] * 3
    assert dict(done.note.changed) == {"city": 1, "land": 1}
    assert done.note.limits == (craft.LIMIT,)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (pa.int64(), 2**62 + 1, 2**62),
        (pa.uint64(), 2**64 - 1, 0),
        (pa.int8(), -128, 127),
        (pa.bool_(), False, True),
        (pa.decimal128(38, 2), Decimal("9" * 30 + ".01"), Decimal("0.00")),
        (pa.date32(), dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        (pa.timestamp("us"), dt.datetime(1000, 1, 1, 0, 0, 0, 1), dt.datetime(2024, 1, 1)),  # noqa: DTZ001
        (pa.string(), "é\u0000", "e"),
        (pa.string(), "", " "),
    ],
)
def test_dp_04_36_values_of_each_kind_are_exact_as_key_and_as_value(cleaned, kind, right, wrong):
    values = pa.array([right, right, wrong, None], kind)
    table = pa.table({"key": ["1"] * 4, "value": values, "city": ["a", "b", "c", "d"]})

    done = cleaned(table, majority(["key"], ["value"]), majority(["value"], ["city"]))

    assert done.column("value") == [right, right, right, None]
    assert done.table.schema.field("value").type == kind


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.5]),
        pa.array([[1]]),
        pa.array([dt.time(1)]),
        pa.array([0], pa.timestamp("ns")),
        pa.array([0], pa.timestamp("us", "UTC")),
    ],
)
@pytest.mark.parametrize("place", ["keys", "columns"])
def test_kinds_that_are_not_compared_exactly_are_refused_unread(cleaned, values, place):
    table = pa.table({"zip": ["1"], "odd": values})
    keys, columns = (["odd"], ["zip"]) if place == "keys" else (["zip"], ["odd"])

    with pytest.raises(ConfigurationError, match=r"steps\[0\] \(majority\): The column 'odd'"):
        cleaned(table, majority(keys, columns))


def test_a_column_cannot_decide_itself(cleaned):
    with pytest.raises(ConfigurationError, match="in both 'keys' and 'columns'"):
        cleaned({"zip": ["1"]}, majority(["zip"], ["zip"]))


def test_a_column_that_hardly_depends_is_refused_without_its_values(cleaned, monkeypatch):
    monkeypatch.setattr(craft, "MAX_GROUPS", 1)

    with pytest.raises(DatasetError) as refused:
        cleaned({"zip": ["1", "1", "2", "2"], "city": ["a", "b", "a", "b"]}, majority())

    assert str(refused.value) == (
        "steps[0] (majority): More than 1 keys of 'zip' have rows that disagree on 'city', which "
        "hardly depends on them; name other keys, or bring the column into one form first."
    )


@pytest.mark.parametrize("cities", [[], [None, None]])
def test_dp_23_a_column_without_values_is_left_alone(cleaned, cities):
    table = pa.table(
        {"zip": pa.array(["1"] * len(cities), pa.string()), "city": pa.array(cities, pa.string())}
    )

    done = cleaned(table, majority(fill_missing=True))

    assert done.column("city") == cities
    assert told(done) == {"keys_that_disagree": 0, "undecided": 0}


def test_the_state_holds_the_keys_that_disagree_alone(cleaned):
    table = {"zip": ["1", "1", "1", "2", "3", "3"], "city": ["a", "b", "a", "c", "d", "e"]}

    assert cleaned(table, majority()).states == {
        0: [
            {"key_0": "1", "value": "a", "rows": 2, "of": 3, "tied": 1},
            {"key_0": "3", "value": "d", "rows": 1, "of": 2, "tied": 2},
        ]
    }


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["x", "y", None]),
            st.sampled_from(["", "é", None]),
            st.sampled_from(["a", "b", "c", None]),
        ),
        max_size=30,
    ),
    share=st.sampled_from([0, 0.3, 0.5, 0.6]),
    fill=st.booleans(),
)
def test_the_result_is_that_of_counting_by_hand(rows, share, fill):
    frame = pd.DataFrame(rows, columns=["k", "l", "v"], dtype="str")

    cleaned, _ = clean(frame, [majority(["k", "l"], ["v"], min_share=share, fill_missing=fill)])

    def expected(k, l, v):  # noqa: E741
        if k is None or l is None or (v is None and not fill):
            return v
        counts = Counter(value for a, b, value in rows if (a, b) == (k, l) and value is not None)
        most = max(counts.values(), default=0)
        first = [value for value, count in counts.items() if count == most]
        return first[0] if len(first) == 1 and most > share * counts.total() else v

    found = [None if pd.isna(value) else value for value in cleaned["v"]]
    assert found == [expected(*row) for row in rows]


@given(
    keys=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.booleans()), unique=True, max_size=10
    ),
    rows=st.lists(
        st.tuples(
            st.none() | st.integers(0, 4),
            st.none() | st.sampled_from("abc"),
            st.none() | st.booleans(),
        )
    ),
)
def test_keys_are_found_as_a_dictionary_finds_them(keys, rows):
    kinds = [pa.int64(), pa.string(), pa.bool_()]

    def arrays(tuples):
        return [pa.array([one[n] for one in tuples], kind) for n, kind in enumerate(kinds)]

    known = {key: place for place, key in enumerate(keys)}
    found = places_of(arrays(rows), arrays(keys)).to_pylist()
    assert found == [known.get(row) for row in rows]


def test_spark_repairs_the_same(cleaned, cleaned_on_spark):
    table = pa.table(
        {
            "zip": ["1", "1", "1", None, "2", "2"] * 3,
            "land": [1, 1, 1, 1, None, 2] * 3,
            "city": ["a", "a", "b", "c", None, "é"] * 3,
        }
    )
    step = majority(["zip", "land"], fill_missing=True)

    found, expected = cleaned_on_spark(table, step), cleaned(table, step)

    assert found.table.equals(expected.table)
    assert found.states == expected.states
