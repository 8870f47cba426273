"""What goes wrong inside an engine, as sentences that quote no cell.

Messages of DuckDB, Arrow and pandas quote the value that they stumble over, so none of them is
ever passed on; an error says its class and what to do. Discovery reads this module: it imports no
engine at its top.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from util_services.encryption.files import DamagedStagingError
from util_services.errors import (
    CancelledError,
    DataServicesError,
    DatasetError,
    RefusedError,
    quoted_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from util_services.engines.stage_notes import Note

SPILL_LIMIT = "max_temp_directory_size"  # by which DuckDB means the free space of the disk
# Raised inside queries of this engine, with the name of the column behind them.
NOT_FINITE = "data-services: a number is not finite"
NOT_A_YEAR = "data-services: a date is of no year from 1 to 9999"
MAX_ROWS_SHOWN = 5  # of a batch; they tell where to look, not how many there are
MAX_RULES_SHOWN = 5  # in a sentence
UNFIT_TEXT = re.compile(f"Invalid Input Error: ({NOT_FINITE}|{NOT_A_YEAR})<(.*)>", re.DOTALL)


class EngineError(DatasetError):
    """Raised when an engine cannot carry out a query."""


class EngineUnavailableError(RefusedError):
    """Raised before a row is read, when an engine is not installed or out of reach."""


class UnsupportedByEngineError(RefusedError):
    """Raised before a row is read, when an engine cannot do what an operation asks for."""


class EngineResourceError(EngineError):
    """Raised when an engine lacks memory, space or a file; the data has no part in it."""


class BatchContractError(DatasetError):
    """Raised when a function on batches returns other columns, types or rows than it declared."""


class RefusedCellsError(DatasetError):
    """Raised by a row-wise step that refuses cells; the chain tells of their rows by number.

    Attributes:
        problem: what is wrong, such as "The column 'age' holds what is no whole number".
        cure: what to do.
        positions: where in the batch the first of these cells are.
    """

    def __init__(self, problem: str, cure: str, positions: Sequence[int]) -> None:
        first = tuple(int(position) for position in positions[:MAX_ROWS_SHOWN])
        super().__init__(problem, cure, first)
        self.problem, self.cure, self.positions = problem, cure, first

    def __str__(self) -> str:
        """Return the sentence without rows."""
        return f"{self.problem}; {self.cure}."

    def at(self, place: str) -> RefusedCellsError:
        """Return the error with the place of the step, for a chain whose rows have no numbers."""
        return RefusedCellsError(f"{place}: {self.problem}", self.cure, self.positions)

    def in_rows(self, numbers: Sequence[int]) -> DatasetError:
        """Return the error with the numbers of the rows, which count from 0."""
        shown = ", ".join(map(str, numbers))
        rows = f"row{'s' if len(numbers) > 1 else ''} {shown} (the first row is 0)"
        return DatasetError(f"{self.problem} in {rows}; {self.cure}.")


def engine_failure(error: BaseException) -> BaseException:
    """Return the error that says in a sentence what an engine's own error means."""
    import duckdb

    if isinstance(error, DataServicesError) or not isinstance(error, Exception):
        return error
    if isinstance(error, duckdb.InterruptException):
        return CancelledError("The run was cancelled while the engine was at work.")
    if DamagedStagingError.__name__ in str(error):  # raised by our files, inside a query
        return DamagedStagingError()
    unfit = UNFIT_TEXT.fullmatch(str(error))  # anything else may quote a cell
    if unfit is not None and unfit[1] == NOT_FINITE:
        return DatasetError(
            f"The column {quoted_name(unfit[2])} holds NaN or an infinity, which JSON cannot "
            "write; write another format, or replace them first."
        )
    if unfit is not None:
        return DatasetError(
            f"The column {quoted_name(unfit[2])} holds a date outside the years 1 to 9999, which "
            "text cannot hold; write parquet, or replace it first."
        )
    if isinstance(error, duckdb.OutOfMemoryException) and SPILL_LIMIT in str(error):
        return EngineResourceError(
            "No space is left in the staging folder for what does not fit into memory; free some, "
            "set DATA_SERVICES_STAGING to another folder, or raise DATA_SERVICES_MEMORY_LIMIT."
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineResourceError(
            "The operation needs more memory than the engine may use; raise "
            "DATA_SERVICES_MEMORY_LIMIT or free space in the staging folder."
        )
    if isinstance(error, (duckdb.IOException, OSError)) and "No space left" in str(error):
        return EngineResourceError(
            "No space is left in the staging folder; free some or set another."
        )
    if isinstance(error, (duckdb.IOException, OSError)):
        return EngineResourceError(
            f"The engine cannot read or write a file ({type(error).__name__}); check that the "
            "source still exists and is complete."
        )
    return EngineError(
        f"The engine cannot process the data as it is ({type(error).__name__}); check that the "
        "columns have the types that the operation needs."
    )


class BrokenRulesError(DatasetError):
    """Raised when rows break what a step says that they must keep.

    Attributes:
        step: the step.
        rules: those that are broken, and by how many rows.
        notes: what the steps of the chain did, up to and with this one.
    """

    def __init__(self, step: str, rules: Sequence[str], notes: Sequence[Note] = ()) -> None:
        super().__init__(step, tuple(rules), tuple(notes))  # args rebuild it in another process
        self.step, self.rules, self.notes = step, tuple(rules), tuple(notes)

    def __str__(self) -> str:
        shown = "; ".join(self.rules[:MAX_RULES_SHOWN])
        more = len(self.rules) - MAX_RULES_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        return (
            f"{self.step}: the data break {len(self.rules)} of the rules of severity error: "
            f"{shown}{rest}; nothing was published. Correct the data, or give these rules the "
            "severity warn or quarantine."
        )


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Put the place of a step into the sentence of an error that ends it; its class stays.

    Args:
        place: where the step stands, such as ``steps[3] (split_column)``; nothing is done without.
    """
    try:
        yield
    except (CancelledError, BrokenRulesError):
        raise
    except RefusedCellsError as error:
        raise error.at(place) if place else error from None
    except DataServicesError as error:
        if not place:
            raise
        is_plain = error.args == (str(error),)
        kind = type(error) if is_plain else DatasetError
        raise kind(f"{place}: {error}") from None
    except Exception as error:
        if not place:
            raise
        raise EngineError(
            f"{place}: the step stopped on an unexpected {type(error).__name__}; check its options "
            "and the types of its columns."
        ).with_traceback(error.__traceback__) from None
