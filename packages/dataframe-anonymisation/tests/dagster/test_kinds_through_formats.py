"""The independent check of a written file knows the values of the table by every format."""

import datetime as dt
import json
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    TCloseness,
    anonymise,
    jobs,
)

UTC = dt.UTC
COLUMNS = {
    "boolean": pa.array([True, False] * 4),
    "integer": pa.array([1, 20, 300, 2**40] * 2),
    "decimal": pa.array([Decimal("1.50"), Decimal("2.00")] * 4, pa.decimal128(10, 2)),
    "float": pa.array([1.0, 0.1, 1e-7, 12345678.5] * 2),
    "holes": pa.array([1.0, None, float("nan"), 2.5] * 2, from_pandas=False),
    "single": pa.array([0.1, 2.0] * 4, pa.float32()),
    "date": pa.array([dt.date(2020, 1, 1), dt.date(1969, 12, 31)] * 4),
    "moment": pa.array(["2020-01-01T05:00", "2020-01-01T05:00:00.120"] * 4).cast(
        pa.timestamp("us")
    ),
    "instant": pa.array(
        [dt.datetime(2020, 1, 1, 5, tzinfo=UTC), dt.datetime(2021, 7, 1, tzinfo=UTC)] * 4,
        pa.timestamp("us", "UTC"),
    ),
    "time": pa.array([dt.time(5), dt.time(23, 59, 59, 250000)] * 4, pa.time64("us")),
    "text": pa.array(["1.0", "1"] * 4),
}


@pytest.fixture
def table():
    return pa.table({"a": ["x"] * 8, **COLUMNS})


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet", "out.xlsx"])
def test_cells_of_every_kind_are_known_again_in_every_format(instance, root, table, target):
    if target.endswith("xlsx"):
        table = table.drop_columns(["instant"])  # no cell of Excel has a time zone
    names = table.column_names[1:]
    pq.write_table(table, root / "in.parquet")
    ops = {
        "read_dataset": {"config": {"path": "in.parquet"}},
        "t_closeness": {
            "config": {
                "quasi_identifiers": ["a"],
                "sensitive_attributes": names,
                "k": 2,
                "t": 0,
            }
        },
        "write_dataset": {"config": {"path": target}},
    }

    result = jobs.t_closeness_job.execute_in_process(
        {"ops": ops}, instance=instance, raise_on_error=False
    )

    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert not failed, failed[0].user_failure_data
    report = json.loads((root / f"{target}.report.json").read_text())
    measured = report["steps"][0]["facts"]["verified"]["models"][1:]
    assert {one["attribute"]: one["measured"] for one in measured} == dict.fromkeys(names, 0)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("is_arrow", [True, False])
def test_cells_of_every_kind_are_known_again_in_a_frame(table, name, is_arrow):
    frame = table.select(["a", name]).to_pandas(types_mapper=pd.ArrowDtype if is_arrow else None)
    policy = AnonymisationPolicy(
        models=[KAnonymity(k=2), TCloseness(t=0)],
        quasi_identifiers=["a"],
        sensitive_attributes=[name],
        hierarchies={"a": Hierarchy.suppression()},
    )

    _, report = anonymise(frame, policy)

    assert report["verified"]["models"][1]["measured"] == 0


ODD = {
    "signs": pa.array([0.0, -0.0, 5e-324, 1.7e308] * 2),
    "infinite": pa.array([float("inf"), float("-inf"), 1.0, None] * 2),
    "wide": pa.array([Decimal("1e30"), Decimal("-1.5")] * 4, pa.decimal128(38, 1)),
    "unsigned": pa.array([2**64 - 1, 0] * 4, pa.uint64()),
    "nanoseconds": pa.array([1, 10**18 + 1] * 4, pa.timestamp("ns")),
    "early": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)] * 4),
    "long": pa.array([dt.timedelta(days=400, microseconds=5), None] * 4, pa.duration("us")),
    "blanks": pa.array([" x", "x ", "", None] * 2),
    "lines": pa.array(["a\r\nb", "a\nb", 'q"q', "ü;,"] * 2),
    "levels": pa.array(["p", "q", None, "p"] * 2).dictionary_encode(),
}


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("name", [*COLUMNS, *ODD])
@pytest.mark.parametrize("is_arrow", [True, False])
def test_quasi_identifiers_of_every_kind_are_known_again_in_a_frame(name, is_arrow, strip):
    table = pa.table({"a": COLUMNS.get(name, ODD.get(name)), "s": ["u", "v"] * 4})
    if name == "nanoseconds" or is_arrow:
        frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    else:
        frame = table.to_pandas(date_as_object=True)
    policy = AnonymisationPolicy(
        models=[KAnonymity(k=1), TCloseness(t=1)],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        hierarchies={"a": Hierarchy.suppression()},
        suppression_limit=0.0,
        strip=strip,
    )

    result, report = anonymise(frame, policy)

    assert report["verified"]["holds"]
    assert set(result["a"].dropna()) != {"*"}


@pytest.mark.parametrize("source", ["in.parquet", "in.csv"])
def test_quasi_identifiers_of_every_kind_are_known_again_in_a_job(instance, root, source):
    columns = {name: cells for name, cells in {**COLUMNS, **ODD}.items() if name != "long"}
    table = pa.table({**columns, "s": ["u", "v"] * 4})
    if source.endswith("csv"):
        table.to_pandas(types_mapper=pd.ArrowDtype).to_csv(root / source, index=False)
    else:
        pq.write_table(table, root / source)
    ops = {
        "read_dataset": {"config": {"path": source}},
        "t_closeness": {
            "config": {
                "quasi_identifiers": list(columns),
                "sensitive_attributes": ["s"],
                "hierarchies": {name: {"kind": "suppression"} for name in columns},
                "k": 1,
                "t": 1,
                "suppression_limit": 0.0,
            }
        },
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    result = jobs.t_closeness_job.execute_in_process(
        {"ops": ops}, instance=instance, raise_on_error=False
    )

    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert not failed, failed[0].user_failure_data
