"""Choose some rows by chance, the same ones for the same seed.

Each row draws a number: that of its place in the stream that SplitMix64 makes of the seed (Steele,
Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, figure 17). Numbers of
one stream are all different. The rows with the least numbers are taken, so that the choice depends
on the seed and the places of rows alone, and a larger sample holds the smaller one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from data_processing.cleaning.tables import SIZE, Frame, count
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.engines.protocol import Engine
    from util_services.engines.stages import Rows

DRAWN, PLACE = "drawn", "place"
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
LAST_SHIFT = np.uint64(31)


@dataclass(frozen=True, slots=True)
class Draw:
    """Adds the number that each row draws."""

    seed: int

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with their numbers."""
        numbers = drawn(frame[NUMBER].to_numpy(np.int64), self.seed)
        held = pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(numbers)]))
        return frame.assign(**{DRAWN: held})


def drawn(places: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """Return the numbers at some places, from 0, of the stream of a seed; signed, for engines."""
    state = np.uint64(seed) + (places.astype(np.uint64) + np.uint64(1)) * GOLDEN
    for shift, factor in MIX:
        state = (state ^ (state >> shift)) * factor
    return (state ^ (state >> LAST_SHIFT)).view(np.int64)


def sample(
    rows: Rows, size: int | None, share: float | None, by: Sequence[str], seed: int
) -> Tabled:
    """Return some of the rows, in their order.

    Args:
        rows: the rows.
        size: how many rows are taken, or of each group; all of it where there are fewer.
        share: which share of all rows, or of each group, rounded to the nearest number of rows.
        by: columns whose values make groups; a missing value is a group of its own.
        seed: decides which rows are taken.

    Raises:
        ConfigurationError: unless either a number or a share is given.
    """
    if (size is None) == (share is None):
        raise ConfigurationError("Give either 'rows' or 'share'.")
    engine = rows.engine
    keys = {f"key_{place}": rows.places[name] for place, name in enumerate(by)}
    narrow = engine.select(rows.frame, {NUMBER: NUMBER} | keys)
    schema = engine.arrow_schema(narrow).append(pa.field(DRAWN, pa.int64()))
    scored = engine.materialise(engine.map_batches(narrow, Draw(seed), schema))
    if keys:
        found = _losers_of_groups(scored, list(keys), size, share)
    else:
        found = _losers(engine, scored, size, share)
    losers = engine.materialise(found.select(NUMBER))
    return Tabled(frame=engine.drop_rows(rows.frame, NUMBER, losers), dropped=count(engine, losers))


def _losers(engine: Engine, scored: Frame, size: int | None, share: float | None) -> Frame:
    """Return the rows that are not taken."""
    total = count(engine, scored)
    taken = size if share is None else math.floor(total * share + 0.5)
    if not taken:
        return scored
    (last,) = engine.rows(scored.sort(DRAWN).head(taken).select(nw.col(DRAWN).max()))
    if last[DRAWN] is None:
        return scored
    return scored.filter(nw.col(DRAWN) > last[DRAWN])


def _losers_of_groups(
    scored: Frame, keys: list[str], size: int | None, share: float | None
) -> Frame:
    """Return the rows that are not taken of each group."""
    place = nw.col(NUMBER).cum_count().over(*keys, order_by=DRAWN).alias(PLACE)
    if share is None:
        return scored.with_columns(place).filter(nw.col(PLACE) > size)
    sized = scored.with_columns(place, nw.len().over(*keys).alias(SIZE))
    return sized.filter(nw.col(PLACE) > (nw.col(SIZE) * share + 0.5).floor())
