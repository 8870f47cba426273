"""Drop rows and columns of which too much is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from data_processing.cleaning.arrays import array_of
from data_processing.cleaning.bounds import as_written
from data_processing.cleaning.schemas import Changed
from util_services.engines.stage_batches import Filter, Map
from util_services.engines.stage_fits import Aggregates, Fit, Fitted, Groups
from util_services.errors import ConfigurationError, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    import pyarrow as pa

    from util_services.engines.stages import Step

STEP = "drop_missing"
ROWS = "rows"


def drop(
    schema: pa.Schema,
    rows_above: float | None,
    columns: Sequence[str],
    columns_above: float | None,
    candidates: Sequence[str],
) -> list[Step]:
    """Return the parts that drop columns, then rows.

    Raises:
        ConfigurationError: if nothing is asked for, or options contradict one another.
    """
    if rows_above is None and columns_above is None:
        raise ConfigurationError("Give 'rows_above', 'columns_above' or both.")
    if (columns_above is None) != (not candidates):
        raise ConfigurationError("'columns_above' and 'candidates' go together; give both.")
    shared = [name for name in columns if name in candidates]
    if shared:
        raise ConfigurationError(
            f"'columns' names {quoted(shared)}, which may go as one of 'candidates'; leave it out "
            "of one of them."
        )
    if set(candidates) >= set(schema.names):
        raise ConfigurationError("'candidates' names all columns; leave at least one out.")
    parts: list[Step] = []
    if columns_above is not None:
        parts.append(_fit(candidates, as_written(columns_above)))
    if rows_above is not None:
        parts.append(Filter(STEP, Complete(tuple(columns), as_written(rows_above))))
    return parts


@dataclass(frozen=True, slots=True)
class Complete:
    """Chooses the rows that lack no more than a share of some columns, or of all."""

    columns: tuple[str, ...]
    share: Fraction

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return whether each row stays."""
        names = self.columns or tuple(frame.columns)
        missing = np.zeros(len(frame), np.int64)
        for name in names:
            missing += array_of(frame[name]).is_null().to_numpy(zero_copy_only=False)
        return pd.Series(missing <= math.floor(self.share * len(names)))


@dataclass(frozen=True, slots=True)
class Without:
    """Leaves out columns."""

    columns: tuple[str, ...]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows without them."""
        return frame.drop(columns=list(self.columns))


def _fit(candidates: Sequence[str], share: Fraction) -> Fit:
    names = frozenset(candidates)
    then = partial(_fitted, tuple(candidates), share)
    return Fit(STEP, names, Aggregates(partial(_counted, tuple(candidates))), then, names)


def _counted(candidates: Sequence[str], columns: Mapping[str, nw.Expr]) -> dict[str, nw.Expr]:
    missing = {_missing(n): columns[name].null_count() for n, name in enumerate(candidates)}
    return {ROWS: nw.len(), **missing}


def _missing(number: int) -> str:
    return f"missing_{number}"


def _fitted(candidates: Sequence[str], share: Fraction, groups: Groups) -> Fitted:
    (found,) = groups
    gone = tuple(
        name
        for n, name in enumerate(candidates)
        if not found[ROWS] or found[_missing(n)] > share * found[ROWS]
    )
    facts = {
        "columns_dropped": list(gone),
        "columns_kept": [name for name in candidates if name not in gone],
    }
    if not gone:
        return Fitted((), facts=facts)
    work = Map(STEP, Without(gone), frozenset(gone), Changed(dropped=frozenset(gone)))
    return Fitted((work,), facts=facts)
