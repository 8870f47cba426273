"""What a format brings that the engine does not read itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from util_services.datasets.compression import DEFAULT_BOUNDS, Bounds
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

BATCH_ROWS = 10_000  # where rows become Python objects on their way
ErrorCells = Literal["error", "missing"]


@dataclass(frozen=True, slots=True)
class CodecOptions:
    """What a format may be told; each looks only at its own."""

    sheet: str | None = None  # of a workbook; None for the first that is visible
    excel_1904: bool | None = None  # whether days count from 1904; None for what the workbook says
    error_cells: ErrorCells = "error"  # what a cell such as #N/A is
    encoding: str = "utf-8"  # of a text document
    file_column: str | None = None  # a second column for the name of a text document
    file_name: str | None = None  # that name
    bounds: Bounds = DEFAULT_BOUNDS  # of what is compressed inside a file


DEFAULT_OPTIONS = CodecOptions()


class Codec(Protocol):
    """Reads a file into Arrow batches of bounded size, and writes batches to a file."""

    def read(self, file: AnyPath, options: CodecOptions = ...) -> pa.RecordBatchReader:
        """Return the rows of a file in their order; the schema is known before the first batch.

        Raises:
            DatasetError: here, or while batches are read, if a value cannot be read exactly.
        """

    def write(self, rows: pa.RecordBatchReader, file: AnyPath, options: CodecOptions = ...) -> int:
        """Write rows to a file, the same bytes for the same rows, and return their number.

        Raises:
            DatasetError: naming column and row, if the format cannot hold a value exactly.
        """


def missing_extra(extra: str, called: str) -> ConfigurationError:
    """Return the error for a format whose library is not installed."""
    return ConfigurationError(
        f"{called} need a library that is not installed; install 'util-services[{extra}]'."
    )
