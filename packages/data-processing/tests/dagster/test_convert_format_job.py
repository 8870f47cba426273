import csv
import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data_processing.jobs import convert_format_job, convert_format_job_s3

DIRTY = 'id,"a ""b""",note\n007,NA,"line\nline"\n"",,2.50\n9007199254740993," x ",""\n'


def convert(instance, source, output, columns=(), **options):
    reading, writing = options.get("reading", {}), options.get("writing", {})
    ops = {
        "convert_format": {"config": {"columns": list(columns)}},
        "read_dataset": {"config": {"path": str(source), **reading}},
        "write_dataset": {"config": {"path": output, **writing}},
    }
    result = convert_format_job.execute_in_process(
        {"ops": ops}, instance=instance, raise_on_error=False
    )
    assert result.success


def fields(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_csv_comes_back_from_parquet_with_the_same_texts(instance, root):
    (root / "in.csv").write_bytes(DIRTY.encode())

    convert(instance, "in.csv", "middle.parquet")
    convert(instance, "middle.parquet", "out.csv")

    assert fields((root / "out.csv").read_bytes().decode()) == fields(DIRTY)
    assert pq.read_table(root / "middle.parquet").to_pylist()[1] == {
        "id": "",
        'a "b"': None,
        "note": "2.50",
    }


@pytest.mark.parametrize(
    ("name", "delimiter"), [("adult/adult.csv", ";"), ("hospital/dirty.csv", ",")]
)
@pytest.mark.parametrize("kind", ["parquet", "jsonl", "json", "orc", "xlsx", "csv.zst"])
def test_shared_datasets_survive_each_format(
    instance, root, test_data, monkeypatch, name, delimiter, kind
):
    monkeypatch.setenv("DATA_SERVICES_ALLOWED_PATHS", str(test_data))
    reading = {"csv": {"delimiter": delimiter}}

    convert(instance, test_data / name, f"middle.{kind}", reading=reading)
    back = {"reading": reading} if kind == "csv.zst" else {}
    convert(instance, f"middle.{kind}", "out.csv", writing={"csv": {"delimiter": ","}}, **back)

    options = {"dtype": str, "keep_default_na": False}
    given = pd.read_csv(test_data / name, sep=delimiter, **options)
    pd.testing.assert_frame_equal(pd.read_csv(root / "out.csv", **options), given)
    report = json.loads((root / "out.csv.report.json").read_text())
    assert report["rows"] == {"in": len(given), "out": len(given), "dropped": 0, "quarantined": 0}
    assert report["steps"][0]["operation"] == "convert_format"


def test_columns_are_written_as_named(instance, root):
    (root / "in.csv").write_bytes(DIRTY.encode())

    convert(instance, "in.csv", "out.csv", columns=["note", "id"])

    assert [row[:2] for row in fields((root / "out.csv").read_bytes().decode())] == [
        [row[2], row[0]] for row in fields(DIRTY)
    ]


def test_the_default_run_converts_the_sample(instance, root):
    result = convert_format_job.execute_in_process(instance=instance)

    assert result.success
    assert convert_format_job_s3.name == "convert_format_job_s3"
    assert len(list((root / "_test_runs").rglob("*"))) == 4
