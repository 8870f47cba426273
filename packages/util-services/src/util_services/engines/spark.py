"""The engine on an existing Spark cluster: PySpark 4 or Spark Connect, on the files of a run.

A frame's rows stand in the order of its partitions, one after the other, as when Spark collects
them. Whatever keeps that order here is named where it does.
"""

from __future__ import annotations

import itertools
import secrets
import shutil
import threading
from contextlib import contextmanager, suppress
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq

from util_services.engines.batches import with_beside
from util_services.engines.failures import EngineResourceError, UnsupportedByEngineError
from util_services.engines.local import LocalEngine
from util_services.engines.local_formats import read_parquet, sql_name
from util_services.engines.spark_batches import NOTE, TOLD_SCHEMA, Telling, batch_worker
from util_services.engines.spark_expressions import column, without_nan
from util_services.engines.spark_failures import SHARED_SENTENCE, spark_failure
from util_services.engines.spark_keys import handed_over
from util_services.engines.spark_session import (
    check_available,
    functions_of,
    interrupt,
    is_connect,
    master,
    new_observation,
    open_session,
    tag_thread,
    without_pandas_warning,
)
from util_services.engines.spark_types import (
    arrow_type,
    carried,
    cast_batch,
    holds_maps,
    spark_schema,
)
from util_services.engines.waiting import wait_for
from util_services.errors import CancelledError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType, TracebackType

    import pandas as pd
    from pyspark.sql import Column, DataFrame, SparkSession

    from util_services.datasets.csv_dialect import CsvDialect
    from util_services.datasets.formats import Format
    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import BatchFunction, Progress

TYPE = "data_services_type"  # metadata of a column: the local engine's name for its type
PARTITION_ROWS = 1 << 33  # by which monotonically_increasing_id sets partitions apart
METADATA, ROW_INDEX = "_metadata", "row_index"  # of Spark's file sources

T = TypeVar("T")


class SparkEngine:
    """An engine on a Spark cluster; use it as a context manager.

    Sources and ``scratch`` must lie in folders that the driver and all workers share under one
    path, and the workers must run as this user, in a Python with the same packages.

    Args:
        scratch: a private folder for intermediate data.
        progress: is told the share done of each query, from the waiting thread.

    Raises:
        ConfigurationError: if the settings name no master.
        EngineUnavailableError: if the extra, Java or the master is missing.
    """

    name = "spark"
    drops_while_scanning = False
    shares_memory = False
    scans: frozenset[Format] = frozenset({"parquet"})

    def __init__(self, scratch: Path, *, progress: Progress | None = None) -> None:
        self.scratch = scratch
        self.master = master()
        check_available(self.master)
        self._local = LocalEngine(scratch, progress=progress)
        self._names = (f"spark_{number}" for number in itertools.count())
        self._mark = secrets.token_hex(16)
        self._session: SparkSession | None = None
        self._close: Callable[[], None] = _nothing_open
        self._stop = threading.Event()

    def __enter__(self) -> SparkEngine:
        """Open the session that all frames of this engine belong to."""
        self._local.__enter__()
        try:
            self._run(self._open)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the session; frames of this engine end with it."""
        self._session = None
        try:
            self._run(self._close)  # a connection of the main thread may have been interrupted
        finally:
            self._local.__exit__(kind, error, traceback)

    def _open(self) -> None:
        # kept at once, for an interrupted main thread has to end what this one has opened
        session, self._close = open_session(self.master, self.scratch)
        rows = str(self._local.batch_rows)
        session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", rows)
        self._session = session

    @property
    def session(self) -> SparkSession:
        """The session that this engine works in."""
        if self._session is None:
            raise AssertionError("an engine is used as a context manager")
        return self._session

    def scan(self, dataset: StagedDataset, row_number: str | None = None) -> nw.LazyFrame[Any]:
        """Return the rows of Parquet files, in their order; NaN as the local engine has it.

        Spark reads a file in splits of equal size, but for the last, and keeps their order. Of
        several files it would take the largest first, so that each is a frame of its own.
        """
        here = self._local.scan(dataset)
        types, schema = self._local.types(here), self._local.arrow_schema(here)
        before = itertools.accumulate(dataset.file_rows, initial=0)
        frames = [
            self._scan_file(dataset, self._run(partial(self._read, file, schema)), types, number)
            for file, number in zip(
                map(Path, dataset.files),
                ((row_number, first) if row_number else None for first in before),
                strict=False,
            )
        ]
        return _lazy(reduce(type(frames[0]).unionAll, frames))

    def _scan_file(
        self,
        dataset: StagedDataset,
        native: DataFrame,
        types: Mapping[str, str],
        number: tuple[str, int] | None,
    ) -> DataFrame:
        """Return the rows of one file, with their numbers from a first one if a name is given."""
        functions, columns = self._functions, []
        for name, kind in types.items():
            value = self._column(name)
            if not dataset.keep_nan:
                value = without_nan(functions, value, native.schema[name].dataType)
            columns.append(value.alias(name, metadata={TYPE: kind}))
        if number is not None:
            name, first = number
            index = native.metadataColumn(METADATA).getField(ROW_INDEX)
            columns.append((index + functions.lit(first)).alias(name))
        return native.select(*columns)

    def damage(self, dataset: StagedDataset) -> DatasetError | None:
        """Return what is wrong with files that could not be scanned, None if nothing is found."""
        return self._local.damage(dataset)

    def select(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Return columns under other names; Spark would take dots and stars for operators."""
        chosen = [self._column(name).alias(new) for new, name in columns.items()]
        return _lazy(frame.to_native().select(*chosen))

    def row_hash(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        """Add Spark's XXH64 of some columns, in which -0.0 is 0.0 and all NaN are one.

        Raises:
            UnsupportedByEngineError: if one of them holds maps, which Spark cannot compare.
        """
        native, schema = frame.to_native(), self.arrow_schema(frame)
        for key in columns:
            if holds_maps(schema.field(key).type):
                raise UnsupportedByEngineError(
                    f"The engine 'spark' cannot compare maps, and {quoted_name(key)} holds "
                    "some; leave the column out, or set DATA_SERVICES_ENGINE=local."
                )
        values = [self._column(key) for key in columns]
        # alone, a missing value has no part in it: (1, missing) would collide with (missing, 1)
        parts = [part for value in values for part in (value.isNull(), value)]
        hashed = self._functions.xxhash64(*parts).alias(name)
        return _lazy(native.select(*map(self._column, native.columns), hashed))

    def map_batches(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        beside: Sequence[str] = (),
        *,
        at_once: bool = False,  # noqa: ARG002 - workers call it at the same time in any case
        is_secret: bool = False,
    ) -> nw.LazyFrame[Any]:
        """Apply a pandas function on the workers, once; partitions keep their order.

        The function travels to the workers, with what it refers to outside installed packages.
        """
        if is_secret:
            with handed_over(function, self.scratch) as sealed:
                return self.map_batches(frame, sealed, schema, beside)
        given, native = self.arrow_schema(frame), self._numbered(frame.to_native())
        whole = with_beside(schema, given, beside)
        types = self._local.types(self._local.from_arrow(whole.empty_table()))
        meant = self._local.arrow_schema(self._nothing(types))
        held = pa.schema([carried(field).with_name(f"c{n}") for n, field in enumerate(meant)])
        worker = batch_worker(function, given, schema, held, self._mark, beside)
        columns = [
            self._column(f"c{number}").alias(name, metadata={TYPE: kind})
            for number, (name, kind) in enumerate(types.items())
        ]

        def work() -> DataFrame:
            return self._kept(native.mapInArrow(worker, spark_schema(held)).select(*columns))

        return _lazy(self._run(work))

    def tell_batches(
        self,
        frame: nw.LazyFrame[Any],
        columns: Sequence[str],
        function: Callable[[pd.DataFrame], str],
    ) -> list[str]:
        """Return what a function tells of each batch of each partition."""
        chosen = self.select(frame, {name: name for name in columns})
        told = self.map_batches(chosen, Telling(function), TOLD_SCHEMA)
        return [row[NOTE] for row in self.rows(told)]

    def materialise(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame into what no lost executor takes along, in its order."""
        native = frame.to_native()
        return _lazy(self._run(lambda: self._kept(native)))

    def drop_rows(
        self, frame: nw.LazyFrame[Any], row_number: str, losers: nw.LazyFrame[Any]
    ) -> nw.LazyFrame[Any]:
        """Leave out rows by an anti-join, and bring the others back into order by a sort."""
        number, gone = self._column(row_number), losers.to_native()
        loser = f"loser_{self._mark}"
        gone = gone.select(self._column(gone.columns[0]).alias(loser))
        left = frame.to_native().join(gone, number == self._column(loser), "left_anti")
        return _lazy(left.orderBy(number))

    def number_rows(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Compute a frame, and number its rows by the sizes of the partitions before each."""
        native, functions = self.materialise(frame).to_native(), self._functions
        place, size = "place", "size"
        sizes = native.select(functions.spark_partition_id().alias(place)).groupBy(place)
        counted = self.rows(_lazy(sizes.agg(functions.count(functions.lit(1)).alias(size))))
        known = {row[place]: row[size] for row in counted}
        before = itertools.accumulate(
            (known.get(number, 0) for number in range(max(known, default=0))), initial=0
        )
        first = functions.array(*map(functions.lit, before))[functions.spark_partition_id()]
        inside = functions.monotonically_increasing_id().bitwiseAND(PARTITION_ROWS - 1)
        number = (first + inside).cast("bigint").alias(name)
        return _lazy(native.select(*map(self._column, native.columns), number))

    def unpivot(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], name: str, value: str
    ) -> nw.LazyFrame[Any]:
        """Make rows of columns, partition by partition; values keep the type of the first."""
        native, functions, pair = frame.to_native(), self._functions, f"pair_{self._mark}"
        left = [self._column(one) for one in native.columns if one not in columns.values()]
        pairs = [
            functions.struct(functions.lit(text).alias("name"), self._column(one).alias("value"))
            for text, one in columns.items()
        ]
        rows = native.select(*left, functions.explode(functions.array(*pairs)).alias(pair))
        first = next(iter(columns.values()))
        made = [
            functions.col(f"{pair}.name").alias(name),
            functions.col(f"{pair}.value").alias(value, metadata=native.schema[first].metadata),
        ]
        return _lazy(rows.select(*left, *made))

    def arrow_schema(self, frame: nw.LazyFrame[Any]) -> pa.Schema:
        """Return names and Arrow types of a frame's columns, as the local engine has them."""
        return self._local.arrow_schema(self._nothing(self._types(frame.to_native())))

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """Return a small result as plain values."""
        native = frame.to_native()
        types = self._types(native)
        table = self._run(lambda: self._numbered(native).toArrow())
        batches = iter(table.to_batches())
        return self._local.rows(self._typed(self._reader(batches, types), types))

    def consume(self, frame: nw.LazyFrame[Any], function: Callable[[pa.RecordBatchReader], T]) -> T:
        """Give a function the batches of a frame in its order, and return what it returns.

        The workers write the rows into files of the scratch folder. They are counted again here,
        because a folder that is not shared would lose rows without a word.
        """
        types = self._types(frame.to_native())
        with self._parts(frame) as batches:
            return self._run(lambda: function(self._reader(batches, types)))

    def write(
        self,
        frame: nw.LazyFrame[Any],
        file: AnyPath,
        format: Format,
        dialect: CsvDialect | None = None,
        fields: pa.Schema | None = None,
    ) -> int:
        """Write a frame by the writers of the local engine, so that files are the same."""
        types = self._types(frame.to_native())
        with self._parts(frame) as batches:
            rows = self._typed(self._reader(batches, types), types)
            return self._local.write(rows, file, format, dialect, fields)

    @contextmanager
    def _parts(self, frame: nw.LazyFrame[Any]) -> Iterator[Iterator[pa.RecordBatch]]:
        """Let the workers write a frame into Parquet files, and give their batches in order."""
        folder, observation = self.scratch / next(self._names), new_observation(self.master)
        count = self._functions.count(self._functions.lit(1)).alias("rows")
        native = self._numbered(frame.to_native()).observe(observation, count)

        def work() -> int:
            # not lz4: Spark's is Hadoop's, whose pages of several blocks Arrow takes for damaged
            native.write.parquet(str(folder), compression="snappy")
            return int(observation.get["rows"])

        try:
            expected = self._run(work)
            parts = sorted(folder.glob("part-*.parquet"), key=_part_number)
            refuse_missing_rows(parts, expected)
            yield self._batches(parts)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _batches(self, parts: Sequence[Path]) -> Iterator[pa.RecordBatch]:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches(self._local.batch_rows):
                    if self._stop.is_set():
                        raise CancelledError("The run was cancelled while the engine was at work.")
                    yield batch

    def _reader(
        self, batches: Iterator[pa.RecordBatch], types: Mapping[str, str]
    ) -> pa.RecordBatchReader:
        """Return a reader of what Spark's batches hold, under a frame's names and types."""
        schema = self._local.arrow_schema(self._nothing(types))
        return pa.RecordBatchReader.from_batches(
            schema, (cast_batch(batch, schema) for batch in batches)
        )

    def _typed(self, reader: pa.RecordBatchReader, types: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Return a reader's rows on the local engine, in types that Arrow has no name for too."""
        casts = (f"{sql_name(name)}::{kind} AS {sql_name(name)}" for name, kind in types.items())
        rows: nw.LazyFrame[Any] = self._local.from_reader(reader)
        return _lazy(rows.to_native().project(", ".join(casts)))

    def _nothing(self, types: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Return a frame of the local engine without rows."""
        columns = (f"NULL::{kind} AS {sql_name(name)}" for name, kind in types.items())
        return self._local.relation(f"SELECT {', '.join(columns)} LIMIT 0")

    def _types(self, native: DataFrame) -> dict[str, str]:
        """Return the local engine's types of a frame: those that came with its columns, if any."""
        fields = self._run(lambda: native.schema.fields)
        held = pa.schema([(f"c{n}", arrow_type(f.dataType)) for n, f in enumerate(fields)])
        plain = list(self._local.types(self._local.from_arrow(held.empty_table())).values())
        known = [field.metadata.get(TYPE, kind) for field, kind in zip(fields, plain, strict=True)]
        meant = self._local.arrow_schema(
            self._nothing({f"c{n}": kind for n, kind in enumerate(known)})
        )
        return {
            field.name: known[n] if carried(meant.field(n)).type == held.field(n).type else plain[n]
            for n, field in enumerate(fields)
        }

    def _read(self, file: Path, schema: pa.Schema) -> DataFrame:
        """Return a Parquet file as Spark reads it, or a copy where its reader knows not all types.

        The link gives the file a name that Spark takes as it is: it hides names that begin with
        ``_`` and expands those with ``*``.
        """
        from pyspark.errors import PySparkException

        held = pa.schema([carried(field) for field in schema])
        name = next(self._names)
        link = self.scratch / f"{name}.parquet"
        link.symlink_to(file.absolute())
        try:
            native = self._parquet(link)
            found = {field.name: arrow_type(field.dataType) for field in native.schema}
            if all(found.get(field.name) == field.type for field in held):
                return native.select(*map(self._column, held.names))
        except PySparkException:
            pass
        copy = self.scratch / f"{name}-copy.parquet"
        self._copy(file, held, copy)
        return self._parquet(copy)

    def _copy(self, file: Path, held: pa.Schema, copy: Path) -> None:
        names = ", ".join(map(sql_name, held.names))
        rows = self._local.relation(f"SELECT {names} FROM {read_parquet(file)}")

        def write(reader: pa.RecordBatchReader) -> None:
            with pq.ParquetWriter(copy, held, compression="lz4") as writer:
                for batch in reader:
                    writer.write_batch(cast_batch(batch, held))

        self._local.consume(rows, write)

    def _kept(self, native: DataFrame) -> DataFrame:
        """Compute a frame once, into files of the scratch folder or blocks of two executors.

        A lost executor must not make Spark compute a part again: functions with keys have gone by
        then, and what is drawn would be drawn anew.
        """
        if is_connect(self.master):  # where a server's checkpoints lie is the server's own affair
            from pyspark import StorageLevel

            return native.localCheckpoint(eager=True, storageLevel=StorageLevel.MEMORY_AND_DISK_2)
        return native.checkpoint(eager=True)

    def _parquet(self, file: Path) -> DataFrame:
        reader = self.session.read.option("__globPaths__", "false")
        return reader.parquet(str(file))

    def _numbered(self, native: DataFrame) -> DataFrame:
        """Return a frame under names that Spark, Parquet and Arrow take alike."""
        columns = enumerate(native.columns)
        return native.select(*(self._column(name).alias(f"c{n}") for n, name in columns))

    def _column(self, name: str) -> Column:
        return column(self._functions, name)

    @property
    def _functions(self) -> ModuleType:
        return functions_of(self.master)

    def _run(self, work: Callable[[], T]) -> T:
        """Do work in a thread of its own, whose jobs on Spark can be interrupted by their tag."""
        self._stop, session = threading.Event(), self._session

        def tagged() -> T:
            if session is not None:
                tag_thread(session, self.master, self._mark)
            with without_pandas_warning():
                return work()

        def end() -> None:
            self._stop.set()
            if session is not None:
                with suppress(Exception):  # the session may have ended by itself
                    interrupt(session, self.master, self._mark)

        return wait_for(
            tagged,
            interrupt=end,
            tick=lambda: None,
            failure=lambda error: spark_failure(error, self._mark),
        )


def refuse_missing_rows(parts: Sequence[Path], expected: int) -> None:
    """Check that the files of the workers hold as many rows as Spark has written.

    Raises:
        EngineResourceError: if they do not, as where a worker's folder is not the driver's.
    """
    if sum(pq.read_metadata(part).num_rows for part in parts) != expected:
        raise EngineResourceError(SHARED_SENTENCE)


def _nothing_open() -> None:
    """Stand for the end of a session that was never opened."""


def _part_number(part: Path) -> int:
    """Return the number of the partition that a file of Spark's holds: part-00007-….parquet."""
    return int(part.name.split("-")[1])


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    """Return a frame of an engine's as the frame that operations see."""
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame
