"""Every error that this package raises on purpose; none holds a cell value or a key."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ROWS_SHOWN = 5  # they tell where to look, not how many there are


class FieldPseudonymisationError(DatasetError):
    """Base class of what goes wrong with the values of a dataset."""


class PolicyError(ConfigurationError):
    """Raised for a policy that cannot be carried out as it stands."""


class SmallDomainError(PolicyError):
    """Raised where format-preserving encryption has too few possible values."""

    def __init__(self, radix: int, length: int, minimum: int) -> None:
        super().__init__(radix, length, minimum)
        self.radix, self.length, self.minimum = radix, length, minimum

    def __str__(self) -> str:
        return (
            f"Format-preserving encryption wants at least {self.minimum:,} possible values (NIST "
            f"SP 800-38G); {self.length} characters of an alphabet of {self.radix} have fewer. "
            "Encrypt more characters, or use the technique 'encrypt' or 'tokenise'."
        )


class CellsError(FieldPseudonymisationError):
    """Raised for cells that cannot be transformed; tells the column and rows, never a value.

    Args:
        column: the column.
        reason: why, as a clause such as "it is too short".
        positions: where the cells are, from 0: in the column at hand, until ``from_row`` is used.
        cure: what to do.
    """

    def __init__(
        self, column: str, reason: str, positions: Iterable[int], cure: str = "correct the data"
    ) -> None:
        first = tuple(map(int, islice(positions, MOST_ROWS_SHOWN)))
        super().__init__(column, reason, first, cure)
        self.column, self.reason, self.positions, self.cure = column, reason, first, cure

    def in_column(self, column: str, first_row: int = 0) -> CellsError:
        """Return the error with the name of the column, and rows counted from that of a dataset."""
        rows = [first_row + position for position in self.positions]
        return type(self)(column, self.reason, rows, self.cure)

    def __str__(self) -> str:
        rows = ", ".join(map(str, self.positions))
        where = f", row{'s' if len(self.positions) > 1 else ''} {rows}" if rows else ""
        first = " (the first row is 0)" if rows else ""
        return f"Column {quoted_name(self.column)}{where}{first}: {self.reason}; {self.cure}."


class UnencryptableError(CellsError):
    """Raised for values that a technique cannot transform: too short, of strange characters."""


class TokenError(CellsError):
    """Raised for tokens that cannot be read back: changed, moved, or of another key or domain."""


class AppliedTwiceError(CellsError):
    """Raised where a column holds tokens of this package already."""
