"""`data-services run JOB --dry-run`: what a job would do, in counts, and nothing of it done."""

import json

import pytest
from click.testing import CliRunner

from util_services.cli.run import run

MARKED = "Loxodonta"
RECIPE = """
- {step: normalise_text, columns: [city]}
- {step: filter_rows, keep: "try_cast(age AS bigint) >= 18", others: quarantine}
- {step: remove_duplicates, subset: [id]}
"""
CONFIG = ("--set", "clean_data.steps=[]", "--set", "clean_data.recipe=recipe.yaml")


@pytest.fixture
def dry(root, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(root.parent / "home"))
    monkeypatch.setenv("DATA_SERVICES_STAGING", str(root.parent / "staging"))
    rows = ["1, Rome ,30", "1,Rome,31", f"2,{MARKED} ,40", "3,Oslo,x", "4,Oslo,50"]
    (root / "in.csv").write_text("\n".join(["id,city,age", *rows, ""]))
    (root / "recipe.yaml").write_text(RECIPE)

    def call(job, *arguments):
        paths = ("read_dataset.path=in.csv", "write_dataset.path=out.csv")
        settings = [part for path in paths for part in ("--set", path)]
        return CliRunner().invoke(run, [job, "--dry-run", *settings, *arguments])

    return call


def files_of(root):
    folders = (root, root.parent / "staging")
    return {path.name for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_the_plan_and_the_counts_of_each_step_are_shown_and_nothing_is_left(dry, root):
    told = dry("clean_data_job", *CONFIG)

    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "clean_data_job would read in.csv and publish out.csv.",
        "Of the first 5 rows:",
        "  1. normalise_text: 5 rows in, 5 out",
        "     city: 2 cells changed",
        "  2. filter_rows: 5 rows in, 4 out, 1 quarantined",
        "  3. remove_duplicates: 4 rows in, 3 out, 1 dropped",
        "  pass 1, row by row: steps[0] (normalise_text), steps[1] (filter_rows)",
        "  pass 2, all rows together: steps[2] (remove_duplicates)",
        "Nothing was published.",
    ]
    assert MARKED not in told.output
    assert files_of(root) == {"in.csv", "recipe.yaml"}


def test_the_job_of_one_step_can_be_tried_too_and_told_as_json(dry, root):
    told = dry("remove_duplicates_job", "--set", "remove_duplicates.subset=[id]", "--json")

    record = json.loads(told.stdout)
    assert (record["status"], record["target"], record["rows"]) == ("DRY_RUN", "out.csv", 5)
    (step,) = record["steps"]
    assert step["rows"] == {"in": 5, "out": 4, "dropped": 1, "quarantined": 0}
    assert files_of(root) == {"in.csv", "recipe.yaml"}


def test_what_a_step_counts_by_itself_is_shown_too(dry):
    rule = "{age: {type: integer, on_error: 'null'}}"

    told = dry(
        "clean_data_job", "--set", f"clean_data.steps=[{{step: cast_types, columns: {rule}}}]"
    )

    assert told.stdout.splitlines()[2:5] == [
        "  1. cast_types: 5 rows in, 5 out",
        "     age: 1 cell changed",
        "     age: no whole number of 64 bits: 1",
    ]


def test_only_the_first_rows_are_looked_at(dry, root):
    (root / "in.csv").write_text("id\n" + "".join(f"{n}\n" for n in range(5000)))

    told = dry("remove_duplicates_job", "--json")
    fewer = dry("remove_duplicates_job", "--json", "--set", "read_dataset.limit_rows=7")

    assert json.loads(told.stdout)["rows"] == 1000
    assert json.loads(fewer.stdout)["rows"] == 7


@pytest.mark.parametrize(
    ("job", "setting", "reason"),
    [
        ("remove_duplicates_job", "remove_duplicates.subset=[idd]", "idd"),
        (
            "validate_data_job",
            "validate_data.rules=[{rule: unique, columns: [id]}]",
            "unique of 'id' by 2 of 5 rows",
        ),
    ],
)
def test_what_would_keep_the_run_from_its_end_is_told(dry, root, job, setting, reason):
    told = dry(job, "--set", setting)

    assert told.exit_code == 2
    assert reason in told.stderr
    assert MARKED not in told.output
    assert files_of(root) == {"in.csv", "recipe.yaml"}


def test_an_output_that_is_there_is_refused_as_the_run_would_be(dry, root):
    (root / "out.csv").write_text("there\n")

    told = dry("remove_duplicates_job")

    assert told.exit_code == 2
    assert "out.csv" in told.stderr
