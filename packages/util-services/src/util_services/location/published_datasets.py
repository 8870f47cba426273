"""Declare to Dagster, when it loads the code location, the datasets that runs have published.

Its pages show lineage, checks and plots of declared assets alone, and which datasets there will be
nobody knows beforehand (see `asset_events`). So what the event log tells of them is declared anew
each time that the location is loaded in Dagster's code server; processes of runs do without.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)

from util_services.asset_events import CHECKS_KEY, SOURCE_KEY, is_dataset_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dagster._core.storage.event_log.base import AssetRecord

MAX_DATASETS = 500  # declared, the latest first: each load of the location is to stay short
GROUP = "published_datasets"
KINDS = frozenset({"csv", "tsv", "json", "jsonl", "parquet", "xlsx", "avro", "orc"})
CHECKS_OP = "checks_of_published_datasets"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """What the event log tells of a dataset.

    Attributes:
        key: its key.
        job: the job that published it last, empty for a dataset that runs only read.
        source: the key of the dataset that it was made of, None if that has none.
        checks: the names of its checks, with the rule of each.
    """

    key: dg.AssetKey
    job: str
    source: dg.AssetKey | None
    checks: Mapping[str, str]

    def spec(self) -> dg.AssetSpec:
        """Return the dataset as Dagster declares it."""
        kind = self.key.path[-1].rpartition(".")[2].lower()
        said = f"Published by `{self.job}`." if self.job else "Read by jobs, and published by none."
        return dg.AssetSpec(
            self.key,
            deps=[] if self.source is None else [self.source],
            description=said,
            group_name=GROUP,
            kinds={kind} & KINDS,
        )


def with_published_datasets(definitions: dg.Definitions) -> dg.Definitions:
    """Return the definitions together with the datasets that the event log tells of.

    They are as they were in a process that executes a run, without an instance, and where that
    does not answer: a location loads all the same.
    """
    loading = DefinitionsLoadContext.get().load_type
    if loading is not DefinitionsLoadType.INITIALIZATION or "DAGSTER_HOME" not in os.environ:
        return definitions
    try:
        with dg.DagsterInstance.get() as instance:
            found = published_datasets(instance)
        graph = definitions.resolve_asset_graph()
        return declared(definitions, [one for one in found if not graph.has(one.key)])
    except Exception as error:  # noqa: BLE001 - whatever a database says; no value of it is told
        logger.warning("Published datasets are not declared: %s.", type(error).__name__)
        return definitions


def declared(definitions: dg.Definitions, datasets: Sequence[PublishedDataset]) -> dg.Definitions:
    """Return definitions together with datasets, their lineage and their checks."""
    if not datasets:
        return definitions
    specs = [
        dg.AssetCheckSpec(name, asset=dataset.key, description=rule)
        for dataset in datasets
        for name, rule in dataset.checks.items()
    ]
    more = dg.Definitions(
        assets=[dataset.spec() for dataset in datasets],
        asset_checks=[_checks(specs)] if specs else [],
    )
    return dg.Definitions.merge(definitions, more)


def published_datasets(instance: dg.DagsterInstance) -> list[PublishedDataset]:
    """Return the latest published datasets and what they were made of, in the order of keys."""
    records = [
        record
        for record in instance.get_asset_records()
        if is_dataset_key(record.asset_entry.asset_key)
        and record.asset_entry.last_materialization is not None
    ]
    records.sort(key=lambda one: -(one.asset_entry.last_materialization_storage_id or 0))
    found = _without_circles([_published(record) for record in records[:MAX_DATASETS]])
    known = {one.key for one in found}
    sources = {one.source for one in found if one.source is not None} - known
    found += [PublishedDataset(key, "", None, {}) for key in sources]
    return sorted(found, key=lambda one: one.key)


def _published(record: AssetRecord) -> PublishedDataset:
    event = record.asset_entry.last_materialization
    told = event.asset_materialization if event is not None else None
    metadata: Mapping[str, Any] = told.metadata if told is not None else {}
    source, job, table = (metadata.get(key) for key in (SOURCE_KEY, "job", CHECKS_KEY))
    key = record.asset_entry.asset_key
    return PublishedDataset(
        key=key,
        job=str(job.value) if job is not None else "",
        source=source.asset_key if isinstance(source, dg.DagsterAssetMetadataValue) else None,
        checks=dict(_names(table.records)) if isinstance(table, dg.TableMetadataValue) else {},
    )


def _without_circles(datasets: Iterable[PublishedDataset]) -> list[PublishedDataset]:
    """Leave out each source that leads back to its dataset by later ones, as Dagster wants it."""
    sources: dict[dg.AssetKey, dg.AssetKey] = {}
    kept = []
    for dataset in datasets:
        place = dataset.source
        while place is not None and place != dataset.key:
            place = sources.get(place)
        if place is not None:
            kept.append(replace(dataset, source=None))
        else:
            kept.append(dataset)
            if dataset.source is not None:
                sources[dataset.key] = dataset.source
    return kept


def _names(rows: Iterable[dg.TableRecord]) -> Iterator[tuple[str, str]]:
    for row in rows:
        with suppress(KeyError):  # of another release
            yield str(row.data["check"]), str(row.data["rule"])


def _checks(specs: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    def refuse():  # type: ignore[no-untyped-def]  # noqa: ANN202 - Dagster reads annotations
        """Refuse to check by itself what is checked on the way to a dataset."""
        raise dg.Failure(
            "The rules of a dataset are checked by the jobs that publish it; launch one of these.",
            allow_retries=False,
        )

    return dg.multi_asset_check(name=CHECKS_OP, specs=specs, can_subset=True)(refuse)
