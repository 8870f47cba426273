"""Datasets in which personal data is looked for: the result is a report and a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa

from field_pseudonymisation.detectors.catalogue import NOT_LOOKED_FOR
from field_pseudonymisation.text.proposals import LIMITS, policy_text, propose
from field_pseudonymisation.text.registry import chosen_detectors
from util_services.flow.beside import POLICY
from util_services.flow.operate import Dataset, Outcome
from util_services.reports import Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from field_pseudonymisation.text.config import DetectPersonalDataConfig

ROW = "row"


def detect_in_dataset(dataset: Dataset, config: DetectPersonalDataConfig) -> Outcome:
    """Return what the columns of a dataset seem to hold, and a policy as a file beside it."""
    detectors = chosen_detectors(config.detectors)
    wanted = config.columns or dataset.schema.names
    sample = _sample(dataset, wanted, config.sample_rows)
    types = {one.name: one.type for one in dataset.schema.arrow}
    proposals = propose(sample, detectors, config.minimum_share, types=types)
    text = policy_text(proposals, config.keyset, config.domain)

    def write(file: Any) -> None:
        file.write_text(text, encoding="utf-8")

    records = [one.to_dict() for one in proposals]
    columns = tuple(records[0]) if records else ()
    rows = tuple(tuple(record.values()) for record in records)
    return Outcome(
        None,
        facts={
            "rows_looked_at": max((len(values) for values in sample.values()), default=0),
            "columns_with_personal_data": sum(1 for one in proposals if one.entity),
            "columns": records,
            "looked_for": sorted({one.entity for one in detectors}),
        },
        limits=(*LIMITS, f"Not looked for: {'; '.join(NOT_LOOKED_FOR.values())}."),
        sections=(Section("Proposals", tables=(Table("Columns", columns, rows),)),),
        beside={POLICY: write},
    )


def _sample(dataset: Dataset, columns: Sequence[str], rows: int) -> dict[str, pa.Array]:
    """Return rows that are spread evenly over a dataset."""
    number = ROW
    while number in dataset.schema.names:
        number += "_"
    step = max(1, -(-dataset.staged.rows // rows))
    scanned = dataset.scan(number).filter(nw.col(number) % step == 0)
    aliases = {f"column_{n}": name for n, name in enumerate(columns)}
    chosen = dataset.engine.select(scanned, aliases)
    table = dataset.engine.consume(chosen, lambda reader: reader.read_all())
    found = {}
    for alias, name in aliases.items():
        values = table.column(alias).combine_chunks()
        found[name] = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return found
