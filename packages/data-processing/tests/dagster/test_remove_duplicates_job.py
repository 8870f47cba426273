import hashlib
import itertools
import json
from importlib.metadata import version

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_processing.cleaning.duplicates import LIMIT
from data_processing.jobs import remove_duplicates_job, remove_duplicates_job_s3
from util_services.audit import Link
from util_services.errors import ConfigurationError
from util_services.runs.execute import check_before_run

FORMATS = ["csv", "tsv", "jsonl", "parquet"]
ROWS = [
    {"id": "007", "name": "Åse, O'Brien", "note": 'say "hi"\nbye'},
    {"id": "007", "name": "Åse, O'Brien", "note": 'say "hi"\nbye'},
    {"id": "7", "name": None, "note": ""},
    {"id": "NA", "name": "null", "note": "tab\there"},
    {"id": "7", "name": None, "note": ""},
    {"id": "7", "name": None, "note": None},
]
LEFT = [ROWS[0], ROWS[2], ROWS[3], ROWS[5]]


def write(folder, rows, kind):
    """Write rows by means that have no part in the job."""
    file = folder / f"in.{kind}"
    match kind:
        case "parquet":
            pq.write_table(pa.Table.from_pylist(rows), file)
        case "jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case _:
            delimiter = {"csv": ",", "tsv": "\t"}[kind]
            lines = [rows[0].keys(), *(map(_field, row.values()) for row in rows)]
            file.write_text("".join(delimiter.join(line) + "\n" for line in lines))
    return file.name


def _field(value):
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def read(file):
    """Read texts and missing values back; a quoted empty field is a text."""
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text().splitlines()]
    found = duckdb.execute(
        "FROM read_csv(?, all_varchar = true, auto_detect = false, header = true, delim = ?, "
        "quote = '\"', escape = '\"', allow_quoted_nulls = false, "
        "columns = {'id': 'VARCHAR', 'name': 'VARCHAR', 'note': 'VARCHAR'})",
        [str(file), "\t" if file.suffix == ".tsv" else ","],
    )
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def run(instance, source=None, target=None, job=remove_duplicates_job, **config):
    ops = {"remove_duplicates": {"config": config}} if config else {}
    if source:
        ops["read_dataset"] = {"config": {"path": source}}
    if target:
        ops["write_dataset"] = {"config": {"path": target}}
    return job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)


def reason(result):
    """Return the sentence of the step that failed."""
    (failed,) = (event for event in result.all_events if event.is_step_failure)
    return failed.step_failure_data.user_failure_data.description


@pytest.mark.parametrize(("source", "target"), list(itertools.product(FORMATS, FORMATS)))
def test_every_format_becomes_every_format(instance, root, source, target):
    path = write(root, ROWS, source)

    result = run(instance, path, f"out/result.{target}")

    assert result.success
    assert read(root / "out" / f"result.{target}") == LEFT


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_a_dataset_without_rows_keeps_its_columns(instance, root, kind):
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), root / "in.parquet")
    else:
        (root / f"in.{kind}").write_text({"csv": ",", "tsv": "\t"}[kind].join(ROWS[0]) + "\n")

    result = run(instance, f"in.{kind}", "out.csv", ignore=["case"])

    assert result.success
    assert (root / "out.csv").read_text() == "id,name,note\n"


def test_the_report_is_the_golden_record(instance, root):
    text = "id,email,secret\n1,A@x.eu,alpha\n2,a@x.eu ,beta\n3,b@x.eu,gamma\n4,,delta\n5,,eps\n"
    (root / "in.csv").write_text(text)

    result = run(
        instance, "in.csv", "out.csv", subset=["email"], keep="last", ignore=["case", "whitespace"]
    )

    published = "id,email,secret\n2,a@x.eu ,beta\n3,b@x.eu,gamma\n5,,eps\n"
    report = json.loads((root / "out.csv.report.json").read_text())
    run_part = report.pop("run")
    sections = [section["title"] for section in report.pop("sections")]
    assert (root / "out.csv").read_text() == published
    assert report == {
        "schema": 1,
        "input": {
            "path": "in.csv",
            "format": "csv",
            "bytes": len(text),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "compression": None,
            "dialect": {
                "delimiter": ",",
                "encoding": "utf-8",
                "line_end": "lf",
                "empty_as_null": False,
            },
            "limit_rows": None,
            "objects": [],
        },
        "output": {
            "path": "out.csv",
            "format": "csv",
            "compression": None,
            "parts": None,
            "quarantine": None,
            "bytes": len(published),
            "sha256": hashlib.sha256(published.encode()).hexdigest(),
            "columns": [{"name": name, "type": "string"} for name in ("id", "email", "secret")],
        },
        "rows": {"in": 5, "out": 3, "dropped": 2, "quarantined": 0},
        "steps": [
            {
                "operation": "remove_duplicates",
                "engine": "local",
                "configuration": {
                    "subset": ["email"],
                    "keep": "last",
                    "order_by": [],
                    "ignore": ["case", "whitespace"],
                },
                "rows": {"in": 5, "out": 3, "dropped": 2},
                "facts": {
                    "duplicate_groups": 2,
                    "rows_in_duplicate_groups": 4,
                    "largest_groups": [2, 2],
                },
                "columns": {"added": [], "removed": [], "retyped": []},
                "warnings": [],
                "limits": [LIMIT],
                "sections": [],
            }
        ],
    }
    assert sections == ["How to read this report"]
    assert run_part.pop("started") <= run_part.pop("finished")
    assert Link.parse(run_part.pop("audit"))
    assert run_part == {
        "run_id": result.run_id,
        "job": "remove_duplicates_job",
        "versions": {
            name: version(name)
            for name in ("dagster", "data-processing", "duckdb", "util-services")
        },
    }


def test_dp_46_no_cell_value_leaves_the_dataset(instance, root, caplog, capfd):
    secrets = [f"hush{n}" for n in range(5)]
    rows = [{"id": str(n), "name": name} for n, name in enumerate([*secrets, *secrets])]
    path = write(root, rows, "csv")

    result = run(instance, path, "out.csv", subset=["name"], order_by=["id"], ignore=["case"])

    events = [str(record) for record in instance.all_logs(result.run_id)]
    reports = [(root / f"out.csv.report.{kind}").read_text() for kind in ("json", "html")]
    told = "\n".join([*events, *reports, caplog.text, *capfd.readouterr()])
    assert result.success
    assert "remove_duplicates" in told
    assert [secret for secret in secrets if secret in told] == []
    assert list(root.rglob("input.parquet")) == []


def test_the_default_config_runs(instance, root):
    result = run(instance)

    report = json.loads(
        (root / "_test_runs" / result.run_id / "patients.csv.report.json").read_text()
    )
    published = pd.read_csv(root / "_test_runs" / result.run_id / "patients.csv", dtype=str)
    assert result.success
    assert report["rows"]["in"] == report["rows"]["out"] + report["rows"]["dropped"]
    assert report["rows"]["dropped"] > 0
    assert len(published) == report["rows"]["out"]
    assert not published.duplicated().any()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"keep": "none", "subset": ["key"]}, ["4"]),
        ({"keep": "last", "subset": ["key"]}, ["4", "5"]),
        ({"keep": "any", "subset": ["key"]}, ["1", "4"]),
        ({"keep": "first", "subset": ["key"], "order_by": ["age"]}, ["3", "4"]),
        ({"keep": "last", "subset": ["key"], "order_by": ["age"]}, ["4", "5"]),
        ({"keep": "first", "subset": ["key"], "ignore": ["case", "accents"]}, ["1"]),
        ({}, ["1", "2", "3", "4", "5"]),
    ],
)
def test_options_reach_the_operation(instance, root, config, expected):
    (root / "in.csv").write_text("id,key,age\n1,e,\n2,e,5\n3,e,4\n4,É,\n5,e,6\n")

    result = run(instance, "in.csv", "out.csv", **config)

    assert result.success
    assert pd.read_csv(root / "out.csv", dtype=str)["id"].tolist() == expected


def test_a_text_order_is_warned_about_in_the_log(instance, root):
    path = write(root, ROWS, "csv")

    result = run(instance, path, "out.csv", subset=["name"], order_by=["id"])

    sentence = "'id' holds text, so 'order_by' ordered it as text: '10' comes before '9'."
    report = json.loads((root / "out.csv.report.json").read_text())
    logged = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert report["steps"][0]["warnings"] == [sentence]
    assert logged == [sentence]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("option", ["subset", "order_by"])
def test_a_missing_column_is_one_sentence(instance, root, option, kind):
    path = write(root, ROWS, kind)

    result = run(instance, path, "out.csv", **{option: ["nmae"]})

    assert reason(result) == (
        f"'{option}' names columns that the dataset does not have: 'nmae'. Did you mean 'name'? "
        "The dataset has 'id', 'name', 'note'."
    )
    assert [file.name for file in root.iterdir() if file.name.startswith("out")] == []


def test_an_entry_named_twice_is_one_sentence(instance, root):
    path = write(root, ROWS, "csv")

    result = run(instance, path, "out.csv", subset=["id", "id"])

    assert reason(result) == "ops.remove_duplicates.config.subset: each entry may stand here once."


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"subsets": ["id"]},
            "ops.remove_duplicates.config: unknown key 'subsets'. Did you mean 'subset'? Known are "
            "subset, keep, order_by, ignore.",
        ),
        (
            {"keep": "frist"},
            "ops.remove_duplicates.config.keep: must be one of 'first', 'last', 'none', 'any'.",
        ),
        (
            {"ignore": ["colour"]},
            "ops.remove_duplicates.config.ignore: must be one of 'case', 'whitespace', 'accents'.",
        ),
        (
            {"subset": "id"},
            "ops.remove_duplicates.config.subset: must be a list, such as [NAME].",
        ),
        (
            {"subset": None},
            "ops.remove_duplicates.config.subset: must be a list, such as [NAME].",
        ),
        ("id", "ops.remove_duplicates.config: must be a mapping of keys to values."),
        ({"subset": [1]}, "ops.remove_duplicates.config.subset: must be of the type String."),
    ],
)
def test_a_wrong_option_is_one_sentence_before_the_run(root, config, sentence):
    path = write(root, ROWS, "csv")
    ops = {
        "read_dataset": {"config": {"path": path}},
        "remove_duplicates": {"config": config},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    with pytest.raises(ConfigurationError) as refused:
        check_before_run(remove_duplicates_job, {"ops": ops}, "run")

    assert str(refused.value) == sentence
    assert [file.name for file in root.iterdir()] == [path]


def test_the_twin_differs_in_its_storage_alone():
    assert remove_duplicates_job_s3.graph is remove_duplicates_job.graph
    assert remove_duplicates_job_s3.required_resource_keys == {"s3", "io_manager"}
    assert "s3" not in remove_duplicates_job_s3.resource_defs
    assert isinstance(remove_duplicates_job.resource_defs["s3"], dg.ResourceDefinition)


@pytest.mark.parametrize(
    ("name", "delimiter"), [("adult/adult.csv", ";"), ("hospital/dirty.csv", ",")]
)
def test_shared_datasets_lose_the_rows_that_pandas_drops(
    instance, root, test_data, monkeypatch, name, delimiter
):
    monkeypatch.setenv("DATA_SERVICES_ALLOWED_PATHS", str(test_data))
    source = test_data / name
    options = {"dtype": str, "sep": delimiter, "keep_default_na": False}
    ops = {
        "read_dataset": {"config": {"path": str(source), "csv": {"delimiter": delimiter}}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    result = remove_duplicates_job.execute_in_process({"ops": ops}, instance=instance)

    given = pd.read_csv(source, **options)
    expected = given.drop_duplicates(ignore_index=True)
    report = json.loads((root / "out.csv.report.json").read_text())
    assert result.success
    pd.testing.assert_frame_equal(pd.read_csv(root / "out.csv", **options), expected)
    assert report["rows"] == {
        "in": len(given),
        "out": len(expected),
        "dropped": len(given) - len(expected),
        "quarantined": 0,
    }
