"""The pipelines of a code location: the files that plugins bring, made into jobs.

A pipeline that cannot run is left out by itself: the plugin whose file it is may bring much else,
and the op that it misses may be another package's. One that says which packages it needs is not
there without them, and that is no fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import dagster as dg

from util_services.pipelines.file import PipelineError, PipelineFile
from util_services.pipelines.jobs import Pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.location.contributions import Contribution
    from util_services.plugins.records import Plugin


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A pipeline or a partitioned job that cannot run, and why."""

    plugin: Plugin
    reason: str
    kind: Literal["pipeline", "partitions"] = "pipeline"


def with_pipelines(
    accepted: Sequence[Contribution], *, thorough: bool = False
) -> tuple[list[Contribution], list[LeftOut]]:
    """Return contributions with the jobs of their pipelines, and the pipelines left out.

    Args:
        accepted: what plugins bring.
        thorough: whether pipelines are checked as `Pipeline.jobs` says.
    """
    ops = {op.name: op for contribution in accepted for op in contribution.ops}
    resources = {key: value for one in accepted for key, value in one.resources.items()}
    taken = {(claim.namespace, claim.name) for one in accepted for claim in one.claims()}
    loaded = {one.plugin.distribution for one in accepted}
    jobs: dict[Plugin, list[dg.JobDefinition]] = {}
    left_out = []
    for contribution in accepted:
        for file in contribution.pipelines:
            try:
                pipeline = PipelineFile.read(file)
                if not loaded.issuperset(pipeline.packages):
                    continue
                made = _jobs(pipeline, ops, resources, taken, thorough=thorough)
            except PipelineError as error:
                left_out.append(LeftOut(contribution.plugin, str(error)))
            else:
                jobs.setdefault(contribution.plugin, []).extend(made)
    joined = [replace(one, jobs=(*one.jobs, *jobs.get(one.plugin, ()))) for one in accepted]
    return joined, left_out


def _jobs(
    pipeline: PipelineFile,
    ops: dict[str, dg.OpDefinition | dg.GraphDefinition],
    resources: dict[str, object],
    taken: set[tuple[str, str]],
    *,
    thorough: bool,
) -> tuple[dg.JobDefinition, ...]:
    """Return the jobs of a pipeline, and note their names as taken."""
    jobs = Pipeline.of(pipeline, ops, resources).jobs(thorough=thorough)
    names = {("op or graph", jobs[0].graph.name), *(("job", job.name) for job in jobs)}
    if clashes := sorted(names & taken):
        what, name = clashes[0]
        raise PipelineError(
            f"{pipeline.file}: the {what} '{name}' is already there; give the file another name."
        )
    for job in jobs:
        try:
            dg.Definitions.validate_loadable(dg.Definitions(jobs=[job], resources=resources))
        except dg.DagsterError as error:
            raise PipelineError(
                f"{pipeline.file}: Dagster refuses the job '{job.name}' "
                f"({type(error).__name__}); correct its ops."
            ) from error
    taken |= names
    return jobs
