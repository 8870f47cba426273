"""What one plugin brings to the code location, checked for type and listed by Dagster's names."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
from dagster._core.definitions.partitions.partitioned_schedule import (
    UnresolvedPartitionedAssetScheduleDefinition,
)
from dagster._core.definitions.target import ANONYMOUS_ASSET_JOB_PREFIX
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster_shared.record import copy

from util_services.plugins.manager import DAGSTER_HOOKS, PluginManager

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from util_services.plugins.records import Plugin

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

ACCEPTED_TYPES: dict[str, tuple[type, ...]] = {
    "register_ops": (dg.OpDefinition, dg.GraphDefinition),
    "register_jobs": (dg.JobDefinition, UnresolvedAssetJobDefinition),
    "register_pipelines": (Traversable,),
    "register_partitions": (Traversable,),
    "register_assets": (dg.AssetsDefinition, dg.AssetSpec, dg.SourceAsset),
    "register_sensors": (dg.SensorDefinition,),
    "register_schedules": (
        dg.ScheduleDefinition,
        UnresolvedPartitionedAssetScheduleDefinition,
    ),
    "register_loggers": (dg.LoggerDefinition,),
}
MAPPING_HOOKS = ("register_resources", "register_loggers")


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that a plugin occupies in one of Dagster's namespaces, and the object behind it."""

    namespace: str
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Contribution:
    """The Dagster objects of one plugin."""

    plugin: Plugin
    ops: tuple[dg.OpDefinition | dg.GraphDefinition, ...]
    jobs: tuple[Job, ...]
    pipelines: tuple[Traversable, ...]  # files, of which jobs are made when all ops are known
    partitions: tuple[Traversable, ...]  # files, of which jobs are made when all jobs are known
    assets: tuple[Any, ...]
    sensors: tuple[dg.SensorDefinition, ...]
    schedules: tuple[Any, ...]
    resources: dict[str, Any]
    loggers: dict[str, dg.LoggerDefinition]

    def claims(self) -> Iterator[Claim]:
        """List the names that the plugin occupies, jobs first, since a job names its graph too."""
        for job in (*self.jobs, *self.targets()):
            yield Claim("job", job.name, job)
        for instigator in (*self.sensors, *self.schedules):
            yield Claim("sensor or schedule", instigator.name, instigator)
        for node in self._nodes():
            yield Claim("op or graph", node.name, node)
        for asset in self.assets:
            yield from _asset_claims(asset)
        for key, resource in self.resources.items():
            yield Claim("resource", key, resource)
        for name, logger in self.loggers.items():
            yield Claim("logger", name, logger)

    def targets(self) -> Iterator[Job]:
        """List the jobs that the plugin's sensors and schedules hold; Dagster offers these too."""
        for instigator in (*self.sensors, *self.schedules):
            yield from target_jobs(instigator)

    def _nodes(self) -> Iterator[Any]:
        for op in self.ops:
            yield op
            if isinstance(op, dg.GraphDefinition):
                yield from op.iterate_node_defs()
        for job in (*self.jobs, *self.targets()):
            if isinstance(job, dg.JobDefinition):
                yield from (*job.all_node_defs, job.graph)
        for asset in self.assets:
            if isinstance(asset, dg.AssetsDefinition) and asset.is_executable:
                yield asset.node_def


def target_jobs(instigator: Any) -> list[Job]:
    """Return the job objects that a sensor or schedule holds, without Dagster's anonymous ones."""
    if isinstance(instigator, UnresolvedPartitionedAssetScheduleDefinition):
        return [instigator.job]
    targets = (
        instigator.targets if isinstance(instigator, dg.SensorDefinition) else [instigator.target]
    )
    jobs = [target.job_def for target in targets if target.has_job_def]
    return [job for job in jobs if not job.name.startswith(ANONYMOUS_ASSET_JOB_PREFIX)]


def with_jobs(instigator: Any, jobs: Mapping[int, Job]) -> Any:
    """Return a sensor or schedule that holds other jobs instead, by the identity of the old.

    Dagster refuses a location in which a sensor holds another object than the job of that name.
    """
    held = target_jobs(instigator)
    if not any(id(job) in jobs for job in held):
        return instigator
    renewed = [jobs.get(id(job), job) for job in held]
    if isinstance(instigator, dg.SensorDefinition):
        with warnings.catch_warnings():  # Dagster's copy uses its own parameter in beta, 'owners'
            warnings.simplefilter("ignore", dg.BetaWarning)
            return instigator.with_updated_jobs(renewed)
    if isinstance(instigator, dg.ScheduleDefinition):
        return instigator.with_updated_job(renewed[0])
    return copy(instigator, job=renewed[0])


def contributions(manager: PluginManager) -> list[Contribution]:
    """Return what each plugin brings; one with an object of a wrong type is left out."""
    found: dict[Plugin, dict[str, Any]] = {plugin: {} for plugin in manager.plugins}
    for hook in DAGSTER_HOOKS:
        for result in manager.results(hook):
            found[result.plugin][hook.removeprefix("register_")] = result.value
            _leave_out_wrong_types(manager, result.plugin, hook, result.value)
    empty: dict[str, Any] = {
        hook.removeprefix("register_"): {} if hook in MAPPING_HOOKS else ()
        for hook in DAGSTER_HOOKS
    }
    return [Contribution(plugin, **{**empty, **found[plugin]}) for plugin in manager.plugins]


def _leave_out_wrong_types(
    manager: PluginManager, plugin: Plugin, hook: str, value: tuple[Any, ...] | dict[str, Any]
) -> None:
    accepted = ACCEPTED_TYPES.get(hook, (object,))
    for item in value.values() if isinstance(value, dict) else value:
        if not isinstance(item, accepted):
            wanted = " or ".join(kind.__name__ for kind in accepted)
            manager.leave_out(
                plugin,
                hook,
                "return_type",
                f"The hook '{hook}' of {plugin} returned an object of type "
                f"{type(item).__name__}; return objects of type {wanted}.",
            )
            return


def _asset_claims(asset: Any) -> Iterator[Claim]:
    if isinstance(asset, dg.AssetsDefinition):
        for key in asset.keys:
            yield Claim("asset", key.to_user_string(), asset)
        for check in asset.check_keys:
            yield Claim("asset check", f"{check.asset_key.to_user_string()}:{check.name}", asset)
    else:
        yield Claim("asset", asset.key.to_user_string(), asset)
