# ruff: noqa: DTZ001 - moments without a zone are half of the point
import datetime as dt
import decimal
import io
import math

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import orc

from util_services.datasets.codecs import CodecOptions, codec_of
from util_services.errors import DatasetError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
UTC = dt.UTC
BOTH = ("avro", "orc")
MOMENTS = st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1))
LEAVES = {
    pa.string(): TEXTS,
    pa.binary(): st.binary(max_size=8),
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.date32(): st.dates(),
    pa.timestamp("us"): MOMENTS,
    pa.timestamp("us", "UTC"): MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    pa.decimal128(38, 2): st.decimals(-(10**35), 10**35, places=2),
    pa.decimal128(9, 0): st.decimals(-(10**9) + 1, 10**9 - 1, places=0),
}
NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,5}\Z")


@st.composite
def kinds(draw, depth=2):
    """Return an Arrow type and a strategy of its values."""
    shape = draw(st.sampled_from(["leaf", "leaf", "list", "struct", "map"] if depth else ["leaf"]))
    if shape == "leaf":
        kind = draw(st.sampled_from(list(LEAVES)))
        return kind, LEAVES[kind]
    if shape == "struct":
        names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold))
        inner = {name: draw(kinds(depth=depth - 1)) for name in names}
        return (
            pa.struct([(name, kind) for name, (kind, _) in inner.items()]),
            st.fixed_dictionaries({n: st.none() | values for n, (_, values) in inner.items()}),
        )
    kind, values = draw(kinds(depth=depth - 1))
    if shape == "list":
        return pa.list_(kind), st.lists(st.none() | values, max_size=3)
    mappings = st.dictionaries(TEXTS, st.none() | values, max_size=3)
    return pa.map_(pa.string(), kind), mappings.map(lambda found: list(found.items()))


@st.composite
def tables(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold))
    rows = draw(st.integers(0, 5))
    columns = []
    for _ in names:
        kind, values = draw(kinds())
        column = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns.append(pa.array(column, kind))
    return pa.table(columns, names=names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


def write(folder, name, table):
    count = codec_of(name).write(table.to_reader(), folder / f"written.{name}", CodecOptions())
    assert count == table.num_rows
    return folder / f"written.{name}"


def read(file, name):
    return codec_of(name).read(file, CodecOptions()).read_all()


def through(folder, name, table):
    return read(write(folder, name, table), name)


def refusal(action, *arguments):
    with pytest.raises(DatasetError) as raised:
        action(*arguments)
    return str(raised.value)


def test_orc_refuses_structs_that_its_library_would_change(folder):
    """Arrow 26 writes the last value as 0; Spark's reader sees that too."""
    values = [{"C": None}, {"C": None}, {"C": None}, {"C": {"A": 7}}]
    table = pa.table({"a": values, "b": [[{"x": None}], None, [], [{"x": 1}]]})

    message = refusal(write, folder, "orc", table)

    assert message == (
        "The column 'a' holds structs inside structs with missing ones among them, which the ORC "
        "library would change; write another format, such as parquet."
    )
    assert (
        through(folder, "orc", table.select(["b"])).to_pylist() == table.select(["b"]).to_pylist()
    )


def told(value):
    """Return a value whose equality tells NaN, zeros and types apart."""
    if isinstance(value, dict):
        return {name: told(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [told(inner) for inner in value]
    return repr(value) if isinstance(value, float) else value


def avro_file(folder, schema, records, **options):
    with (folder / "given.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), records, **options)
    return folder / "given.avro"


def record(**fields):
    return {
        "type": "record",
        "name": "given",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }


@pytest.mark.parametrize("name", BOTH)
@given(table=tables())
def test_what_is_written_comes_back_with_its_types(folder, name, table):
    refused = None
    try:
        found = through(folder, name, table)
    except DatasetError as error:
        refused = str(error)
    if refused is not None:
        assert "structs inside structs with missing ones among them" in refused
        assert name == "orc"
        assert any(str(kind).count("struct<") > 1 for kind in table.schema.types)
        return

    assert [str(kind) for kind in found.schema.types] == [str(k) for k in table.schema.types]
    assert told(found.to_pylist()) == told(table.to_pylist())


@given(table=tables())
def test_fastavro_alone_reads_the_same_values(folder, table):
    with write(folder, "avro", table).open("rb") as file:
        found = list(fastavro.reader(file))

    for record_, row in zip(found, table.to_pylist(maps_as_pydicts="strict"), strict=True):
        assert told(record_) == told(row)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.uint8(), [255, None]),
        (pa.uint32(), [2**32 - 1, None]),
        (pa.uint64(), [2**63 - 1, None]),
        (pa.float16(), [1.5, None]),
        (pa.large_string(), ["é", None]),
        (pa.string_view(), ["é", None]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"]),
        (pa.list_(pa.uint16(), 2), [[1, 2], None]),
        (pa.large_list(pa.string_view()), [["a"], None]),
        (pa.struct([("a", pa.dictionary(pa.int8(), pa.string()))]), [{"a": "b"}]),
        (pa.date64(), [dt.date(2024, 2, 29), None]),
        (pa.timestamp("s"), [dt.datetime(2024, 2, 29, 1), None]),
        (pa.binary(2), [b"ab", None]),
        (pa.null(), [None, None]),
    ],
)
def test_types_that_the_format_lacks_are_written_as_those_that_hold_their_values(
    folder, name, kind, values
):
    found = through(folder, name, pa.table({"c": pa.array(values, kind)}))

    assert found["c"].to_pylist() == values


def test_orc_holds_unsigned_integers_of_64_bits_as_decimals(folder):
    found = through(folder, "orc", pa.table({"c": pa.array([2**64 - 1], pa.uint64())}))

    assert found["c"].to_pylist() == [2**64 - 1]


def test_orc_keeps_nanoseconds_where_there_are_some(folder):
    table = pa.table(
        {
            "fine": pa.array([1, None], pa.timestamp("ns")),
            "coarse": pa.array([1000, None], pa.timestamp("ns")),
        }
    )

    found = through(folder, "orc", table)

    assert [str(kind) for kind in found.schema.types] == ["timestamp[ns]", "timestamp[us]"]
    assert found.cast(table.schema).equals(table)


def test_avro_keeps_nanoseconds(folder):
    table = pa.table({"c": pa.array([1, None], pa.timestamp("ns"))})

    assert through(folder, "avro", table).equals(table)


def test_dp_34_avro_keeps_every_year(folder):
    moments = [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)]
    table = pa.table({"c": pa.array(moments, pa.timestamp("us"))})

    assert through(folder, "avro", table).equals(table)


@pytest.mark.parametrize("name", BOTH)
def test_an_instant_keeps_its_place_in_time_and_not_its_zone(folder, name):
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=UTC)
    table = pa.table({"c": pa.array([moment], pa.timestamp("us", "Europe/Paris"))})

    found = through(folder, name, table)["c"]

    assert str(found.type) == "timestamp[us, tz=UTC]"
    assert found.to_pylist() == [moment]


@pytest.mark.parametrize("name", BOTH)
def test_the_same_rows_give_the_same_bytes_whatever_their_batches(folder, name):
    table = pa.table({"a": [f"t{n}" for n in range(25_000)], "b": range(25_000)})
    first = write(folder, name, table).read_bytes()
    batches = pa.RecordBatchReader.from_batches(
        table.schema, table.to_batches(max_chunksize=10_000)
    )

    codec_of(name).write(batches, folder / "second")

    assert (folder / "second").read_bytes() == first


@pytest.mark.parametrize("name", BOTH)
def test_batches_are_of_bounded_size_and_in_order(folder, name):
    table = pa.table({"a": range(25_000)})

    batches = list(codec_of(name).read(write(folder, name, table)))

    assert max(batch.num_rows for batch in batches) <= 10_000
    assert pa.Table.from_batches(batches)["a"].to_pylist() == list(range(25_000))


@pytest.mark.parametrize(
    ("name", "kind", "values", "sentence"),
    [
        ("avro", pa.uint64(), [0, 2**63], "Row 2 of the column 'c' is beyond what Avro holds"),
        ("avro", pa.time64("ns"), [1], "Row 1 of the column 'c' is beyond what Avro holds"),
        ("avro", pa.duration("us"), [1], "The column 'c' has the type duration[us], which Avro"),
        ("avro", pa.decimal256(50, 0), [1], "The column 'c' has the type decimal256(50, 0), which"),
        ("avro", pa.map_(pa.int32(), pa.int32()), [[(1, 2)]], "The column 'c' has the type map<"),
        (
            "avro",
            pa.map_(pa.string(), pa.int32()),
            [[("a", 2), ("a", 3)]],
            "The column 'c' has a map with two equal keys",
        ),
        (
            "avro",
            pa.struct([("first name", pa.string())]),
            [None],
            "The column name 'first name' inside the column 'c' cannot be a name in Avro",
        ),
        (
            "orc",
            pa.timestamp("us"),
            [dt.datetime(2000, 1, 1), dt.datetime(9999, 1, 1)],
            "Row 2 of the column 'c' is beyond what ORC holds",
        ),
        ("orc", pa.time64("us"), [1], "The column 'c' has the type time64[us], which ORC"),
        ("orc", pa.duration("us"), [1], "The column 'c' has the type duration[us], which ORC"),
        ("orc", pa.list_(pa.time32("s")), [[1]], "The column 'c' has the type time32[s], which"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(folder, name, kind, values, sentence):
    table = pa.table({"c": pa.array(values, kind)})

    assert refusal(write, folder, name, table).startswith(sentence)


@pytest.mark.parametrize("name", ["first name", "marital-status", "1a", "é", "a.b"])
def test_avro_refuses_names_that_it_would_change_and_orc_takes_them(folder, name):
    table = pa.table({name: [1]})

    assert f"The column name '{name}' cannot be a name" in refusal(write, folder, "avro", table)
    assert through(folder, "orc", table).equals(table)


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2"])
def test_avro_of_other_writers(folder, codec):
    schema = record(
        text=["null", "string"],
        kind={"type": "enum", "name": "kind", "symbols": ["A", "B"]},
        id={"type": "string", "logicalType": "uuid"},
        day={"type": "int", "logicalType": "date"},
        clock={"type": "int", "logicalType": "time-millis"},
        price={
            "type": "fixed",
            "name": "price",
            "size": 8,
            "logicalType": "decimal",
            "precision": 10,
            "scale": 2,
        },
        again=["price", "null"],
        seen={"type": "long", "logicalType": "timestamp-millis"},
        inner={
            "type": "record",
            "name": "inner",
            "fields": [{"name": "amounts", "type": {"type": "array", "items": "price"}}],
        },
    )
    price = decimal.Decimal("-12.34")
    row = {
        "text": None,
        "kind": "B",
        "id": "0A000000-0000-4000-8000-00000000000A",
        "day": dt.date(1, 1, 1),
        "clock": dt.time(1, 2, 3, 4000),
        "price": price,
        "again": None,
        "seen": dt.datetime(2024, 2, 29, tzinfo=UTC),
        "inner": {"amounts": [price]},
    }

    assert read(avro_file(folder, schema, [row, row], codec=codec), "avro").to_pylist() == [row] * 2


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        (["string", "long"], 1, "The column 'c' holds values of several types"),
        (
            {"type": "fixed", "name": "d", "size": 12, "logicalType": "duration"},
            bytes(12),
            "The column 'c' is a duration",
        ),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 0},
            decimal.Decimal(1),
            "The column 'c' is a decimal of more than 38 digits",
        ),
        (
            {"type": "record", "name": "r", "fields": [{"name": "n", "type": ["null", "r"]}]},
            {"n": None},
            "The column 'c' holds records that hold records of the same type",
        ),
    ],
)
def test_avro_fields_without_an_exact_counterpart_are_refused(folder, schema, value, sentence):
    file = avro_file(folder, record(c=schema), [{"c": value}])

    assert refusal(read, file, "avro").startswith(sentence)


def test_avro_that_holds_no_records_is_refused(folder):
    assert "no records" in refusal(read, avro_file(folder, "string", ["secret"]), "avro")


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_file_that_breaks_off_is_refused(folder, name, share):
    table = pa.table({"a": [f"text {n}" for n in range(20_000)], "b": range(20_000)})
    content = write(folder, name, table).read_bytes()
    (folder / "broken").write_bytes(content[: int(len(content) * share)])

    assert "damaged or incomplete" in refusal(read, folder / "broken", name)


def test_an_avro_file_is_refused_wherever_it_breaks_off_but_between_blocks(folder):
    schema, records = record(c="string"), [{"c": "x" * 9}] * 300  # a count of two bytes
    content = avro_file(folder, schema, records, sync_interval=1000).read_bytes()
    lengths = []
    for length in range(1, len(content)):
        (folder / "broken").write_bytes(content[:length])
        try:
            lengths.append(read(folder / "broken", "avro").num_rows)
        except DatasetError:
            continue

    assert lengths == [0, 100, 200]


@pytest.mark.parametrize("place", [0.1, 0.4, 0.7, 0.9])
def test_a_damaged_avro_file_is_refused(folder, place):
    table = pa.table({"a": [f"text {n}" for n in range(20_000)]})
    content = bytearray(write(folder, "avro", table).read_bytes())
    for offset in range(8):
        content[int(len(content) * place) + offset] ^= 0xFF
    (folder / "broken").write_bytes(content)

    assert "damaged or incomplete" in refusal(read, folder / "broken", "avro")


def test_an_orc_date_time_that_cannot_be_read_exactly_is_refused(folder):
    table = pa.table({"c": pa.array([dt.datetime(9999, 1, 1)], pa.timestamp("us"))})
    orc.write_table(table, folder / "late.orc")

    assert "before 1677 or after 2262" in refusal(read, folder / "late.orc", "orc")


@pytest.mark.parametrize("name", BOTH)
def test_nan_and_infinities_stay_what_they_are(folder, name):
    values = [math.nan, math.inf, -math.inf, -0.0, None]

    found = through(folder, name, pa.table({"c": values}))["c"].to_pylist()

    assert told(found) == told(values)


@pytest.mark.parametrize("name", BOTH)
def test_another_file_is_told_apart(folder, name):
    (folder / "other").write_bytes(b"PK\x03\x04" + bytes(60))

    assert refusal(read, folder / "other", name).startswith("The file is a zip archive, not an")


def test_avro_from_a_stream_of_fastavro_itself_reads_back(folder):
    file = write(folder, "avro", pa.table({"a": [1, None, 3]}))

    assert [row["a"] for row in fastavro.reader(io.BytesIO(file.read_bytes()))] == [1, None, 3]
