"""Rows and columns of which too much is missing."""

import pyarrow as pa
import pytest

from util_services.errors import ConfigurationError

TABLE = pa.table(
    {
        "id": [1, 2, 3, 4],
        "a": [1.0, None, None, None],
        "b": ["x", "", None, None],
        "c": pa.array([None, None, None, None], pa.string()),
    }
)


def drop(**options):
    return {"step": "drop_missing", **options}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"rows_above": 0.5}, [1, 2]),
        ({"rows_above": 0.25}, [1]),
        ({"rows_above": 0}, []),
        ({"rows_above": 0.75}, [1, 2, 3, 4]),
        ({"rows_above": 0, "columns": ["b"]}, [1, 2]),
        ({"rows_above": 0.5, "columns": ["a", "b"]}, [1, 2]),
    ],
)
def test_rows_that_lack_more_than_a_share_of_columns_go(cleaned, options, left):
    done = cleaned(TABLE, drop(**options))

    assert done.column("id") == left
    assert done.counts() == [(4, len(left), 4 - len(left), 0)]


@pytest.mark.parametrize(
    ("share", "left"),
    [(0.75, ["id", "a", "b"]), (0.5, ["id", "b"]), (0, ["id"]), (0.99, ["id", "a", "b"])],
)
def test_candidates_that_lack_more_than_a_share_of_rows_go(cleaned, share, left):
    candidates = ["c", "a", "b"]

    done = cleaned(TABLE, drop(columns_above=share, candidates=candidates), may_stay=candidates)

    assert done.table.schema.names == left
    assert done.column("id") == [1, 2, 3, 4]
    assert done.note.facts == {
        "columns_dropped": [name for name in candidates if name not in left],
        "columns_kept": [name for name in candidates if name in left],
    }


def test_a_share_is_the_decimal_that_was_written(cleaned):
    """0.7 of 10 columns is 7, though the double of 0.7 is less."""
    table = pa.table({f"c{n}": [None if n < 7 else 1] for n in range(10)})

    assert len(cleaned(table, drop(rows_above=0.7)).rows()) == 1


def test_columns_go_before_rows_are_looked_at(cleaned):
    step = drop(rows_above=0.3, columns_above=0.9, candidates=["c"])

    done = cleaned(TABLE, step)

    assert done.rows() == [{"id": 1, "a": 1.0, "b": "x"}]


def test_a_later_step_may_not_name_a_candidate(cleaned):
    with pytest.raises(ConfigurationError, match=r"steps\[1\] .*: 'columns' names columns that"):
        cleaned(
            TABLE,
            drop(columns_above=0.9, candidates=["a"]),
            {"step": "select_columns", "columns": ["id", "a"]},
        )


def test_the_state_is_counts_alone(cleaned):
    done = cleaned(TABLE, drop(columns_above=0.9, candidates=["c"]))

    assert done.states == {0: [{"rows": 4, "missing_0": 4}]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Give 'rows_above', 'columns_above' or both."),
        ({"columns_above": 0.5}, "'columns_above' and 'candidates' go together; give both."),
        (
            {"rows_above": 0, "candidates": ["a"]},
            "'columns_above' and 'candidates' go together; give both.",
        ),
        (
            {"rows_above": 0, "columns": ["a"], "columns_above": 0, "candidates": ["a"]},
            "'columns' names 'a', which may go as one of 'candidates'; leave it out of one of "
            "them.",
        ),
        (
            {"columns_above": 0, "candidates": ["id", "a", "b", "c"]},
            "'candidates' names all columns; leave at least one out.",
        ),
    ],
)
def test_options_that_contradict_one_another_are_refused(cleaned, options, message):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(TABLE, drop(**options))

    assert str(caught.value) == f"steps[0] (drop_missing): {message}"


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_is_below_one(cleaned, share):
    with pytest.raises(ConfigurationError, match=r"\.rows_above: input should be"):
        cleaned(TABLE, drop(rows_above=share))


def test_a_table_without_rows_loses_all_candidates(cleaned):
    done = cleaned(TABLE.slice(0, 0), drop(rows_above=0, columns_above=0.5, candidates=["a", "c"]))

    assert done.table.schema.names == ["id", "b"]


def test_spark_drops_the_same(cleaned, cleaned_on_spark):
    step = drop(rows_above=0.4, columns_above=0.9, candidates=["b", "c"])

    there = cleaned_on_spark(TABLE, step, may_stay=["b", "c"])

    assert there.table.equals(cleaned(TABLE, step, may_stay=["b", "c"]).table)
