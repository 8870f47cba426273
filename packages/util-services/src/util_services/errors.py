"""Every error that util-services raises on purpose, and the base class that all packages share.

An error says who, what, which rule and the next step. It carries data as attributes (names, counts,
line numbers) and never a cell value, because its text ends in Dagster's event log. Arguments are
kept in ``args``, so that an error survives pickling across processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.plugins.records import PluginFailure

MAX_NAME_LENGTH = 80
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


class StateError(DataServicesError, OSError):
    """Raised when what sensors keep between their ticks cannot be read or written."""


class PluginLoadError(DataServicesError, RuntimeError):
    """Raised in strict mode when a plugin was left out; lists every failure."""

    def __init__(self, failures: Sequence[PluginFailure]) -> None:
        super().__init__(tuple(failures))
        self.failures = tuple(failures)

    def __str__(self) -> str:
        pipelines = sum(failure.kind == "pipeline" for failure in self.failures)
        counts = (len(self.failures) - pipelines, "plugin"), (pipelines, "pipeline")
        count = " and ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts if n)
        reasons = "\n".join(f"- {failure}" for failure in self.failures)
        return f"Strict mode accepts no plugin at fault, and {count} cannot be used:\n{reasons}"


class ConformanceError(DataServicesError, AssertionError):
    """Raised when a plugin does not keep the rules for plugins; lists every violation."""

    def __init__(self, distribution: str, violations: Sequence[str]) -> None:
        super().__init__(distribution, tuple(violations))
        self.distribution, self.violations = distribution, tuple(violations)

    def __str__(self) -> str:
        lines = "\n".join(f"- {violation}" for violation in self.violations)
        return f"The plugin {self.distribution} does not keep these rules:\n{lines}"


def quoted(names: Sequence[str], limit: int = MAX_NAMES_SHOWN) -> str:
    """Return names for a sentence: quoted, comma-separated, and cut after ``limit`` of them."""
    shown = ", ".join(map(quoted_name, names[:limit]))
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def quoted_name(name: str) -> str:
    """Return one name for a sentence, quoted.

    A name may hold anything, so it is cut at ``MAX_NAME_LENGTH``, and what would break the line or
    steer a terminal is written as an escape.
    """
    cut = name if len(name) <= MAX_NAME_LENGTH else name[:MAX_NAME_LENGTH] + "…"
    return f"'{printable(cut)}'"


def printable(text: str) -> str:
    """Return a text in which every character that cannot be printed is written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
