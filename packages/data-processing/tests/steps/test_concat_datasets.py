"""Datasets behind one another: by the names of columns, in types that hold all values."""

import datetime as dt

import pyarrow as pa
import pytest
from odd_names import ODD

from util_services.errors import ConfigurationError


def concat(cleaned, first, *others, **options):
    tables = {f"part {n}": pa.table(other) for n, other in enumerate(others)}
    step = {"step": "concat_datasets", "others": list(tables), **options}
    return cleaned(first, step, tables=tables)


def refused(cleaned, first, *others, **options):
    with pytest.raises(ConfigurationError) as error:
        concat(cleaned, first, *others, **options)
    return str(error.value)


def test_rows_stand_behind_one_another_by_the_names_of_columns(cleaned):
    done = concat(
        cleaned,
        {"a": [1, 2], "b": ["x", None]},
        {"b": ["y"], "a": [3]},
        {"a": [], "b": pa.array([], pa.string())},
        {"a": [None], "b": ["z"]},
    )

    assert [tuple(row.values()) for row in done.rows()] == [
        (1, "x"), (2, None), (3, "y"), (None, "z"),
    ]  # fmt: skip
    assert done.counts() == [(2, 4, 0, 0)]
    assert dict(done.note.facts) == {"rows_added": 2}


def test_columns_that_are_not_everywhere_are_filled_where_asked_for(cleaned):
    nested = pa.array([{"x.y": [1]}], pa.struct({"x.y": pa.list_(pa.int8())}))

    done = concat(
        cleaned, {"a": [1]}, {"s": nested, "d": [dt.date(2024, 1, 1)]}, missing_columns="fill"
    )

    assert done.rows() == [
        {"a": 1, "s": None, "d": None},
        {"a": None, "s": {"x.y": [1]}, "d": dt.date(2024, 1, 1)},
    ]
    assert done.table.schema.field("s").type == pa.struct({"x.y": pa.list_(pa.int8())})


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (pa.array([1], pa.int8()), pa.array([2], pa.int64()), "int64"),
        (pa.array([1], pa.int32()), pa.array([2], pa.int16()), "int32"),
        (pa.array([1], pa.float32()), pa.array([2], pa.float64()), "double"),
        (pa.array(["a"]), pa.array(["b"], pa.large_string()), "string"),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), "string"),
        (pa.nulls(1), pa.array([2], pa.uint8()), "uint8"),
        (pa.array([1], pa.timestamp("us")), pa.array([2], pa.timestamp("us")), "timestamp[us]"),
    ],
    ids=str,
)
def test_types_of_one_kind_come_out_in_the_largest(cleaned, first, second, common):
    done = concat(cleaned, {"v": first}, {"v": second})

    assert str(done.table.schema.field("v").type) == common
    assert done.column("v") == [first[0].as_py(), second[0].as_py()]


def test_columns_of_several_types_become_text_where_declared(cleaned):
    done = concat(
        cleaned,
        {"v": [1, None], "w": [dt.date(2024, 1, 2)] * 2},
        {"v": ["01"], "w": ["soon"]},
        as_text=["v", "w"],
    )

    assert done.column("v") == ["1", None, "01"]
    assert done.column("w") == ["2024-01-02", "2024-01-02", "soon"]


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_put_below_one_another(cleaned, name):
    done = concat(cleaned, {name: [1], "column_0": [2]}, {"column_0": [3], name: [4]})

    assert done.rows() == [{name: 1, "column_0": 2}, {name: 4, "column_0": 3}]


def test_later_steps_see_all_rows_in_their_order(cleaned):
    tables = {"next": pa.table({"id": [2, 3, 1], "v": ["d", "e", "f"]})}

    done = cleaned(
        {"id": [1, 1, 2], "v": ["a", "b", "c"]},
        {"step": "filter_rows", "keep": "v <> 'a'"},
        {"step": "concat_datasets", "others": ["next"]},
        {"step": "remove_duplicates", "subset": ["id"], "keep": "last"},
        tables=tables,
    )

    assert done.column("v") == ["d", "e", "f"]


@pytest.mark.parametrize(
    ("first", "second", "options", "reason"),
    [
        ({"a": [1]}, {"a": [1], "b": [1]}, {},
         "This dataset lacks columns that others have: 'b'; set 'missing_columns' to fill, or leave"
         " them out in a step before."),
        ({"a": [1], "b": [1]}, {"a": [1]}, {},
         "The dataset 'part 0' lacks columns that others have: 'b'; set 'missing_columns' to fill, "
         "or leave them out in a step before."),
        ({"a": [1]}, {"a": ["1"]}, {},
         "The column 'a' is of several types (int64, string); name it under 'as_text', or cast it "
         "before."),
        ({"a": pa.array([1], pa.uint8())}, {"a": [1]}, {},
         "The column 'a' is of several types (uint8, int64); name it under 'as_text', or cast it "
         "before."),
        ({"a": [1.5]}, {"a": ["1"]}, {"as_text": ["a"]},
         "The column 'a' holds double, which has no one form as text; make it text or decimal in a "
         "step before."),
        ({"a": [1]}, {"a": [1]}, {"as_text": ["b"]},
         "'as_text' names columns that no dataset has: 'b'; correct the names."),
        ({"a": [1]}, {"A": [1]}, {"missing_columns": "fill"},
         "The columns 'a' and 'A' differ in case alone, and engines cannot tell such apart; choose "
         "another name."),
    ],
)  # fmt: skip
def test_datasets_that_differ_in_an_undeclared_way_are_refused(
    cleaned, first, second, options, reason
):
    sentence = refused(cleaned, first, second, **options)

    assert sentence == f"steps[0] (concat_datasets): {reason}"


@pytest.mark.parametrize("rows", [(0, 0), (0, 2), (2, 0)])
def test_datasets_without_rows_have_columns_all_the_same(cleaned, rows):
    first, second = (pa.table({"a": pa.array(range(n), pa.int64())}) for n in rows)

    assert len(concat(cleaned, first, second).table) == sum(rows)


def test_spark_gives_the_same(cleaned, cleaned_on_spark):
    first = pa.table(
        {"a.b": pa.array([1, None, 3] * 5, pa.int16()), "u": pa.array(range(15), pa.uint8())}
    )
    second = pa.table({"t": ["x", None], "a.b": pa.array([2**40, 4])})
    recipe = [
        {"step": "concat_datasets", "others": ["s", "s"], "missing_columns": "fill"},
        {"step": "concat_datasets", "others": ["s"], "missing_columns": "fill", "as_text": ["a.b"]},
    ]

    there = cleaned_on_spark(first, *recipe, tables={"s": second})
    here = cleaned(first, *recipe, tables={"s": second})

    assert there.table.equals(here.table)
    assert there.notes == here.notes
