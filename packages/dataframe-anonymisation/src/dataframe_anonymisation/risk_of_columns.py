"""The risks of a table as it is, from its encoded columns: the same for a frame and a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.hierarchies import Hierarchy
from dataframe_anonymisation.risk import Risk, rank_columns, risk_of
from dataframe_anonymisation.table import Cells, tabulate
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.preparing import Encoded

PERSONS = "persons"


@dataclass(frozen=True, slots=True)
class Assessed:
    """Risks of rows or persons, and how much each column tells apart."""

    risk: Risk
    ranks: dict[str, dict[str, float]]


def assess(
    columns: Mapping[str, Encoded],
    persons: Encoded | None,
    counts: np.ndarray,
    threshold: float,
) -> Assessed:
    """Return the risks of rows that stand for so many, or of persons if it is known whose they are.

    Rows of nobody known are in no class of persons.
    """
    taxonomies, codes = [], []
    for name, column in columns.items():
        numbers = [str(code) for code in range(len(column.values))]  # values may be '*' here
        taxonomy = Hierarchy.suppression().over(name, numbers)
        places = np.array([taxonomy.index[number] for number in numbers], np.int32)
        taxonomies.append(taxonomy)
        codes.append(places[column.codes])
    cells = {}
    if persons is not None:
        cells[PERSONS] = Cells(slice(None), persons.codes, persons.values, counts)
    table, _ = tabulate(taxonomies, codes, cells, counts)
    sizes = table.counts
    if persons is not None:
        sizes = table.attributes[PERSONS].distinct(len(table))
    return Assessed(risk_of(sizes, threshold), rank_columns(table))


def refuse_entity(quasi_identifiers: Sequence[str], entity: str | None) -> None:
    """Refuse columns that no risk can be told of.

    Raises:
        ConfigurationError: if no quasi-identifier is named, or the entity is one.
    """
    if not quasi_identifiers:
        raise ConfigurationError("'quasi_identifiers' must name at least one column.")
    if entity in quasi_identifiers:
        raise ConfigurationError(
            f"{quoted_name(str(entity))} says whose rows these are, and cannot be a "
            "quasi-identifier too; name it once."
        )
