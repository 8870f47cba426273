"""Rows in another order, and rows taken by chance: the same ones whoever takes them."""

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_names import ODD

from data_processing.cleaning.sampling import drawn
from util_services.errors import ConfigurationError

NAN = float("nan")


def refused(cleaned, table, step):
    with pytest.raises(ConfigurationError) as error:
        cleaned(table, step)
    return str(error.value)


# --- sort_rows -----------------------------------------------------------------------------------

TABLE = {
    "a": [2, None, 1, 2, 1, None],
    "b": ["y", "x", None, "x", "z", "x"],
    "n": range(6),
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"by": ["a"]}, [2, 4, 0, 3, 1, 5]),
        ({"by": ["a"], "missing": "first"}, [1, 5, 2, 4, 0, 3]),
        ({"by": ["a"], "descending": ["a"]}, [0, 3, 2, 4, 1, 5]),
        ({"by": ["a"], "descending": ["a"], "missing": "first"}, [1, 5, 0, 3, 2, 4]),
        ({"by": ["b", "a"]}, [3, 1, 5, 0, 4, 2]),
        ({"by": ["a", "b"], "descending": ["b"]}, [4, 2, 0, 3, 1, 5]),
    ],
)
def test_rows_stand_in_the_order_of_columns_and_then_as_before(cleaned, options, expected):
    done = cleaned(TABLE, {"step": "sort_rows", **options})

    assert done.column("n") == expected
    assert done.counts() == [(6, 6, 0, 0)]


def test_texts_are_ordered_by_code_points_which_is_told(cleaned):
    texts = ["b", "B", "a", "é", "z", "", "10", "9", "\U0001f986", "\uffff"]

    done = cleaned({"t": texts}, {"step": "sort_rows", "by": ["t"]})

    assert done.column("t") == sorted(texts)
    assert done.note.warnings == ("'t' holds text and is ordered as text: '10' comes before '9'.",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([Decimal("10.0"), Decimal("9.5"), None]), [1, 0, 2]),
        (pa.array([math.inf, -math.inf, 0.0]), [1, 2, 0]),
        (pa.array([True, False, None]), [1, 0, 2]),
        (pa.array([2**53 + 1, 2**53, -1]), [2, 1, 0]),
        (pa.array([2**64 - 1, 0, 1], pa.uint64()), [1, 2, 0]),
        (pa.array([3, 1, 2], pa.timestamp("ns")), [1, 2, 0]),
        (pa.array([3, 1, 2], pa.time64("us")), [1, 2, 0]),
        (pa.array([None, None, None], pa.int64()), [0, 1, 2]),
        (pa.nulls(3), [0, 1, 2]),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value.type),
)
def test_columns_of_every_ordered_type_are_sorted_by(cleaned, values, expected):
    assert cleaned({"v": values, "n": range(3)}, {"step": "sort_rows", "by": ["v"]}).column(
        "n"
    ) == expected  # fmt: skip


def test_dp_19_zeros_are_equal_so_that_their_rows_keep_their_order(cleaned):
    done = cleaned({"f": [0.0, -0.0, 0.0, -1.0], "n": range(4)}, {"step": "sort_rows", "by": ["f"]})

    assert done.column("n") == [3, 0, 1, 2]


def test_later_steps_see_the_new_order(cleaned):
    table = {"id": [1, 1, 2], "at": [1, 2, 3]}

    done = cleaned(
        table,
        {"step": "sort_rows", "by": ["at"], "descending": ["at"]},
        {"step": "remove_duplicates", "subset": ["id"]},
    )

    assert done.column("at") == [3, 2]


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_sorted_and_sampled_by(cleaned, name):
    table = {name: ["b", "a", "b"]}

    ordered = cleaned(table, {"step": "sort_rows", "by": [name], "descending": [name]})
    taken = cleaned(table, {"step": "sample_rows", "rows": 1, "by": [name]})

    assert ordered.rows() == [{name: "b"}, {name: "b"}, {name: "a"}]
    assert sorted(row[name] for row in taken.rows()) == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"by": ["l"]}, "The column 'l' holds list<l: int64>, which has no order; sort by others."),
        ({"by": ["a"], "descending": ["b"]},
         "'descending' names 'b', which 'by' does not; name columns of 'by'."),
        ({"by": ["x"]}, "'by' names columns that the dataset does not have: 'x'. The dataset has "
                        "'a', 'b', 'l'."),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_refused(cleaned, options, reason):
    table = {"a": [1], "b": [1], "l": [[1]]}

    sentence = refused(cleaned, table, {"step": "sort_rows", **options})

    assert sentence == f"steps[0] (sort_rows): {reason}"


def test_nested_columns_and_tables_without_rows_are_sorted_along(cleaned):
    table = pa.table({"a": pa.array([2, 1]), "s": [{"x.y": [1]}, None]})

    done = cleaned(table, {"step": "sort_rows", "by": ["a"]})
    none = cleaned(table[:0], {"step": "sort_rows", "by": ["a"]})

    assert done.column("s") == [None, {"x.y": [1]}]
    assert none.table.schema == done.table.schema


# --- sample_rows ---------------------------------------------------------------------------------


def test_the_numbers_that_rows_draw_are_those_of_splitmix64():
    # Seed 1234567, as Rosetta Code states it under "Pseudo-random numbers/Splitmix64".
    expected = [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
        16408922859458223821,
    ]  # fmt: skip

    found = drawn(np.arange(5), 1234567)

    assert found.view(np.uint64).tolist() == expected
    assert drawn(np.array([3]), 1234567).view(np.uint64).tolist() == [4593380528125082431]


@given(st.integers(0, 2**63 - 1))
def test_no_two_rows_draw_the_same(seed):
    assert len(set(drawn(np.arange(1000), seed).tolist())) == 1000


HUNDRED = {"n": range(100), "g": [["a", "b", None][n % 3] for n in range(100)]}


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"rows": 10}, 10), ({"rows": 0}, 0), ({"rows": 100}, 100), ({"rows": 1000}, 100),
        ({"share": 0.25}, 25), ({"share": 0.005}, 1), ({"share": 0.0}, 0), ({"share": 1.0}, 100),
        ({"rows": 5, "by": ["g"]}, 15), ({"rows": 40, "by": ["g"]}, 100),
        ({"share": 0.1, "by": ["g"]}, 9), ({"share": 0.0, "by": ["g"]}, 0),
    ],
)  # fmt: skip
def test_as_many_rows_are_taken_as_asked_for_in_their_order(cleaned, options, size):
    done = cleaned(HUNDRED, {"step": "sample_rows", **options})

    assert done.column("n") == sorted(set(done.column("n")))
    assert done.counts() == [(100, size, 100 - size, 0)]


def test_the_seed_decides_and_a_larger_sample_holds_the_smaller(cleaned):
    def taken(**options):
        return set(cleaned(HUNDRED, {"step": "sample_rows", **options}).column("n"))

    assert taken(rows=10, seed=1) == taken(rows=10, seed=1)
    assert taken(rows=10, seed=1) != taken(rows=10, seed=2)
    assert taken(rows=10, seed=1) < taken(rows=20, seed=1)
    assert taken(rows=10, seed=2**63 - 1) != taken(rows=10)


def test_each_group_gives_its_share_missing_values_among_them(cleaned):
    done = cleaned(HUNDRED, {"step": "sample_rows", "share": 0.5, "by": ["g"]})

    groups = done.column("g")
    assert [groups.count(one) for one in ("a", "b", None)] == [17, 17, 17]  # of 34, 33 and 33


def test_a_sample_depends_on_the_places_of_rows_and_not_on_their_values(cleaned):
    step = {"step": "sample_rows", "rows": 10}

    one = cleaned({"n": range(100)}, step)
    other = cleaned({"n": range(100), "x": ["z"] * 100}, step)

    assert one.column("n") == other.column("n")


def test_samples_are_even():
    """Of 1,000 samples of one row in ten, each row is in 100 on average, within 5 deviations."""
    counts = np.zeros(100)
    for seed in range(1000):
        counts[np.argsort(drawn(np.arange(100), seed))[:10]] += 1

    assert abs(counts - 100).max() < 5 * math.sqrt(1000 * 0.1 * 0.9)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "Give either 'rows' or 'share'."),
        ({"rows": 1, "share": 0.5}, "Give either 'rows' or 'share'."),
    ],
)
def test_a_sample_needs_one_size(cleaned, options, reason):
    sentence = refused(cleaned, HUNDRED, {"step": "sample_rows", **options})

    assert sentence == f"steps[0] (sample_rows): {reason}"


@pytest.mark.parametrize("options", [{"share": 1.5}, {"rows": -1}, {"rows": 1, "seed": -1}])
def test_a_size_outside_its_range_is_refused(cleaned, options):
    sentence = refused(cleaned, HUNDRED, {"step": "sample_rows", **options})

    assert sentence.startswith("steps[0] (sample_rows).")


@pytest.mark.parametrize("options", [{"rows": 2}, {"share": 0.5}, {"rows": 2, "by": ["g"]}])
def test_of_no_rows_none_are_taken(cleaned, options):
    table = pa.table({"g": pa.array([], pa.string())})

    assert cleaned(table, {"step": "sample_rows", **options}).counts() == [(0, 0, 0, 0)]


# --- both ----------------------------------------------------------------------------------------


def test_spark_gives_the_same(cleaned, cleaned_on_spark):
    table = pa.table(
        {
            "t": ["é", "b", None, "B", "10", "9"] * 7,
            "f": pa.array([0.5, None, -0.0, 0.0, math.inf, 1e-300] * 7),
            "l": [["x"], [], None, ["y"], ["x", "z"], []] * 7,
        }
    )
    recipe = [
        {"step": "sort_rows", "by": ["t", "f"], "descending": ["f"], "missing": "first"},
        {"step": "explode", "column": "l"},
        {"step": "sample_rows", "rows": 30, "seed": 5},
        {"step": "sample_rows", "share": 0.5, "by": ["t"], "seed": 6},
    ]

    there, here = cleaned_on_spark(table, *recipe), cleaned(table, *recipe)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
