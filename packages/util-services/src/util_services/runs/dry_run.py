"""What a run would do: its operations on the first rows of the input, with nothing published.

No run is recorded, and nothing is left: what is staged is removed at the end. What is told is
counts and names.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from pydantic import BaseModel

from util_services.config import ReadDatasetConfig
from util_services.datasets.staged import StepReport
from util_services.errors import ConfigurationError
from util_services.flow.operate import Dataset, Outcome
from util_services.flow.plan import WritePlan
from util_services.flow.staging_area import StagingArea
from util_services.resources import STORAGE_KEY
from util_services.runs.check import (
    CHECKED_OPS,
    RunPlan,
    check_columns_of,
    check_run,
    is_last,
    operations_of,
    read_options,
)
from util_services.storage import LocalStorage, Storage

DRY_ROWS = 1000


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do.

    Attributes:
        job: the job.
        source: what it reads.
        target: where it would publish.
        rows: how many rows were looked at, from the first.
        steps: what the operations did to them.
    """

    job: str
    source: str
    target: str
    rows: int
    steps: tuple[StepReport, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "schema": 1,
            "status": "DRY_RUN",
            "job": self.job,
            "source": self.source,
            "target": self.target,
            "rows": self.rows,
            "steps": [
                {
                    "operation": step.operation,
                    "rows": {
                        "in": step.rows_in,
                        "out": step.rows_out,
                        "dropped": step.rows_dropped,
                        "quarantined": step.rows_quarantined,
                    },
                    "facts": dict(step.facts),
                    "warnings": list(step.warnings),
                }
                for step in self.steps
            ],
        }


@contextmanager
def storage_of_job(job: dg.JobDefinition) -> Iterator[Storage]:
    """Give the storage that a job is bound to, else the local one."""
    bound = (
        {STORAGE_KEY: job.resource_defs[STORAGE_KEY]} if STORAGE_KEY in job.resource_defs else {}
    )
    with dg.build_resources(bound) as resources:
        yield getattr(resources, STORAGE_KEY, None) or LocalStorage.from_environment()


def dry_run(
    job: dg.JobDefinition, run_config: Mapping[str, Any], run_id: str, rows: int = DRY_ROWS
) -> DryRun:
    """Do the operations of a job to the first rows of its input, and publish nothing.

    Raises:
        DataServicesError: in one sentence, for what would keep the run from its end.
    """
    with storage_of_job(job) as storage:
        planned = check_run(job, run_config, storage, run_id)
        if planned.read is None or planned.write is None:
            raise ConfigurationError(
                f"The job '{job.name}' reads no dataset, so there is nothing to try; run it."
            )
        limited = _limited(planned, run_config, rows)
        plan = check_run(job, limited, storage, run_id)
        area = StagingArea.of(storage)
        try:
            return _tried(job, plan, planned.write, storage, area, run_id)
        finally:
            area.remove(run_id)


def _limited(planned: RunPlan, run_config: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Return a run config that reads the first rows alone."""
    ops = {name: dict(op) for name, op in run_config.get("ops", {}).items()}
    for name, config in planned.configs.items():
        if isinstance(config, ReadDatasetConfig):
            options = read_options({name: config})
            asked = None if options is None else options.limit_rows
            given = ops.get(name, {}).get("config") or {}
            ops[name] = {"config": {**given, "limit_rows": min(rows, asked or rows)}}
    return {**run_config, "ops": ops}


def _tried(
    job: dg.JobDefinition,
    plan: RunPlan,
    target: WritePlan,
    storage: Storage,
    area: StagingArea,
    run_id: str,
) -> DryRun:
    from util_services.engines.choice import open_engine
    from util_services.engines.local import LocalEngine
    from util_services.flow.encode import Target
    from util_services.flow.inputs import Inputs
    from util_services.flow.operate import operate
    from util_services.flow.read import read_dataset

    if plan.read is None or plan.write is None:
        raise AssertionError("a job that reads has plans for reading and writing")
    with area.first_step(run_id) as staging:
        with LocalEngine(staging.scratch()) as engine:
            dataset = read_dataset(plan.read, staging, engine)
        rows = dataset.rows
        with open_engine(staging.scratch()) as chosen:
            for node, operation in operations_of(job):
                config = plan.configs[node]
                check_columns_of(operation, config, dataset.schema, storage)
                dataset = operate(
                    operation,
                    _bound(operation, config),
                    Dataset(chosen, dataset, Inputs(storage, staging)),
                    Target.of(plan.write, staging)
                    if is_last(job, node)
                    else Target.between(staging),
                    config.model_dump(mode="json"),
                )
        return DryRun(job.name, plan.read.origin.path, target.path, rows, dataset.steps)


def _bound(operation: str, config: BaseModel) -> Callable[[Dataset], Outcome]:
    """Return what an operation of a config does to a dataset."""
    function = CHECKED_OPS[operation].function
    if function is None:
        raise ConfigurationError(
            f"The operation '{operation}' is not declared in a form that can be tried; run it."
        )
    return lambda dataset: function(dataset, config)
