"""Make one Dagster code location of all plugins, without letting one of them break the others.

Names are checked over Dagster's real namespaces before Dagster sees them, because its own messages
do not say which packages clash. What Dagster then still refuses is traced to the plugin that
brought it. Resources and loggers of the code location replace those of the same name in packages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services.location.contributions import Contribution, Job, contributions, with_jobs
from util_services.location.logged import logged
from util_services.location.partitions import with_partitions
from util_services.location.pipelines import with_pipelines
from util_services.location.tagged import tagged
from util_services.plugins.discovery import HOST
from util_services.plugins.manager import (
    PluginManager,
    described,
    is_strict,
    plugin_manager,
    taken_reason,
)
from util_services.plugins.provenance import commit_of
from util_services.runs.executors import in_process_or_multiprocess_executor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.plugins.records import Plugin, PluginReport

METADATA_PREFIX = "data_services/"
REPORT_JOB = "plugin_report_job"  # has the report in its metadata, where GraphQL can ask for it
SHARED_NAMESPACES = ("job", "op or graph")  # several packages may bring one and the same object


@dataclass(frozen=True, slots=True)
class Location:
    """The definitions of the code location, and the report on the plugins that made it."""

    definitions: dg.Definitions
    report: PluginReport


def build_definitions(
    *, strict: bool | None = None, manager: PluginManager | None = None
) -> dg.Definitions:
    """Return the definitions of all plugins; see `build_location`."""
    return build_location(strict=strict, manager=manager).definitions


def build_location(
    *,
    strict: bool | None = None,
    manager: PluginManager | None = None,
    thorough: bool = False,
) -> Location:
    """Build the code location out of all plugins that keep the contract.

    All hooks are called, also those that bring no definitions, so that a plugin is either wholly
    in or wholly out. Each job carries its distribution, version and commit as metadata.

    Args:
        strict: whether a plugin at fault is an error; default as `is_strict` says.
        manager: the plugins to build from; default those of this process.
        thorough: whether pipelines are checked with heavy packages, too, which takes longer.

    Raises:
        PluginLoadError: in strict mode, if any plugin was left out.
    """
    manager = manager or plugin_manager()
    manager.call_every_hook()
    definitions = _definitions(manager, contributions(manager), thorough=thorough)
    if is_strict(strict):
        manager.raise_failures()
    return Location(definitions, manager.report())


def _definitions(
    manager: PluginManager, candidates: Sequence[Contribution], *, thorough: bool
) -> dg.Definitions:
    while True:
        accepted = _with_host_precedence([c for c in candidates if c.plugin in manager.plugins])
        if _leave_out_clashes(manager, accepted):
            continue
        whole, left_out = with_pipelines(accepted, thorough=thorough)
        whole, without = with_partitions(whole)
        left_out += without
        definitions = _assemble(whole, manager.report())
        error = _load_error(definitions)
        if error is None:
            for one in left_out:
                manager.leave_out_file(one.plugin, one.kind, one.reason)
            return _assemble(whole, manager.report()) if left_out else definitions
        if not _leave_out_invalid(manager, accepted):
            raise error


def _with_host_precedence(candidates: Sequence[Contribution]) -> list[Contribution]:
    hosts = [c for c in candidates if c.plugin.distribution == HOST]
    resources = {key for host in hosts for key in host.resources}
    loggers = {name for host in hosts for name in host.loggers}
    return [
        contribution
        if contribution in hosts
        else replace(
            contribution,
            resources={k: v for k, v in contribution.resources.items() if k not in resources},
            loggers={k: v for k, v in contribution.loggers.items() if k not in loggers},
        )
        for contribution in candidates
    ]


def _leave_out_clashes(manager: PluginManager, candidates: Sequence[Contribution]) -> bool:
    """Leave out each plugin that brings a taken name; tell whether there was one."""
    accepted: dict[tuple[str, str], tuple[Plugin, object]] = {}
    for contribution in candidates:
        own: dict[tuple[str, str], tuple[Plugin, object]] = {}
        for claim in contribution.claims():
            place = (claim.namespace, claim.name)
            earlier = own.get(place) or accepted.get(place)
            if earlier is None:
                own[place] = (contribution.plugin, claim.value)
            elif claim.namespace not in SHARED_NAMESPACES or earlier[1] is not claim.value:
                reason = taken_reason(*place, earlier[0], contribution.plugin)
                manager.leave_out(contribution.plugin, "location", "name_taken", reason)
                break
        else:
            accepted.update(own)
    return any(c.plugin not in manager.plugins for c in candidates)


def _leave_out_invalid(manager: PluginManager, candidates: Sequence[Contribution]) -> bool:
    """Leave out each plugin with which Dagster refuses to load; tell whether there was one.

    Every try has the resources and loggers of all, since a plugin may lean on those of another.
    """
    kept: list[Contribution] = []
    shared = [_only_resources(c) for c in candidates]
    for index, contribution in enumerate(candidates):
        attempt = _assemble([*kept, contribution, *shared[index + 1 :]], manager.report())
        if error := _load_error(attempt):
            manager.leave_out(
                contribution.plugin,
                "location",
                "definitions",
                f"Dagster refuses the definitions of {contribution.plugin}: {described(error)}; "
                "correct them or leave the package out with DATA_SERVICES_PLUGINS_BLOCK.",
                error,
            )
        else:
            kept.append(contribution)
    return any(c.plugin not in manager.plugins for c in candidates)


def _only_resources(contribution: Contribution) -> Contribution:
    nothing: dict[str, Any] = dict.fromkeys(
        ("ops", "jobs", "pipelines", "partitions", "assets", "sensors", "schedules"), ()
    )
    return replace(contribution, **nothing)


def _load_error(definitions: dg.Definitions) -> Exception | None:
    try:
        dg.Definitions.validate_loadable(definitions)
    except Exception as error:  # noqa: BLE001 - user code of any plugin may run here
        return error
    return None


def _assemble(accepted: Sequence[Contribution], report: PluginReport) -> dg.Definitions:
    shown = {f"{METADATA_PREFIX}plugins": dg.MetadataValue.json(report.to_dict())}
    loggers = {name: value for c in accepted for name, value in c.loggers.items()}
    jobs = _jobs_with_metadata(accepted, loggers, {REPORT_JOB: shown})
    return dg.Definitions(
        jobs=list(jobs.values()),
        assets=[asset for c in accepted for asset in c.assets],
        sensors=[with_jobs(sensor, jobs) for c in accepted for sensor in c.sensors],
        schedules=[with_jobs(schedule, jobs) for c in accepted for schedule in c.schedules],
        resources={key: value for c in accepted for key, value in c.resources.items()},
        loggers=loggers,
        executor=in_process_or_multiprocess_executor,
        metadata=shown,
    )


def _jobs_with_metadata(
    accepted: Sequence[Contribution],
    loggers: Mapping[str, dg.LoggerDefinition],
    further: Mapping[str, Mapping[str, Any]],
) -> dict[int, Job]:
    """Return all jobs, logged and with metadata and a tag of who brought them, by their originals.

    Some have further metadata, by the name of the job. A job that only a sensor or schedule holds
    is its package's too, unless another registers it.
    """
    originals: dict[int, tuple[Plugin, Job]] = {}
    for held in (lambda c: c.jobs, lambda c: tuple(c.targets())):
        for contribution in accepted:
            for job in held(contribution):
                originals.setdefault(id(job), (contribution.plugin, job))
    return {
        key: tagged(logged(job, loggers), plugin.distribution).with_metadata(
            {**(job.metadata or {}), **_provenance(plugin), **further.get(job.name, {})}
        )
        for key, (plugin, job) in originals.items()
    }


def _provenance(plugin: Plugin) -> dict[str, str]:
    commit = commit_of(plugin.distribution)
    return {
        f"{METADATA_PREFIX}distribution": plugin.distribution,
        f"{METADATA_PREFIX}version": plugin.version,
        f"{METADATA_PREFIX}commit": commit or "unknown",
    }
