"""Nothing of what is suppressed comes out: not as order, not as a level, not in bytes."""

import io
import itertools
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataframe_anonymisation import AnonymisationPolicy, Hierarchy, KAnonymity, anonymise

HUSHED = "hushhush"
HUSHED_NUMBER = int.from_bytes(HUSHED.encode(), "little")
TEXTS = ["open", "shut", "open", HUSHED]
NUMBERS = [1, 2, 2**53 + 1, HUSHED_NUMBER]
COLUMNS = {
    "category": pd.Series(TEXTS, dtype="category"),
    "ordered": pd.Series(pd.Categorical(TEXTS, categories=[HUSHED, "open", "shut"], ordered=True)),
    "dictionary": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    "text": pd.Series(TEXTS),
    "object": pd.Series(TEXTS, dtype=object),
    "arrow text": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
    "integer": pd.Series(NUMBERS),
    "nullable": pd.Series(NUMBERS, dtype="Int64"),
    "arrow integer": pd.Series(NUMBERS, dtype=pd.ArrowDtype(pa.int64())),
    "numbers as category": pd.Series(NUMBERS, dtype="category"),
}


LEVELS = pa.dictionary(pa.int8(), pa.string())
NESTED = {
    "struct": (pa.struct([("x", LEVELS), ("n", pa.int64())]), lambda text: {"x": text, "n": 1}),
    "list": (pa.list_(LEVELS), lambda text: [text, "always"]),
    "struct of lists": (pa.struct([("y", pa.list_(LEVELS))]), lambda text: {"y": [text]}),
    "list of structs": (pa.list_(pa.struct([("x", LEVELS)])), lambda text: [{"x": text}]),
    "map": (pa.map_(pa.string(), LEVELS), lambda text: [("k", text)]),
}


def policy(**options):
    known = {
        "models": [KAnonymity(k=3)],
        "quasi_identifiers": ["a"],
        "sensitive_attributes": ["s"],
        "hierarchies": {"a": Hierarchy.suppression()},
        "suppression_limit": 0.6,
        "algorithm": "optimal",
    }
    return AnonymisationPolicy(**(known | options))


def all_bytes(frame):
    """Return a frame as every kind of bytes that may keep what a look at it does not show."""
    table = pa.Table.from_pandas(frame)
    arrow, parquet = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, parquet, compression="none")
    return arrow.getvalue() + parquet.getvalue() + pickle.dumps(frame)


@pytest.mark.parametrize("order", ["canonical", "preserve"])
@pytest.mark.parametrize("suppressed", ["drop", "mask"])
@pytest.mark.parametrize("kind", COLUMNS)
def test_no_bytes_of_a_suppressed_sensitive_value_come_out(kind, suppressed, order):
    frame = pd.DataFrame({"a": ["x", "x", "x", "y"], "s": COLUMNS[kind]})
    assert HUSHED.encode() in all_bytes(frame)

    result, _ = anonymise(frame, policy(suppressed=suppressed, order=order))

    assert HUSHED.encode() not in all_bytes(result)
    is_masked = result["a"] == "*"
    assert sorted(result["s"][~is_masked]) == sorted(frame["s"][:3])
    assert result["s"][is_masked].isna().tolist() == [True] * (suppressed == "mask")


@pytest.mark.parametrize("kind", ["category", "ordered", "dictionary"])
def test_levels_of_insensitive_columns_are_those_of_published_rows(kind):
    frame = pd.DataFrame({"a": ["x", "x", "x", "y"], "s": "s", "other": COLUMNS[kind]})

    result, _ = anonymise(frame, policy(insensitive_attributes=["other"]))

    assert HUSHED.encode() not in all_bytes(result)
    assert sorted(result["other"]) == ["open", "open", "shut"]


@pytest.mark.parametrize("order", ["canonical", "preserve"])
@pytest.mark.parametrize("kind", NESTED)
def test_levels_inside_of_nested_cells_are_those_of_published_rows(kind, order):
    nested, make = NESTED[kind]
    cells = [make(text) for text in ["open", "shut", None, HUSHED]]
    column = pd.Series(pd.array(cells, dtype=pd.ArrowDtype(nested)))
    frame = pd.DataFrame({"a": ["x", "x", "x", "y"], "s": "p", "other": column})

    result, _ = anonymise(frame, policy(insensitive_attributes=["other"], order=order))

    assert HUSHED.encode() not in all_bytes(result)
    assert sorted(map(repr, result["other"])) == sorted(map(repr, column[:3]))
    assert result["other"].dtype == column.dtype


@pytest.mark.parametrize("hidden", list(itertools.permutations("pqr")))
def test_hidden_values_do_not_order_the_rows_that_hide_them(hidden):
    frame = pd.DataFrame({"a": ["x"] * 3 + list("yzw"), "s": [*"ppp", *hidden], "ticket": range(6)})

    result, _ = anonymise(frame, policy(suppressed="mask", insensitive_attributes=["ticket"]))

    masked = result[result["a"] == "*"]
    assert masked["s"].isna().all()
    assert masked["ticket"].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1, 2, 3, 4], np.int8), "Int8"),
        (np.array([1, 2, 3, 2**64 - 1], np.uint64), "UInt64"),
        (np.array([True, False, True, True]), "boolean"),
        (np.array([0.5, 1, 2, 3]), "float64"),
        (pd.Series([2**53 + 1, 1, 2, 3], dtype="int64"), "Int64"),
    ],
)
def test_hiding_a_value_leaves_the_others_what_they_are(values, kind):
    frame = pd.DataFrame({"a": ["x", "x", "x", "y"], "s": values})

    result, _ = anonymise(frame, policy(suppressed="mask", order="preserve"))

    assert result["s"].dtype == kind
    assert result["s"][:3].tolist() == frame["s"][:3].tolist()
