import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.errors import DatasetError

NAN = float("nan")
KEPT = {
    "int8": pa.array([1, None, -128], pa.int8()),
    "uint8": pa.array([1, None, 255], pa.uint8()),
    "int64": pa.array([9007199254740993, None, -(2**63)], pa.int64()),
    "uint64": pa.array([1, None, 2**64 - 1], pa.uint64()),
    "float": pa.array([1.5, None, float("inf")], pa.float32()),
    "double": pa.array([0.1, None, -0.0]),
    "string": pa.array(["a", None, ""]),
    "binary": pa.array([b"a", None, b"\xff"]),
    "bool": pa.array([True, None, False]),
    "date": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
    "time": pa.array([dt.time(0), None, dt.time(23, 59, 59, 999999)]),
    "timestamp[us]": pa.array([0, None, 1], pa.timestamp("us")),
    "timestamp[ns]": pa.array([0, None, 1], pa.timestamp("ns")),
    "timestamp[us, UTC]": pa.array([0, None, 1], pa.timestamp("us", "UTC")),
    "decimal": pa.array([Decimal("1.10"), None, Decimal("-2.00")], pa.decimal128(18, 2)),
    "decimal 38": pa.array([Decimal(10**37), None, Decimal(1)], pa.decimal128(38, 0)),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
    "struct": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": ""}]),
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
}


def put(flow, name, **columns):
    pq.write_table(pa.table(columns), flow.storage.root / name)
    return name


def through(flow, array, **reading):
    put(flow, "in.parquet", a=array)
    flow.run("in.parquet", "out.parquet", reading=reading)
    return pq.read_table(flow.storage.root / "out.parquet")


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize("array", KEPT.values(), ids=KEPT)
def test_types_and_values_stay(make_flow, array, limit):
    flow = make_flow()
    put(flow, "in.parquet", a=array)

    published = flow.run("in.parquet", "out.parquet", reading={"limit_rows": limit})
    found = pq.read_table(published.location.path)

    assert found.schema.field("a").type == array.type
    assert found["a"].to_pylist() == array.to_pylist()


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_nan_is_missing_unless_it_is_kept(make_flow, kind):
    array = pa.array([1.5, NAN, None], kind)

    assert through(make_flow(), array)["a"].null_count == 2
    assert through(make_flow(), array, keep_nan=True)["a"].null_count == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (pa.decimal256(50, 0), "is a decimal of more than 38 digits"),
        (pa.duration("us"), "is a duration"),
        (pa.list_(pa.decimal256(50, 0)), "is a decimal of more than 38 digits"),
        (pa.struct([("x", pa.duration("s"))]), "is a duration"),
    ],
)
def test_a_type_that_would_come_out_as_another_value_is_refused(flow, kind, words):
    put(flow, "in.parquet", a=pa.array([None], kind))

    with pytest.raises(DatasetError, match=f"^The column 'a' {words}"):
        flow.run("in.parquet", "out.parquet")


@pytest.mark.parametrize("cut", [3, 100, -10])
def test_a_damaged_file_is_refused_in_a_sentence(flow, cut):
    content = (flow.storage.root / put(flow, "whole.parquet", a=["x"] * 1000)).read_bytes()
    flow.put("in.parquet", content[:cut])

    with pytest.raises(DatasetError) as refused:
        flow.run("in.parquet", "out.parquet")

    assert str(refused.value) == "The file is no complete Parquet file; write it anew."


def test_damaged_pages_are_told_without_values(flow):
    content = (
        flow.storage.root / put(flow, "whole.parquet", a=[f"canary-{n}" for n in range(9000)])
    ).read_bytes()
    flow.put("in.parquet", content[:40] + b"\xff" * 400 + content[440:])

    with pytest.raises(DatasetError) as refused:
        flow.run("in.parquet", "out.csv")

    assert str(refused.value) == (
        "The column 'a' of the Parquet file is damaged; write the file anew."
    )
    assert not (flow.storage.root / "out.csv").exists()


def test_a_file_without_columns_is_refused_in_a_sentence(flow):
    put(flow, "in.parquet")

    with pytest.raises(DatasetError) as refused:
        flow.run("in.parquet", "out.parquet")

    assert str(refused.value) == "The Parquet file has no columns; write it with one at least."


@pytest.mark.parametrize("value", [-(2**62), 2**62])
@pytest.mark.parametrize("nested", [False, True])
def test_a_moment_beyond_microseconds_is_refused_before_the_run(flow, value, nested):
    moments = pa.array([0, value], pa.timestamp("ms"))
    put(
        flow,
        "in.parquet",
        a=[1, 2],
        **{"b.c": pa.StructArray.from_arrays([moments], ["x"]) if nested else moments},
    )

    with pytest.raises(DatasetError) as refused:
        flow.run("in.parquet", "out.parquet")

    assert str(refused.value) == (
        "The column 'b.c' holds moments beyond the range of microseconds, in which engines count; "
        "correct them in the source."
    )


@pytest.mark.parametrize("value", [-9_223_372_022_400_000, 9_223_372_036_854_775])
def test_the_outermost_moments_in_milliseconds_are_read(flow, value):
    found = through(flow, pa.array([value], pa.timestamp("ms")))

    assert found["a"].cast(pa.int64()).to_pylist() == [value]


def test_column_names_are_any_text(flow):
    names = ["select", 'q"q', "a'b", "x;y", " ", "ß", "file_row_number", "a\nb", "%s", "{x}"]
    put(flow, "in.parquet", **{name: [str(n)] for n, name in enumerate(names)})

    flow.run("in.parquet", "middle.csv")
    flow.run("middle.csv", "middle.jsonl")
    flow.run("middle.jsonl", "out.parquet")

    assert pq.read_table(flow.storage.root / "out.parquet").to_pylist() == [
        {name: str(n) for n, name in enumerate(names)}
    ]
