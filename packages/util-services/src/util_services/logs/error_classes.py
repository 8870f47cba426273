"""Name the classes of an error and of its causes, which is all that may be told of a foreign error.

The text of an error from Arrow, DuckDB or a CSV reader quotes the cell it stumbled over.
"""

from __future__ import annotations

from typing import Protocol


class SerialisedError(Protocol):
    """What Dagster stores of an error: its class name and the stored error that caused it."""

    @property
    def cls_name(self) -> str | None:
        """The name of the class."""

    @property
    def cause(self) -> SerialisedError | None:
        """The error it was raised from."""


def error_classes(error: BaseException) -> tuple[str, ...]:
    """Return the class names of an error and of its explicit causes, outermost first."""
    names = []
    current: BaseException | None = error
    while current is not None:
        names.append(type(current).__name__)
        current = current.__cause__
    return tuple(names)


def serialised_error_classes(error: SerialisedError) -> tuple[str, ...]:
    """Return the class names of a stored error and its causes, without Dagster's own wrappers."""
    names = []
    current: SerialisedError | None = error
    while current is not None:
        is_wrapper = (current.cls_name or "").startswith("Dagster") and current.cause is not None
        if not is_wrapper:
            names.append(current.cls_name or "unknown error")
        current = current.cause
    return tuple(names)
