"""Make a row of each element of a list, or of each part of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from data_processing.cleaning.folding import is_text
from data_processing.cleaning.placing import column_of, sizes_of, whole
from util_services.engines.stage_batches import Expand, Filter
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

Empty = Literal["keep", "drop"]
LISTS = (types.is_list, types.is_large_list, types.is_fixed_size_list)


@dataclass(frozen=True, slots=True)
class Explosion:
    """The rows that are made of one.

    Attributes:
        column: the column of lists, or of texts.
        delimiter: what stands between two parts of a text; None of lists.
    """

    column: str
    delimiter: str | None

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, Sequence[int]]:
        """Return a row for each element, at least one for each row, and where each is from."""
        lists = self._lists(frame)
        sizes = sizes_of(lists, 0)
        origins = np.repeat(np.arange(len(frame)), np.maximum(sizes, 1))
        is_element = (sizes > 0)[origins]
        indices = np.maximum(np.cumsum(is_element) - 1, 0)
        values = pc.list_flatten(lists).take(pa.array(indices, mask=~is_element))
        rows = frame.take(origins).reset_index(drop=True)
        return rows.assign(**{self.column: column_of(values)}), list(origins)

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out."""
        if self.delimiter is not None:
            return given
        place = given.get_field_index(self.column)
        kind = given.field(place).type.value_type
        return given.set(place, pa.field(self.column, kind))

    def has_elements(self, frame: pd.DataFrame) -> pd.Series:
        """Return which rows have at least one element."""
        return pd.Series(sizes_of(self._lists(frame), 0) > 0)

    def _lists(self, frame: pd.DataFrame) -> pa.Array:
        values = whole(frame[self.column])
        return values if self.delimiter is None else pc.split_pattern(values, self.delimiter)


def explode(
    step: str, schema: pa.Schema, column: str, delimiter: str | None, empty: Empty
) -> list[Filter | Expand]:
    """Return the parts of the step that makes a row of each element.

    Raises:
        ConfigurationError: if the column holds neither lists nor texts, or if a delimiter is given
            for lists, or none for texts.
    """
    kind = schema.field(column).type
    if any(test(kind) for test in LISTS):
        if delimiter is not None:
            raise ConfigurationError(
                f"The column {quoted_name(column)} holds lists, which have no delimiter; take "
                "'delimiter' out."
            )
    elif not is_text(kind):
        raise ConfigurationError(
            f"The column {quoted_name(column)} holds {kind}, neither lists nor texts; leave it as "
            "it is."
        )
    elif not delimiter:
        raise ConfigurationError(
            f"The column {quoted_name(column)} holds texts; say with 'delimiter' what stands "
            "between two parts."
        )
    work = Explosion(column, delimiter)
    chosen = [Filter(step, work.has_elements)] if empty == "drop" else []
    return [*chosen, Expand(step, work, work.schema)]
