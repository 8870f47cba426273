"""The partitioned jobs of a code location, and their sensors, made of the files of plugins.

Like a pipeline, one that cannot run is left out by itself, and one that says which packages it
needs is not there without them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from util_services.location.pipelines import LeftOut
from util_services.partitions.file import PartitionsError, PartitionsFile
from util_services.partitions.jobs import base_jobs, partitioned, sensor_of
from util_services.plugins.discovery import normalised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.location.contributions import Contribution
    from util_services.plugins.records import Plugin


def with_partitions(
    accepted: Sequence[Contribution],
) -> tuple[list[Contribution], list[LeftOut]]:
    """Return contributions with their partitioned jobs and sensors, and the files left out.

    Those of pipelines are jobs already.
    """
    jobs = {
        job.name: job for one in accepted for job in one.jobs if isinstance(job, dg.JobDefinition)
    }
    taken = {(claim.namespace, claim.name) for one in accepted for claim in one.claims()}
    loaded = {one.plugin.distribution for one in accepted}
    made_jobs: dict[Plugin, list[dg.JobDefinition]] = {}
    made_sensors: dict[Plugin, list[dg.SensorDefinition]] = {}
    left_out = []
    for contribution in accepted:
        for resource in contribution.partitions:
            try:
                file = PartitionsFile.read(resource)
                if not loaded.issuperset(map(normalised, file.packages)):
                    continue
                made, sensors = _made(file, jobs, taken)
            except PartitionsError as error:
                left_out.append(LeftOut(contribution.plugin, str(error), "partitions"))
            else:
                made_jobs.setdefault(contribution.plugin, []).extend(made)
                made_sensors.setdefault(contribution.plugin, []).extend(sensors)
    joined = [
        replace(
            one,
            jobs=(*one.jobs, *made_jobs.get(one.plugin, ())),
            sensors=(*one.sensors, *made_sensors.get(one.plugin, ())),
        )
        for one in accepted
    ]
    return joined, left_out


def _made(
    file: PartitionsFile, jobs: Mapping[str, dg.JobDefinition], taken: set[tuple[str, str]]
) -> tuple[list[dg.JobDefinition], list[dg.SensorDefinition]]:
    """Return what a file makes, and note its names as taken."""
    bases = base_jobs(file, jobs)
    made = {
        storage: partitioned(file, job, f"{file.name}_job{'_s3' if storage == 's3' else ''}")
        for storage, job in bases.items()
    }
    sensors = [sensor_of(file, made)] if file.watch is not None else []
    names = {("job", job.name) for job in made.values()}
    names |= {("sensor or schedule", sensor.name) for sensor in sensors}
    if clashes := sorted(names & taken):
        what, name = clashes[0]
        raise PartitionsError(
            f"{file.yaml.file}: the {what} '{name}' is already there; give the file another name."
        )
    taken |= names
    return list(made.values()), sensors
