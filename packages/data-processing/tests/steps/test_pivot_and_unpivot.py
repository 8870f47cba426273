"""Values that become columns, and columns that become rows."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_names import ODD

from data_processing import clean
from util_services.errors import ConfigurationError, DatasetError

SECRET = "s3cr3t"  # noqa: S105


def pivot(columns, **options):
    return {"step": "pivot", "names_from": "k", "values_from": "v", "columns": columns, **options}


def refused(cleaned, table, step, error=ConfigurationError):
    with pytest.raises(error) as raised:
        cleaned(table, step)
    assert SECRET not in str(raised.value)
    return str(raised.value)


# --- pivot ---------------------------------------------------------------------------------------

# The first rows of us_rent_income, and what pivot_wider makes of them in the vignette of tidyr.
RENT = {
    "name": ["Alabama", "Alabama", "Alaska", "Alaska"],
    "k": ["income", "rent", "income", "rent"],
    "v": [24476, 747, 32940, 1200],
}


def test_declared_values_become_columns(cleaned):
    done = cleaned(RENT, pivot({"income": "estimate_income", "rent": "rent"}, by=["name"]))

    assert done.rows() == [
        {"name": "Alabama", "estimate_income": 24476, "rent": 747},
        {"name": "Alaska", "estimate_income": 32940, "rent": 1200},
    ]
    assert dict(done.note.facts) == {"rows_of_undeclared_values": 0}
    assert done.counts() == [(4, 2, 0, 0)]


def test_no_group_is_lost_and_a_cell_without_a_value_is_missing(cleaned):
    table = {"g": ["x", None, "y", "x", "z"], "k": ["a", "a", "b", None, "c"], "v": [1, 2, 3, 4, 5]}

    done = cleaned(table, pivot({"a": "A", "b": "B"}, by=["g"], undeclared="count"))
    counts = cleaned(
        table, pivot({"a": "A", "b": "B"}, by=["g"], undeclared="count", function="count")
    )

    assert [tuple(row.values()) for row in done.rows()] == [
        ("x", 1, None), (None, 2, None), ("y", None, 3), ("z", None, None),
    ]  # fmt: skip
    assert counts.column("A") == [1, 1, 0, 0]
    assert dict(done.note.facts) == {"rows_of_undeclared_values": 2}


def test_values_that_are_not_declared_are_an_error_with_their_count(cleaned):
    table = {"k": ["a", SECRET, None], "v": [1, 2, 3]}

    assert refused(cleaned, table, pivot({"a": "A"}), DatasetError) == (
        "steps[0] (pivot): "
        "The column 'k' holds values that 'columns' does not declare, or none (rows: 2); declare "
        "them, or set 'undeclared' to count."
    )


def test_several_values_of_one_cell_want_a_function(cleaned):
    table = {"k": ["a", "a", "b", "a"], "v": [0.1, 0.2, None, None]}

    assert refused(cleaned, table, pivot({"a": "A", "b": "B"}), DatasetError) == (
        "steps[0] (pivot): "
        "Several values would stand in one cell (cells: 1), and 'function' is 'only'; choose "
        "another function, such as sum, or remove the duplicates."
    )
    assert cleaned(table, pivot({"a": "A", "b": "B"}, function="sum")).rows() == [
        {"A": 0.1 + 0.2, "B": None}
    ]
    assert cleaned(table, pivot({"a": "A", "b": "B"}, function="any")).rows() == [
        {"A": 0.1, "B": None}
    ]


@pytest.mark.parametrize(
    ("kinds", "texts"),
    [
        (pa.array([2023, 2024]), ["2023", "2024"]),
        (pa.array([-1, 255], pa.int16()), ["-1", "255"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([dt.date(2024, 1, 31), dt.date(2024, 2, 1)]), ["2024-01-31", "2024-02-01"]),
        (pa.array(["", "NA"]), ["", "NA"]),
        (pa.array(["it's", '"'], pa.large_string()), ["it's", '"']),
    ],
    ids=str,
)
def test_values_of_several_kinds_are_declared_as_texts(cleaned, kinds, texts):
    table = {"k": kinds, "v": pa.array([1, 2], pa.uint8())}

    done = cleaned(table, pivot(dict(zip(texts, ["x", "y"], strict=True))))

    assert done.rows() == [{"x": 1, "y": 2}]
    assert done.table.schema.types == [pa.uint8(), pa.uint8()]


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_turned_both_ways(cleaned, name):
    wide = {name: [1, 2], "x": [3, 4]}
    long = {"step": "unpivot", "columns": [name], "names_to": "*name", "values_to": "v"}
    back = {
        "step": "pivot", "names_from": "*name", "values_from": "v", "columns": {name: name},
        "by": ["x"],
    }  # fmt: skip

    there = cleaned(wide, long)

    assert [tuple(row.values()) for row in there.rows()] == [(3, name, 1), (4, name, 2)]
    assert cleaned(there.table, back).rows() == [{"x": 3, name: 1}, {"x": 4, name: 2}]


@pytest.mark.parametrize(
    ("table", "step", "reason"),
    [
        ({"k": ["a"], "v": [1]}, pivot({"a": "A"}, by=["k"], function="median") | {"by": ["v"]},
         None),
        ({"k": [1], "v": [1]}, pivot({"one": "A"}),
         "'columns' names 'one', which is not a number as 'k' holds it; correct it."),
        ({"k": [True], "v": [1]}, pivot({"yes": "A"}),
         "'columns' names 'yes', which is not a truth value as 'k' holds it; correct it."),
        ({"k": [1.5], "v": [1]}, pivot({"1.5": "A"}),
         "The column 'k' holds double, which cannot become columns; make it text in a step "
         "before."),
        ({"k": ["a"], "v": ["x"]}, pivot({"a": "A"}, function="sum"),
         "The column 'v' holds string, of which there is no 'sum'; cast it in a step before, or "
         "choose another."),
        ({"k": ["a"], "v": [1], "g": [1]}, pivot({"a": "G"}, by=["g"]),
         "The columns 'g' and 'G' differ in case alone, and engines cannot tell such apart; choose "
         "another name."),
        ({"k": ["a"], "v": [1]}, pivot({"a": "A", "b": "A"}),
         "The columns 'A' and 'A' are equal, and engines cannot tell such apart; choose another "
         "name."),
    ],
)  # fmt: skip
def test_a_pivot_that_cannot_be_is_refused(cleaned, table, step, reason):
    if reason is None:
        assert cleaned(table, step).rows() == [{"v": 1, "A": 1.0}]
        return
    assert refused(cleaned, table, step) == f"steps[0] (pivot): {reason}"


# --- unpivot -------------------------------------------------------------------------------------


def unpivot(columns, **options):
    return {"step": "unpivot", "columns": columns, **options}


def test_columns_become_rows_in_their_order(cleaned):
    # The first row of relig_income, as pivot_longer turns it in the vignette of tidyr.
    table = {"religion": ["Agnostic"], "<$10k": [27], "$10-20k": [34], "$20-30k": [60]}
    step = unpivot(["<$10k", "$10-20k", "$20-30k"], names_to="income", values_to="count")

    done = cleaned(table, step)

    assert [tuple(row.values()) for row in done.rows()] == [
        ("Agnostic", "<$10k", 27), ("Agnostic", "$10-20k", 34), ("Agnostic", "$20-30k", 60),
    ]  # fmt: skip
    assert done.table.column_names == ["religion", "income", "count"]
    assert done.counts() == [(1, 3, 0, 0)]


def test_missing_values_make_rows_or_are_counted(cleaned):
    table = {"n": [1, 2], "a": [None, 5], "b": [6, None]}

    kept = cleaned(table, unpivot(["b", "a"]))
    dropped = cleaned(table, unpivot(["b", "a"], missing="drop"))

    assert [tuple(row.values()) for row in kept.rows()] == [
        (1, "b", 6), (1, "a", None), (2, "b", None), (2, "a", 5),
    ]  # fmt: skip
    assert [tuple(row.values()) for row in dropped.rows()] == [(1, "b", 6), (2, "a", 5)]
    assert dict(dropped.note.facts) == {"missing_values": 2}


@pytest.mark.parametrize(
    ("kinds", "common"),
    [
        ((pa.int8(), pa.int64()), "int64"),
        ((pa.float32(), pa.float64()), "double"),
        ((pa.uint8(), pa.uint8()), "uint8"),
        ((pa.string(), pa.large_string()), "string"),
        ((pa.null(), pa.date32()), "date32[day]"),
        ((pa.list_(pa.int8()), pa.list_(pa.int8())), None),
    ],
    ids=str,
)
def test_types_of_one_kind_come_out_in_the_largest(cleaned, kinds, common):
    table = pa.table({name: pa.nulls(1, kind) for name, kind in zip("ab", kinds, strict=True)})

    done = cleaned(table, unpivot(["a", "b"]))

    assert done.column("value") == [None, None]
    if common:
        assert str(done.table.schema.field("value").type) == common


@pytest.mark.parametrize(
    ("table", "step", "reason"),
    [
        ({"a": [1], "b": ["x"]}, unpivot(["a", "b"]),
         "The columns 'a', 'b' are of several types (int64, string), and their values come out in "
         "one; cast them in a step before."),
        ({"a": [1], "Name": [1]}, unpivot(["a"]),
         "The columns 'Name' and 'name' differ in case alone, and engines cannot tell such apart; "
         "choose another name."),
        ({"a": [1]}, unpivot(["a"], names_to="x", values_to="x"),
         "The columns 'x' and 'x' are equal, and engines cannot tell such apart; choose another "
         "name."),
    ],
)  # fmt: skip
def test_an_unpivot_that_cannot_be_is_refused(cleaned, table, step, reason):
    assert refused(cleaned, table, step) == f"steps[0] (unpivot): {reason}"


# --- both ----------------------------------------------------------------------------------------


@given(
    rows=st.lists(
        st.tuples(st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5)), max_size=20
    )
)
@settings(max_examples=20, deadline=None)
def test_what_is_turned_and_turned_back_is_the_same(rows):
    frame = pd.DataFrame(
        {
            "id": pd.array(range(len(rows)), "Int64"),
            "a": pd.array([a for a, _ in rows], "Int64"),
            "b": pd.array([b for _, b in rows], "Int64"),
        }
    )
    recipe = [
        unpivot(["a", "b"]),
        {
            "step": "pivot", "names_from": "name", "values_from": "value", "by": ["id"],
            "columns": {"a": "a", "b": "b"},
        },
    ]  # fmt: skip

    found, _ = clean(frame, recipe)

    pd.testing.assert_frame_equal(found, frame)


def test_tables_without_rows_get_the_columns_too(cleaned):
    table = pa.table({"k": pa.array([], pa.string()), "v": pa.array([], pa.int8())})

    whole = cleaned(table, pivot({"a": "A"}))
    groups = cleaned(table, pivot({"a": "A"}, by=["k"], function="mean"))
    long = cleaned(table, unpivot(["v"]))

    assert whole.rows() == [{"A": None}]
    assert groups.table.schema == pa.schema([("k", "string"), ("A", "double")])
    assert long.table.schema == pa.schema([("k", "string"), ("name", "string"), ("value", "int8")])


def test_spark_gives_the_same(cleaned, cleaned_on_spark):
    table = pa.table(
        {
            "g": ["x", None, "y"] * 8,
            "q1": pa.array([1, None, 3, 4] * 6, pa.uint8()),
            "q2.a": pa.array([None, 6, 7, 8] * 6, pa.uint8()),
            "d": pa.array([Decimal("0.1"), None] * 12, pa.decimal128(5, 1)),
        }
    )
    recipe = [
        unpivot(["q2.a", "q1"], names_to="k", values_to="v"),
        pivot({"q1": "one", "q2.a": "two"}, by=["g"], function="mean"),
    ]
    only = [unpivot(["q1"]), {**pivot({"q1": "q1"}, by=["g", "d"], function="any"),
                              "names_from": "name", "values_from": "value"}]  # fmt: skip

    for steps in (recipe, only):
        there, here = cleaned_on_spark(table, *steps), cleaned(table, *steps)
        assert there.table.equals(here.table)
        assert there.notes == here.notes
