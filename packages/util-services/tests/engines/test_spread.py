"""Values put into marked places: what Arrow's `take` makes of them, in valid arrays."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.engines.batches import is_plain
from util_services.engines.spread import spread

VALUES = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.uint16(): st.integers(0, 2**16 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.decimal128(30, 2): st.decimals(-(10**27), 10**27, places=2).map(Decimal),
    pa.string(): st.text(),
    pa.large_string(): st.text(),
    pa.binary(): st.binary(),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 1, 1)),  # noqa: DTZ001
}


def test_a_value_of_each_type_that_lies_plainly_in_a_file_can_be_put_into_places():
    assert is_plain(pa.schema([(str(kind), kind) for kind in VALUES]))


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(st.data())
def test_values_are_in_the_marked_places_and_nothing_in_the_others(kind, data):
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=20))
    before, behind = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 3))
    padding = data.draw(st.none() | VALUES[kind])
    whole = pa.array([padding] * before + values + [padding] * behind, kind)
    array = whole.slice(before, len(values))
    gaps = data.draw(st.lists(st.integers(0, 3), min_size=len(values), max_size=len(values)))
    marks = [mark for gap in gaps for mark in (*[False] * gap, True)] + [False] * behind
    is_marked = np.array(marks, bool)

    places = spread(array, is_marked)

    places.validate(full=True)
    assert places.type == kind
    taken = pa.array(np.cumsum(is_marked) - 1, mask=~is_marked)
    assert places.equals(array.take(taken))
