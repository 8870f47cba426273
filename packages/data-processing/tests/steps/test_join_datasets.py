"""Joins: the rows that SQL says, in an order of their own, with no row lost or made unseen."""

import datetime as dt
import sqlite3
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_names import ODD

from util_services.errors import ConfigurationError, DatasetError

SECRET = "s3cr3t"  # noqa: S105
HOWS = ["inner", "left", "right", "outer", "semi", "anti"]

VISITS = {"patient": [2, 1, None, 2, 9], "visit": ["a", "b", "c", "d", "e"]}
PATIENTS = {"patient": [1, 2, 3, None], "city": ["Rome", "Łódź", "Oslo", "Bonn"]}


def join(**options):
    return {"step": "join_datasets", "right": "other.csv", "on": ["patient"], **options}


def joined(cleaned, left, right, **options):
    return cleaned(left, join(**options), tables={"other.csv": pa.table(right)})


def values(done):
    return [tuple(row.values()) for row in done.rows()]


def refused(cleaned, left, right, error=ConfigurationError, **options):
    with pytest.raises(error) as raised:
        joined(cleaned, left, right, **options)
    assert SECRET not in str(raised.value)
    return str(raised.value)


# --- which rows come out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("left", [(2, "a", "Łódź"), (1, "b", "Rome"), (None, "c", None), (2, "d", "Łódź"),
                  (9, "e", None)]),
        ("inner", [(2, "a", "Łódź"), (1, "b", "Rome"), (2, "d", "Łódź")]),
        ("right", [(2, "a", "Łódź"), (1, "b", "Rome"), (2, "d", "Łódź"), (3, None, "Oslo"),
                   (None, None, "Bonn")]),
        ("outer", [(2, "a", "Łódź"), (1, "b", "Rome"), (None, "c", None), (2, "d", "Łódź"),
                   (9, "e", None), (3, None, "Oslo"), (None, None, "Bonn")]),
        ("semi", [(2, "a"), (1, "b"), (2, "d")]),
        ("anti", [(None, "c"), (9, "e")]),
    ],
)  # fmt: skip
def test_rows_come_out_in_the_order_of_this_dataset_and_then_of_the_other(cleaned, how, expected):
    done = joined(cleaned, VISITS, PATIENTS, how=how)

    assert values(done) == expected
    assert dict(done.note.facts) == {
        "rows_with_match": 3,
        "rows_without_match": 2,
        "other_rows_with_match": 2,
        "other_rows_without_match": 2,
    }


@pytest.mark.parametrize(
    ("how", "counts"),
    [
        ("left", (5, 5, 0, 0)), ("inner", (5, 3, 2, 0)), ("semi", (5, 3, 2, 0)),
        ("anti", (5, 2, 3, 0)), ("right", (5, 5, 0, 0)), ("outer", (5, 7, 0, 0)),
    ],
)  # fmt: skip
def test_rows_are_accounted_for(cleaned, how, counts):
    assert joined(cleaned, VISITS, PATIENTS, how=how).counts() == [counts]


@pytest.mark.parametrize("how", HOWS)
def test_dp_17_missing_keys_match_one_another_where_asked_for(cleaned, how):
    done = joined(cleaned, VISITS, PATIENTS, how=how, null_equals_null=True)

    with_bonn = ("c" in done.column("visit")) if "visit" in done.table.column_names else True
    assert with_bonn == (how != "anti")
    assert done.note.facts["rows_with_match"] == 4
    if how in {"inner", "left", "right", "outer"}:
        assert (None, "c", "Bonn") in values(done)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([0, None, ""], None),
        (["", None, "a"], None),
        ([0.0, None, -0.0], None),
        ([False, None, True], None),
        ([dt.date(1970, 1, 1), None, dt.date(2024, 1, 1)], None),
        ([dt.time(0), None, dt.time(1)], None),
        ([dt.datetime(1970, 1, 1), None], None),  # noqa: DTZ001
        (pa.array([0, None, 1], pa.timestamp("us", "UTC")), None),
        ([Decimal("0.0"), None, Decimal("1.0")], [Decimal("0.00"), None, Decimal("1.00")]),
        (pa.array([0, None, 1], pa.uint8()), pa.array([0, None, 1], pa.int64())),
    ],
    ids=str,
)
def test_a_missing_key_is_no_other_value_whatever_its_type(cleaned, left, right):
    if left == [0, None, ""]:
        left = [0, None, 1]
    count = len(left)
    mine = {"patient": left, "n": range(count)}
    other = {"patient": left if right is None else right, "m": range(count)}

    options = {"how": "inner", "cardinality": "many_to_many"}
    none = joined(cleaned, mine, other, **options)
    all_of_them = joined(cleaned, mine, other, null_equals_null=True, **options)

    pairs = [(row["n"], row["m"]) for row in none.rows()]
    zeros = [(0, 0), (0, 2), (2, 0), (2, 2)] if left == [0.0, None, -0.0] else None
    assert pairs == (zeros or [(n, n) for n in range(count) if n != 1])
    assert sorted((row["n"], row["m"]) for row in all_of_them.rows()) == sorted([*pairs, (1, 1)])


def test_dp_18_19_nan_is_missing_and_zeros_are_equal(cleaned):
    left = {"patient": [float("nan"), -0.0], "n": [0, 1]}
    right = {"patient": [0.0, float("nan")], "m": [0, 1]}

    assert values(joined(cleaned, left, right)) == [(None, 0, None), (0.0, 1, 0)]


# --- cardinality ---------------------------------------------------------------------------------

TWICE = {"patient": [1, 1, 2, None, None], "city": ["x", "y", "z", "u", "v"]}


@pytest.mark.parametrize(
    ("cardinality", "swapped", "who", "cure"),
    [
        ("many_to_one", False, "The other dataset", "many_to_many"),
        ("one_to_one", False, "The other dataset", "one_to_many"),
        ("one_to_many", True, "This dataset", "many_to_many"),
        ("one_to_one", True, "This dataset", "many_to_one"),
    ],
)
def test_a_key_that_stands_too_often_is_an_error_with_counts(
    cleaned, cardinality, swapped, who, cure
):
    once = {"patient": [1, 2], "name": [SECRET, "b"]}
    left, right = (TWICE, once) if swapped else (once, TWICE)

    assert refused(cleaned, left, right, DatasetError, cardinality=cardinality) == (
        "steps[0] (join_datasets): "
        f"{who} has keys that stand more than once (keys: 1, rows: 2), and 'cardinality' is "
        f"{cardinality}; remove the duplicates, or set 'cardinality' to {cure}."
    )


def test_missing_keys_may_stand_often_unless_they_match(cleaned):
    once = {"patient": [2], "name": ["b"]}
    several = {"patient": [2, None, None], "city": ["z", "u", "v"]}

    assert values(joined(cleaned, once, several)) == [(2, "b", "z")]
    assert refused(cleaned, once, several, DatasetError, null_equals_null=True).startswith(
        "steps[0] (join_datasets): The other"
    )


@pytest.mark.parametrize("how", ["semi", "anti"])
def test_a_choice_of_rows_asks_no_cardinality(cleaned, how):
    done = joined(cleaned, {"patient": [1, 3]}, TWICE, how=how, cardinality="one_to_one")

    assert done.column("patient") == [1 if how == "semi" else 3]


def test_each_pair_is_a_row_in_order(cleaned):
    left = {"patient": [2, 1, 2, 1], "n": range(4)}
    right = {"patient": [1, 2, 1], "m": range(3)}

    done = joined(cleaned, left, right, cardinality="many_to_many")

    assert [(row["n"], row["m"]) for row in done.rows()] == [
        (0, 1), (1, 0), (1, 2), (2, 1), (3, 0), (3, 2),
    ]  # fmt: skip
    assert done.counts() == [(4, 6, 0, 0)]


# --- beside SQLite -------------------------------------------------------------------------------

JOINS = {
    "inner": "SELECT l.n, r.m FROM l JOIN r ON {}",
    "left": "SELECT l.n, r.m FROM l LEFT JOIN r ON {}",
    "right": "SELECT l.n, r.m FROM l RIGHT JOIN r ON {}",
    "outer": "SELECT l.n, r.m FROM l FULL JOIN r ON {}",
    "semi": "SELECT n, NULL FROM l WHERE EXISTS (SELECT 1 FROM r WHERE {})",
    "anti": "SELECT n, NULL FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE {})",
}
keys = st.lists(st.tuples(st.none() | st.integers(0, 2), st.none() | st.sampled_from("ab")),
                max_size=7)  # fmt: skip


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="SQLite lacks RIGHT and FULL")
@given(left=keys, right=keys, how=st.sampled_from(HOWS), missing_match=st.booleans())
@settings(max_examples=60, deadline=None)
def test_pairs_are_those_of_sqlite(left, right, how, missing_match):
    import pandas as pd

    from data_processing import clean

    equals = "IS" if missing_match else "="
    database = sqlite3.connect(":memory:")
    for name, rows, number in (("l", left, "n"), ("r", right, "m")):
        database.execute(f"CREATE TABLE {name} (i INTEGER, t TEXT, {number} INTEGER)")
        database.executemany(
            f"INSERT INTO {name} VALUES (?, ?, ?)",  # noqa: S608 - of the words above
            [(*row, place) for place, row in enumerate(rows)],
        )
    query = JOINS[how].format(f"l.i {equals} r.i AND l.t {equals} r.t")
    expected = sorted(database.execute(query).fetchall(), key=_order)
    database.close()

    def frame(rows, number):
        table = pa.table(
            {
                "i": pa.array([row[0] for row in rows], pa.int64()),
                "t": pa.array([row[1] for row in rows], pa.string()),
                number: pa.array(range(len(rows)), pa.int64()),
            }
        )
        return table.to_pandas(types_mapper=pd.ArrowDtype)

    step = {
        "step": "join_datasets", "right": "r", "on": ["i", "t"], "how": how,
        "cardinality": "many_to_many", "null_equals_null": missing_match,
    }  # fmt: skip
    found, report = clean(frame(left, "n"), [step], tables={"r": frame(right, "m")})

    pairs = [
        tuple(None if pd.isna(row.get(name)) else int(row[name]) for name in ("n", "m"))
        for row in found.astype(object).to_dict("records")
    ]
    assert pairs == expected
    assert report["rows"]["out"] == len(expected)


def _order(pair):
    return tuple((one is None, one or 0) for one in pair)


# --- columns -------------------------------------------------------------------------------------


def test_columns_of_one_name_are_told_apart_by_a_suffix(cleaned):
    left = {"k": [1], "name": ["x"], "Age": [5]}
    right = {"k": [1], "name": ["y"], "age": [6], "z": [7]}

    done = joined(cleaned, left, right, on=["k"], suffix=" (2)")

    assert done.rows() == [{"k": 1, "name": "x", "Age": 5, "name (2)": "y", "age (2)": 6, "z": 7}]


def test_keys_may_be_called_differently_and_columns_be_chosen(cleaned):
    left, right = {"id": [1, 2], "x": [1, 2]}, {"pid": [2, 5], "a": ["u", "v"], "b": ["w", "z"]}
    options = {"on": [], "left_on": ["id"], "right_on": ["pid"]}

    looked_up = joined(cleaned, left, right, right_columns=["b"], **options)
    with_key = joined(cleaned, left, right, right_columns=["pid"], how="outer", **options)

    assert looked_up.rows() == [{"id": 1, "x": 1, "b": None}, {"id": 2, "x": 2, "b": "w"}]
    assert with_key.rows() == [
        {"id": 1, "x": 1, "pid": None}, {"id": 2, "x": 2, "pid": 2}, {"id": 5, "x": None, "pid": 5},
    ]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_joined(cleaned, name):
    left, right = {name: [1, 2], "left_0": [3, 4]}, {name: [2], "right_0": [5], "key_0": [6]}

    done = joined(cleaned, left, right, on=[name])

    assert done.rows() == [
        {name: 1, "left_0": 3, "right_0": None, "key_0": None},
        {name: 2, "left_0": 4, "right_0": 5, "key_0": 6},
    ]


def test_values_of_every_type_are_carried_along(cleaned):
    nested = pa.array([{"x.y": [1]}, None], pa.struct({"x.y": pa.list_(pa.int8())}))
    left = pa.table({"k": pa.array([1, 2], pa.int16()), "s": nested})
    right = pa.table(
        {"k": pa.array([2, 3], pa.int64()), "m": nested, "u": pa.array([1, 2], pa.uint8())}
    )

    done = joined(cleaned, left, right, on=["k"])

    assert done.table.schema.types == [
        pa.int16(), left.schema.field("s").type, left.schema.field("s").type, pa.uint8(),
    ]  # fmt: skip
    assert done.column("m") == [None, {"x.y": [1]}]


@pytest.mark.parametrize(
    ("left", "right", "options", "reason"),
    [
        ({"k": [1]}, {"k": [1]}, {"on": []}, "Give either 'on', or 'left_on' and 'right_on'."),
        ({"k": [1]}, {"k": [1]}, {"on": ["k"], "left_on": ["k"], "right_on": ["k"]},
         "Give either 'on', or 'left_on' and 'right_on'."),
        ({"k": [1], "l": [1]}, {"k": [1]}, {"on": [], "left_on": ["k", "l"], "right_on": ["k"]},
         "'left_on' and 'right_on' must name as many columns."),
        ({"k": [1]}, {"K": [1]}, {"on": ["k"]},
         "'right_on' names columns that the dataset does not have: 'k'. The dataset has 'K'."),
        ({"k": [1]}, {"k": [1]}, {"on": ["k"], "right_columns": ["x"]},
         "'right_columns' names columns that the dataset does not have: 'x'. The dataset has 'k'."),
        ({"k": [1]}, {"k": ["1"]}, {"on": ["k"]},
         "The keys 'k' and 'k' hold a number and a text (int64, string); cast one of them in a "
         "step before."),
        ({"k": [1]}, {"k": [1.0]}, {"on": ["k"]},
         "The keys 'k' and 'k' hold a number and a number (int64, double); cast one of them in a "
         "step before."),
        ({"k": [[1]]}, {"k": [[1]]}, {"on": ["k"]},
         "The keys 'k' and 'k' hold list<l: int64> and list<l: int64>, which are no keys; join by "
         "texts, numbers, dates, times or truth values."),
        ({"k": pa.array([1], pa.int8())}, {"k": [1]}, {"on": ["k"], "how": "outer"},
         "The keys 'k' and 'k' hold int8 and int64, and with this 'how' the values of both come "
         "out in one column; cast one of them in a step before."),
        ({"k": [1], "a": [1]}, {"k": [1], "a": [1], "A_right": [1]}, {"on": ["k"]},
         "The columns 'a_right' and 'A_right' differ in case alone, and engines cannot tell such "
         "apart; choose another name."),
        ({"k": [1], "a": [1]}, {"k": [1], "a": [1]}, {"on": ["k"], "suffix": ""},
         "The columns 'a' and 'a' are equal, and engines cannot tell such apart; choose another "
         "name."),
    ],
)  # fmt: skip
def test_a_join_that_cannot_be_is_refused(cleaned, left, right, options, reason):
    assert refused(cleaned, left, right, **options) == f"steps[0] (join_datasets): {reason}"


# --- nothing to join -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("empty", ["left", "right", "both", "keys"])
def test_datasets_without_rows_or_keys_are_joined(cleaned, how, empty):
    key = pa.array([None, None] if empty == "keys" else [1, 2], pa.int64())
    left = pa.table({"k": key, "a": ["x", "y"]})
    right = pa.table({"k": key, "b": ["u", "v"]})
    left = left[:0] if empty in {"left", "both"} else left
    right = right[:0] if empty in {"right", "both"} else right

    done = joined(cleaned, left, right, on=["k"], how=how)

    expected = {
        "inner": 0, "left": len(left), "right": len(right), "outer": len(left) + len(right),
        "semi": 0, "anti": len(left),
    }  # fmt: skip
    assert len(done.table) == expected[how]
    assert done.table.column_names == ["k", "a", *([] if how in {"semi", "anti"} else ["b"])]


def test_a_dataset_may_be_joined_twice_and_worked_on_in_between(cleaned):
    recipe = [
        join(how="inner"),
        {"step": "filter_rows", "keep": "visit <> 'b'"},
        join(suffix="_again"),
        {"step": "remove_duplicates", "subset": ["city"]},
    ]

    done = cleaned(VISITS, *recipe, tables={"other.csv": pa.table(PATIENTS)})

    assert done.rows() == [{"patient": 2, "visit": "a", "city": "Łódź", "city_again": "Łódź"}]


@pytest.mark.parametrize("how", HOWS)
def test_spark_gives_the_same(cleaned, cleaned_on_spark, how):
    left = pa.table({"patient": [n % 7 if n % 5 else None for n in range(40)], "visit": range(40)})
    right = pa.table(
        {"patient": [3, 1, None, 9, 5, 3], "b.c": pa.array([1, 2, None, 4, 5, 6], pa.uint8())}
    )
    step = join(how=how, cardinality="many_to_many", null_equals_null=how != "left")

    there = cleaned_on_spark(left, step, tables={"other.csv": right})
    here = cleaned(left, step, tables={"other.csv": right})

    assert there.table.equals(here.table)
    assert there.notes == here.notes
