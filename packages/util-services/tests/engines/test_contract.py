"""What holds for every engine: the verbs of `util_services.engines.protocol`, one by one."""

import datetime as dt
import math
import signal
import threading
import time
import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.datasets.csv_dialect import CsvDialect
from util_services.engines.failures import BatchContractError, EngineError
from util_services.engines.local import LocalEngine
from util_services.errors import CancelledError, DatasetError

# Spark Connect is a session of another kind on the same cluster: what differs is tried there too.
through_connect_too = pytest.mark.parametrize(
    "engine", ["local", "spark", "through_spark_connect"], indirect=True
)

CANARY = "canary-Jane-Roe"
NAN = float("nan")
UTC = dt.UTC
MOMENT = dt.datetime(1969, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
ROWS = 30_000  # more than one split of a file, and many batches

ODD_NAMES = [
    "*", "a.b", 'quote"d', "it's", "back`tick", "``", "a b", " ", "naïve 名前 🦆", "select", "c0",
    "_metadata", "file_row_number", "x) FROM y --", "{x}", "%s", "\\", "$1", "?", "\t", "a\nb",
    "a,b", "a;b", "a=b", "ds_0", "row_index", "[0]", "COLUMNS(*)",
]  # fmt: skip

# Each type that a staged file may hold: how it is staged, what the engines make of it, two values.
KINDS = {
    "bool": (pa.bool_(), pa.bool_(), [True, False]),
    "int8": (pa.int8(), pa.int8(), [-128, 127]),
    "int64": (pa.int64(), pa.int64(), [2**53 + 1, -(2**63)]),
    "uint8": (pa.uint8(), pa.uint8(), [0, 255]),
    "uint16": (pa.uint16(), pa.uint16(), [0, 2**16 - 1]),
    "uint32": (pa.uint32(), pa.uint32(), [0, 2**32 - 1]),
    "uint64": (pa.uint64(), pa.uint64(), [2**64 - 2, 2**64 - 1]),
    "half": (pa.float16(), pa.float32(), [0.5, -math.inf]),
    "float": (pa.float32(), pa.float32(), [0.5, math.inf]),
    "double": (pa.float64(), pa.float64(), [0.1, -0.0]),
    "decimal": (pa.decimal128(38, 2), pa.decimal128(38, 2), [Decimal("0.10"), Decimal(10**35)]),
    "price": (pa.decimal128(9, 2), pa.decimal128(9, 2), [Decimal("0.10"), Decimal("-1.00")]),
    "text": (pa.string(), pa.string(), ["", "a\0b"]),
    "large text": (pa.large_string(), pa.string(), ["\u00e9", "e\u0301"]),
    "category": (pa.dictionary(pa.int8(), pa.string()), pa.string(), ["x", "NA"]),
    "bytes": (pa.binary(), pa.binary(), [b"", b"\xff\0"]),
    "date": (pa.date32(), pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "time": (pa.time64("us"), pa.time64("us"), [dt.time(0), dt.time(23, 59, 59, 999_999)]),
    "second": (pa.timestamp("s"), pa.timestamp("us"), [MOMENT.replace(microsecond=0), MOMENT.min]),
    "moment": (pa.timestamp("us"), pa.timestamp("us"), [MOMENT, dt.datetime(1, 1, 1)]),  # noqa: DTZ001
    "instant": (
        pa.timestamp("us", "Europe/Berlin"),
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 3, 31, 1, tzinfo=UTC), dt.datetime(9999, 1, 1, tzinfo=UTC)],
    ),
    "nanosecond": (pa.timestamp("ns"), pa.timestamp("ns"), [1, -1]),
    "instant in ns": (pa.timestamp("ns", "UTC"), pa.timestamp("ns", "UTC"), [1, -1]),
    "list": (pa.list_(pa.int64()), pa.list_(pa.int64()), [[], [1, None]]),
    "fixed list": (pa.list_(pa.uint8(), 1), pa.list_(pa.uint8()), [[255], [None]]),
    "struct": (
        pa.struct({"a.b": pa.uint16(), "*": pa.string()}),
        pa.struct({"a.b": pa.uint16(), "*": pa.string()}),
        [{"a.b": 65_535, "*": None}, {"a.b": None, "*": ""}],
    ),
    "deep": (
        pa.list_(pa.struct({"x y": pa.list_(pa.timestamp("ns")), "n": pa.decimal128(5, 1)})),
        pa.list_(pa.struct({"x y": pa.list_(pa.timestamp("ns")), "n": pa.decimal128(5, 1)})),
        [[{"x y": [1, None], "n": Decimal("0.5")}], [None]],
    ),
    "map": (
        pa.map_(pa.string(), pa.uint8()),
        pa.map_(pa.string(), pa.uint8()),
        [[("k", 255)], []],
    ),
}  # fmt: skip


NO_TEXT = ["bytes", "list", "fixed list", "struct", "deep", "map"]  # what CSV has no place for


def wide_table():
    """Return a table with a column of each kind: two values, and one missing."""
    return pa.table(
        {name: pa.array([*values, None], kind) for name, (kind, _, values) in KINDS.items()}
    )


def expected_of(table):
    """Return what engines make of the wide table."""
    columns = {}
    for name, (_, kind, _) in KINDS.items():
        column = table[name].combine_chunks()
        columns[name] = pa.array(column.to_pylist(), kind) if name == "half" else column.cast(kind)
    return pa.table(columns)


def column(engine, frame, name):
    return [row[name] for row in engine.rows(frame)]


def read(engine, frame, folder):
    """Return the rows of a frame through a written file, in their order."""
    file = folder / f"{uuid.uuid4()}.parquet"
    rows = engine.write(frame, file, "parquet")
    table = pq.read_table(file)
    assert len(table) == rows
    return table


def assert_tells_no_value(error):
    while error is not None:
        assert CANARY not in str(error)
        assert CANARY not in repr(error.args)
        assert error.__suppress_context__ or error.__context__ is None
        error = error.__cause__


# --- scan, arrow_schema, rows, consume and write -------------------------------------------------


@through_connect_too
def test_values_of_every_type_come_out_as_they_went_in(engine, stage, tmp_path):
    table = wide_table()
    frame = engine.scan(stage(table))

    written, consumed = read(engine, frame, tmp_path), engine.consume(frame, pa.Table.from_batches)

    expected = expected_of(table)
    assert engine.arrow_schema(frame).equals(expected.schema)
    assert written.schema.equals(expected.schema)
    assert written.equals(expected)
    assert repr(written["double"].to_pylist()) == "[0.1, -0.0, None]"
    assert consumed.equals(expected)


def test_rows_are_plain_values(engine, stage):
    table = wide_table()

    first, _, last = engine.rows(engine.scan(stage(table)))

    assert first["uint64"] == 2**64 - 2
    assert first["price"] == Decimal("0.10")
    assert first["moment"] == MOMENT
    assert first["instant"] == dt.datetime(2024, 3, 31, 1, tzinfo=UTC)
    assert first["date"] == dt.date(1, 1, 1)
    assert first["struct"] == {"a.b": 65_535, "*": None}
    assert first["map"] == {"k": 255}
    assert first["list"] == []
    assert set(last.values()) == {None}


def test_types_that_arrow_has_no_name_for_are_written_as_they_were_staged(engine, stage, tmp_path):
    identity = uuid.UUID(int=7)
    table = pa.table(
        {
            "json": pa.array(['{"a": [1, 2.5]}', None], pa.json_()),
            "uuid": pa.array([identity.bytes, None], pa.uuid()),
        }
    )
    frame = engine.scan(stage(table))

    engine.write(frame, tmp_path / "out.jsonl", "jsonl")
    engine.write(frame, tmp_path / "out.parquet", "parquet")

    assert (tmp_path / "out.jsonl").read_text() == (
        f'{{"json":{{"a":[1,2.5]}},"uuid":"{identity}"}}\n{{"json":null,"uuid":null}}\n'
    )
    logical = pq.ParquetFile(tmp_path / "out.parquet").schema
    assert [logical.column(n).logical_type.type for n in range(2)] == ["JSON", "UUID"]


FLOATS = pa.table(
    {
        "n": range(4),
        "float": pa.array([NAN, None, -0.0, 1.5], pa.float32()),
        "double": [1.5, NAN, None, -0.0],
        "list": pa.array([[NAN, 1.0], [None], [], None]),
        "struct": pa.array([{"x": NAN, "s": "NaN"}, {"x": -0.0, "s": None}, None, {"x": 1.0}]),
        "map": pa.array([[("k", NAN)], [], None, [("k", 1.0)]], pa.map_(pa.string(), pa.float64())),
    }
)


@pytest.mark.parametrize("keep_nan", [False, True])
def test_nan_counts_as_missing_unless_it_is_kept(engine, stage, tmp_path, keep_nan):
    written = read(engine, engine.scan(stage(FLOATS, keep_nan=keep_nan)), tmp_path)

    expected = repr(FLOATS.to_pylist())
    if not keep_nan:
        expected = expected.replace("nan", "None")
    assert repr(written.to_pylist()) == expected


def test_a_list_of_nothing_but_missing_floats_is_read(engine, stage):
    table = pa.table({"a": pa.array([[None], [None, None]], pa.list_(pa.float32()))})

    assert engine.rows(engine.scan(stage(table))) == table.to_pylist()


@pytest.mark.parametrize("keep_nan", [False, True])
def test_a_filter_for_nan_finds_what_is_there(engine, stage, keep_nan):
    frame = engine.scan(stage(pa.table({"a": [1.0, NAN, None]}), keep_nan=keep_nan))

    assert len(engine.rows(frame.filter(nw.col("a").is_nan()))) == (1 if keep_nan else 0)
    assert len(engine.rows(frame.filter(nw.col("a").is_null()))) == (1 if keep_nan else 2)


@through_connect_too
def test_rows_are_numbered_from_0_in_the_order_of_the_input(engine, stage, tmp_path):
    table = pa.table({"a": np.random.default_rng(1).permutation(ROWS)})

    written = read(engine, engine.scan(stage(table), row_number="n"), tmp_path)

    assert written["n"].to_pylist() == list(range(ROWS))
    assert written["a"].to_pylist() == table["a"].to_pylist()
    assert written.schema.field("n").type == pa.int64()


@pytest.mark.parametrize("name", ["_metadata", "file_row_number", "row_index", "FILE_ROW_NUMBER"])
def test_rows_are_numbered_beside_columns_of_any_name(engine, stage, name):
    frame = engine.scan(stage(pa.table({name: ["x", "y"]})), row_number="row number.`*`")

    assert engine.rows(frame) == [
        {name: "x", "row number.`*`": 0},
        {name: "y", "row number.`*`": 1},
    ]


@pytest.mark.parametrize("name", ["_hidden", ".hidden", "a*[b]{c}?", "x=1", "a:b", "%20", "a b"])
def test_a_file_of_any_name_is_read(engine, stage, tmp_path, name):
    staged = stage(pa.table({"a": [1, 2]}))
    folder = tmp_path / name
    folder.mkdir()
    file = Path(staged.files[0]).rename(folder / f"{name}.parquet")

    assert engine.rows(engine.scan(replace(staged, files=(str(file),)))) == [{"a": 1}, {"a": 2}]


def test_a_table_without_rows_keeps_its_columns(engine, stage, tmp_path):
    table = wide_table().slice(0, 0)
    frame = engine.scan(stage(table), row_number="n")
    flat = [name for name in KINDS if name not in NO_TEXT]

    engine.write(engine.select(frame, {n: n for n in [*flat, "n"]}), tmp_path / "out.csv", "csv")

    assert engine.rows(frame) == []
    assert read(engine, engine.select(frame, {n: n for n in KINDS}), tmp_path).schema.equals(
        expected_of(table).schema
    )
    assert (tmp_path / "out.csv").read_text() == ",".join([*flat, "n"]) + "\n"


@pytest.mark.parametrize("name", NO_TEXT)
def test_csv_refuses_columns_that_it_has_no_place_for(engine, stage, tmp_path, name):
    frame = engine.scan(stage(wide_table().select([name])))

    with pytest.raises(DatasetError) as refused:
        engine.write(frame, tmp_path / "out.csv", "csv")

    held = "bytes" if name == "bytes" else "lists, structs or maps"
    assert str(refused.value) == (
        f"The column '{name}' holds {held}, for which csv has no place; leave it out, or write "
        "parquet."
    )


@pytest.mark.parametrize(
    ("format", "dialect"),
    [
        ("csv", None),
        ("csv", CsvDialect(";", "utf-8", "\r\n")),
        ("tsv", None),
        ("jsonl", None),
        ("parquet", None),
    ],
)
def test_a_file_is_the_same_whichever_engine_writes_it(engine, stage, tmp_path, format, dialect):  # noqa: A002
    texts = ["", "a,b", 'say "hi"\nbye', "007", "NA", "é 🦆\t;", None, " a ", "\r\n", "2.50"]
    kinds = ["int64", "price", "date", "moment", "instant"]
    kinds += ["list"] if format in {"jsonl", "parquet"} else []
    table = pa.table(
        {"text": texts * 3} | {kind: wide_table()[kind].to_pylist() * 10 for kind in kinds}
    )
    staged = stage(table)
    with LocalEngine(tmp_path) as here:
        rows = here.write(here.scan(staged), tmp_path / "expected", format, dialect)

    assert engine.write(engine.scan(staged), tmp_path / "found", format, dialect) == rows == 30
    assert (tmp_path / "found").read_bytes() == (tmp_path / "expected").read_bytes()


def test_large_values_come_out_whole(engine, stage, tmp_path):
    values = np.random.default_rng(3).bytes(4 << 20).hex()
    table = pa.table({"a": [values[:-n] for n in range(1, 4)], "n": [1, 2, 3]})

    written = read(engine, engine.scan(stage(table)), tmp_path)

    assert written["a"].to_pylist() == table["a"].to_pylist()


def test_json_lines_hold_no_number_that_json_does_not_know(engine, stage, tmp_path):
    frame = engine.scan(stage(pa.table({"a": [1.0, math.inf]})))

    with pytest.raises(DatasetError) as refused:
        engine.write(frame, tmp_path / "out.jsonl", "jsonl")

    assert str(refused.value) == (
        "The column 'a' holds NaN or an infinity, which JSON cannot write; write another format, "
        "or replace them first."
    )


def test_what_is_consumed_comes_in_order_under_one_schema(engine, stage):
    table = pa.table({"a": range(ROWS)})
    frame = engine.scan(stage(table))

    def look(reader):
        batches = list(reader)
        return {batch.schema == reader.schema for batch in batches}, pa.Table.from_batches(batches)

    same, found = engine.consume(frame, look)

    assert same == {True}
    assert found["a"].to_pylist() == list(range(ROWS))


# --- select --------------------------------------------------------------------------------------


def test_columns_of_any_name_are_selected_and_renamed(engine, stage, tmp_path):
    table = pa.table({name: [number, None] for number, name in enumerate(ODD_NAMES)})
    frame = engine.scan(stage(table), row_number="n")
    aliases = {f"column_{number}": name for number, name in enumerate(ODD_NAMES)}

    renamed = engine.select(frame, aliases)
    back = engine.select(renamed, {name: alias for alias, name in reversed(aliases.items())})

    assert engine.rows(renamed)[0] == {alias: n for n, alias in enumerate(aliases)}
    assert read(engine, back, tmp_path).equals(table.select(ODD_NAMES[::-1]))


def test_a_column_may_be_selected_under_several_names(engine, stage):
    frame = engine.select(engine.scan(stage(pa.table({"a.b": [1]}))), {"x": "a.b", "y": "a.b"})

    assert engine.rows(frame) == [{"x": 1, "y": 1}]


# --- row_hash ------------------------------------------------------------------------------------


def test_equal_values_hash_equally_and_others_hardly_ever(engine, stage):
    table = pa.table(
        {
            "double": pa.array([0.0, -0.0, None, None, 1.0, 2.0]),
            "a.b": pa.array([0.0, -0.0, None, None, 1.0, 2.0], pa.float32()),
            "*": pa.array([[0.0], [-0.0], [None], [None], [1.0], [2.0]]),
            "struct": [{"x": -0.0}, {"x": 0.0}, {"x": None}, {"x": None}, {"x": 1.0}, {"x": 2.0}],
            "decimal": pa.array([Decimal(1), Decimal("1.0"), None, None, Decimal(2), Decimal(3)]),
            "text": ["a", "a", "", "", "ab", "b"],
            "uint64": pa.array([2**64 - 1] * 2 + [None] * 2 + [1, 2], pa.uint64()),
            "time": pa.array([1, 1, None, None, 2, 3], pa.timestamp("ns")),
        }
    )
    frame = engine.scan(stage(table))

    for names in [*([name] for name in table.column_names), table.column_names]:
        hashes = column(engine, engine.row_hash(frame, names, "h"), "h")
        assert hashes[0] == hashes[1], names
        assert hashes[2] == hashes[3], names
        assert len(set(hashes)) == 4, names


@through_connect_too
def test_nan_that_is_kept_hashes_as_one_value_of_its_own(engine, stage):
    frame = engine.scan(stage(pa.table({"a": [NAN, -NAN, None, 1.0]}), keep_nan=True))

    hashes = column(engine, engine.row_hash(frame, ["a"], "h"), "h")

    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_missing_value_has_its_place_in_a_hash(engine, stage):
    table = pa.table({"a": [1, None, None], "b": [None, 1, None], "c": [None, None, 1]})
    frame = engine.row_hash(engine.scan(stage(table)), ["a", "b", "c"], "h")

    assert len(set(column(engine, frame, "h"))) == 3


def test_a_hash_stands_behind_the_other_columns(engine, stage):
    frame = engine.row_hash(engine.scan(stage(pa.table({"a.b": [1], "*": [2]}))), ["*"], "h")

    schema = engine.arrow_schema(frame)
    assert schema.names == ["a.b", "*", "h"]
    assert schema.field("h").type.bit_width == 64


# --- map_batches ---------------------------------------------------------------------------------


@through_connect_too
def test_a_function_on_batches_keeps_the_order_and_declares_its_columns(engine, stage, tmp_path):
    table = pa.table({"a": range(ROWS), "b": ["x", None, ""] * (ROWS // 3)})
    schema = pa.schema({"b.*": pa.large_string(), "a": pa.uint64(), "twice": pa.decimal128(20, 1)})

    def function(frame):
        return pd.DataFrame(
            {
                "b.*": frame["b"].str.upper(),
                "a": frame["a"].astype("uint64[pyarrow]"),
                "twice": (frame["a"] * 2).astype(pd.ArrowDtype(pa.decimal128(20, 1))),
            }
        )

    mapped = engine.map_batches(engine.scan(stage(table)), function, schema)

    written = read(engine, mapped, tmp_path)
    assert written["a"].to_pylist() == list(range(ROWS))
    assert written["twice"].to_pylist() == [Decimal(2 * n) for n in range(ROWS)]
    assert written["b.*"].to_pylist() == ["X", None, ""] * (ROWS // 3)
    assert engine.arrow_schema(mapped).equals(
        pa.schema({"b.*": pa.string(), "a": pa.uint64(), "twice": pa.decimal128(20, 1)})
    )


def test_a_function_on_batches_sees_values_of_every_type_as_arrow_has_them(engine, stage, tmp_path):
    table = wide_table()
    frame, kinds = engine.scan(stage(table)), expected_of(table).schema

    def look(batch):
        told = [str(kind.pyarrow_dtype) for kind in batch.dtypes]
        return batch[[]].assign(
            told=pd.Series(["|".join(told)] * len(batch), dtype="string[pyarrow]")
        )

    seen = engine.map_batches(frame, look, pa.schema({"told": pa.string()}))
    same = engine.map_batches(frame, lambda batch: batch, kinds)

    told = [
        kind.replace("element: ", "l: ").replace("item: ", "l: ")
        for kind in column(engine, seen, "told")
    ]
    expected = "|".join(str(kind) for kind in engine.arrow_schema(frame).types)
    assert told == [expected.replace("item: ", "l: ")] * 3
    assert read(engine, same, tmp_path).equals(expected_of(table))


@through_connect_too
def test_what_a_function_tells_of_batches_is_told_of_each_row_once(engine, stage):
    table = pa.table({"a": range(ROWS), "b.*": ["x", None, ""] * (ROWS // 3), "c": [1.5] * ROWS})
    schema = pa.schema([table.schema.field("b.*"), table.schema.field("a")])
    scanned = engine.scan(stage(table))
    made = engine.map_batches(scanned, lambda batch: batch[["b.*", "a"]], schema)

    def tell(batch):
        return f"{list(batch)} {batch['a'].sum()}"

    for frame in (scanned, made):
        told = engine.tell_batches(frame, ["a", "b.*"], tell)

        assert {one.rsplit(" ", 1)[0] for one in told} == {"['a', 'b.*']"}
        assert sum(int(one.rsplit(" ", 1)[1]) for one in told) == sum(range(ROWS))


def test_a_function_on_batches_is_called_once_for_each_row(engine, stage):
    frame = engine.scan(stage(pa.table({"a": range(10)})))

    def draw(batch):
        import random

        return batch.assign(a=[random.random() for _ in range(len(batch))])  # noqa: S311

    drawn = engine.map_batches(frame, draw, pa.schema({"a": pa.float64()}))

    assert engine.rows(drawn) == engine.rows(drawn)
    assert len(set(column(engine, drawn, "a"))) == 10


def test_a_function_on_batches_may_drop_rows(engine, stage):
    frame = engine.scan(stage(pa.table({"a": range(5000)})))

    odd = engine.map_batches(
        frame,
        lambda batch: batch[batch["a"].isin(range(1, 5000, 1000))],
        pa.schema({"a": pa.int64()}),
    )

    assert column(engine, odd, "a") == [1, 1001, 2001, 3001, 4001]


@through_connect_too
def test_columns_beside_a_function_go_by_unseen_with_their_rows(engine, stage, tmp_path):
    table = pa.table({"a": range(ROWS), "b.*": ["x", None, ""] * (ROWS // 3), "c": [1.5] * ROWS})

    def function(batch):
        assert list(batch.columns) == ["a"]
        return batch.rename(columns={"a": "new"})

    mapped = engine.map_batches(
        engine.scan(stage(table)), function, pa.schema({"new": pa.int64()}), ["c", "b.*"]
    )

    written = read(engine, mapped, tmp_path)
    assert written.to_pydict() == {
        "new": list(range(ROWS)),
        "c": [1.5] * ROWS,
        "b.*": ["x", None, ""] * (ROWS // 3),
    }


def test_no_rows_with_columns_beside_a_function_stay_none(engine, stage):
    table = pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())})
    tell = pd.DataFrame({"a": pd.Series([1], dtype="int64[pyarrow]")})

    mapped = engine.map_batches(
        engine.scan(stage(table)), lambda _: tell, pa.schema({"a": pa.int64()}), ["b"]
    )

    assert engine.rows(mapped) == []
    assert engine.arrow_schema(mapped).equals(table.schema)


def test_a_function_with_columns_beside_it_returns_as_many_rows_as_it_gets(engine, stage):
    frame = engine.scan(stage(pa.table({"a": [1, 2], "b": [CANARY, "y"]})))

    with pytest.raises(BatchContractError) as refused:
        engine.rows(
            engine.map_batches(
                frame, lambda batch: batch.head(1), pa.schema({"a": pa.int64()}), ["b"]
            )
        )

    assert str(refused.value) == (
        "A function on batches returned 1 rows for 2 with columns beside them; return one for each."
    )


def test_no_rows_make_no_rows(engine, stage):
    table = pa.table({"a": pa.array([], pa.int64())})

    mapped = engine.map_batches(engine.scan(stage(table)), lambda batch: batch, table.schema)

    assert engine.rows(mapped) == []
    assert engine.arrow_schema(mapped).equals(table.schema)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda frame: frame.drop(columns="b"),
            "A function on batches returned the columns 'a' instead of 'a', 'b'; correct the "
            "function or its declaration.",
        ),
        (
            lambda frame: frame[["b", "a"]],
            "A function on batches returned the columns 'b', 'a' instead of 'a', 'b'; correct the "
            "function or its declaration.",
        ),
        (
            lambda frame: frame.assign(c=CANARY),
            "A function on batches returned the columns 'a', 'b', 'c' instead of 'a', 'b'; correct "
            "the function or its declaration.",
        ),
        (
            lambda frame: frame.assign(a=frame["a"].astype("float64")),
            "A function on batches returned 'a' as double instead of int64; correct the function "
            "or its declaration.",
        ),
        (
            lambda frame: frame.assign(a=CANARY),
            "A function on batches returned 'a' as large_string instead of int64; correct the "
            "function or its declaration.",
        ),
        (
            lambda frame: frame.assign(a=pd.Series([1, CANARY], dtype=object)),
            "A function on batches returned 'a' with values of several kinds instead of int64; "
            "correct the function or its declaration.",
        ),
    ],
    ids=["missing column", "order of columns", "one more column", "number", "type", "mixed"],
)
def test_a_batch_that_is_not_as_declared_is_refused(engine, stage, function, message):
    table = pa.table({"a": [1, 2], "b": [CANARY, "y"]})

    with pytest.raises(BatchContractError) as refused:
        engine.rows(engine.map_batches(engine.scan(stage(table)), function, table.schema))

    assert str(refused.value) == message
    assert_tells_no_value(refused.value)


def test_an_error_of_a_function_on_batches_is_told_by_its_class(engine, stage):
    table = pa.table({"a": [CANARY]})

    with pytest.raises(EngineError) as refused:
        engine.rows(
            engine.map_batches(
                engine.scan(stage(table)),
                lambda frame: frame.assign(a=int(frame["a"][0])),
                table.schema,
            )
        )

    assert str(refused.value) == (
        "The engine cannot process the data as it is (ValueError); check that the columns have the "
        "types that the operation needs."
    )
    assert_tells_no_value(refused.value)


@through_connect_too
def test_an_error_that_a_function_raises_on_purpose_keeps_its_words(engine, stage):
    table = pa.table({"a": [CANARY]})
    sentence = "The column 'a' holds « quotes », {braces} and a line\nbreak; mend it."

    def refuse(frame):
        raise DatasetError(sentence)

    with pytest.raises(DatasetError) as refused:
        engine.rows(engine.map_batches(engine.scan(stage(table)), refuse, table.schema))

    assert str(refused.value) == sentence


# --- materialise and drop_rows -------------------------------------------------------------------


def test_what_is_materialised_is_the_same_rows_in_the_same_order(engine, stage, tmp_path):
    table = wide_table()
    many = engine.materialise(engine.scan(stage(pa.table({"a": range(ROWS)})), row_number="n"))

    kept = engine.materialise(engine.scan(stage(table)))

    assert read(engine, kept, tmp_path).equals(expected_of(table))
    assert read(engine, many, tmp_path)["n"].to_pylist() == list(range(ROWS))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_dropping_rows_keeps_the_order_and_the_values(engine, stage, tmp_path, share):
    gone = np.random.default_rng(1).random(ROWS) < share
    table = pa.table({"gone": gone, "a": np.random.default_rng(2).permutation(ROWS),
                      "u.*": pa.array(range(ROWS), pa.uint32())})  # fmt: skip
    frame = engine.scan(stage(table), row_number="n.`*`")
    named = engine.select(frame, {"gone": "gone", "number": "n.`*`"})
    losers = named.filter(nw.col("gone")).select("number")

    kept = engine.drop_rows(frame, "n.`*`", losers)

    expected = table.append_column("n.`*`", pa.array(range(ROWS))).take(np.flatnonzero(~gone))
    written = read(engine, kept, tmp_path)
    assert written.schema.types == expected.schema.types
    assert written.to_pydict() == expected.to_pydict()


@through_connect_too
def test_rows_are_numbered_in_the_order_in_which_they_stand(engine, stage, tmp_path):
    table = pa.table({"a": np.arange(ROWS) * 7919 % ROWS, "n.`*`": [f"{n}" for n in range(ROWS)]})
    rows = engine.scan(stage(table, table), "place")
    some = rows.filter(nw.col("a") % 3 == 1)

    numbered = engine.number_rows(some, "number")
    ordered = engine.number_rows(some.sort("a", "place", descending=[True, False]), "number")
    none = engine.number_rows(rows.filter(nw.col("a") < 0), "number")

    both = pa.concat_tables([table, table])
    expected = both.filter(pa.array(np.asarray(both["a"]) % 3 == 1))
    found = read(engine, numbered, tmp_path)
    assert found["number"].to_pylist() == list(range(len(expected)))
    assert found.drop_columns(["place", "number"]).to_pydict() == expected.to_pydict()
    found = read(engine, ordered, tmp_path)
    assert found["number"].to_pylist() == list(range(len(expected)))
    assert found["a"].to_pylist() == sorted(expected["a"].to_pylist(), reverse=True)
    assert read(engine, none, tmp_path).schema.field("number").type == pa.int64()
    assert engine.rows(none) == []


@through_connect_too
@pytest.mark.parametrize("kind", ["int64", "uint8", "text", "instant", "deep", "map"])
def test_columns_become_rows_in_their_order(engine, stage, tmp_path, kind):
    _, kept, values = KINDS[kind]
    cells = [*values, None] * (ROWS // 30)
    table = pa.table(
        {
            "a.b": pa.array(cells, kept),
            "n": range(len(cells)),
            "*": pa.array(cells[1:] + cells[:1], kept),
        }
    )
    frame = engine.scan(stage(table))

    found = engine.unpivot(frame, {"it's": "*", "a.b": "a.b"}, 'the "name"', "number")

    rows = read(engine, found, tmp_path)
    types = dict(
        zip(
            *(getattr(engine.arrow_schema(found), what) for what in ("names", "types")), strict=True
        )
    )
    given = engine.arrow_schema(frame)
    assert types == {"n": pa.int64(), 'the "name"': pa.string(), "number": given.field("*").type}
    assert rows["n"].to_pylist() == [n for n in range(len(cells)) for _ in range(2)]
    assert rows['the "name"'].to_pylist() == ["it's", "a.b"] * len(cells)
    assert rows["number"].to_pylist() == [
        one for row in table.select(["*", "a.b"]).to_pylist() for one in row.values()
    ]


# --- what operations ask of narwhals -------------------------------------------------------------


@through_connect_too
def test_groups_windows_and_joins_treat_missing_values_and_zeros_as_equal(engine, stage):
    table = pa.table(
        {
            "n": range(6),
            "x": [0.0, -0.0, None, None, 1.0, NAN],
            "t": ["a", "a", None, None, "b", None],
        }
    )
    frame = engine.materialise(engine.scan(stage(table)))

    sizes = frame.with_columns(nw.len().over("x", "t").alias("size"))
    first = sizes.unique(["x", "t"], keep="first", order_by=["n"])
    last = sizes.unique(["x", "t"], keep="last", order_by=["n"])
    others = sizes.join(first.select("n"), on="n", how="anti")
    groups = frame.group_by("x").agg(nw.len().alias("size")).filter(nw.col("size") > 1)

    assert sorted(column(engine, sizes, "size")) == [1, 2, 2, 3, 3, 3]
    assert sorted(column(engine, first, "n")) == [0, 2, 4]
    assert sorted(column(engine, last, "n")) == [1, 4, 5]
    assert sorted(column(engine, others, "n")) == [1, 3, 5]
    assert sorted(column(engine, groups, "size")) == [2, 3]
    assert column(engine, frame.sort("n", descending=True).head(2), "n") == [5, 4]


def test_texts_are_ordered_by_code_points(engine, stage):
    texts = ["b", "B", "a", "é", "z", "", "10", "9", "\U0001f986", "\uffff"]
    frame = engine.scan(stage(pa.table({"a": texts})))

    assert column(engine, frame.sort("a"), "a") == sorted(texts)


cells = {
    "i": (pa.int64(), st.sampled_from([0, 1, -1, 2**53, 2**53 + 1])),
    "u": (pa.uint64(), st.sampled_from([0, 1, 2**64 - 1])),
    "f": (pa.float64(), st.sampled_from([0.0, -0.0, NAN, 1.5, math.inf])),
    "t": (pa.string(), st.sampled_from(["", "a", "A", "a ", "NaN", "\0"])),
    "d": (pa.decimal128(9, 2), st.sampled_from([Decimal("0.10"), Decimal("0.11")])),
    "l": (
        pa.list_(pa.float32()),
        st.lists(st.none() | st.sampled_from([0.0, -0.0, NAN]), max_size=2),
    ),
    "m": (pa.timestamp("ns"), st.sampled_from([0, 1])),
}


@st.composite
def tables(draw):
    names = draw(st.lists(st.sampled_from(sorted(cells)), min_size=1, unique=True))
    rows = draw(st.lists(st.tuples(*(st.none() | cells[n][1] for n in names)), max_size=40))
    columns = zip(*rows, strict=True) if rows else [[] for _ in names]
    return pa.table({n: pa.array(c, cells[n][0]) for n, c in zip(names, columns, strict=True)})


@given(table=tables())
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_rows_are_equal_where_a_plain_model_says_so(engine, stage, table):
    frame = engine.row_hash(engine.scan(stage(table), row_number="n"), table.column_names, "h")

    found = engine.rows(frame.with_columns(nw.len().over(*table.column_names).alias("size")))

    keys = [_key(tuple(row.values())) for row in table.to_pylist()]
    by_number = {row["n"]: row for row in found}
    assert [by_number[n]["size"] for n in range(len(keys))] == [keys.count(key) for key in keys]
    assert {len({by_number[n]["h"] for n, k in enumerate(keys) if k == key}) for key in keys} <= {1}


def _key(value):
    """Return a value as plain text in which all that counts as equal is equal."""
    if isinstance(value, tuple | list):
        return str([_key(part) for part in value])
    if value is None or value != value:
        return "missing"
    return repr(value + 0.0) if isinstance(value, float) else repr(value)


# --- failures and cancellation -------------------------------------------------------------------


@through_connect_too
def test_an_error_of_a_query_quotes_no_value(engine, stage, tmp_path, capfd):
    frame = engine.scan(stage(pa.table({"a": [CANARY]}))).select(nw.col("a").cast(nw.Int64))

    for work in (
        lambda: engine.rows(frame),
        lambda: engine.materialise(frame),
        lambda: engine.write(frame, tmp_path / "out.csv", "csv"),
    ):
        with pytest.raises(EngineError) as refused:
            work()
        assert_tells_no_value(refused.value)
        assert str(refused.value).startswith("The engine cannot process the data as it is (")
    assert CANARY not in "".join(capfd.readouterr())


def test_a_damaged_file_is_an_error_without_a_value(engine, stage):
    staged = stage(pa.table({"a": [f"{CANARY} {n}" for n in range(5000)]}))
    content = bytearray(Path(staged.files[0]).read_bytes())
    content[4:4000] = b"\xff" * 3996
    Path(staged.files[0]).write_bytes(content)

    with pytest.raises(EngineError) as refused:
        engine.rows(engine.scan(staged))

    assert_tells_no_value(refused.value)


class StopNow(BaseException):
    """Stands for any interrupt."""


def interrupt(work, *, after):
    """Do work until an interrupt reaches the waiting main thread, some seconds after it began."""

    def stop(*_):
        raise StopNow

    former = signal.signal(signal.SIGUSR1, stop)
    try:
        threading.Timer(after, signal.raise_signal, [signal.SIGUSR1]).start()
        with pytest.raises(StopNow):
            work()
    finally:
        signal.signal(signal.SIGUSR1, former)


@through_connect_too
def test_an_interrupt_ends_a_long_query_at_once_and_the_engine_goes_on(engine, stage):
    frame = engine.scan(stage(pa.table({"a": range(ROWS)})))
    pairs = frame.join(frame.select(nw.col("a").alias("b")), how="cross")
    slow = pairs.select(((nw.col("a") * nw.col("b")) % 7).sum().alias("s"))
    endless = slow.join(frame.select(nw.col("a").alias("c")), how="cross").join(pairs, how="cross")

    interrupt(lambda: engine.rows(endless.select(nw.len().alias("n"))), after=2)

    assert [t for t in threading.enumerate() if t.name == "data-services-engine"] == []
    assert engine.rows(frame.select(nw.len().alias("n"))) == [{"n": ROWS}]


@through_connect_too
def test_an_interrupt_ends_a_function_on_batches(engine, stage, tmp_path):
    table, done = pa.table({"a": range(ROWS)}), tmp_path / "done"
    frame = engine.scan(stage(table))
    done.mkdir()

    def dawdle(batch):
        import time
        from uuid import uuid4

        time.sleep(3)
        (done / str(uuid4())).touch()
        return batch

    interrupt(lambda: engine.map_batches(frame, dawdle, table.schema), after=2)

    assert len(list(done.iterdir())) < ROWS // 1000
    assert [t for t in threading.enumerate() if t.name == "data-services-engine"] == []


def test_an_interrupt_ends_a_consumer(engine, stage):
    frame = engine.scan(stage(pa.table({"a": range(ROWS)})))

    done = []

    def dawdle(reader):
        for batch in reader:
            time.sleep(0.5)
            done.append(len(batch))

    interrupt(lambda: engine.consume(frame, dawdle), after=3)

    assert sum(done) < ROWS
    assert [t for t in threading.enumerate() if t.name == "data-services-engine"] == []


def test_a_consumer_of_a_cancelled_run_stops(engine, stage):
    frame = engine.scan(stage(pa.table({"a": [1]})))

    def cancel(reader):
        raise CancelledError("The run was cancelled.")

    with pytest.raises(CancelledError):
        engine.consume(frame, cancel)


def test_nothing_is_left_behind(engine, stage, tmp_path):
    frame = engine.scan(stage(pa.table({"a": range(10)})))
    engine.write(engine.materialise(frame), tmp_path / "out.parquet", "parquet")

    assert list((tmp_path / "scratch").rglob("part-*.parquet")) == []
    assert {f.name for f in tmp_path.iterdir()} == {"scratch", "out.parquet", "staged 0.parquet"}


def test_rows_of_several_files_stand_in_their_order_and_are_numbered_through(engine, stage):
    tables = [
        pa.table({"a": pa.array(range(start, start + rows), pa.int64())})
        for start, rows in ((0, 10), (10, 60_000), (60_010, 0), (60_010, 500))
    ]

    rows = engine.rows(engine.scan(stage(*tables), row_number="n"))

    assert [row["a"] for row in rows] == [row["n"] for row in rows] == list(range(60_510))
