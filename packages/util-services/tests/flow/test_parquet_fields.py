"""What goes in as Parquet comes out with the same schema, told by pyarrow."""

import datetime as dt
from decimal import Decimal

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.engines.local_parquet import UnfitError
from util_services.flow.operate import Outcome

MOMENT = dt.datetime(2024, 2, 29, 13, 14, 15, tzinfo=dt.UTC)
VALUES = {
    **{f"int{bits}": ([1, -2, 3], getattr(pa, f"int{bits}")()) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": ([1, 2, 3], getattr(pa, f"uint{bits}")()) for bits in (8, 16, 32, 64)},
    **{f"float{bits}": ([0.5, -1.5, 2.0], getattr(pa, f"float{bits}")()) for bits in (16, 32, 64)},
    "string": (["a", "", "ü"], pa.string()),
    "large string": (["a", "", "ü"], pa.large_string()),
    "string view": (["a", "", "ü"], pa.string_view()),
    "dictionary": (["a", "b", "a"], pa.dictionary(pa.int8(), pa.string())),
    "ordered dictionary": (["a", "b", "a"], pa.dictionary(pa.int32(), pa.string(), ordered=True)),
    "bool": ([True, False, True], pa.bool_()),
    "date": ([MOMENT.date()] * 3, pa.date32()),
    **{
        f"timestamp[{unit}]": ([MOMENT] * 3, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")
    },
    **{
        f"timestamp[{unit}, {zone}]": ([MOMENT] * 3, pa.timestamp(unit, zone))
        for unit, zone in (("s", "UTC"), ("ms", "Europe/Paris"), ("us", "UTC"), ("ns", "+02:00"))
    },
    "time[ms]": ([dt.time(1, 2, 3, 4000)] * 3, pa.time32("ms")),
    "time[us]": ([dt.time(1, 2, 3, 4)] * 3, pa.time64("us")),
    "time[ns]": ([dt.time(1, 2, 3, 4)] * 3, pa.time64("ns")),
    "decimal 5": ([Decimal("1.25")] * 3, pa.decimal128(5, 2)),
    "decimal 38": ([Decimal("1.25")] * 3, pa.decimal128(38, 10)),
    "decimal32": ([Decimal("1.25")] * 3, pa.decimal32(5, 2)),
    "decimal64": ([Decimal("1.25")] * 3, pa.decimal64(12, 2)),
    "list": ([[1, None], [], [2]], pa.list_(pa.int16())),
    "large list": ([["a"], [], ["b"]], pa.large_list(pa.large_string())),
    "fixed size list": ([[1, 2], [3, None], [5, 6]], pa.list_(pa.int32(), 2)),
    "list of zoned moments": ([[MOMENT], [], [None]], pa.list_(pa.timestamp("ms", "Asia/Tokyo"))),
    "struct": ([{"x": 1, "y": "a"}] * 3, pa.struct([("x", pa.int8()), ("y", pa.string())])),
    "struct of required": (
        [{"x": 1, "y": [{"z": "a"}]}] * 3,
        pa.struct(
            [
                pa.field("x", pa.int8(), nullable=False),
                pa.field(
                    "y",
                    pa.list_(
                        pa.field(
                            "element",
                            pa.struct([pa.field("z", pa.large_string(), nullable=False)]),
                            nullable=False,
                        )
                    ),
                    nullable=False,
                ),
            ]
        ),
    ),
    "map": ([[("k", 1)], [], [("l", None)]], pa.map_(pa.string(), pa.int32())),
    "map of required": (
        [[("k", [1])], [], [("l", [])]],
        pa.map_(pa.string(), pa.field("value", pa.list_(pa.int32()), nullable=False)),
    ),
    "binary": ([b"a", b"", b"\xff"], pa.binary()),
    "large binary": ([b"a", b"", b"\xff"], pa.large_binary()),
    "fixed size binary": ([b"ab", b"cd", b"\xff\x00"], pa.binary(2)),
    "uuid": ([b"0123456789abcdef"] * 3, pa.uuid()),
    "json": (['{"a":1}'] * 3, pa.json_()),
    "null": ([None] * 3, pa.null()),
}
CASES = [(kind, form) for kind in VALUES for form in ("missing", "whole", "required")]


def table_of(kind, form):
    """Return a column with a missing value, one that could have some, or one that must not."""
    values, arrow = VALUES[kind]
    values = [values[0], None, values[2]] if form == "missing" else values
    storage = arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow
    array = pa.array(values, storage)
    if storage is not arrow:
        array = pa.ExtensionArray.from_storage(arrow, array)
    field = pa.field("a", arrow, nullable=form != "required")
    return pa.table({"number": pa.array([0, 1, 2], pa.uint16()), "a": array}).cast(
        pa.schema([pa.field("number", pa.uint16()), field])
    )


def without_second(given):
    frame = given.scan(row_number="row")
    losers = given.engine.relation("SELECT 1 AS n")
    left = given.engine.drop_rows(frame, "row", losers)
    names = given.schema.names
    return Outcome(given.engine.select(left, dict(zip(names, names, strict=True))), dropped=1)


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize(("kind", "form"), [case for case in CASES if case != ("null", "required")])
def test_a_schema_stays_when_rows_are_dropped(make_flow, kind, form, limit):
    flow = make_flow()
    source, result = flow.storage.root / "in.parquet", flow.storage.root / "out.parquet"
    pq.write_table(table_of(kind, form), source)
    reading = {"limit_rows": limit, "keep_nan": True}

    published = flow.run("in.parquet", "out.parquet", without_second, reading=reading)
    found, given = pq.read_table(published.location.path), pq.read_table(source)

    assert found.schema.equals(given.schema)
    assert found["a"].to_pylist() == [given["a"][0].as_py(), given["a"][2].as_py()]
    assert found["number"].to_pylist() == [0, 2]
    assert result.exists() == (limit is None)


def test_a_column_that_an_operation_makes_is_nullable(flow):
    pq.write_table(pa.table({"a": pa.array([1], pa.int8())}), flow.storage.root / "in.parquet")

    flow.run("in.parquet", "out.parquet", lambda _: Outcome(_.engine.relation("SELECT 1 AS b")))

    wanted = pa.schema([pa.field("b", pa.int32())])
    assert pq.read_schema(flow.storage.root / "out.parquet").equals(wanted)


def test_a_required_float_becomes_nullable_where_nan_is_missing(make_flow):
    field = pa.field("a", pa.float64(), nullable=False)
    table = pa.table([pa.array([1.0, float("nan")])], schema=pa.schema([field]))

    schemas = []
    for keep_nan in (False, True):
        flow = make_flow()
        pq.write_table(table, flow.storage.root / "in.parquet")
        flow.run("in.parquet", "out.parquet", reading={"keep_nan": keep_nan})
        schemas.append(pq.read_schema(flow.storage.root / "out.parquet"))

    assert [schema.field("a").nullable for schema in schemas] == [True, False]


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(2)])
def test_a_required_column_becomes_nullable_where_an_operation_empties_it(flow, kind):
    field = pa.field("a", kind, nullable=False)
    table = pa.table([pa.array([b"ab", b"cd"]).cast(kind)], schema=pa.schema([field]))
    pq.write_table(table, flow.storage.root / "in.parquet")

    def empty(given):
        return Outcome(nw.from_native(given.scan().to_native().project("nullif(a, 'ab') AS a")))

    flow.run("in.parquet", "out.parquet", empty)

    found = pq.read_table(flow.storage.root / "out.parquet")
    assert found.schema.field("a") == field.with_nullable(True)
    assert found["a"].null_count == 1


def test_a_required_column_without_statistics_stays_required(flow):
    field = pa.field("a", pa.string(), nullable=False)
    table = pa.table([["x", "y"]], schema=pa.schema([field]))
    pq.write_table(table, flow.storage.root / "in.parquet", write_statistics=False)

    flow.run("in.parquet", "out.parquet")

    assert pq.read_table(flow.storage.root / "out.parquet").equals(table)


def test_key_value_metadata_of_a_source_is_left_out(flow):
    field = pa.field("a", pa.int8(), metadata={"note": "Jane Roe"})
    schema = pa.schema([field], metadata={"author": "Jane Roe"})
    pq.write_table(pa.table([[1]], schema=schema), flow.storage.root / "in.parquet")

    flow.run("in.parquet", "out.parquet")

    assert b"Jane Roe" not in flow.get("out.parquet")
    assert pq.read_schema(flow.storage.root / "out.parquet").field("a").metadata is None


def test_an_outdated_moment_comes_out_in_microseconds(flow):
    column = pa.array([MOMENT, dt.datetime(1500, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us"))
    pq.write_table(
        pa.table({"a": column}),
        flow.storage.root / "in.parquet",
        use_deprecated_int96_timestamps=True,
    )

    flow.run("in.parquet", "out.parquet")

    assert pq.read_table(flow.storage.root / "out.parquet")["a"].combine_chunks() == column


REQUIRED_PART = pa.struct([pa.field("x", pa.int8(), nullable=False)])
VALUE_OF = {pa.binary(2): b"ab", REQUIRED_PART: {"x": 1}}


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        (pa.timestamp("ms"), "a + INTERVAL 1 microsecond"),
        (pa.timestamp("ms", "UTC"), "a + INTERVAL 1 microsecond"),
        (pa.binary(2), "a || a"),
        (REQUIRED_PART, "{'x': NULL::TINYINT}"),
    ],
)
def test_a_changed_value_that_does_not_fit_is_told_without_it(flow, kind, other):
    value = VALUE_OF.get(kind, MOMENT)
    column = pa.array([value], kind)
    pq.write_table(pa.table({"ab": column, "a": column}), flow.storage.root / "in.parquet")

    def change(given):
        return Outcome(nw.from_native(given.scan().to_native().project(f"ab, {other} AS a")))

    with pytest.raises(UnfitError) as refused:
        flow.run("in.parquet", "out.parquet", change)

    assert str(refused.value) == (
        "The column 'a' holds values that do not fit the type it has in the source; cast it to "
        "another type in a step of its own."
    )


@pytest.mark.parametrize("exotic", [False, True])
def test_the_same_rows_give_the_same_bytes(make_flow, exotic):
    """Both writers: DuckDB's, on several threads and row groups, and pyarrow's."""
    numbers = pa.array(range(300_000))
    column = numbers.cast(pa.float32()).cast(pa.float16()) if exotic else numbers.cast(pa.string())
    table = pa.table({"number": numbers, "a": column})
    results = set()

    for _ in range(3):
        flow = make_flow()
        pq.write_table(table, flow.storage.root / "in.parquet", row_group_size=50_000)
        flow.run("in.parquet", "out.parquet", without_second)
        results.add(flow.get("out.parquet"))

    assert len(results) == 1
