"""From a dataset in a storage to a reference that engines can scan."""

from __future__ import annotations

import codecs
import hashlib
from typing import TYPE_CHECKING

from util_services.datasets.csv_dialect import CsvDialect, not_in_encoding
from util_services.datasets.parquet import parquet_schema
from util_services.datasets.records import Row, check_against_standard_library, count_records
from util_services.datasets.schema import Schema
from util_services.datasets.staged import Origin, StagedDataset
from util_services.engines.local_formats import Source
from util_services.errors import DatasetError
from util_services.flow.changes import SourceChangedError, file_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from util_services.engines.local import LocalEngine
    from util_services.flow.plan import ReadPlan
    from util_services.flow.staging import Staging

STAGED_INPUT = "input.parquet"
COPY_BYTES = 1 << 20


def read_dataset(plan: ReadPlan, staging: Staging, engine: LocalEngine) -> StagedDataset:
    """Make a dataset scannable: by reference where it can be read as it is, else as a staged copy.

    Raises:
        DatasetError: if rows are not as declared, or the source changes meanwhile.
        StorageError: if the source is out of reach.
    """
    try:
        return _read(plan, staging, engine)
    except FileNotFoundError:
        raise SourceChangedError(plan.origin.path) from None


def _read(plan: ReadPlan, staging: Staging, engine: LocalEngine) -> StagedDataset:
    origin = plan.origin
    file = plan.storage.fetch(origin.location, staging.folder)
    if origin.format == "parquet" and origin.limit_rows is None:
        scanned, rows = file, parquet_rows(file)
    else:
        try:
            scanned, rows = _staged_copy(plan, file, staging, engine)
        except DatasetError:
            refuse_changed(plan)  # which would explain it better
            raise
    digest = digest_of(file)
    refuse_changed(plan)
    with scanned.open("rb") as content:
        schema = parquet_schema(content)
    return StagedDataset(
        file=str(scanned),
        format="parquet",
        schema=schema,
        rows=rows,
        fingerprint=file_state(scanned),
        origin=origin,
        origin_bytes=plan.fingerprint.size,
        origin_sha256=digest,
        keep_nan=plan.keep_nan,
    )


def refuse_changed(plan: ReadPlan) -> None:
    """Check that the source is still what the run found.

    Raises:
        SourceChangedError: if it is not.
    """
    if plan.storage.fingerprint(plan.origin.location) != plan.fingerprint:
        raise SourceChangedError(plan.origin.path)


def parquet_rows(file: Path) -> int:
    """Return the number of rows that the footer of a Parquet file states."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _staged_copy(
    plan: ReadPlan, file: Path, staging: Staging, engine: LocalEngine
) -> tuple[Path, int]:
    """Convert a source to Parquet, and check that none of its records was lost on the way."""
    target, origin = staging.file(STAGED_INPUT), plan.origin
    if origin.dialect is not None and not origin.dialect.is_utf8:
        file = _as_utf8(file, origin.dialect, staging.file("utf8.csv"))
    schema = plan.schema or Schema(())
    source = Source(file, origin.format, schema, origin.dialect)
    rows = engine.stage(source, target, origin.limit_rows)
    _check_all_read(rows, target, file, origin, schema.names)
    return target, rows


def _check_all_read(
    rows: int, staged: Path, file: Path, origin: Origin, names: Sequence[str]
) -> None:
    """Check what the engine read against readings that it has no part in.

    Raises:
        DatasetError: if a record was lost, or read in another way.
    """
    if origin.dialect is not None:
        sliced = origin.limit_rows is not None
        count = count_records(file, origin.dialect, columns=len(names)) if not sliced else None
        if count is None or not count.agrees(rows, len(names)):
            check_against_standard_library(
                _rows_of(staged), file, origin.dialect, names, origin.limit_rows
            )
    elif origin.format == "jsonl" and origin.limit_rows is None:
        with file.open("rb") as content:
            lines = sum(not line.isspace() for line in content)
        if lines != rows:
            raise DatasetError(
                f"The file holds {lines} lines but {rows} rows were read; write one JSON object a "
                "line."
            )


def _rows_of(staged: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(staged) as file:
        for batch in file.iter_batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _as_utf8(file: Path, dialect: CsvDialect, target: Path) -> Path:
    """Transcode a text file; its line ends stay as they are.

    Raises:
        DatasetError: naming byte and line of the first bytes outside the encoding.
    """
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    offset, line, end = 0, 1, dialect.line_end[-1]
    with file.open("rb") as source, target.open("wb") as sink:
        while True:
            block = source.read(COPY_BYTES)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
                sink.write(text.encode())
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(dialect.encoding, errors="ignore")
                raise not_in_encoding(
                    dialect.encoding, offset - pending + error.start, line + good.count(end)
                ) from None
            except UnicodeError:
                raise not_in_encoding(dialect.encoding, offset - pending, line) from None
            if not block:
                return target
            offset += len(block)
            line += text.count(end)
