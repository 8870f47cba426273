"""From one declaration to an op, a graph and the two jobs of an operation.

    @operation(columns=lambda config: {"subset": config.subset})
    def remove_duplicates(dataset: Dataset, config: RemoveDuplicatesConfig) -> Outcome:
        \"\"\"Remove rows that repeat another row.\"\"\"

The function's name is the name of the op and, with ``_job`` and ``_job_s3`` behind it, of the jobs;
its docstring describes them; the class of ``config`` is the op's run config. Heavy packages are
imported inside the function, because discovery runs this module.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from util_services.chain import TAG_PREFIX, Link, chain_of, default_of, jobs_of
from util_services.config_schema import fields_of
from util_services.custom_json_logger import OPERATION_TAG
from util_services.datasets.staged import StagedDataset
from util_services.flow.operate import Outcome
from util_services.ops import operate_in_run, read_dataset, write_dataset, write_report
from util_services.plugins.discovery import provider_of
from util_services.plugins.provenance import commit_of
from util_services.resources import STORAGE_KEY
from util_services.runs.check import CHECKED_OPS, Check, CheckedOp, Columns, Parts, Ready, Sound


class Operation:
    """A declared operation; `operation` makes one.

    Args:
        function: what it does to a dataset.
        checked: its config, and what is checked of it before rows are read.
        name: what it is called, by default like the function.
        description: what it does, by default what the function says of itself.
        business_operation: what the platform calls it in business records.
        resources: further resources by their keys: the local job brings them along, since Dagster
            lets a job leave open all of its resources or none, and the twin wants them of its
            host. A function with an argument ``context`` gets the context of its op.
        is_report: whether its jobs publish what it tells, and no dataset.
    """

    def __init__(
        self,
        function: Callable[..., Outcome],
        checked: CheckedOp,
        *,
        name: str | None = None,
        description: str | None = None,
        business_operation: str | None = None,
        resources: Mapping[str, dg.ResourceDefinition] | None = None,
        is_report: bool = False,
    ) -> None:
        self.resources = dict(resources or {})
        self.last = write_report if is_report else write_dataset
        self.name = name or function.__name__
        self.business_operation = business_operation
        self.description = description or inspect.getdoc(function) or ""
        self.function, self.config = function, checked.config
        self._wants_context = "context" in inspect.signature(function).parameters
        if checked.function is None and not self._wants_context:  # which needs a run
            checked = replace(checked, function=function)
        CHECKED_OPS[self.name] = replace(checked, resources=self.resources)
        self.op = self._make_op()
        sample = default_of(read_dataset.name, path=checked.sample)
        self._links = (
            Link(read_dataset, read_dataset.name, sample),
            Link(self.op, self.name),
            Link(self.last, self.last.name),
        )
        self.graph = chain_of(self.name, self.description, self._links)

    def jobs(self, **tags: str) -> tuple[dg.JobDefinition, dg.JobDefinition]:
        """Return the job on local files and its twin on S3, from the same graph."""
        shared = {f"{TAG_PREFIX}{key}": tag for key, tag in (self._provenance() | tags).items()}
        if self.business_operation:
            shared[OPERATION_TAG] = self.business_operation
        return jobs_of(self.graph, self._links, resources=self.resources, tags=shared)

    def _provenance(self) -> dict[str, str]:
        """Return the tags that say who brought a job; the code location adds metadata to all."""
        plugin = provider_of(self.function.__module__)
        if plugin is None:
            return {}
        return {
            "distribution": plugin.distribution,
            "version": plugin.version,
            "commit": commit_of(plugin.distribution) or "unknown",
        }

    def _make_op(self) -> dg.OpDefinition:
        def compute(context, dataset):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            business_operation = self.business_operation or self.name.upper()
            given = {"context": context} if self._wants_context else {}
            function = partial(self.function, **given)
            return operate_in_run(context, function, dataset, business_operation)

        decorate = dg.op(
            name=self.name,
            description=self.description,
            config_schema=fields_of(self.config),
            ins={"dataset": dg.In(StagedDataset)},
            out=dg.Out(StagedDataset),
            required_resource_keys={STORAGE_KEY, *self.resources},
            tags={"data_services/operation": self.name},
        )
        return decorate(compute)


def operation(
    *,
    columns: Columns = lambda _: {},
    single_pass: bool = False,
    business_operation: str | None = None,
    check: Check | None = None,
    default: Mapping[str, Any] | None = None,
    resources: Mapping[str, dg.ResourceDefinition] | None = None,
    is_report: bool = False,
    publishes: bool = False,
    ready: Ready | None = None,
    sound: Sound | None = None,
    tried: Callable[[Any, Any], Outcome] | None = None,
    parts: Parts = lambda _: {},
) -> Callable[[Callable[..., Outcome]], Operation]:
    """Declare a function on a dataset as an operation.

    Args:
        columns: returns the columns that a config names, by option.
        single_pass: whether the function scans the dataset once and asks for no row numbers; text
            is then read where it is, without a copy in staging.
        business_operation: what the platform calls it, such as ``ANONYMISATION``: the tag of its
            jobs, and the operation of its business record. Default: the name in upper case, and no
            tag.
        check: refuses a config for a dataset of certain columns before its rows are read.
        default: the config with which the job runs as it is on the bundled sample.
        resources: further resources by their keys, which the local job brings along and the twin
            wants of its host. A function with an argument ``context`` gets that of its op.
        is_report: whether its jobs publish what it tells, and no dataset: they end in
            ``write_report``. Its function returns ``Outcome(None, …)``; in a pipeline the rows go
            on as they are.
        publishes: whether what it leaves must be what is published: it is the last before
            ``write_dataset``.
        ready: refuses a config before anything is read, wherever in a job the operation stands.
        sound: refuses a config that contradicts itself, as 'data-services check' does of pipelines
            that nobody runs; is given what reads the files that a config names, and which has none
            of them there.
        tried: what a dry run does with the first rows in place of a function that cannot be tried,
            because it needs a run or all rows.
        parts: returns what options hold that no class of the config describes, such as the steps of
            a recipe, by option; records of lineage tell of it what can hold no cell.
    """

    def declare(function: Callable[..., Outcome]) -> Operation:
        config = typing.get_type_hints(function)["config"]
        checked = CheckedOp(
            config,
            columns,
            single_pass,
            check,
            default or {},
            publishes=publishes,
            ready=ready,
            sound=sound,
            function=tried,
            parts=parts,
        )
        return Operation(
            function,
            checked,
            business_operation=business_operation,
            resources=resources,
            is_report=is_report,
        )

    return declare
