"""Make partitioned jobs, and the sensor that feeds one, of a file and the job that it names."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from util_services.chain import LOGGERS
from util_services.errors import ConfigurationError, quoted_name
from util_services.partitions.file import PartitionsFile
from util_services.partitions.template import filled
from util_services.runs.check import check_config, whole_config
from util_services.runs.op_names import REPORT_OP, WRITE_OP
from util_services.sensors.new_objects import NewObject, new_object_sensor

IO_MANAGER = "io_manager"  # which each job has, also one that leaves its resources to its host
PARTITIONS_TAG = "data_services/partitions"


def config_of_partition(
    file: PartitionsFile, job: dg.JobDefinition
) -> Callable[[str], dict[str, Any]]:
    """Return what makes the run config of a partition.

    Raises:
        ConfigurationError: when it is called with a key that is none.
    """
    given = {"ops": {name: {"config": config} for name, config in file.ops.items()}}
    whole = whole_config(job, given)
    loggers = (job.run_config or {}).get("loggers", {name: {"config": {}} for name in LOGGERS})

    def run_config(key: str) -> dict[str, Any]:
        file.scheme.require(key)
        return {"ops": filled(whole["ops"], file.scheme, key), "loggers": loggers}

    return run_config


def partitioned(file: PartitionsFile, job: dg.JobDefinition, name: str) -> dg.JobDefinition:
    """Return a job of its own that does what another does, partition by partition.

    Raises:
        PartitionsError: naming file and line, if the job reads and writes no dataset, or the config
            is none of its.
    """
    nodes = {node.name for node in job.nodes}
    for op in file.ops:
        if op not in nodes:
            raise file.yaml.error(
                ("ops", op), f"'{file.job}' has no op '{op}'; it has {', '.join(sorted(nodes))}."
            )
    run_config = config_of_partition(file, job)
    example = "a" if file.scheme.start is None else file.scheme.key_of(file.scheme.start)
    try:
        check_config(job.graph.to_job(), {"ops": run_config(example)["ops"]})
    except ConfigurationError as error:
        places = {op: ("ops", op) for op in file.ops}
        raise file.yaml.located(str(error), places) from None
    return job.graph.to_job(
        name=name,
        description=f"{file.description} Runs {job.name} for a partition at a time.",
        resource_defs={key: one for key, one in job.resource_defs.items() if key != IO_MANAGER},
        logger_defs=dict(job.loggers),
        executor_def=job.executor_def if job.has_specified_executor else None,
        config=dg.PartitionedConfig(
            file.scheme.definition(name), run_config_for_partition_key_fn=run_config
        ),
        tags={**job.tags, PARTITIONS_TAG: file.scheme.kind},
        metadata=job.metadata,
    )


def sensor_of(file: PartitionsFile, jobs: Mapping[str, dg.JobDefinition]) -> dg.SensorDefinition:
    """Return the sensor that starts a run for each partition of which an object is new or changed.

    Args:
        file: what the file says, ``watch`` among it.
        jobs: the partitioned jobs by their storages.
    """
    if file.watch is None:
        raise AssertionError("the file has a 'watch'")
    job, last = jobs[file.watch.storage], REPORT_OP if REPORT_OP in file.ops else WRITE_OP
    config_of = config_of_partition(file, job)

    def run_config(new: NewObject) -> dict[str, Any]:
        config = config_of(str(new.partition))
        written = config["ops"][last]["config"]
        config["ops"][last]["config"] = {"overwrite": new.is_change, **written}
        return config

    status = dg.DefaultSensorStatus
    return new_object_sensor(
        f"{file.name}_arrivals",
        job=job,
        path=file.source.pattern,
        partitions=file.source,
        run_config=run_config,
        default_status=status.RUNNING if file.watch.running else status.STOPPED,
        description=f"Starts {job.name} for each partition with new or changed objects.",
        **file.watch.options,
    )


def base_jobs(
    file: PartitionsFile, jobs: Mapping[str, dg.JobDefinition]
) -> dict[str, dg.JobDefinition]:
    """Return the job that a file names and its twin, by their storages.

    Raises:
        PartitionsError: naming file and line, if they are not there.
    """
    names = {"local": f"{file.job}_job", "s3": f"{file.job}_job_s3"}
    for name in names.values():
        if name not in jobs:
            raise file.yaml.error(
                ("job",),
                f"there is no job {quoted_name(name)}; name one of 'data-services jobs' that has a "
                "twin on S3, without '_job'.",
            )
    return {storage: jobs[name] for storage, name in names.items()}
