"""The whole configuration of a run, checked before a row is read; the same check by every door.

Dagster checks keys, types and closed sets when a run is launched, but neither ranges nor rules
across fields, nor anything of the data. This module does both, in the first op of a run and
on the command line alike.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel

from util_services.audit.writer import check_writable
from util_services.config import (
    DEFAULT_INPUT,
    ReadDatasetConfig,
    WriteDatasetConfig,
    WriteReportConfig,
)
from util_services.datasets.schema import Schema
from util_services.datasets.staged import Origin, StagedDataset
from util_services.errors import ConfigurationError, printable, quoted_name
from util_services.flow.inputs import Inputs
from util_services.flow.plan import (
    ReadOptions,
    ReadPlan,
    WritePlan,
    plan_read,
    plan_report,
    plan_write,
)
from util_services.flow.report_plan import ReportPlan
from util_services.flow.staging_area import StagingArea
from util_services.models import LIST_WANTED, MAPPING_WANTED
from util_services.models import checked as build
from util_services.runs.op_names import READ_OP, REPORT_OP, SHARED_OPS, WRITE_OP
from util_services.runs.safe_parameters import Part
from util_services.storage.protocol import Storage

FORMS = {  # by kinds of Dagster's config types
    "ARRAY": LIST_WANTED,
    "STRICT_SHAPE": MAPPING_WANTED,
    "PERMISSIVE_SHAPE": MAPPING_WANTED,
    "MAP": MAPPING_WANTED,
    "SELECTOR": "must be one value, such as a text, or {env: VARIABLE}",
}

FORMER_KEYS = {  # of the platform's former configuration, and what to write here (PL-09)
    "ident": "'identifiers'",
    "supp_level": "'suppression_limit', a share from 0 to 1 and no percentage",
    "generalisation_hierarchies": "'hierarchies'",
    "used_function": "'rules', with a technique for each column",
    "bucket_name": "the 'path' of read_dataset and write_dataset",
    "file_key": "the 'path' of read_dataset and write_dataset",
    "key_name": "'keyset'",
}

PIPELINE_TAG = "data_services/pipeline"

Columns = Callable[[Any], Mapping[str, Iterable[str]]]
Check = Callable[[Any, Schema, Inputs], None]
Ready = Callable[[Any, Inputs], None]
Sound = Callable[[Any, Callable[[str], bytes]], None]
Parts = Callable[[Any], Mapping[str, Iterable[Part]]]


@dataclass(frozen=True, slots=True)
class CheckedOp:
    """What is known of an op beyond what Dagster knows."""

    config: type[BaseModel]
    columns: Columns = lambda _: {}  # the columns of its input that a config names, by option
    single_pass: bool = False  # whether it scans its input once
    check: Check | None = None  # what else is known without rows
    default: Mapping[str, Any] = field(default_factory=dict)  # config that runs on the sample
    sample: str = DEFAULT_INPUT  # what the default config reads
    function: Callable[[Any, Any], Any] | None = None  # what a dry run does with a dataset
    resources: Mapping[str, Any] = field(default_factory=dict)  # what its local job brings along
    publishes: bool = False  # whether what it leaves must be what is published
    ready: Ready | None = None  # refuses what no dataset could make right
    sound: Sound | None = None  # refuses what contradicts itself
    parts: Parts = lambda _: {}  # what options hold that have models of their own, by option


CHECKED_OPS: dict[str, CheckedOp] = {
    READ_OP: CheckedOp(ReadDatasetConfig),
    WRITE_OP: CheckedOp(WriteDatasetConfig),
    REPORT_OP: CheckedOp(WriteReportConfig),
}


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run is going to do: the config of each op, what is read and what is written."""

    configs: Mapping[str, BaseModel]
    read: ReadPlan | None
    write: WritePlan | ReportPlan | None


def check_run(
    job: dg.JobDefinition, run_config: Mapping[str, Any], storage: Storage, run_id: str
) -> RunPlan:
    """Check a run as far as it can be checked without reading rows.

    Raises:
        DataServicesError: in one sentence, for the first thing that is wrong.
    """
    from util_services.engines.choice import chosen_engine, encrypted_for_spark, open_engine
    from util_services.runs.recording import check_recorders

    check_writable()
    check_recorders()
    configs = check_config(job, run_config)
    reading = read_options(configs)
    if reading is None:
        return RunPlan(configs, None, None)
    open_engine(Path())  # which refuses settings of the environment that are none
    area = StagingArea.of(storage)
    area.check()
    if area.keys is not None and chosen_engine() == "spark":
        raise encrypted_for_spark()
    _check_ready(job, configs, storage)
    read = plan_read(storage, reading)
    if read.schema is not None:
        check_columns(job, configs, read.schema, storage)
    return RunPlan(configs, read, plan_output(configs, storage, read.origin, run_id))


def _check_ready(job: dg.JobDefinition, configs: Mapping[str, BaseModel], storage: Storage) -> None:
    """Check of every op what must hold or be there whatever is read."""
    inputs = Inputs(storage)
    for node in job.nodes_in_topological_order:
        checked = CHECKED_OPS.get(node.definition.name)
        if checked is not None and checked.sound is not None:
            checked.sound(configs[node.name], inputs.content)
        if checked is not None and checked.ready is not None:
            checked.ready(configs[node.name], inputs)


def read_options(configs: Mapping[str, BaseModel]) -> ReadOptions | None:
    """Return what a run reads; None for a job that reads no dataset."""
    found = (c.options() for c in configs.values() if isinstance(c, ReadDatasetConfig))
    return next(found, None)


def plan_output(
    configs: Mapping[str, BaseModel], storage: Storage, origin: Origin, run_id: str
) -> WritePlan | ReportPlan:
    """Return what a run publishes: a dataset with its reports, or a report alone.

    Raises:
        StorageError: if the place is taken or out of reach.
        ConfigurationError: if the format is not clear, or the output would replace the input.
    """
    for config in configs.values():
        if isinstance(config, WriteDatasetConfig):
            return plan_write(storage, config.options(), origin, run_id=run_id)
        if isinstance(config, WriteReportConfig):
            return plan_report(storage, config.options(), origin, run_id=run_id)
    raise ConfigurationError(
        f"The job reads a dataset but ends in neither '{WRITE_OP}' nor '{REPORT_OP}'; add one."
    )


def check_config(job: dg.JobDefinition, run_config: Mapping[str, Any]) -> dict[str, BaseModel]:
    """Return the config of each op that declares one, defaults and environment filled in.

    Raises:
        ConfigurationError: naming the place in the config, the rule and what is accepted.
    """
    try:
        resolved = dg.validate_run_config(job, whole_config(job, run_config))
    except dg.DagsterInvalidConfigError as error:
        raise ConfigurationError(_sentence(error, job)) from None
    configs = {}
    for node in job.nodes_in_topological_order:
        checked = CHECKED_OPS.get(node.definition.name)
        if checked is not None:
            values = resolved["ops"].get(node.name, {}).get("config") or {}
            place = f"ops.{node.name}.config"
            configs[node.name] = build(checked.config, values, place)
    return configs


def whole_config(job: dg.JobDefinition, run_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run config in which the ops of a pipeline have what its file says.

    What is given goes before, key by key of an op. The default config of other jobs runs on the
    sample, and is nothing to fall back on.
    """
    whole, given = dict(run_config), run_config.get("ops", {})
    if PIPELINE_TAG not in job.tags or not isinstance(given, Mapping):
        return whole
    return {**whole, "ops": laid_over((job.run_config or {}).get("ops", {}), given)}


def laid_over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configs of ops where those given go before others, key by key of an op."""
    ops = dict(given)
    for name, default in base.items():
        own = ops.get(name, {})
        config = own.get("config", {}) if isinstance(own, Mapping) else None
        if isinstance(config, Mapping):
            ops[name] = {**own, "config": {**default["config"], **config}}
    return ops


def check_columns(
    job: dg.JobDefinition, configs: Mapping[str, BaseModel], schema: Schema, storage: Storage
) -> None:
    """Check that the first operation finds the columns that its config names, and can use them.

    Raises:
        ConfigurationError: naming the option and the columns.
    """
    for node, operation in operations_of(job)[:1]:
        check_columns_of(operation, configs[node], schema, storage)


def check_columns_of(operation: str, config: BaseModel, schema: Schema, storage: Storage) -> None:
    """Check that an operation finds the columns that its config names, and can use them.

    Raises:
        ConfigurationError: naming the option and the columns.
    """
    checked = CHECKED_OPS[operation]
    schema.require(checked.columns(config))
    if checked.check is not None:
        checked.check(config, schema, Inputs(storage))


def reads_once(job: dg.JobDefinition) -> bool:
    """Return whether the first operation of a job scans its input once."""
    return any(CHECKED_OPS[operation].single_pass for _, operation in operations_of(job)[:1])


def is_last(job: dg.JobDefinition, node: str) -> bool:
    """Return whether what an operation writes is what is published."""
    return operations_of(job)[-1][0] == node


def operations_of(job: dg.JobDefinition) -> list[tuple[str, str]]:
    """Return the nodes of a job that are operations, in their order, and what these are called."""
    return [
        (node.name, node.definition.name)
        for node in job.nodes_in_topological_order
        if is_operation(node.definition)
    ]


def is_operation(op: Any) -> bool:
    """Return whether an op is one that does something to the dataset of a run."""
    if op.name not in CHECKED_OPS or op.name in SHARED_OPS:
        return False
    return any(given.dagster_type.typing_type is StagedDataset for given in op.input_defs)


def _sentence(error: dg.DagsterInvalidConfigError, job: dg.JobDefinition) -> str:
    """Return the first of Dagster's findings: where, which rule, what is accepted."""
    finding = error.errors[0]
    levels = finding.stack.levels
    place, data = printable(".".join(levels)) or "The run config", finding.error_data
    unknown = _names(data, "NotDefined")
    if unknown:
        return (
            f"{place}: unknown key {quoted_name(unknown[0])}.{_known_keys(unknown[0], levels, job)}"
        )
    missing = _names(data, "Missing")
    if missing:
        return f"{place}: the key '{missing[0]}' is missing; add it."
    snap = getattr(data, "config_type_snap", None)
    if snap is not None and snap.enum_values:
        accepted = ", ".join(f"'{value.value}'" for value in snap.enum_values)
        return f"{place}: must be one of {accepted}."
    if snap is not None and snap.given_name:
        return f"{place}: must be of the type {snap.given_name}."
    if snap is not None and snap.kind.name in FORMS:
        return f"{place}: {FORMS[snap.kind.name]}."
    return f"{place}: is not of the form that the job expects; see 'data-services config'."


def _names(data: Any, kind: str) -> list[str]:
    """Return the names that an error of Dagster's speaks of, if it is of this kind."""
    if kind not in type(data).__name__:
        return []
    return list(getattr(data, "field_names", ())) or [data.field_name]


def _known_keys(unknown: str, levels: Sequence[str], job: dg.JobDefinition) -> str:
    """Return a hint at the keys of an op's config, where that is the place."""
    if unknown in FORMER_KEYS:
        return (
            f" It is one of the platform's former configuration; here it is {FORMER_KEYS[unknown]}."
        )
    is_op = len(levels) > 1 and levels[0] == "ops" and job.graph.has_node_named(levels[1])
    op = job.graph.node_named(levels[1]).definition.name if is_op else ""
    checked = CHECKED_OPS.get(op)
    if checked is None or list(levels[2:]) != ["config"]:
        return " Remove it or correct its name."
    known = list(checked.config.model_fields)
    near = difflib.get_close_matches(unknown, known, n=1)
    return (f" Did you mean '{near[0]}'?" if near else "") + f" Known are {', '.join(known)}."
