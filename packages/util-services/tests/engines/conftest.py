"""Engines of each kind, to hold all to one contract."""

import pyarrow.parquet as pq
import pytest

from util_services.datasets.layout import Layout
from util_services.datasets.schema import Schema
from util_services.datasets.staged import Origin, StagedDataset
from util_services.engines.choice import open_engine
from util_services.flow.changes import file_state
from util_services.storage.protocol import Location


@pytest.fixture
def local(clean_environment):
    """Settings with which the local engine is chosen."""


@pytest.fixture
def spark(spark_session, clean_environment, monkeypatch):
    """Settings with which a standalone cluster is chosen, in the session of this process."""
    monkeypatch.setenv("DATA_SERVICES_ENGINE", "spark")


@pytest.fixture
def through_spark_connect(spark_connect, clean_environment, monkeypatch):
    """Settings with which a Spark Connect server is chosen."""
    monkeypatch.setenv("DATA_SERVICES_ENGINE", "auto")
    monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", spark_connect)


@pytest.fixture(params=["local", "spark"])
def engine(request, tmp_path, monkeypatch):
    """An engine of each kind; through Spark Connect too for the tests that ask for it."""
    request.getfixturevalue(request.param)
    monkeypatch.setenv("DATA_SERVICES_BATCH_ROWS", "1000")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_engine(scratch) as engine:
        yield engine


@pytest.fixture
def stage(tmp_path):
    """Return a function that stages a table in row groups of 1,000 rows."""
    numbers = iter(range(1000))

    def stage_table(*tables, keep_nan=False, compression="lz4"):
        files = [tmp_path / f"staged {next(numbers)}.parquet" for _ in tables]
        for file, table in zip(files, tables, strict=True):
            pq.write_table(table, file, row_group_size=1_000, compression=compression)
        places = tuple(Location("", str(file)) for file in files)
        return StagedDataset(
            files=tuple(map(str, files)),
            format="parquet",
            schema=Schema.of(tables[0].schema),
            file_rows=tuple(map(len, tables)),
            fingerprints=tuple(map(file_state, files)),
            origin=Origin("in.parquet", places, Layout("parquet")),
            objects=(),
            keep_nan=keep_nan,
        )

    return stage_table
