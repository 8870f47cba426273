"""Search logs for errors that a wrong dependency or a wrong database schema leaves there.

A finding names the file, the line and the error, never the line's text, which could quote anything.
"""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.errors import ConfigurationError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPENDENCY = (
    "ImportError",
    "ModuleNotFoundError",
    "PackageNotFoundError",
    "DistributionNotFound",
    "VersionConflict",
    "cannot open shared object file",
)
SCHEMA = (
    "DagsterInstanceMigrationRequired",
    "DagsterInstanceSchemaOutdated",
    "DagsterInvalidConfigDefinitionError",
    "DagsterInvalidConfigError",
    "DagsterInvalidDefinitionError",
    "UndefinedColumn",
    "UndefinedTable",
    "no such column",
    "no such table",
)
# Not among them is that a code server cannot be reached, as it happens while one is replaced.
LOADING = (
    "DagsterImportError",
    "DagsterUserCodeLoadError",
    "DagsterUserCodeProcessError",
    "is left out: ",  # as the plugin contract says it
)
WANTED = re.compile(
    "|".join(re.escape(words) for words in (*DEPENDENCY, *SCHEMA, *LOADING)).encode()
)
MAX_FOUND = 20


@dataclass(frozen=True, slots=True)
class LogFinding:
    """An error in a line of a log."""

    file: str
    line: int  # counted from 1
    error: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.error}"


def search_log(file: Path) -> list[LogFinding]:
    """Return the first errors in a log; ``-`` is the standard input.

    Raises:
        ConfigurationError: if it cannot be read.
    """
    try:
        return list(_search(file))
    except OSError as error:
        raise ConfigurationError(
            f"The log '{printable(str(file))}' cannot be read ({type(error).__name__}); name a "
            "file with '--log'."
        ) from None


def _search(file: Path) -> Iterator[LogFinding]:
    name = "standard input" if str(file) == "-" else printable(str(file))
    found = 0
    with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as log:
        for number, line in enumerate(log, start=1):
            if match := WANTED.search(line):
                yield LogFinding(name, number, match[0].decode().rstrip(": "))
                found += 1
                if found == MAX_FOUND:
                    return
