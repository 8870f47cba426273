"""Errors of cells, told with the column and the rows of a dataset that they are of."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from field_pseudonymisation.errors import CellsError
from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTING = (pa.ArrowException, ValueError, ArithmeticError, TypeError)  # values, in their texts
NOT_FORESEEN = "values that the technique of its rule cannot work on, for a reason nobody foresaw"
CURE = "use another technique, and report this as a defect"


@contextmanager
def in_column(name: str, first_row: int) -> Iterator[None]:
    """Tell what goes wrong with cells of a batch in terms of the dataset, and without a value.

    Raises:
        CellsError: with the column, and rows counted from the first of the dataset.
    """
    try:
        yield
    except CellsError as error:
        raise error.in_column(name, first_row) from None
    except DataServicesError:
        raise
    except QUOTING:
        raise CellsError(name, NOT_FORESEEN, (), CURE) from None
