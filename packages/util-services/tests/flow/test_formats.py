"""Every format and compression through the whole flow, from file to published file."""

import datetime as dt
import gzip
import hashlib
import itertools
import json
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from util_services.errors import ConfigurationError, DatasetError
from util_services.flow.operate import Outcome

ROWS = [("007", "NA", "2.50"), ("", 'q"x', "9007199254740993"), (None, "é\nü", " z ")]
CSV = b'id,name,n\n007,NA,2.50\n"","q""x",9007199254740993\n,"\xc3\xa9\n\xc3\xbc"," z "\n'
FORMATS = ["csv", "tsv", "json", "jsonl", "parquet", "xlsx", "avro", "orc"]
COMPRESSIONS = ["gz", "bz2", "zst", "zip"]


@pytest.mark.parametrize("kind", FORMATS)
def test_texts_survive_each_format_and_the_way_back(flow, kind):
    flow.put("in.csv", CSV)

    flow.run("in.csv", f"middle.{kind}")
    _, rows = flow.read(f"middle.{kind}")
    flow.run(f"middle.{kind}", "out.csv")

    assert rows == ROWS
    assert flow.get("out.csv") == CSV.replace(b'" z "', b" z ")


@pytest.mark.parametrize(
    ("kind", "compression"), [*itertools.product(["csv", "jsonl", "json"], COMPRESSIONS)]
)
def test_compressed_files_are_read_and_written(flow, kind, compression):
    flow.put("in.csv", CSV)
    path = f"middle.{kind}.{compression}"

    published = flow.run("in.csv", path)
    dataset, rows = flow.read(path)

    assert rows == ROWS
    assert published.report.output.compression == compression
    assert dataset.objects[0].sha256 == hashlib.sha256(flow.get(path)).hexdigest()


def test_a_compressed_output_is_the_same_in_every_run(flow):
    flow.put("in.csv", CSV)

    for compression in COMPRESSIONS:
        flow.run("in.csv", f"a.csv.{compression}")
        flow.run("in.csv", f"b.csv.{compression}")

    assert zipfile.ZipFile(flow.storage.root / "a.csv.zip").namelist() == ["a.csv"]
    assert gzip.decompress(flow.get("a.csv.gz")) == CSV.replace(b'" z "', b" z ")
    for compression in ("gz", "bz2", "zst"):
        assert flow.get(f"a.csv.{compression}") == flow.get(f"b.csv.{compression}")


def test_what_others_wrote_is_read(flow):
    table = pa.table({"id": ["1", None], "n": pa.array([1, None], pa.int32())})
    orc.write_table(table, flow.storage.root / "in.orc")
    workbook = openpyxl.Workbook()
    for row in (["id", "n"], ["007", 12.5], [None, 3]):
        workbook.active.append(row)
    workbook.save(flow.storage.root / "in.xlsx")

    assert flow.read("in.orc")[1] == [("1", 1), (None, None)]
    assert flow.read("in.xlsx")[1] == [("007", 12.5), (None, 3.0)]


def test_others_read_what_is_written(flow):
    flow.put("in.csv", CSV)
    for kind in ("orc", "xlsx", "json"):
        flow.run("in.csv", f"out.{kind}")

    assert orc.read_table(flow.storage.root / "out.orc").to_pylist()[1]["name"] == 'q"x'
    sheet = openpyxl.load_workbook(flow.storage.root / "out.xlsx").active
    assert [cell.value for cell in sheet[2]] == ["007", "NA", "2.50"]
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "s"]
    assert json.loads(flow.get("out.json"))[0] == {"id": "007", "name": "NA", "n": "2.50"}


def test_text_documents_are_rows(flow):
    (flow.storage.root / "notes").mkdir()
    flow.put("notes/b.txt", b"zwei\r\n")
    flow.put("notes/a.txt", b"eins")

    dataset, rows = flow.read("notes/")
    flow.run("notes/", "out/", format="text")

    assert rows == [("eins",), ("zwei\r\n",)]
    assert [one.name for one in dataset.objects] == ["a.txt", "b.txt"]
    parts = sorted(file.name for file in (flow.storage.root / "out").glob("part-*"))
    assert [flow.get(f"out/{name}") for name in parts] == [b"eins", b"zwei\r\n"]
    assert flow.read("out/")[1] == rows


def test_a_document_keeps_its_encoding(flow):
    content = "é".encode("utf-16")
    flow.put("in.txt", content)
    options = {"codec": flow.codec(encoding="utf-16")}

    flow.run("in.txt", "out.txt", reading=options)

    assert flow.get("out.txt") == content


def test_a_wrong_ending_is_told_by_the_first_bytes(flow):
    flow.put("in.csv", gzip.compress(CSV))
    flow.put("in.csv.gz", CSV)

    with pytest.raises(DatasetError, match=r"^The file is a gzip file, not a csv file; name it so"):
        flow.read("in.csv")
    with pytest.raises(DatasetError, match=r"^The file does not begin like a gzip file"):
        flow.read("in.csv.gz")


def test_the_declared_compression_wins(flow):
    flow.put("in.csv", gzip.compress(CSV))
    flow.put("plain.csv.gz", CSV)

    assert flow.read("in.csv", compression="gz")[1] == ROWS
    assert flow.read("plain.csv.gz", compression="none")[1] == ROWS


def test_a_member_of_an_archive_is_named(flow):
    with zipfile.ZipFile(flow.storage.root / "in.csv.zip", "w") as archive:
        archive.writestr("one.csv", "a\n1\n")
        archive.writestr("two.csv", "a\n2\n")

    with pytest.raises(ConfigurationError, match=r"set 'member' to one of 'one.csv', 'two.csv'"):
        flow.read("in.csv.zip")
    assert flow.read("in.csv.zip", member="two.csv")[1] == [("2",)]


def test_a_small_file_that_holds_too_much_fills_no_disk(flow):
    flow.put("in.csv.gz", gzip.compress(b"a\n" + b"0\n" * 80_000_000, 1))

    with pytest.raises(DatasetError, match="as files do that are made to fill a disk"):
        flow.read("in.csv.gz", codec=flow.codec(max_ratio=10))
    assert list(flow.base.glob("*")) == []


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "parquet", "xlsx", "avro", "orc"])
def test_a_dataset_without_rows_keeps_its_columns(flow, kind):
    flow.put("in.csv", b"a,b\n1,2\n")
    flow.run("in.csv", f"out.{kind}", lambda given: Outcome(given.scan().head(0), dropped=1))

    if kind in {"json", "jsonl"}:  # a format without a header has none to keep
        with pytest.raises(DatasetError, match=r"empty|no JSON object"):
            flow.read(f"out.{kind}")
    else:
        dataset, rows = flow.read(f"out.{kind}")
        assert (dataset.schema.names, rows) == (["a", "b"], [])


def test_columns_of_one_name_are_told_apart_on_request(flow):
    flow.put("in.csv", b"a,a,a_2,A\n1,2,3,4\n")

    dataset, rows = flow.read("in.csv", duplicate_names="suffix")

    assert dataset.schema.names == ["a", "a_3", "a_2", "A_4"]
    assert rows == [("1", "2", "3", "4")]
    with pytest.raises(DatasetError, match="column names that are equal"):
        flow.read("in.csv")


def test_a_quoted_empty_field_is_missing_on_request(flow):
    flow.put("in.csv", b'a,b\n"",\n')

    assert flow.read("in.csv")[1] == [("", None)]
    assert flow.read("in.csv", empty_as_null=True)[1] == [(None, None)]


def test_parquet_inside_a_compression_is_read(flow):
    file = flow.storage.root / "plain.parquet"
    pq.write_table(pa.table({"a": pa.array([1, None], pa.int8())}), file)
    flow.put("in.parquet.gz", gzip.compress(file.read_bytes()))

    dataset, rows = flow.read("in.parquet.gz")

    assert rows == [(1,), (None,)]
    assert dataset.schema.type_of("a") == "int8"


@pytest.mark.parametrize("name", ["a[1]", "b?", "year=2024/c", "[!x]/d"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_name_is_no_pattern_and_no_column(flow, name, kind):
    for decoy in ("a1", "bx", "y/d"):
        flow.put(f"{decoy}.{kind}", b"year\n1\n")
    flow.put("in.csv", b"year\nown\n")

    flow.run("in.csv", f"{name}.{kind}")

    assert flow.read(f"{name}.{kind}")[1] == [("own",)]


@pytest.mark.parametrize(
    ("values", "kind", "held"),
    [
        ([b"M\xc3\xbcller"], pa.binary(), "bytes"),
        ([["a", "b"]], pa.list_(pa.string()), "lists, structs or maps"),
        ([{"a": 1}], pa.struct([("a", pa.int64())]), "lists, structs or maps"),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int32()), "lists, structs or maps"),
    ],
)
def test_what_csv_has_no_place_for_is_refused(flow, values, kind, held):
    pq.write_table(pa.table({"a": pa.array(values, kind)}), flow.storage.root / "in.parquet")

    with pytest.raises(DatasetError) as refused:
        flow.run("in.parquet", "out.csv")
    assert str(refused.value) == (
        f"The column 'a' holds {held}, for which csv has no place; leave it out, or write parquet."
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    "values", [pa.array([-1_000_000], pa.date32()), pa.array([3_000_000], pa.date32())]
)
def test_dates_that_text_cannot_hold_are_refused(flow, kind, values):
    pq.write_table(pa.table({"a": values}), flow.storage.root / "in.parquet")

    with pytest.raises(
        DatasetError, match="The column 'a' holds a date outside the years 1 to 9999"
    ):
        flow.run("in.parquet", f"out.{kind}")


def test_dates_from_the_first_to_the_last_year_are_written(flow):
    days = [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]
    moments = pa.array(days, pa.date32()).cast(pa.timestamp("us"))
    table = pa.table({"day": days, "moment": moments})
    pq.write_table(table, flow.storage.root / "in.parquet")

    flow.run("in.parquet", "out.csv")

    assert flow.get("out.csv").decode().splitlines() == [
        "day,moment",
        "0001-01-01,0001-01-01 00:00:00",
        ",",
        "9999-12-31,9999-12-31 00:00:00",
    ]


def test_a_formula_that_was_never_worked_out_is_refused(flow):
    workbook = openpyxl.Workbook()
    for row in (["id", "dose"], [1, "=10*2"]):
        workbook.active.append(row)
    workbook.save(flow.storage.root / "in.xlsx")

    with pytest.raises(DatasetError, match=r"^The cell B2 holds a formula whose value was never"):
        flow.read("in.xlsx")
