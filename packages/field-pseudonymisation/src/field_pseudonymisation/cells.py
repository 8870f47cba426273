"""Errors of cells, told with the column and the rows of a dataset that they are of."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from field_pseudonymisation.errors import CellsError
from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTING = (pa.ArrowException, ValueError, ArithmeticError, TypeError)  # values, in their texts
NOT_FORESEEN = "values that the technique of its rule cannot work on, by an unexpected"
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
    except QUOTING as error:
        raise CellsError(name, f"{NOT_FORESEEN} {_named(error)}", (), CURE) from None


def _named(error: Exception) -> str:
    """Return class and place of an error, whose text stays here."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
