"""Fill texts up to a width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.distinct import column, texts_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Padding:
    """The width in characters (code points) that texts have at least.

    An empty text stays empty: there is nothing in it that could have lost its leading zeros.
    """

    width: int
    side: Side = "left"
    character: str = "0"

    def of(self, texts: pa.Array) -> pa.Array:
        """Return texts filled up; longer ones as they are."""
        fill = pc.utf8_lpad if self.side == "left" else pc.utf8_rpad
        padded = fill(texts, self.width, self.character)
        return pc.if_else(pc.equal(texts, pa.scalar("", texts.type)), texts, padded)


def pad(frame: pd.DataFrame, columns: Iterable[str], padding: Padding) -> pd.DataFrame:
    """Return a frame with the texts of some columns filled up."""
    return with_columns(
        frame, {name: column(padding.of(texts_of(frame[name])), frame[name]) for name in columns}
    )
