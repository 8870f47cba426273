"""What the report of a run says of the run itself."""

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import dagster as dg

from util_services.datasets.staged import StagedDataset
from util_services.reports import RunFacts
from util_services.runs.auditing import link_before
from util_services.runs.check import CHECKED_OPS


def run_facts(context: dg.OpExecutionContext, dataset: StagedDataset) -> RunFacts:
    """Return what the report says of a run whose last step left this dataset."""
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.start_time if record is not None else None
    return RunFacts(
        run_id=context.run_id,
        job=context.job_name,
        started=_iso(started) if started is not None else "",
        finished=_iso(datetime.now(UTC).timestamp()),
        versions=_versions(context, dataset),
        audit=str(link_before(context.instance, context.run_id) or ""),
    )


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _versions(context: dg.OpExecutionContext, dataset: StagedDataset) -> dict[str, str]:
    """Return the versions of what computed: the package of each operation, and the engines'."""
    done = {step.operation for step in dataset.steps}
    modules = {
        CHECKED_OPS[node.definition.name].config.__module__.split(".")[0]
        for node in context.job_def.nodes_in_topological_order
        if node.definition.name in done
    }
    engines = {"pyspark" for step in dataset.steps if step.engine == "spark"}
    names = [
        "util-services",
        "dagster",
        "duckdb",
        *engines,
        *(name.replace("_", "-") for name in modules),
    ]
    versions = {}
    for name in sorted(set(names)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
