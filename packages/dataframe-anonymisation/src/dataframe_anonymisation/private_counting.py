"""Frames and datasets as groups and numbers, for counts with differential privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataframe_anonymisation.datasets import as_rows, select_columns
from dataframe_anonymisation.differential import PrivateCounts, Sum, counted_privately
from dataframe_anonymisation.differential.facts import LIMITS, facts_of
from dataframe_anonymisation.values import encode
from util_services.errors import DatasetError, quoted_name
from util_services.flow.operate import Dataset, Outcome
from util_services.reports import Section, Table

if TYPE_CHECKING:
    import pandas as pd

    from dataframe_anonymisation.config import PrivateCountsConfig


def counts_of(config: PrivateCountsConfig) -> PrivateCounts:
    """Return what a configuration asks to count.

    Raises:
        PolicyError: if it contradicts itself.
    """
    return PrivateCounts(
        groups=config.groups,
        epsilon=config.epsilon,
        sums={
            name: Sum(lower=one.lower, upper=one.upper, step=one.step)
            for name, one in config.sums.items()
        },
        entity=config.entity,
        max_groups=config.max_groups,
        non_negative=config.non_negative,
    )


def count_dataset(dataset: Dataset, config: PrivateCountsConfig) -> Outcome:
    """Return the noisy counts and sums of a dataset; its needed columns are held in memory."""
    asked = counts_of(config)
    rows = select_columns(dataset, asked.columns)
    table = dataset.engine.consume(rows, lambda reader: reader.read_all())
    counted = count_table(table.rename_columns(asked.columns), asked)
    facts = facts_of(asked)
    return Outcome(
        as_rows(dataset, counted, pa.Schema.from_pandas(counted, preserve_index=False)),
        dropped=dataset.staged.rows,
        facts=facts,
        limits=LIMITS,
        sections=(_section(facts),),
        is_selection=False,
    )


def _section(facts: dict[str, Any]) -> Section:
    rows = tuple(
        (name, one["scale"], one["mean_error"], one["error_of_95_percent"])
        for name, one in facts["noise"].items()
    )
    text = (
        f"The table satisfies ε-differential privacy with ε = {facts['epsilon']} in all, between "
        f"{facts['neighbours']}.",
        "Each number has random noise, whose size is told here and does not depend on the data.",
    )
    columns = ("measure", "scale of the noise", "mean error", "error of 95 %")
    return Section("Noise", text=text, tables=(Table("Noise", columns, rows),))


def count_table(table: pa.Table, asked: PrivateCounts) -> pd.DataFrame:
    """Return the noisy counts and sums of the rows of an Arrow table.

    Raises:
        DatasetError: if a column that is summed has no numbers.
    """
    groups = np.zeros(table.num_rows, np.int64)
    for name, values in asked.groups.items():
        codes, texts = encode(table[name], name)
        places: dict[str | None, int] = {value: n for n, value in enumerate(values)}
        found = np.array([places.get(text, -1) for text in texts] or [-1], np.int64)[codes]
        is_in = (groups >= 0) & (found >= 0)
        groups = np.where(is_in, groups * len(values) + found, -1)
    persons = None
    if asked.entity is not None:
        persons = encode(table[asked.entity], asked.entity)[0]
    numbers = {name: _numbers(table[name], name) for name in asked.sums}
    return counted_privately(asked, groups, persons, numbers)


def _numbers(cells: Any, name: str) -> np.ndarray:
    """Return cells as floating-point numbers, NaN where there is none."""
    try:
        found = pc.cast(cells, pa.float64(), safe=False)
    except (pa.ArrowException, ValueError):
        raise DatasetError(
            f"The column {quoted_name(name)} has cells that are no numbers; cast or leave it out."
        ) from None
    return np.asarray(found.to_numpy(), np.float64)
