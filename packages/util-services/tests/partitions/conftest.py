"""A plugin with two operations and a pipeline, and partitioned jobs over them."""

import importlib
import sys

import pytest

from util_services.plugins import PluginManager

OPERATIONS = """
from pathlib import Path

import dagster as dg
from pydantic import Field

from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.plugins import hookimpl


class KeptColumnsConfig(dg.Config):
    columns: list[str] = Field(default=["ward"])
    times: int = Field(default=1, ge=1)


@operation(columns=lambda config: {"columns": config.columns}, default={"columns": ["ward"]})
def kept_columns(dataset: Dataset, config: KeptColumnsConfig) -> Outcome:
    "Keep some columns."
    names = {name: name for name in config.columns}
    return Outcome(dataset.engine.select(dataset.scan(), names), facts={"kept": len(names)})


class CountedConfig(dg.Config):
    unit: str = Field(default="rows")


@operation(is_report=True)
def counted(dataset: Dataset, config: CountedConfig) -> Outcome:
    "Count rows."
    return Outcome(None, facts={config.unit: dataset.staged.rows})


@dg.op
def lonely():
    pass


@dg.graph
def lonely_graph():
    lonely()


JOBS = [
    *kept_columns.jobs(),
    *counted.jobs(),
    lonely_graph.to_job("lonely_job"),
    lonely_graph.to_job("lonely_job_s3"),
    lonely_graph.to_job("single_job"),
]


@hookimpl
def register_ops():
    return [kept_columns.op, counted.op]


@hookimpl
def register_jobs():
    return JOBS


@hookimpl
def register_pipelines():
    return sorted((Path(__file__).parent / "pipelines").iterdir())
"""

PARTITIONS = """
from pathlib import Path

from util_services.plugins import hookimpl


@hookimpl
def register_partitions():
    return sorted((Path(__file__).parent / "partitions").iterdir())
"""

PIPELINE = """
description: Keep two columns, and then one.
ops:
  - {op: kept_columns, as: first, config: {columns: [ward, sex]}}
  - {op: kept_columns, config: {columns: [sex]}}
"""


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """Return a function that gives the plugins: one with jobs, and one that partitions them."""
    folder = tmp_path / "installed"
    for name in ("pipelines", "partitions"):
        (folder / name).mkdir(parents=True)
    (folder / "pipelines" / "keep_less.yaml").write_text(PIPELINE)
    monkeypatch.syspath_prepend(folder)
    for name, source in (("partitioned_jobs", OPERATIONS), ("partition_files", PARTITIONS)):
        (folder / f"{name}.py").write_text(source)
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        distribution = name.replace("_", "-")
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[data_services]\n{distribution} = {name}\n")
    importlib.invalidate_caches()

    def with_files(**texts):
        for name, text in texts.items():
            (folder / "partitions" / f"{name}.yaml").write_text(text)
        names = ["util-services", "partitioned-jobs", "partition-files"]
        return PluginManager(allowed=names, blocked=(), log_failures=False)

    yield with_files
    for name in ("partitioned_jobs", "partition_files"):
        sys.modules.pop(name, None)
