"""Every error that util-services raises on purpose, and the base class that all packages share.

An error says who, what, which rule and the next step. It carries data as attributes (names, counts,
line numbers) and never a cell value, because its text ends in Dagster's event log. Arguments are
kept in ``args``, so that an error survives pickling across processes.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_NAMES_SHOWN = 20  # a wide table has thousands of columns; a sentence shows this many of them


class DataServicesError(Exception):
    """Base class of all expected errors: one sentence for the user, no traceback."""

    def __str__(self) -> str:
        """Return the sentence."""
        return " ".join(str(part) for part in self.args)


class RefusedError(DataServicesError):
    """Base class of what is refused before a row of data is read (exit code 2)."""


class ConfigurationError(RefusedError, ValueError):
    """Raised when a configuration cannot be carried out as it stands."""


class StorageError(RefusedError, OSError):
    """Raised when a storage refuses or cannot serve an address."""


class DatasetError(DataServicesError, ValueError):
    """Raised when the content of a dataset cannot be read or processed as declared."""


class CancelledError(DataServicesError):
    """Raised when a run was cancelled while an operation was at work."""


def quoted(names: Sequence[str], limit: int = MAX_NAMES_SHOWN) -> str:
    """Return names for a sentence: quoted, comma-separated, and cut after ``limit`` of them."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
