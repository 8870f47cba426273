"""The written files of a dataset as frames of texts, read without the engine that wrote them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from util_services.datasets.codecs import codec_of
from util_services.datasets.compression import decompress
from util_services.encryption.paths import for_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from util_services.datasets.layout import Layout
    from util_services.encryption.paths import AnyPath

BATCH_ROWS = 250_000


def frames_of(
    files: Sequence[AnyPath], layout: Layout, columns: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """Yield some columns of the rows of files, in frames of bounded size."""
    for file in files:
        with _plain(file, layout) as plain:
            yield from _frames(plain, layout, list(columns))


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
                    yield pd.DataFrame(
                        {c: [row.get(c) for row in rows] for c in columns}, dtype=object
                    )
        case "json":
            rows = json.loads(file.read_text(encoding="utf-8"))
            yield pd.DataFrame({c: [row.get(c) for row in rows] for c in columns}, dtype=object)
        case _:
            for batch in codec_of(layout.format).read(file, layout.codec):
                yield _frame(pa.Table.from_batches([batch]).select(columns))


def _of_parquet(file: AnyPath, columns: list[str]) -> Iterator[pd.DataFrame]:
    with for_library(file, "rb") as opened, pq.ParquetFile(opened) as content:
        for batch in content.iter_batches(BATCH_ROWS, columns=columns):
            yield _frame(pa.Table.from_batches([batch]))


def _of_text(file: AnyPath, layout: Layout, columns: list[str]) -> Iterator[pd.DataFrame]:
    dialect = layout.dialect
    if dialect is None:
        raise AssertionError("text is written in a dialect")
    if not Path(str(file)).exists() and isinstance(file, Path):
        raise AssertionError("the file was written")
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
            yield _frame(pa.Table.from_batches([batch]))


def _frame(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
