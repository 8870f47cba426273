"""The executor: in this process by default; a process or pod a step on request.

A step in a process of its own costs a fresh interpreter, seconds before the first row, and most
jobs here are two or three steps over one dataset. Whoever launches a run may choose otherwise:

    execution: {config: {multiprocess: {max_concurrent: 2}}}
    execution: {config: {k8s: {}}}

The last gives each step a pod, by the executor of dagster-k8s; such steps hand over their files
through staging in S3, for they share no disk.

However a run ends, between its steps too, its staging goes with it, and its end is recorded in the
audit.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services import settings
from util_services.errors import ConfigurationError
from util_services.flow.staging import remove_all_of
from util_services.flow.staging_area import StagingArea
from util_services.runs.audit_tags import opening_tags_of
from util_services.runs.auditing import audited_run
from util_services.runs.dead_runs import process_tag
from util_services.storage import LocalStorage, S3Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig

KUBERNETES = "k8s"
_ANY_KEYS: Any = dg.Permissive()  # type: ignore[no-untyped-call]
_POD = {  # as dagster-k8s calls them; what is not said comes from launcher and code location
    "max_concurrent": dg.Field(
        dg.IntSource, is_required=False, description="How many pods of a run may be at work."
    ),
    "step_k8s_config": dg.Field(
        _ANY_KEYS, is_required=False, description="Kubernetes' settings of each step's pod."
    ),
    "per_step_k8s_config": dg.Field(
        _ANY_KEYS, is_required=False, description="The same by the name of the op."
    ),
}
_DAGSTER_DEFAULT = dg.multi_or_in_process_executor  # the same choice, the other way round


class TidyExecutor(dg.Executor):
    """An executor that removes what a run has staged when the run ends, in whatever way.

    A step removes it when it fails or is interrupted; nobody but the executor is there when a run
    is cancelled between two steps, or when the process of a step is killed.
    """

    def __init__(self, executor: dg.Executor) -> None:
        self.executor = executor

    @property
    def retries(self) -> RetryMode:
        """Whether failed steps are tried again."""
        return self.executor.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """What a step waits for."""
        return self.executor.step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Execute the steps, then tidy up; say which process does, for it may be killed."""
        run_id = plan_context.run_id
        tags = process_tag(run_id) | opening_tags_of(plan_context.dagster_run)
        plan_context.instance.add_run_tags(run_id, tags)
        try:
            with audited_run(plan_context) as watch:
                for event in self.executor.execute(plan_context, execution_plan):
                    watch(event)
                    yield event
        finally:
            tidy_up(run_id)


def staging_bases() -> tuple[Path, ...]:
    """Return where the runs on this machine stage, on whatever storage."""
    return LocalStorage.from_environment().staging_base(), S3Storage.staging_base()


def tidy_up(run_id: str) -> None:
    """Remove what a run has staged on a storage that the environment describes, or in here."""
    from util_services.runs.recording import settle_ended

    bases = staging_bases()
    settle_ended(run_id)
    remove_all_of(run_id, bases)
    with suppress(ConfigurationError):  # of settings with which nothing could be staged
        for base in bases:
            StagingArea.at(base).remove(run_id)


def _create(context: dg.InitExecutorContext) -> dg.Executor:
    if KUBERNETES in context.executor_config:
        return TidyExecutor(_in_pods(context))
    create = _DAGSTER_DEFAULT.executor_creation_fn
    if create is None:
        raise AssertionError("Dagster's default executor can be made")
    return TidyExecutor(create(context))


def _in_pods(context: dg.InitExecutorContext) -> dg.Executor:
    """Return Dagster's executor that gives each step a pod.

    Raises:
        ConfigurationError: if steps would not find the files of one another.
    """
    if settings.bucket_of("STAGING") is None:
        raise ConfigurationError(
            "Steps in pods of their own hand over their files in a bucket; set "
            f"{settings.PREFIX}STAGING to s3://BUCKET/PREFIX, or run the steps in one process."
        )
    try:
        from dagster_k8s import k8s_job_executor
    except ImportError:
        raise ConfigurationError(
            "Steps in pods of their own need the package dagster-k8s; install "
            "data-services[platform]."
        ) from None
    create = k8s_job_executor.executor_creation_fn
    if create is None:
        raise AssertionError("Dagster's executor for Kubernetes can be made")
    chosen: Any = context.executor_config[KUBERNETES]
    return create(context._replace(executor_config={"retries": {"disabled": {}}, **chosen}))


def _requirements(config: Mapping[str, object]) -> list[Any]:
    """Return what an executor needs of the instance: with steps elsewhere, one that lasts."""
    config = {"multiprocess": {}} if KUBERNETES in config else config
    return list(_DAGSTER_DEFAULT.get_requirements(dict(config)))


def _choices() -> dict[str, dg.Field]:
    """Return what a run config may choose, and the settings of each."""
    selector: Any = _DAGSTER_DEFAULT.config_schema.config_type
    pods = dg.Shape(_POD)  # type: ignore[no-untyped-call]
    return {**selector.fields, KUBERNETES: dg.Field(pods, is_required=False)}


in_process_or_multiprocess_executor = dg.ExecutorDefinition(
    name="in_process_or_multiprocess",
    description=(
        "Runs all steps in one process, or each in a process or pod of its own where run config "
        "says so."
    ),
    config_schema=dg.Field(
        dg.Selector(_choices()),  # type: ignore[no-untyped-call]
        default_value={"in_process": {}},
    ),
    requirements=_requirements,
    executor_creation_fn=_create,
)
