"""`clean_data_job` from run config to published files: recipes, states and change logs."""

import json

import pyarrow.parquet as pq
import pytest

from data_processing.config import CleanDataConfig
from data_processing.jobs import clean_data_job, clean_data_job_s3
from data_processing.step_operations import parts_of_clean_data
from util_services.runs.safe_parameters import WITHHELD, safe_part

CSV = "id,city\n1, Rome \n2,Oslo\n3,Rome\n1, Rome \n"
STEPS = [
    {"step": "normalise_text", "columns": ["city"]},
    {"step": "remove_duplicates", "subset": ["city"]},
]


@pytest.fixture
def clean(instance, root):
    (root / "in.csv").write_text(CSV)

    def run(output="out.csv", job=clean_data_job, **config):
        ops = {
            "read_dataset": {"config": {"path": "in.csv"}},
            "clean_data": {"config": {"steps": STEPS} | config},
            "write_dataset": {"config": {"path": output}},
        }
        return job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)

    return run


def report(root, output="out.csv"):
    return json.loads((root / f"{output}.report.json").read_text())


def reason(result):
    failures = [event for event in result.all_events if event.is_step_failure]
    return failures[0].step_failure_data.user_failure_data.description


def test_a_recipe_is_done_step_by_step_and_told_so(clean, root):
    assert clean().success

    assert (root / "out.csv").read_text() == "id,city\n1,Rome\n2,Oslo\n"
    (step,) = report(root)["steps"]
    assert step["rows"] == {"in": 4, "out": 2, "dropped": 2}
    first, second = step["facts"]["steps"]
    assert first["cells_changed"] == {"city": 2}
    assert second["rows"] == {"in": 4, "out": 2, "dropped": 2}


def test_the_report_shows_all_steps_in_a_table_and_what_there_is_to_tell_of_each(clean, root):
    harmonise = {"step": "harmonise", "columns": {"city": {}}}

    assert clean(steps=[*STEPS, harmonise]).success

    (step,) = report(root)["steps"]
    (section,) = step["sections"]
    (table,) = section["tables"]
    assert section["shows"] == ["steps"]
    assert table["columns"] == [
        "step", "rows in", "rows out", "dropped", "set aside", "cells changed"
    ]  # fmt: skip
    assert table["rows"] == [
        ["1. normalise_text", 4, 4, 0, 0, 2],
        ["2. remove_duplicates", 4, 2, 2, 0, 0],
        ["3. harmonise", 2, 2, 0, 0, 0],
    ]
    details = {one["title"]: one["tables"] for one in section["sections"]}
    assert details["1. normalise_text"][0]["rows"] == [["city", 2]]
    (told,) = details["3. harmonise"]
    assert (told["title"], told["rows"][0][0]) == ("By column", "city")
    assert dict(zip(told["columns"], told["rows"][0], strict=True))["texts"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "- {step: normalise_text, columns: [city]}\n- {step: remove_duplicates, subset: [city]}\n",
        "steps:\n  - {step: normalise_text, columns: [city]}\n  - step: remove_duplicates\n"
        "    subset: [city]\n",
        json.dumps(STEPS),
    ],
)
def test_a_recipe_may_be_a_file_whose_digest_is_reported(clean, root, text):
    (root / "recipe.yaml").write_text(text)

    assert clean(steps=[], recipe="recipe.yaml").success

    assert (root / "out.csv").read_text() == "id,city\n1,Rome\n2,Oslo\n"
    (read,) = report(root)["steps"][0]["inputs"]
    assert (read["path"], read["bytes"]) == ("recipe.yaml", len(text))


def test_a_change_log_holds_each_changed_cell(clean, root):
    assert clean(change_log=True).success

    changes = pq.read_table(root / "out.csv.changes.parquet").to_pylist()
    cell = {"step": "normalise_text", "column": "city", "before": '" Rome "', "after": '"Rome"'}
    assert changes == [{"row": 0, **cell}, {"row": 3, **cell}]


def test_a_recipe_in_a_file_needs_no_word_about_the_one_for_the_sample(instance, root):
    (root / "in.csv").write_text(CSV)
    (root / "recipe.yaml").write_text("- {step: remove_duplicates, subset: [city]}\n")
    ops = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "clean_data": {"config": {"recipe": "recipe.yaml"}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    assert clean_data_job.execute_in_process({"ops": ops}, instance=instance).success

    (step,) = report(root)["steps"]
    assert step["configuration"]["steps"] == []
    assert [one["step"] for one in step["facts"]["steps"]] == ["remove_duplicates"]


def test_what_holds_values_is_written_only_on_request(clean, root):
    assert clean().success

    assert sorted(file.name for file in root.iterdir() if file.is_file()) == [
        "in.csv", "out.csv", "out.csv.report.html", "out.csv.report.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"steps": [{"step": "normalise_text", "columns": ["town"]}]},
            "ops.clean_data.config.steps[0] (normalise_text): 'columns' names columns that the "
            "dataset does not have: 'town'. The dataset has 'id', 'city'.",
        ),
        (
            {"steps": [{"step": "remove_duplicate"}]},
            "ops.clean_data.config.steps[0]: unknown step 'remove_duplicate'. Did you mean "
            "'remove_duplicates'? Known are ",
        ),
        (
            {"recipe": "recipe.yaml"},
            "ops.clean_data.config: 'recipe' and 'steps' are both given; set 'steps: []' to use "
            "the file.",
        ),
        (
            {"steps": [], "recipe": "none.yaml"},
            "There is no file at 'none.yaml'; check the path.",
        ),
        (
            {"steps": [], "recipe": "broken.yaml"},
            "The recipe 'broken.yaml' is no YAML at line 3; write a list of steps.",
        ),
        (
            {"steps": [], "recipe": "../outside.yaml"},
            "The path '../outside.yaml' lies outside the storage root; ",
        ),
        (
            {"state": "in.csv"},
            "The file is no state of a recipe; name an OUTPUT.state.json that 'save_state' wrote.",
        ),
    ],
)
def test_a_wrong_recipe_is_one_sentence_and_nothing_is_written(clean, root, config, message):
    (root / "broken.yaml").write_text("- {step: a}\n- [\n")

    result = clean(**config)

    assert not result.success
    assert reason(result).startswith(message)
    assert not list(root.glob("out*"))


def test_a_state_comes_back_and_is_refused_for_another_recipe(clean, root):
    assert clean(save_state=True).success

    again = clean("again.csv", state="out.csv.state.json")
    other = clean("other.csv", state="out.csv.state.json", steps=STEPS[:1])

    assert again.success
    assert (root / "again.csv").read_bytes() == (root / "out.csv").read_bytes()
    assert reason(other) == (
        "The state is of another recipe; use the steps and options that it was made with, or "
        "leave 'state' out."
    )


def test_the_default_config_runs_as_it_is(instance, root):
    assert clean_data_job.execute_in_process(instance=instance).success


def test_the_twin_is_of_the_same_graph():
    assert clean_data_job_s3.graph is clean_data_job.graph


@pytest.mark.parametrize("place", [0, 1], ids=["first", "behind a filter"])
def test_a_cell_that_a_step_refuses_is_told_with_the_row_of_the_file(clean, root, place):
    """DP-32: also where nothing else of the recipe needs the numbers of rows."""
    drop = {"step": "filter_rows", "drop": "id = '1'"}
    cast = {"step": "cast_types", "columns": {"city": {"type": "integer"}}}
    (root / "in.csv").write_text("id,city\n1,4\n1,5\n2,Loxodonta\n3,6\n")

    result = clean(steps=[drop, cast][1 - place :])

    assert not result.success
    assert reason(result) == (
        f"steps[{place}] (cast_types): The column 'city' holds what is no whole number of 64 bits "
        "in row 2 (the first row is 0); correct it, or set 'on_error' to null, flag or quarantine."
    )


STEPS_WITH_VALUES = [
    {"step": "normalise_text", "columns": ["city"], "case": "lower", "trim": False},
    {"step": "cast_types", "columns": {"made": {"type": "decimal", "decimal": "J"}}},
    {"step": "fill_missing_values", "columns": {"city": {"strategy": "constant", "value": "JANE"}}},
    {"step": "handle_outliers", "columns": {"age": {"method": "mad", "factor": 2.5}}},
    {"step": "replace_text", "columns": ["city"], "pattern": "JANE", "replacement": "4711"},
    {"step": "nullify", "columns": ["city"], "tokens": ["JANE"], "where": "name = 'JANE'"},
    {"step": "remove_duplicates", "subset": ["id"], "keep": "last"},
]


def test_records_tell_of_steps_what_can_hold_no_cell():
    config = CleanDataConfig(steps=STEPS_WITH_VALUES)
    parts = parts_of_clean_data(config)["steps"]

    told = [safe_part(one, ["id", "city", "age"]) for one in parts]

    assert told == [
        {"step": "normalise_text", "columns": ["city"], "case": "lower", "trim": False},
        {"step": "cast_types", "columns": {"made": {"type": "decimal", "decimal": WITHHELD}}},
        {
            "step": "fill_missing_values",
            "columns": {"city": {"strategy": "constant", "value": WITHHELD}},
        },
        {"step": "handle_outliers", "columns": {"age": {"method": "mad", "factor": 2.5}}},
        {
            "step": "replace_text",
            "columns": ["city"],
            "pattern": WITHHELD,
            "replacement": WITHHELD,
        },
        {"step": "nullify", "where": WITHHELD, "columns": ["city"], "tokens": [WITHHELD]},
        {"step": "remove_duplicates", "subset": ["id"], "keep": "last"},
    ]


def test_records_tell_nothing_of_steps_in_a_file():
    assert parts_of_clean_data(CleanDataConfig(steps=[], recipe="recipe.yaml")) == {}
