"""What the report of a run says of the run itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        versions=versions_of(
            (step.operation for step in dataset.steps),
            {"pyspark" for step in dataset.steps if step.engine == "spark"},
        ),
        audit=str(link_before(context.instance, context.run_id) or ""),
    )


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def distribution_of(tags: Mapping[str, str], operations: Sequence[str]) -> str:
    """Return the package that brings a job: as its tags say, else that of its last operation."""
    told = tags.get("data_services/distribution")
    return told or [*_packages_of(operations)][-1]


def versions_of(operations: Iterable[str], engines: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of what computes: the package of each operation, and the engines'."""
    names = ["util-services", "dagster", "duckdb", *engines, *_packages_of(operations)]
    versions = {}
    for name in sorted(set(names)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _packages_of(operations: Iterable[str]) -> Iterator[str]:
    """Yield the packages of operations, those of the shared ones first."""
    own = "util-services"
    yield own
    for name in operations:
        if name in CHECKED_OPS:
            package = CHECKED_OPS[name].config.__module__.split(".")[0].replace("_", "-")
            if package != own:
                yield package
