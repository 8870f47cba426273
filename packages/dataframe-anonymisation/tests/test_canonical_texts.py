"""Canonical texts are found for whole columns: they are held against one value at a time."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataframe_anonymisation.preparing import Encoded, _in_order
from dataframe_anonymisation.values import canonical_number, encode

FLOATS = {pa.float16(): 16, pa.float32(): 32, pa.float64(): 64}


def of_one(value: float | None) -> str | None:
    if value is None or math.isnan(value):
        return None
    return canonical_number(repr(value)) or repr(value)


def decoded(array: pa.Array) -> list[str | None]:
    codes, values = encode(array, "column")
    assert len(set(values)) == len(values)
    assert set(codes.tolist()) == set(range(len(values)))
    return [values[code] for code in codes]


@pytest.mark.parametrize("kind", FLOATS, ids=str)
@given(data=st.data())
def test_floats_have_the_text_of_each(kind: pa.DataType, data: st.DataObject) -> None:
    cell = st.none() | st.floats(width=FLOATS[kind])
    array = pa.array(data.draw(st.lists(cell)), kind)
    assert decoded(array) == [of_one(value) for value in array.to_pylist()]


def test_floats_at_the_edges_of_plain_notation_have_the_text_of_each() -> None:
    numbers = [5e-324, 1e-7, 1e-5, 1e-4, 0.0, -0.0, 1e15, 1e16, 1e22, 1e300, 0.1 + 0.2, math.inf]
    cells = [*numbers, *(-n for n in numbers), math.nan, None, 1.0, 1.5]
    assert decoded(pa.array(cells)) == [of_one(value) for value in cells]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_integers_have_the_text_of_each(cells: list[int | None]) -> None:
    assert decoded(pa.array(cells, pa.int64())) == [
        None if cell is None else str(cell) for cell in cells
    ]


def test_booleans_are_in_small_letters() -> None:
    assert decoded(pa.array([True, None, False])) == ["true", None, "false"]


@given(st.lists(st.none() | st.text(max_size=3)))
@example([None, "\U0001f600", "\uffff", "z", "é", "Z", ""])
def test_codes_follow_the_order_of_texts_and_not_of_rows(cells: list[str | None]) -> None:
    codes, values = encode(pa.array(cells, pa.string()), "column")
    ordered = _in_order(Encoded(codes, values, is_numeric=False, kind="text"))
    texts = sorted({cell for cell in cells if cell is not None})
    assert list(ordered.values) == [*texts, *([None] if None in cells else [])]
    assert [ordered.values[code] for code in ordered.codes] == cells
    assert ordered.codes.dtype == np.int32
