"""A plugin with operations, and pipelines over them."""

import importlib
import sys

import pytest

from util_services.plugins import PluginManager

OPS = """
from pathlib import Path

import dagster as dg
from pydantic import Field

from util_services.datasets.staged import StagedDataset
from util_services.errors import ConfigurationError
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.plugins import hookimpl
from util_services.resources import STORAGE_KEY


class KeptColumnsConfig(dg.Config):
    columns: list[str] = Field(default=["ward"])
    times: int = Field(default=1, ge=1)


@dg.resource
def lamp(_context):
    return "lit"


def is_sound(config, content):
    if len(set(config.columns)) < len(config.columns):
        raise ConfigurationError("'columns' names one twice.")
    if config.columns == ["from-a-file"]:
        content("columns.txt")


@operation(
    columns=lambda config: {"columns": config.columns},
    sound=is_sound,
    default={"columns": ["ward", "sex"]},
    resources={"lamp": lamp},
)
def kept_columns(dataset: Dataset, config: KeptColumnsConfig) -> Outcome:
    "Keep some columns."
    names = {name: name for name in config.columns}
    return Outcome(dataset.engine.select(dataset.scan(), names), facts={"kept": len(names)})


class OnlyCountedConfig(dg.Config):
    unit: str = Field(default="rows")


@operation()
def only_counted(dataset: Dataset, config: OnlyCountedConfig) -> Outcome:
    "Leave the rows as they are."
    return Outcome(None, facts={config.unit: dataset.staged.rows})


@operation(publishes=True)
def let_out(dataset: Dataset, config: OnlyCountedConfig) -> Outcome:
    "Leave what is published."
    return Outcome(None)


@dg.op(ins={"dataset": dg.In(StagedDataset)}, out=dg.Out(StagedDataset))
def only_looked_at(context, dataset):
    staged = sorted(file.name for file in Path(dataset.files[0]).parent.glob("output*"))
    context.add_output_metadata({"staged": staged})
    return dataset


@dg.op(ins={"start": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def rung(context):
    context.log.info("It is done.")


@dg.op(ins={"start": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def cracked(context):
    raise dg.Failure("The bell is cracked.", allow_retries=False)


@dg.op(ins={"dataset": dg.In(StagedDataset)}, required_resource_keys={"bell"})
def needs_a_bell(dataset) -> int:
    return 1


@dg.op(ins={"dataset": dg.In(StagedDataset)}, required_resource_keys={"horn"})
def needs_a_horn(dataset) -> int:
    return 1


@dg.op(out=dg.Out(StagedDataset))
def made_up():
    raise AssertionError


@dg.op
def added(a: int, b: int) -> int:
    return a + b


@dg.op
def doubled(number: int) -> int:
    return 2 * number


@dg.graph
def twofold(number: int) -> int:
    return doubled(doubled(number))


@hookimpl
def register_ops():
    return [
        kept_columns.op, only_counted.op, only_looked_at, rung, cracked, needs_a_bell, needs_a_horn,
        made_up, added, doubled, twofold, let_out.op,
    ]


@hookimpl
def register_resources():
    return {"lamp": lamp, "bell": dg.ResourceDefinition.hardcoded_resource("ding")}
"""

PIPELINES = """
from pathlib import Path

from util_services.plugins import hookimpl


@hookimpl
def register_pipelines():
    return sorted((Path(__file__).parent / "pipelines").iterdir())
"""


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """Return a function that gives the plugins: one with ops, and one with these pipelines."""
    folder = tmp_path / "installed"
    (folder / "pipelines").mkdir(parents=True)
    monkeypatch.syspath_prepend(folder)
    for name, source in (("ops_of_pipelines", OPS), ("pipeline_files", PIPELINES)):
        (folder / f"{name}.py").write_text(source)
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        distribution = name.replace("_", "-")
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[data_services]\n{distribution} = {name}\n")
    importlib.invalidate_caches()

    def with_pipelines(**texts):
        for name, text in texts.items():
            (folder / "pipelines" / f"{name}.yaml").write_text(text)
        names = ["util-services", "ops-of-pipelines", "pipeline-files"]
        return PluginManager(allowed=names, blocked=(), log_failures=False)

    yield with_pipelines
    for name in ("ops_of_pipelines", "pipeline_files"):
        sys.modules.pop(name, None)
