"""The errors of this package: each names columns, counts and rules, and never a cell value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping


class PolicyError(ConfigurationError):
    """Raised when a policy contradicts itself or the columns that it is about."""


class HierarchyError(ConfigurationError):
    """Raised when a hierarchy is no tree over its column's values."""


class UncoveredValuesError(DatasetError):
    """Raised when columns hold values that their hierarchies do not know.

    Args:
        counts: how many distinct values each column has that its hierarchy lacks.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        super().__init__(dict(counts))
        self.counts = dict(counts)

    def __str__(self) -> str:
        """Return the sentence."""
        found = ", ".join(f"{quoted_name(name)} ({n})" for name, n in self.counts.items())
        return (
            f"Hierarchies lack values of their columns, by number of distinct values: {found}; add "
            "them, or set 'unknown_values' to 'own_leaf' or 'suppress'."
        )


class UnattainableError(DatasetError):
    """Raised when a privacy model cannot be met; says what is the best that could be."""


class VerificationError(DatasetError):
    """Raised when what was written does not meet what the search promised."""
