"""The job that shows in Dagster whether jobs would run here."""

from typing import Any

import dagster as dg
from pydantic import Field

from util_services.chain import LOGGERS
from util_services.health.checks import (
    DEFAULT_JOB,
    DEFAULT_RESOURCE,
    Health,
    HealthContext,
    check_health,
)
from util_services.runs.execute import new_run_id
from util_services.runs.failure import one_sentence


class HealthCheckConfig(dg.Config):
    """What is checked."""

    checks: list[str] = Field(
        default=[], description="The checks to run, by name; all of them where none is named."
    )
    job: str = Field(
        default=DEFAULT_JOB,
        description="The job on local files of which a slice is run, and its twin on S3.",
    )
    s3_resource_name: str = Field(
        default=DEFAULT_RESOURCE, description="The credential set of the S3 store."
    )


@dg.op(out=dg.Out(dg.Nothing))
def health_check(context: dg.OpExecutionContext, config: HealthCheckConfig) -> None:
    """Check storage, staging, engine and plugins, and run a slice of a real job.

    All checks are run, whatever they find, and are shown with reason and duration in the metadata
    of the op: as a table and, for machines, as 'health'. If one fails, so does the run.
    """
    with one_sentence():
        health = check_health(
            HealthContext(
                run_id=new_run_id(),
                job=config.job,
                s3_resource_name=config.s3_resource_name,
                instance=context.instance,
            ),
            config.checks,
        )
    if not health.is_ok:
        raise dg.Failure(health.sentence(), metadata=_metadata(health), allow_retries=False)
    context.log.info(health.sentence())
    context.add_output_metadata(_metadata(health))


@dg.job(
    logger_defs=LOGGERS,
    config={
        "ops": {health_check.name: {"config": HealthCheckConfig().model_dump(mode="json")}},
        "loggers": {name: {"config": {}} for name in LOGGERS},
    },
)
def health_check_job() -> None:
    """Check that jobs would run here: storage, staging, engine, plugins, and a slice of a job."""
    health_check()


def _metadata(health: Health) -> dict[str, Any]:
    rows = [
        dg.TableRecord(
            {
                "check": result.name,
                "status": result.status,
                "reason": result.reason,
                "seconds": result.seconds,
            }
        )
        for result in health.checks
    ]
    return {"checks": dg.MetadataValue.table(rows), "health": health.to_dict()}
