"""The written files of a dataset as frames of texts, read without the engine that wrote them."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from util_services.datasets.codecs import codec_of
from util_services.datasets.compression import decompress
from util_services.datasets.schema import Schema
from util_services.encryption.paths import for_library
from util_services.flow.changes import file_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from util_services.datasets.layout import Layout
    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath

BATCH_ROWS = 250_000
COLUMNS = "columns"


def frames_in(batches: Any, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield batches of Arrow as frames with these column names."""
    for batch in batches:
        frame = batch.to_pandas(types_mapper=pd.ArrowDtype)
        frame.columns = list(names)
        yield frame


def frames_of(
    files: Sequence[AnyPath], layout: Layout, columns: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """Yield some columns of the rows of files, in frames of bounded size.

    Which columns a file has in all, in their order, is in the frame's attribute ``columns``.
    """
    for file in files:
        with _plain(file, layout) as plain:
            yield from _frames(plain, layout, list(columns))


def scannable(
    files: Sequence[AnyPath], layout: Layout, like: StagedDataset, target: AnyPath
) -> StagedDataset:
    """Return the rows of written files as a dataset that engines can scan.

    Parquet files are scanned where they are; what others hold goes to one, as they say it: the
    cells of CSV are texts.

    Args:
        files: the files.
        layout: how they are laid out.
        like: the dataset whose rows they hold.
        target: where a Parquet file may be written.
    """
    if layout.format != "parquet":
        _write_parquet(frames_of(files, layout, like.schema.names), like, target)
        files = [target]
    with for_library(files[0], "rb") as opened:
        fields = pq.read_schema(opened)
    counts = []
    for file in files:
        with for_library(file, "rb") as opened:
            counts.append(int(pq.read_metadata(opened).num_rows))
    return replace(
        like,
        files=tuple(map(str, files)),
        format="parquet",
        schema=Schema.of(fields),
        file_rows=tuple(counts),
        fingerprints=tuple(map(file_state, files)),
    )


def _write_parquet(frames: Iterator[pd.DataFrame], like: StagedDataset, target: AnyPath) -> None:
    texts = pa.schema([(name, pa.string()) for name in like.schema.names])
    tables = (pa.Table.from_pandas(frame, preserve_index=False) for frame in frames)
    head = next(tables, texts.empty_table())
    with (
        for_library(target, "wb") as opened,
        pq.ParquetWriter(opened, head.schema.remove_metadata(), compression="lz4") as writer,
    ):
        for table in (head, *tables):
            writer.write_table(table.replace_schema_metadata().cast(writer.schema))


@contextmanager
def _plain(file: AnyPath, layout: Layout) -> Iterator[AnyPath]:
    """Give the file without its compression."""
    if layout.compression is None:
        yield file
        return
    plain = file.parent / f"{file.name}.verified"
    decompress(file, plain, layout.compression, member=layout.member)
    try:
        yield plain
    finally:
        plain.unlink(missing_ok=True)


def _frames(file: AnyPath, layout: Layout, columns: list[str]) -> Iterator[pd.DataFrame]:
    match layout.format:
        case "parquet":
            yield from _of_parquet(file, columns)
        case "csv" | "tsv":
            yield from _of_text(file, layout, columns)
        case "jsonl":
            with file.open("r", encoding="utf-8") as lines:
                while rows := [json.loads(line) for line in islice(lines, BATCH_ROWS)]:
                    yield _of_records(rows, columns)
        case "json":
            yield _of_records(json.loads(file.read_text(encoding="utf-8")), columns)
        case _:
            for batch in codec_of(layout.format).read(file, layout.codec):
                table = pa.Table.from_batches([batch])
                yield _frame(table.select(columns), table.column_names)


def _of_records(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({c: [row.get(c) for row in rows] for c in columns}, dtype=object)
    return _with_names(frame, list(dict.fromkeys(name for row in rows for name in row)))


def _of_parquet(file: AnyPath, columns: list[str]) -> Iterator[pd.DataFrame]:
    with for_library(file, "rb") as opened, pq.ParquetFile(opened) as content:
        names = content.schema_arrow.names
        for batch in content.iter_batches(BATCH_ROWS, columns=columns):
            yield _frame(pa.Table.from_batches([batch]), names)


def _of_text(file: AnyPath, layout: Layout, columns: list[str]) -> Iterator[pd.DataFrame]:
    dialect = layout.dialect
    if dialect is None:
        raise AssertionError("text is written in a dialect")
    with file.open("r", encoding="utf-8-sig", newline="") as head:
        names = next(csv.reader(head, delimiter=dialect.delimiter), [])
    reading = pacsv.ReadOptions(block_size=16 << 20)
    parsing = pacsv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True)
    converting = pacsv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()),
        include_columns=columns,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with (
        file.open("rb") as opened,
        pacsv.open_csv(pa.PythonFile(opened), reading, parsing, converting) as reader,
    ):
        for batch in reader:
            yield _frame(pa.Table.from_batches([batch]), names)


def _frame(table: Any, names: Sequence[str]) -> pd.DataFrame:
    return _with_names(table.to_pandas(types_mapper=pd.ArrowDtype), names)


def _with_names(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    frame.attrs[COLUMNS] = list(names)
    return frame
