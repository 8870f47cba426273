"""The way back gives Arrow tables the very types that they had."""

import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from util_services.keys import Keyset

KEYS = Keyset.generate("k")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (pa.array(["x", None, "x"]).dictionary_encode(), ""),
        (pa.array(["x", None], pa.large_string()), ""),
        (pa.array(["x", None], pa.string_view()), ""),
        (pa.array([["x", None], None, []], pa.large_list(pa.string())), " -> $[*]"),
        (pa.array([[1, 2], [3, None]], pa.list_(pa.int64(), 2)), " -> $[*]"),
        (pa.array([[[1.5]], [[]]], pa.large_list(pa.list_(pa.float32()))), " -> $.**"),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_types_of_all_layouts_come_back(values, path):
    table = pa.table({"a": values})
    policy = PseudonymisationPolicy("k", "d", {f"a{path}": "encrypt"})

    done, report = pseudonymise(table, policy, KEYS)
    back, _ = depseudonymise(done, report, KEYS)

    assert back.equals(table)
    assert back.schema == table.schema
    assert done["a"].to_pylist() != table["a"].to_pylist()
