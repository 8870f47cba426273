"""What Dagster's asset catalogue is told of the datasets that runs read and publish.

Which datasets there are is known only when somebody starts a run, so nothing can be declared
beforehand: a published dataset is a materialisation and the one it was made of an observation, both
in the same run. Each names its state by a digest, and the materialisation names its source, so that
lineage can be told from the events. A test run leaves no trace here, whose outputs are thrown away.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services.flow.objects import SAMPLE_SCHEME
from util_services.flow.plan import TEST_RUNS
from util_services.flow.report_plan import ReportPlan
from util_services.reports.record import digest_of_objects
from util_services.storage.patterns import Pattern, names_many

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from util_services.datasets.schema import Schema
    from util_services.datasets.staged import StagedDataset
    from util_services.flow.plan import WritePlan
    from util_services.flow.published import Published
    from util_services.storage.protocol import Location, Storage

SAFE = frozenset("_-. ()")  # beside letters and digits of any script
MAX_KEY_CHARACTERS = 400  # MySQL, which Dagster supports too, has room for 512
MAX_CHECK_NAME = 100
DATA_VERSION_TAG = "dagster/data_version"
SOURCE_KEY, CHECKS_KEY = "source", "checks"  # of metadata; `location.published_datasets` reads them
LOCAL, S3 = "file", "s3"  # what keys begin with


def asset_key(location: Location) -> dg.AssetKey:
    """Return the key of a dataset: ``file`` or ``s3`` and bucket, then its path.

    Equal places have equal keys and different ones different keys. Of each part of the path every
    character but letters, digits, spaces and ``_-.()`` is written as ``~`` and the two hexadecimal
    digits of each of its bytes in UTF-8: a ``%`` alone breaks the page of an asset in Dagster's UI.
    A key that would be too long ends in a digest of the path.
    """
    scheme = (S3, location.container) if location.container else (LOCAL,)
    parts = (*scheme, *(part for part in location.path.split("/") if part))
    key = tuple(map(_safe, parts))
    if len(json.dumps(key)) > MAX_KEY_CHARACTERS:
        digest = hashlib.sha256("/".join(parts).encode()).hexdigest()
        key = (*key[: len(scheme)], f"{key[-1][:40]}~~{digest}")
    return dg.AssetKey(key)


def is_dataset_key(key: dg.AssetKey) -> bool:
    """Whether a key is of the form that `asset_key` gives."""
    return len(key.path) > 1 and key.path[0] in (LOCAL, S3)


def observed(
    dataset: StagedDataset, storage: Storage, run_id: str, job: str
) -> dg.AssetObservation | None:
    """Return the event for a dataset that was read whole, None for a sample or a slice."""
    key = source_key(dataset, storage)
    if key is None or dataset.origin.limit_rows is not None:
        return None
    digest = digest_of_objects(dataset.objects)
    return dg.AssetObservation(
        asset_key=key,
        description=f"Read by {job}.",
        metadata=_metadata(dataset.rows, dataset.schema, digest, run_id, job)
        | {
            "path": dg.MetadataValue.path(str(place_of(dataset.origin.path, storage))),
            "bytes": sum(one.bytes for one in dataset.objects),
        },
        tags={DATA_VERSION_TAG: digest},
    )


def materialised(
    published: Published,
    dataset: StagedDataset,
    storage: Storage,
    run_id: str,
    job: str,
    recorded: Mapping[str, str] = MappingProxyType({}),
) -> dg.AssetMaterialization | None:
    """Return the event for a dataset that was published, None for a test run.

    Args:
        published: what was published.
        dataset: of which.
        storage: where.
        run_id: the run.
        job: its job.
        recorded: what those tell who record runs.
    """
    output = published.report.output
    if output is None or TEST_RUNS in published.location.path.split("/"):
        return None
    origin = dataset.origin.path
    source = source_key(dataset, storage)
    key = asset_key(place_of(output.path, storage))
    return dg.AssetMaterialization(
        asset_key=key,
        description=f"Published by {job}.",
        metadata=_metadata(published.rows, dataset.schema, published.sha256, run_id, job)
        | {
            "path": dg.MetadataValue.path(published.address),
            "bytes": published.bytes,
            "report": dg.MetadataValue.path(str(published.reports["report"])),
            "report_json": dg.MetadataValue.path(str(published.reports["report_json"])),
            SOURCE_KEY: dg.MetadataValue.asset(source) if source is not None else origin,
            "source_sha256": published.report.input.sha256,
            **_checks_table(checked(dataset, key)),
            **recorded,
        },
        tags={DATA_VERSION_TAG: published.sha256},
    )


def reported(
    published: Published, asset: dg.AssetKey, run_id: str, job: str
) -> dg.AssetObservation:
    """Return the event for a report on a dataset."""
    return dg.AssetObservation(
        asset_key=asset,
        description=f"Reported on by {job}.",
        metadata={
            "report": dg.MetadataValue.path(str(published.reports["report"])),
            "report_json": dg.MetadataValue.path(str(published.reports["report_json"])),
            "job": job,
            "run": dg.MetadataValue.dagster_run(run_id),
        },
    )


def checked_key(
    plan: WritePlan | ReportPlan, dataset: StagedDataset, storage: Storage
) -> dg.AssetKey | None:
    """Return the key of what the checks of a run are about, None for a test run or a sample.

    It is what a run is to publish, or what it is to report on.
    """
    if TEST_RUNS in plan.location.path.split("/"):
        return None
    if isinstance(plan, ReportPlan):
        return source_key(dataset, storage)
    return asset_key(place_of(plan.path, storage))


def checked(dataset: StagedDataset, asset: dg.AssetKey) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield an event for each rule that a step has checked on the way to an asset.

    A step tells of its rules under the key ``checks`` of its facts: each has a name, a severity,
    whether it was kept, and by how many rows it was broken.
    """
    names: set[str] = set()
    for step in dataset.steps:
        inner = [one.get("facts", {}) for one in step.facts.get("steps", ())]
        for facts in (step.facts, *inner):
            for check in facts.get("checks", ()):
                name = _check_name(check["name"], names)
                names.add(name)
                severity = "ERROR" if check["severity"] == "error" else "WARN"
                yield dg.AssetCheckEvaluation(
                    asset_key=asset,
                    check_name=name,
                    passed=check["passed"],
                    severity=dg.AssetCheckSeverity[severity],
                    description=check["name"],
                    metadata={key: check[key] for key in ("rule", "severity", "broken", "of")},
                )


def _checks_table(checks: Iterable[dg.AssetCheckEvaluation]) -> dict[str, Any]:
    """Return the metadata that lists checks, nothing where there are none."""
    rows = [dg.TableRecord(_row(check)) for check in checks]
    return {CHECKS_KEY: dg.MetadataValue.table(rows)} if rows else {}


def _row(check: dg.AssetCheckEvaluation) -> dict[str, Any]:
    told = {key: check.metadata[key].value for key in ("severity", "broken", "of")}
    return {"check": check.check_name, "rule": check.description, "passed": check.passed, **told}


def _check_name(told: str, taken: Collection[str]) -> str:
    """Return a name as Dagster's checks have them: ASCII letters, digits and underscores."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", told).strip("_")[:MAX_CHECK_NAME] or "check"
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def source_key(dataset: StagedDataset, storage: Storage) -> dg.AssetKey | None:
    """Return the key of the dataset that a run read, None for a sample."""
    path = dataset.origin.path
    return None if path.startswith(SAMPLE_SCHEME) else asset_key(place_of(path, storage))


def place_of(path: str, storage: Storage) -> Location:
    """Return the place that stands for a dataset: of many objects, the folder or the pattern."""
    if not names_many(path):
        return storage.resolve(path).current
    pattern = Pattern.of(path)
    inside = storage.resolve(f"{pattern.folder}x")
    return replace(inside, path=(inside.path[:-1] + pattern.rest).rstrip("/"))


def _metadata(rows: int, schema: Schema, digest: str, run_id: str, job: str) -> dict[str, Any]:
    return {
        **table_metadata(rows, schema),
        "sha256": digest,
        "job": job,
        "run": dg.MetadataValue.dagster_run(run_id),
    }


def table_metadata(rows: int, schema: Schema) -> Mapping[str, Any]:
    """Return rows and columns under the keys that Dagster's UI looks for."""
    columns = [dg.TableColumn(column.name, column.type) for column in schema]
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def _safe(part: str) -> str:
    return "".join(
        c if c.isalnum() or c in SAFE else "".join(f"~{byte:02X}" for byte in c.encode())
        for c in part
    )
