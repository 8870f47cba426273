"""The traps of categories, types and running, by their numbers in the reference: DP-29 to DP-45."""

import datetime as dt
import os
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_processing import clean
from data_processing.jobs import clean_data_job
from data_processing.steps.plan import plan, run
from data_processing.steps.recipe import Recipe
from data_processing.steps.step import step
from util_services.engines.failures import BatchContractError
from util_services.engines.local import LocalEngine

TRIM = {"step": "normalise_text", "columns": ["city"]}
CITIES = pd.Categorical(["Rome ", None, "Oslo", "Rome "], categories=["Oslo", "Rome ", "never"])


@pytest.fixture
def job(tmp_path_factory, monkeypatch):
    """Run ``clean_data`` on files; the staging is a folder of its own."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    for name, folder in (("DAGSTER_HOME", home), ("HOME", home), ("DATA_SERVICES_ROOT", root)):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("DATA_SERVICES_STAGING", str(home / "staging"))

    def run_job(source, target, steps, **write):
        ops = {
            "read_dataset": {"config": {"path": source}},
            "clean_data": {"config": {"steps": steps}},
            "write_dataset": {"config": {"path": target, **write}},
        }
        return clean_data_job.execute_in_process({"ops": ops}, raise_on_error=False)

    run_job.root, run_job.staging = root, home / "staging"
    return run_job


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"strategy": "constant", "value": "Bari"}, ["Rome ", "Bari", "Oslo", "Rome "]),
        ({"strategy": "mode"}, ["Rome ", "Rome ", "Oslo", "Rome "]),
    ],
)
def test_dp_29_a_new_value_of_a_categorical_is_a_further_category(rule, expected):
    frame = pd.DataFrame({"city": CITIES})

    found, _ = clean(frame, [{"step": "fill_missing_values", "columns": {"city": rule}}])

    new = set(expected) - set(CITIES.categories)
    assert found["city"].tolist() == expected
    assert found["city"].cat.categories.tolist() == [*CITIES.categories, *new]
    assert frame["city"].cat.categories.tolist() == list(CITIES.categories)


def test_dp_29_nobody_invents_a_place_for_a_new_value_in_an_order():
    sizes = pd.Categorical(["S", None], categories=["S", "M", "L"], ordered=True)
    fill = {"strategy": "constant", "value": "XS"}

    found, _ = clean(
        pd.DataFrame({"size": sizes}), [{"step": "fill_missing_values", "columns": {"size": fill}}]
    )

    assert found["size"].dtype == pd.ArrowDtype(pa.string())
    assert found["size"].tolist() == ["S", "XS"]


def test_dp_29_categories_that_no_row_has_make_no_group():
    counted = {"step": "aggregate_data", "by": ["city"], "columns": {"n": {"function": "count"}}}

    found, _ = clean(pd.DataFrame({"city": CITIES}), [counted])

    assert found["n"].tolist() == [2, 1, 1]


def test_dp_36_types_come_out_as_they_went_in(job):
    table = pa.table(
        {
            "city": [" Rome", None, "Oslo"],
            "decimal": pa.array([Decimal("1.50"), None, Decimal(-2)], pa.decimal128(18, 2)),
            "small": pa.array([1, None, 255], pa.uint8()),
            "big": pa.array([2**53 + 1, None, 0], pa.int64()),
            "truth": [True, None, False],
            "day": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
            "moment": pa.array([0, None, 1], pa.timestamp("us", "UTC")),
            "parts": [[1], None, []],
        }
    )
    pq.write_table(table, job.root / "in.parquet")

    assert job("in.parquet", "out.parquet", [TRIM, {"step": "remove_duplicates"}]).success

    found = pq.read_table(job.root / "out.parquet")
    assert found.schema.types == table.schema.types
    assert found.drop_columns(["city"]).equals(table.drop_columns(["city"]))


def test_dp_36_dtypes_of_frames_come_back():
    frame = pd.DataFrame(
        {
            "city": CITIES,
            "rank": pd.Categorical([1, 2, None, 1], ordered=True),
            "n": pd.array([1, None, 3, 4], "Int64"),
            "text": pd.array(["a", None, "b", "c"], "str"),
        }
    )

    found, _ = clean(frame, [TRIM | {"columns": ["text"]}])

    pd.testing.assert_frame_equal(found, frame)


def test_dp_39_a_run_that_fails_leaves_what_was_there_and_a_later_one_gives_the_same_bytes(job):
    (job.root / "in.csv").write_text("city,n\n Rome,1\nOslo,x\n")
    (job.root / "out.csv").write_text("precious\n")
    cast = {"step": "cast_types", "columns": {"n": {"type": "integer"}}}

    assert not job("in.csv", "out.csv", [TRIM, cast], overwrite=True).success
    assert not job("in.csv", "in.csv", [TRIM], overwrite=True).success

    assert (job.root / "out.csv").read_text() == "precious\n"
    assert (job.root / "in.csv").read_text() == "city,n\n Rome,1\nOslo,x\n"
    contents = set()
    for _ in range(2):
        assert job("in.csv", "out.csv", [TRIM], overwrite=True).success
        contents.add((job.root / "out.csv").read_bytes())
    assert contents == {b"city,n\nRome,1\nOslo,x\n"}


@pytest.mark.parametrize("missing", [0, 4])
def test_dp_40_batches_without_a_value_have_the_types_of_all_others(missing):
    frame = pd.DataFrame({"n": [None] * missing + ["1", "2"] + [None] * (4 - missing)})
    steps = [
        {"step": "cast_types", "columns": {"n": {"type": "integer"}}},
        {"step": "fill_missing_values", "columns": {"n": {"strategy": "median"}}},
    ]

    found, _ = clean(frame, steps, batch_rows=1)

    assert found["n"].dtype == pd.ArrowDtype(pa.float64())
    assert found["n"].tolist() == [1.5] * missing + [1.0, 2.0] + [1.5] * (4 - missing)


@step(writes="columns")
def drifting(frame, *, columns: list[str]):
    """Return another type for some rows than for others."""
    (name,) = columns
    return frame if "x" not in set(frame[name]) else frame.assign(**{name: 0.5})


def test_dp_40_a_batch_of_another_type_is_an_error_that_names_the_step(tmp_path, monkeypatch):
    from data_processing.steps import recipe as recipes

    monkeypatch.setattr(recipes, "step_called", lambda *_: drifting)
    table = pa.table({"a": ["1", "x"]})
    planned = plan(Recipe.of([{"step": "drifting", "columns": ["a"]}]), table.schema)

    with (
        LocalEngine(tmp_path, batch_rows=1) as engine,
        pytest.raises(BatchContractError, match="drifting"),
    ):
        run(engine, engine.from_arrow(table), planned, rows=2, number=None)


def test_dp_41_what_does_not_depend_on_one_another_is_worked_out_in_one_pass():
    fill = {"step": "fill_missing_values", "columns": {"a": {"strategy": "median"}}}
    scale = {"step": "scale", "columns": {"b": {"method": "standard"}}}
    cap = {"step": "handle_outliers", "columns": {"b": {"action": "cap"}}}
    schema = pa.schema([("a", pa.float64()), ("b", pa.float64())])

    apart = plan(Recipe.of([fill, scale]), schema).passes()
    behind = plan(Recipe.of([fill, scale, cap]), schema).passes()

    assert [one["pass"] for one in apart] == ["worked out over all rows", "row by row"]
    assert apart[0]["steps"] == ["steps[0] (fill_missing_values)", "steps[1] (scale)"]
    assert len(behind) == 4  # DP-42: what is capped is what was scaled


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_dp_43_the_frame_is_not_changed_its_index_is_ignored_and_batches_do_not_matter(batch_rows):
    frame = pd.DataFrame({"city": [" Rome", "Oslo", " Rome"], "n": [1, 2, 3]}, index=[7, 7, 9])
    before = frame.copy(deep=True)

    found, _ = clean(
        frame,
        [
            TRIM,
            {"step": "derive", "columns": {"n": "n * 2"}},
            {"step": "sort_rows", "by": ["city"]},
        ],
        batch_rows=batch_rows,
    )

    pd.testing.assert_frame_equal(frame, before)
    assert found.index.tolist() == [0, 1, 2]
    assert found.to_dict("list") == {"city": ["Oslo", "Rome", "Rome"], "n": [4, 2, 6]}


def test_dp_45_nothing_of_an_engine_outlives_its_run(job, monkeypatch, tmp_path):
    def settings():
        query = "SELECT name, value FROM duckdb_settings() ORDER BY name"
        return duckdb.connect().execute(query).fetchall()

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (job.root / "in.csv").write_text("city\n Rome\nOslo\n")
    known, environment = settings(), dict(os.environ)

    assert job("in.csv", "out.csv", [TRIM, {"step": "sort_rows", "by": ["city"]}]).success
    clean(pd.DataFrame({"city": [" Rome"]}), [TRIM])

    assert [path for path in Path(job.staging).rglob("*") if path.is_file()] == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert (settings(), dict(os.environ)) == (known, environment)
