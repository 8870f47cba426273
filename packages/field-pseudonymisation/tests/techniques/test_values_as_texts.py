"""With `as: text` values of all types come back, and are texts for the technique."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from util_services.keys import Keyset

KEYS = Keyset.generate("k")
POLICY = PseudonymisationPolicy("k", "d", {"a": {"technique": "encrypt", "as": "text"}})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0, 5, 86_399, None], pa.time32("s")),
        pa.array([1, 86_399_999], pa.time32("ms")),
        pa.array([1, 86_399_999_999], pa.time64("us")),
        pa.array([1, 12_345_678_901, 86_399_999_999_999, None], pa.time64("ns")),
        pa.array([-1, 0, 10**18], pa.timestamp("ns")),
        pa.array([-1, 10**15], pa.timestamp("us", "Europe/Oslo")),
        pa.array([0, -719_162], pa.date32()),
        pa.array([1.1, -0.0, 1e-30], pa.float32()),
        pa.array([True, False, None]),
        pa.array([np.float16(1.5)], pa.float16()),
        pa.array(["007", "", None]),
    ],
    ids=lambda values: str(values.type),
)
def test_they_come_back(values):
    table = pa.table({"a": values})
    done, report = pseudonymise(table, POLICY, KEYS)

    assert depseudonymise(done, report, KEYS)[0].equals(table)


def test_a_time_is_the_text_that_it_is_written_as():
    times = pa.table({"a": pa.array([dt.time(1, 2, 3)], pa.time32("s"))})
    texts = pa.table({"a": ["01:02:03"]})

    assert pseudonymise(times, POLICY, KEYS)[0].equals(pseudonymise(texts, POLICY, KEYS)[0])
