"""Registers one's own jobs and ops: whatever the modules of `jobs` and `ops` define.

A file dropped into `data_services/jobs` is found with its jobs, sensors and schedules, one in
`data_services/ops` with its ops and graphs, a YAML file in `data_services/pipelines` becomes a job
that runs ops of any packages in a row, one in `data_services/partitions` a job that runs another
one partition by partition; nothing else is to be edited. Only what stands at the top of a module
counts. Import ops of other packages as you like, but not their jobs: a job that is
imported into a module there would count as one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from util_services.plugins.markers import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.resources.abc import Traversable
    from types import ModuleType

    import click
    import dagster as dg

T = TypeVar("T")


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition | dg.GraphDefinition]:
    """Return the ops and graphs in the modules of `data_services.ops`."""
    import dagster as dg

    from data_services import ops

    return [*_defined_in(ops, dg.OpDefinition), *_defined_in(ops, dg.GraphDefinition)]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs in the modules of `data_services.jobs`."""
    import dagster as dg

    from data_services import jobs

    return _defined_in(jobs, dg.JobDefinition)


@hookimpl
def register_pipelines() -> Iterable[Traversable]:
    """Return the pipeline files in `data_services.pipelines`."""
    return _files_in("pipelines")


@hookimpl
def register_partitions() -> Iterable[Traversable]:
    """Return the files of partitioned jobs in `data_services.partitions`."""
    return _files_in("partitions")


@hookimpl
def register_sensors() -> Iterable[dg.SensorDefinition]:
    """Return the sensors in the modules of `data_services.jobs`."""
    import dagster as dg

    from data_services import jobs

    return _defined_in(jobs, dg.SensorDefinition)


@hookimpl
def register_schedules() -> Iterable[dg.ScheduleDefinition]:
    """Return the schedules in the modules of `data_services.jobs`."""
    import dagster as dg

    from data_services import jobs

    return _defined_in(jobs, dg.ScheduleDefinition)


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """Return the demonstration, which uses all packages."""
    from data_services.demo.command import demo

    return [demo]


def _files_in(folder: str) -> list[Traversable]:
    """Return the YAML files in a folder of the package, by name."""
    from importlib.resources import files

    found = (files("data_services") / folder).iterdir()
    return sorted(
        (file for file in found if file.name.endswith((".yaml", ".yml"))),
        key=lambda file: file.name,
    )


def _defined_in(package: ModuleType, kind: type[T]) -> list[T]:
    """Return the objects of a kind in the modules of a package, each once."""
    from importlib import import_module
    from pkgutil import iter_modules

    found: dict[int, T] = {}
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, kind):
                found[id(value)] = value
    return list(found.values())
