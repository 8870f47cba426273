"""What is wrong with a Parquet file, told by column."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from util_services.datasets.schema import Schema, refuse_inexact
from util_services.encryption.paths import for_library
from util_services.errors import DatasetError, quoted_name

if TYPE_CHECKING:
    from typing import BinaryIO

    import pyarrow.parquet as pq

    from util_services.encryption.paths import AnyPath

# The milliseconds between which engines, which count microseconds in 64 bits, hold a moment.
FIRST_MILLISECOND, LAST_MILLISECOND = -9_223_372_022_400_000, 9_223_372_036_854_775


def parquet_schema(file: BinaryIO) -> Schema:
    """Return the columns of a Parquet file from its footer.

    Raises:
        DatasetError: if it is none, or has a column that would come out as another value.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.ParquetFile(file)
        fields = content.schema_arrow
    except (pa.ArrowException, OSError):
        raise DatasetError("The file is no complete Parquet file; write it anew.") from None
    if not fields.names:
        raise DatasetError("The Parquet file has no columns; write it with one at least.")
    refuse_inexact(fields)
    _refuse_out_of_range(content.metadata, fields.names)
    return Schema.of(fields)


def damaged_column(file: AnyPath) -> DatasetError | None:
    """Return the error for the first column that cannot be read to its end, None if all can."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with for_library(file, "rb") as opened, pq.ParquetFile(opened) as content:
        for name in content.schema_arrow.names:
            try:
                for _ in content.iter_batches(columns=[name]):
                    pass
            except (pa.ArrowException, OSError):
                return DatasetError(
                    f"The column {quoted_name(name)} of the Parquet file is damaged; write the "
                    "file anew."
                )
    return None


def _refuse_out_of_range(footer: pq.FileMetaData, names: list[str]) -> None:
    """Refuse milliseconds beyond the range of microseconds, where the footer states them."""
    moments = [
        number
        for number in range(footer.num_columns)
        if json.loads(footer.schema.column(number).logical_type.to_json()).get("timeUnit")
        == "milliseconds"
        and footer.schema.column(number).physical_type == "INT64"
    ]
    for group in range(footer.num_row_groups):
        for number in moments:
            chunk = footer.row_group(group).column(number)
            known = chunk.statistics
            if known is None or not known.has_min_max:
                continue
            if known.min_raw < FIRST_MILLISECOND or known.max_raw > LAST_MILLISECOND:
                path = chunk.path_in_schema
                name = next(n for n in names if path == n or path.startswith(f"{n}."))
                raise DatasetError(
                    f"The column {quoted_name(name)} holds moments beyond the range of "
                    "microseconds, in which engines count; correct them in the source."
                )
