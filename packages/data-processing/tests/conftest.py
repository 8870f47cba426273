import os
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_processing.step_operations import clean_in_run, of_one_step
from data_processing.steps.recipe import Recipe
from util_services.datasets.layout import Layout
from util_services.datasets.staged import StepReport
from util_services.engines.local import LocalEngine
from util_services.flow.encode import Target
from util_services.flow.operate import Dataset, operate
from util_services.flow.plan import ReadOptions, plan_read
from util_services.flow.publish import check_conserved
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging
from util_services.storage import LocalStorage


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("DATA_SERVICES_") and name != "DATA_SERVICES_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def test_data():
    """The folder of the shared datasets."""
    folder = os.environ.get("DATA_SERVICES_TEST_DATA")
    if not folder:
        pytest.skip("DATA_SERVICES_TEST_DATA names no folder with the shared datasets")
    return Path(folder)


@dataclass(frozen=True)
class Done:
    """What came out of an operation: the rows, and what it reports."""

    table: pa.Table
    step: StepReport

    def rows(self):
        return self.table.to_pylist()

    def column(self, name):
        return self.table[name].to_pylist()


class CollidingEngine(LocalEngine):
    """An engine whose row hash is the worst there can be."""

    def row_hash(self, frame, columns, name):  # noqa: ARG002
        return frame.with_columns(nw.lit(7).cast(nw.UInt64).alias(name))


@pytest.fixture(scope="session")
def colliding_engine():
    """The class of an engine that gives all rows one hash."""
    return CollidingEngine


@pytest.fixture(scope="session")
def engine_of(tmp_path_factory):
    """Return a function that opens an engine, once for each class and settings."""
    with ExitStack() as stack:

        @cache
        def opened(kind, *settings):
            scratch = tmp_path_factory.mktemp("engine")
            return stack.enter_context(kind(scratch, **dict(settings)))

        yield lambda kind, settings: opened(kind, *sorted(settings.items()))


@pytest.fixture(scope="session")
def dedupe(tmp_path_factory, engine_of):
    """Remove the duplicates of a table, from Parquet file to Parquet file as a job does it."""
    folder = tmp_path_factory.mktemp("dedupe")
    storage = LocalStorage(folder)

    def run(
        table,
        *,
        keep_nan=False,
        row_group_rows=100_000,
        engine=LocalEngine,
        settings=None,
        **options,
    ):
        pq.write_table(table, folder / "input.parquet", row_group_size=row_group_rows)
        staging = Staging.create(folder / "staging", "run")
        try:
            opened = engine_of(engine, settings or {})
            plan = plan_read(storage, ReadOptions("input.parquet", keep_nan=keep_nan))
            result = operate(
                "remove_duplicates",
                lambda dataset: of_one_step(
                    clean_in_run(dataset, Recipe.of([{"step": "remove_duplicates", **options}]))
                ),
                Dataset(opened, read_dataset(plan, staging, opened)),
                Target(staging, Layout("parquet")),
                options,
            )
            check_conserved(result)
            return Done(pq.read_table(result.files[0]), result.steps[-1])
        finally:
            staging.remove()

    return run
