"""The traps of reading, one by one, by their numbers in the reference: DP-01 to DP-16."""

import bz2
import gzip
import json
import zipfile

import fastavro
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from util_services.errors import ConfigurationError, DatasetError
from util_services.flow.operate import Outcome

TEXT_FORMATS = ["csv", "tsv", "json", "jsonl", "parquet", "xlsx", "avro", "orc"]
TYPED_FORMATS = ["json", "jsonl", "parquet", "avro", "orc"]
BIG = 9007199254740993  # the first whole number that a double cannot hold


def through(flow, kind, *texts):
    """Return texts after the way from CSV into a format and back to CSV."""
    flow.put("in.csv", "\n".join(["a", *texts, ""]).encode())
    flow.run("in.csv", f"middle.{kind}")
    flow.run(f"middle.{kind}", "out.csv")
    return flow.get("out.csv").decode().splitlines()[1:]


def typed(flow, kind, values, arrow_type, avro_type):
    """Put a column of numbers, made by another library, and return it as it is read."""
    file = flow.storage.root / f"in.{kind}"
    table = pa.table({"a": pa.array(values, arrow_type)})
    match kind:
        case "json":
            file.write_text(json.dumps(table.to_pylist()))
        case "jsonl":
            file.write_text("\n".join(json.dumps(row) for row in table.to_pylist()))
        case "parquet":
            pq.write_table(table, file)
        case "orc":
            orc.write_table(table, file)
        case "avro":
            field = {"name": "a", "type": ["null", avro_type]}
            schema = {"type": "record", "name": "row", "fields": [field]}
            with file.open("wb") as sink:
                fastavro.writer(sink, schema, table.to_pylist())
    dataset, rows = flow.read(file.name)
    return dataset.schema.type_of("a"), [row[0] for row in rows]


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_dp_01_ids_keep_their_leading_zeros(flow, kind):
    assert through(flow, kind, "01234", "007", "+1", "0") == ["01234", "007", "+1", "0"]


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_dp_02_words_for_nothing_are_words(flow, kind):
    words = ["NA", "N/A", "None", "null", "NaN", "nan", "#N/A", "TRUE", "-"]

    assert [text.strip('"') for text in through(flow, kind, *words)] == words


def test_dp_03_an_empty_text_is_not_missing(flow):
    flow.put("in.csv", b'a,b\n"",x\n,y\n')

    assert flow.read("in.csv")[1] == [("", "x"), (None, "y")]
    for kind in TEXT_FORMATS:
        flow.run("in.csv", f"out.{kind}")
        assert flow.read(f"out.{kind}")[1] == [("", "x"), (None, "y")]


@pytest.mark.parametrize("kind", TYPED_FORMATS)
def test_dp_04_whole_numbers_beside_missing_ones_are_exact(flow, kind):
    assert typed(flow, kind, [BIG, None], pa.int64(), "long") == ("int64", [BIG, None])


def test_dp_05_whole_numbers_beyond_64_bits_are_exact(flow):
    flow.put("in.jsonl", b'{"a": 123456789012345678901234567890}\n{"a": null}\n')

    dataset, rows = flow.read("in.jsonl")

    assert dataset.schema.type_of("a") == "decimal128(38, 0)"
    assert [row[0] for row in rows] == [123456789012345678901234567890, None]
    flow.run("in.jsonl", "out.csv")
    assert flow.get("out.csv").splitlines() == [b"a", b"123456789012345678901234567890", b""]


@pytest.mark.parametrize("kind", ["csv", *TYPED_FORMATS, "xlsx"])
def test_dp_06_whole_numbers_stay_whole_in_every_output(flow, kind):
    pq.write_table(pa.table({"a": [1, None, 3]}), flow.storage.root / "in.parquet")

    flow.run("in.parquet", f"middle.{kind}")
    flow.run(f"middle.{kind}", "out.jsonl")

    values = [json.loads(line)["a"] for line in flow.get("out.jsonl").splitlines()]
    assert values == (["1", None, "3"] if kind == "csv" else [1, None, 3])


@pytest.mark.parametrize("bad_rows", ["error", "quarantine"])
def test_dp_07_ragged_rows_are_never_lost(flow, bad_rows):
    flow.put("in.csv", b"a,b\n1,2\n3\n4,5,6\n")

    if bad_rows == "error":
        with pytest.raises(DatasetError, match=r"^Line 3 has fewer fields than the header"):
            flow.read("in.csv")
        return
    dataset, rows = flow.read("in.csv", bad_rows=bad_rows)
    assert (rows, dataset.quarantined) == ([("1", "2")], 2)


@pytest.mark.parametrize(
    ("encoding", "place"),
    [("latin-1", "byte 7 in line 3"), ("utf-16-le", "byte 0 in line 1"), ("cp1252", "byte 7")],
)
def test_dp_08_a_wrong_encoding_is_told_by_byte_and_line(flow, encoding, place):
    content = "a\nzé\né\n" if encoding == "utf-16-le" else "a\nzzzz\né\n"
    flow.put("in.csv", content.encode(encoding).replace(b"a\0", b"\xff\xfea\0", 1))

    if encoding == "utf-16-le":
        with pytest.raises(DatasetError, match=place):
            flow.read("in.csv")
        assert flow.read("in.csv", encoding="utf-16")[1] == [("zé",), ("é",)]
    else:
        with pytest.raises(DatasetError, match=place):
            flow.read("in.csv")
        assert flow.read("in.csv", encoding=encoding)[1] == [("zzzz",), ("é",)]


def test_dp_09_a_byte_order_mark_is_no_part_of_a_name_or_a_value(flow):
    for name, content in (
        ("a.csv", b"\xef\xbb\xbfa,b\n1,2\n"),
        ("b.csv", b'\xef\xbb\xbf"a","b"\n1,2\n'),
        ("c.json", b'\xef\xbb\xbf[{"a": "1", "b": "2"}]'),
    ):
        dataset, rows = flow.read(flow.put(name, content))
        assert (dataset.schema.names, rows) == (["a", "b"], [("1", "2")])


def test_dp_10_a_dialect_is_declared_and_reported(flow):
    flow.put("in.csv", b'a;b\n"1.234,5";2\n')

    report = flow.run("in.csv", "out.csv", reading={"delimiter": ";"}).report

    assert report.input.dialect["delimiter"] == ";"
    assert flow.get("out.csv") == b"a;b\n1.234,5;2\n"


def test_dp_11_line_ends_and_quotes_inside_fields_are_exact_wherever_a_reader_splits_the_file(flow):
    cells = ['x"y', "l1\nl2", "l1\r\nl2", '"', ",", "\n", "a" * 300_000 + "\n"]
    quoted = ['{},"{}"\n'.format(n, cells[n % 7].replace('"', '""')) for n in range(200)]
    flow.put("in.csv", ("n,text\n" + "".join(quoted)).encode())

    _, found = flow.read("in.csv")

    assert found == [(str(n), cells[n % 7]) for n in range(200)]


def test_dp_12_columns_of_one_name_are_refused_or_told_apart(flow):
    flow.put("in.csv", b"a,a\n1,2\n")

    with pytest.raises(DatasetError, match="column names that are equal"):
        flow.read("in.csv")
    assert flow.read("in.csv", duplicate_names="suffix")[0].schema.names == ["a", "a_2"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "jsonl", "parquet", "xlsx", "avro", "orc"])
def test_dp_13_an_empty_file_is_an_error(flow, kind):
    with pytest.raises(DatasetError, match=r"^The file 'in\.[a-z]+' is empty"):
        flow.read(flow.put(f"in.{kind}", b""))


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx", "avro", "orc"])
def test_dp_13_a_header_alone_is_a_dataset_of_no_rows(flow, kind):
    flow.put("in.csv", b"a,b\n")

    flow.run("in.csv", f"out.{kind}")

    dataset, rows = flow.read(f"out.{kind}")
    assert (dataset.schema.names, rows) == (["a", "b"], [])


def test_dp_14_compressed_files_of_one_member_are_read(flow):
    content = b"a\n1\n"
    flow.put("in.csv.gz", gzip.compress(content))
    flow.put("in.csv.bz2", bz2.compress(content))
    with zipfile.ZipFile(flow.storage.root / "in.csv.zip", "w") as archive:
        archive.writestr("x.csv", content)
    with zipfile.ZipFile(flow.storage.root / "two.csv.zip", "w") as archive:
        archive.writestr("x.csv", content)
        archive.writestr("y.csv", b"a\n2\n")

    for kind in ("gz", "bz2", "zip"):
        assert flow.read(f"in.csv.{kind}")[1] == [("1",)]
    with pytest.raises(ConfigurationError, match="holds 2 files"):
        flow.read("two.csv.zip")
    assert flow.read("two.csv.zip", member="y.csv")[1] == [("2",)]


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_dp_15_a_nul_is_kept(flow, kind):
    flow.put("in.csv", b'a,b\nx\0y,"\0"\n')

    flow.run("in.csv", f"middle.{kind}")
    flow.run(f"middle.{kind}", "out.csv")

    assert flow.read("out.csv")[1] == [("x\0y", "\0")]


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_dp_16_mixed_texts_stay_as_written(flow, kind):
    texts = ["1", "x", "2.50", "1e5", "-0.0", " y", "1_000", "2024-02-30", "1,5"]
    given = [f'"{text}"' if "," in text else text for text in texts]

    assert [text.strip('"') for text in through(flow, kind, *given)] == texts


def test_a_result_without_rows_keeps_its_columns(flow):
    flow.put("in.csv", b"a,b\n1,2\n")

    flow.run("in.csv", "out.csv", lambda given: Outcome(given.scan().head(0), dropped=1))

    assert flow.get("out.csv") == b"a,b\n"
