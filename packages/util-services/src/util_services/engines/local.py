"""The default engine: DuckDB scans, aggregates, joins and spills; pandas runs on Arrow batches."""

from __future__ import annotations

import itertools
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import narwhals as nw
import pyarrow as pa

from util_services import settings
from util_services.datasets.parquet import damaged_column
from util_services.encryption.paths import AnyPath, EncryptedPath, path_beside
from util_services.engines.failures import EngineError, EngineResourceError, engine_failure
from util_services.engines.fields import parquet_fields
from util_services.engines.local_formats import (
    COMMON_LINE_BYTES,
    MAX_LINE_BYTES,
    Source,
    bad_line,
    copy_options,
    diagnose,
    json_types,
    read_parquet,
    source_query,
    sql_name,
    sql_text,
    written_columns,
)
from util_services.engines.local_parquet import COPY_OPTIONS, ROW_GROUP_ROWS, write_parquet
from util_services.engines.mapped_rows import Look, MappedRows, Work
from util_services.engines.memory import DUCKDB_SHARE, bounded, memory_ceiling
from util_services.engines.missing import with_nan, without_nan
from util_services.engines.waiting import wait_for
from util_services.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    import pandas as pd
    from duckdb.sqltypes import DuckDBPyType

    from util_services.datasets.csv_dialect import CsvDialect
    from util_services.datasets.formats import Format
    from util_services.datasets.staged import StagedDataset
    from util_services.engines.protocol import BatchFunction, Progress

BATCH_ROWS = ROW_GROUP_ROWS  # others would begin and end inside the row groups that are read
FILE_INDEX, FILE_ROW_NUMBER = "file_index", "file_row_number"  # DuckDB's Parquet reader has them
WRITER_BYTES = 256 * 10**6  # what a writer may take beyond what DuckDB holds, or, of wide rows:
WRITER_GROUPS = 16  # so many row groups
MAPPED_THREADS = min(2, os.cpu_count() or 1)  # each holds a batch
BITMAP_ROWS = 1 << 31  # get_bit counts in 32 bits
MARKED_ROWS = 1 << 28  # a byte marks each

T = TypeVar("T")


class LocalEngine:
    """An engine on one machine, larger than memory; use it as a context manager.

    Args:
        scratch: a private folder for spilled and intermediate data.
        memory_limit: what the process may use, such as ``1500MB``; by default
            ``DATA_SERVICES_MEMORY_LIMIT``, else what the container or the machine has.
        batch_rows: rows in a batch of ``map_batches``; by default ``DATA_SERVICES_BATCH_ROWS``.
        batch_threads: for how many batches a function is called at the same time, if it may be; by
            default ``DATA_SERVICES_BATCH_THREADS``, else two where rows are mapped into memory, and
            one where DuckDB reads ahead beside it.
        progress: is told the share done of each query, from the waiting thread.
    """

    name = "local"
    drops_while_scanning = True
    shares_memory = True
    scans: frozenset[Format] = frozenset({"parquet", "csv", "tsv"})

    def __init__(
        self,
        scratch: AnyPath,
        *,
        memory_limit: str | None = None,
        batch_rows: int | None = None,
        batch_threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.scratch = scratch
        rows, threads = settings.text("BATCH_ROWS"), settings.text("BATCH_THREADS")
        self.batch_rows = batch_rows or _count("BATCH_ROWS", rows) or BATCH_ROWS
        self.batch_threads = batch_threads or _count("BATCH_THREADS", threads)
        self._progress = progress
        self._share: float | None = None  # done of work that is no query
        ceiling = memory_ceiling(memory_limit or settings.text("MEMORY_LIMIT"))
        self._memory_limit = int(ceiling * DUCKDB_SHARE)
        # what is known of frames, by their identities, which last while they are kept here
        self._mapped: dict[int, tuple[nw.LazyFrame[Any], MappedRows]] = {}
        self._nothing: dict[pa.Schema, nw.LazyFrame[Any]] = {}
        self._fields: dict[str, pa.Field] = {}  # one of each of DuckDB's types
        self._names = (f"ds_{number}" for number in itertools.count())

    def __enter__(self) -> LocalEngine:
        """Open the connection that all frames of this engine belong to."""
        self.connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": False,  # nothing is fetched behind a user's back
                "autoload_known_extensions": False,
                "preserve_insertion_order": True,
                "temp_directory": str(self.scratch / "spill"),
                "memory_limit": f"{self._memory_limit}B",
            }
        )
        if isinstance(self.scratch, EncryptedPath):
            from util_services.engines.encrypted_files import register_encrypted_files

            register_encrypted_files(self.connection, self.scratch)
        self.connection.execute("SET enable_progress_bar = true")
        self.connection.execute("SET enable_progress_bar_print = false")
        self.connection.execute("SET TimeZone = 'UTC'")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection; frames of this engine end with it."""
        self.connection.close()

    def scan(self, dataset: StagedDataset, row_number: str | None = None) -> nw.LazyFrame[Any]:
        """Return the rows of a staged Parquet file; NaN counts as missing unless it is kept."""
        if dataset.format != "parquet":
            return self._scan_text(dataset, row_number)
        source = read_parquet(*dataset.files)
        names = ", ".join(map(sql_name, dataset.schema.names))
        entered = with_nan if dataset.keep_nan else without_nan
        columns = [self._entered(f"SELECT {names} FROM {source}", entered)]
        if row_number is not None:
            columns.append(f"{_row_number(dataset)} AS {sql_name(row_number)}")
        return self.relation(f"SELECT {', '.join(columns)} FROM {source}")

    def _scan_text(self, dataset: StagedDataset, row_number: str | None) -> nw.LazyFrame[Any]:
        """Return the rows of a text file where it is."""
        query = source_query(self.connection, self._source(dataset))
        if row_number is None:
            return self.relation(query)
        number = f"row_number() OVER () - 1 AS {sql_name(row_number)}"
        return self.relation(f"SELECT *, {number} FROM ({query})")

    def _source(self, dataset: StagedDataset) -> Source:
        """Return the one text file that a dataset refers to."""
        (file,) = dataset.files
        place = path_beside(file, self.scratch)
        return Source(place, dataset.format, dataset.schema, dataset.origin.layout.dialect)

    def damage(self, dataset: StagedDataset) -> DatasetError | None:
        """Return what is wrong with files that could not be scanned, None if nothing is found."""
        if dataset.format == "parquet":
            files = (path_beside(file, self.scratch) for file in dataset.files)
            return next(filter(None, map(damaged_column, files)), None)
        return self._run(lambda: bad_line(self.connection, self._source(dataset)))

    def from_arrow(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """Return the rows of a table in memory; NaN counts as missing."""
        name = next(self._names)
        self.connection.register(name, table)
        return self.relation(f"SELECT {self._entered(f'FROM {name}', without_nan)} FROM {name}")

    def nothing(self, schema: pa.Schema) -> nw.LazyFrame[Any]:
        """Return no rows of some columns; asked again for these, the same frame."""
        if schema not in self._nothing:
            self._nothing[schema] = self.from_arrow(schema.empty_table())
        return self._nothing[schema]

    def from_reader(self, reader: pa.RecordBatchReader) -> nw.LazyFrame[Any]:
        """Return the rows of a reader, as they are, to be computed with once."""
        name = next(self._names)
        self.connection.register(name, reader)
        return self.relation(f"FROM {name}")

    def types(self, frame: nw.LazyFrame[Any]) -> dict[str, str]:
        """Return DuckDB's names for the types of a frame's columns."""
        rows = frame.to_native()
        return dict(zip(rows.columns, map(str, rows.types), strict=True))

    def _entered(self, query: str, entered: Callable[[str, DuckDBPyType], str]) -> str:
        """Return the columns of a query as SQL that treats NaN as ``entered`` says."""
        rows = self._run(lambda: self.connection.sql(query))
        return ", ".join(
            f"{entered(sql_name(name), kind)} AS {sql_name(name)}"
            for name, kind in zip(rows.columns, rows.types, strict=True)
        )

    def relation(self, query: str) -> nw.LazyFrame[Any]:
        """Return the lazy result of a SQL query of this engine's own modules."""
        with _told_in_a_sentence():  # nothing is computed, so that nothing is to be interrupted
            return _lazy(self.connection.sql(query))

    def select(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Return columns under other names; DuckDB's expressions would take ``*`` for all."""
        chosen = (f"{sql_name(name)} AS {sql_name(new)}" for new, name in columns.items())
        selected = _lazy(frame.to_native().project(", ".join(chosen)))
        rows = self._mapped_rows(frame)
        if rows is None or not set(columns.values()) <= set(rows.columns.column_names):
            return selected  # DuckDB finds a name in other letter case, too
        return self._known(selected, rows.selected(columns))

    def row_hash(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        """Add DuckDB's hash of some columns."""
        hashed = f"hash({', '.join(map(sql_name, columns))}) AS {sql_name(name)}"
        return _lazy(frame.to_native().project(f"*, {hashed}"))

    def map_batches(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        beside: Sequence[str] = (),
        *,
        at_once: bool = False,
        is_secret: bool = False,  # noqa: ARG002 - it stays in this process
    ) -> nw.LazyFrame[Any]:
        """Apply a pandas function batch by batch; the result is a file in scratch."""
        from util_services.engines.batches import is_plain, map_reader

        file, rows = self.scratch / f"{next(self._names)}.batches", self._mapped_rows(frame)
        threads = self._threads(rows) if at_once else 1
        if rows is not None and is_plain(schema):
            given = self.arrow_schema(frame)
            return self._map_in_place(rows, function, given, schema, beside, file, threads)

        def work() -> pa.Table | None:
            reader = frame.to_native().to_arrow_reader(self.batch_rows)
            return map_reader(reader, function, schema, file, self._stop, beside, threads)

        table = self._run(work)
        if table is None:
            return self.relation(f"FROM {read_parquet(file)}")
        return self._of_mapped(MappedRows(table))

    def _map_in_place(
        self,
        rows: MappedRows,
        function: BatchFunction,
        given: pa.Schema,
        schema: pa.Schema,
        beside: Sequence[str],
        file: AnyPath,
        threads: int,
    ) -> nw.LazyFrame[Any]:
        """Apply a function to columns that are mapped into memory, and leave others there."""
        from util_services.engines.batches import keep

        seen = [field for field in given if field.name not in beside]
        work = Work(function, pa.schema(seen), schema, stays=bool(beside))
        batches = self._counted(rows, rows.batches(work.given.names, self.batch_rows))
        made = self._run(lambda: keep(work, batches, schema, file, self._stop, threads))
        if made is None:
            raise AssertionError("columns that are mapped into memory lie in plain files")
        if not beside:
            return self._of_mapped(MappedRows(made))
        for name in beside:
            made = made.append_column(name, rows.columns.column(name))
        return self._of_mapped(MappedRows(made, rows.kept))

    def tell_batches(
        self,
        frame: nw.LazyFrame[Any],
        columns: Sequence[str],
        function: Callable[[pd.DataFrame], str],
    ) -> list[str]:
        """Return what a function tells of each batch, in their order."""
        from util_services.engines.batches import tell, tell_reader

        rows = self._mapped_rows(frame)
        threads = self._threads(rows)
        if rows is None:
            native = self.select(frame, {name: name for name in columns}).to_native()

            def work() -> list[str]:
                reader = native.to_arrow_reader(self.batch_rows)
                return tell_reader(reader, function, self._stop, threads)

            return self._run(work)
        given = self.arrow_schema(frame)
        look = Look(function, pa.schema([given.field(name) for name in columns]))
        batches = self._counted(rows, rows.batches(columns, self.batch_rows))
        return self._run(lambda: tell(look, batches, self._stop, threads))

    def _threads(self, rows: MappedRows | None) -> int:
        """Return for how many batches of rows a function is called at the same time."""
        return self.batch_threads or (1 if rows is None else MAPPED_THREADS)

    def _counted(
        self, rows: MappedRows, batches: Iterator[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches of mapped rows, which are no query, and note the share done."""
        done, whole = 0, max(len(rows.columns), 1)
        for batch in batches:
            self._share = done / whole
            yield batch
            done += len(batch)

    def _of_mapped(self, rows: MappedRows) -> nw.LazyFrame[Any]:
        """Return mapped rows as a frame that is known to be these."""
        table, mark = rows.marked()
        name = next(self._names)
        self.connection.register(name, table)
        if mark is None:
            return self._known(self.relation(f"FROM {name}"), rows)
        names = ", ".join(map(sql_name, rows.columns.column_names))
        return self._known(
            self.relation(f"SELECT {names} FROM {name} WHERE {sql_name(mark)}"), rows
        )

    def _known(self, frame: nw.LazyFrame[Any], rows: MappedRows) -> nw.LazyFrame[Any]:
        self._mapped[id(frame)] = (frame, rows)
        return frame

    def _mapped_rows(self, frame: nw.LazyFrame[Any]) -> MappedRows | None:
        """Return what a frame is known to be, if it is mapped into memory."""
        found = self._mapped.get(id(frame))
        return None if found is None else found[1]

    def materialise(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame into a temporary table, which spills when memory is short."""
        table, view = next(self._names), self._view(frame)
        self._execute(f"CREATE TEMP TABLE {table} AS FROM {view}")
        return self.relation(f"FROM {table}")

    def drop_rows(
        self, frame: nw.LazyFrame[Any], row_number: str, losers: nw.LazyFrame[Any]
    ) -> nw.LazyFrame[Any]:
        """Leave out rows by a bitmap of their numbers, which keeps the scan streaming in order."""
        rows = self._mapped_rows(frame)
        if rows is not None and len(rows.columns) <= MARKED_ROWS:
            native = losers.to_native()

            def work() -> MappedRows:
                return rows.without(row_number, native.to_arrow_reader(self.batch_rows))

            left = self._run(work)
            return frame if left is rows else self._of_mapped(left)
        table, number = self._view(self.materialise(losers)), sql_name(row_number)
        column = sql_name(losers.collect_schema().names()[0])
        size = self._execute(f"SELECT coalesce(max({column}), -1) + 1 FROM {table}")[0][0]
        if size == 0:
            return frame
        if size > BITMAP_ROWS:
            query = (
                f"SELECT * FROM frame ANTI JOIN {table} ON {number} = {column} ORDER BY {number}"
            )
            return _lazy(frame.to_native().query("frame", query))
        variable = next(self._names)
        bits = f"SELECT bitstring_agg({column}, 0, {size - 1}) FROM {table}"
        self._execute(f"SET VARIABLE {variable} = ({bits})")
        bit = f"get_bit(getvariable('{variable}'), {number}::INTEGER) = 0"
        kept = f"CASE WHEN {number} < {size} THEN {bit} ELSE true END"
        return _lazy(frame.to_native().filter(kept))

    def number_rows(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Number the rows as they stream by; a window without an order keeps that of its rows."""
        return _lazy(frame.to_native().project(f"*, row_number() OVER () - 1 AS {sql_name(name)}"))

    def unpivot(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], name: str, value: str
    ) -> nw.LazyFrame[Any]:
        """Make rows of columns as they stream by."""
        native, pair = frame.to_native(), next(self._names)
        left = [sql_name(one) for one in native.columns if one not in columns.values()]
        pairs = (
            f"{{'name': {sql_text(text)}, 'value': {sql_name(one)}}}"
            for text, one in columns.items()
        )
        rows = native.project(", ".join([*left, f"unnest([{', '.join(pairs)}]) AS {pair}"]))
        made = (
            f"{pair}.{part} AS {sql_name(new)}" for part, new in (("name", name), ("value", value))
        )
        return _lazy(rows.project(", ".join([*left, *made])))

    def arrow_schema(self, frame: nw.LazyFrame[Any]) -> pa.Schema:
        """Return names and Arrow types of a frame's columns."""
        types = self.types(frame)
        if not set(types.values()) <= self._fields.keys():
            nothing = self._run(lambda: frame.to_native().limit(0).to_arrow_table())
            self._fields |= dict(zip(types.values(), nothing.schema, strict=True))
        return pa.schema([self._fields[kind].with_name(name) for name, kind in types.items()])

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """Return a small result as plain values."""
        names = frame.collect_schema().names()
        found = self._run(lambda: frame.to_native().fetchall())
        return [dict(zip(names, row, strict=True)) for row in found]

    def consume(self, frame: nw.LazyFrame[Any], function: Callable[[pa.RecordBatchReader], T]) -> T:
        """Give a function the batches of a frame in its order, and return what it returns."""
        return self._run(lambda: function(frame.to_native().to_arrow_reader(self.batch_rows)))

    def write(
        self,
        frame: nw.LazyFrame[Any],
        file: AnyPath,
        format: Format,
        dialect: CsvDialect | None = None,
        fields: pa.Schema | None = None,
    ) -> int:
        """Write a frame with DuckDB's parallel, order-keeping writers where they know its types."""
        query = f"FROM {self._view(frame)}"
        if format == "parquet" and fields is not None:
            return self._run(self._within_bounds(frame, self._parquet(query, file, fields)))
        options = COPY_OPTIONS if format == "parquet" else copy_options(format, dialect)
        rows = f"SELECT {written_columns(frame, format)} {query}"
        copy = f"COPY ({rows}) TO {sql_text(str(file))} ({options})"

        def work() -> int:
            return int(self.connection.execute(copy).fetchall()[0][0])

        return self._run(self._within_bounds(frame, work))

    def _within_bounds(self, frame: nw.LazyFrame[Any], work: Callable[[], T]) -> Callable[[], T]:
        """Return work that writes a frame, in bounded memory where its rows only stream by."""
        rows = self._mapped_rows(frame)
        if rows is None:
            return work
        more = max(WRITER_BYTES, WRITER_GROUPS * rows.bytes_of(ROW_GROUP_ROWS))

        def bounded_work() -> T:
            try:
                with bounded(self.connection, more, self._memory_limit):
                    return work()
            except duckdb.OutOfMemoryException:
                return work()

        return bounded_work

    def stage(self, source: Source, file: AnyPath, limit_rows: int | None = None) -> int:
        """Copy a source that cannot be scanned as it is into a Parquet file; return its rows.

        Raises:
            DatasetError: if a row is not as the source's dialect and schema say.
        """
        for line_bytes in (COMMON_LINE_BYTES, MAX_LINE_BYTES):
            try:
                return self._stage(source, file, limit_rows, line_bytes)
            except EngineResourceError:
                raise
            except EngineError:  # for a longer line, or one that fails once more
                continue
        raise self._run(lambda: diagnose(self.connection, source))

    def _stage(self, source: Source, file: AnyPath, limit_rows: int | None, line_bytes: int) -> int:
        query = self._run(lambda: source_query(self.connection, source, line_bytes))
        query += f" LIMIT {limit_rows}" if limit_rows is not None else ""
        if source.format == "parquet":
            return self._run(self._parquet(query, file, parquet_fields(source.file)))
        return int(self._execute(f"COPY ({query}) TO {sql_text(str(file))} ({COPY_OPTIONS})")[0][0])

    def json_types(self, *files: AnyPath) -> dict[str, str]:
        """Return the SQL types of JSON lines over all files.

        Raises:
            DatasetError: if a line is no JSON object, or keys cannot be columns.
        """
        return self._run(lambda: json_types(self.connection, files))

    def _parquet(self, query: str, file: AnyPath, fields: pa.Schema) -> Callable[[], int]:
        """Return the work of writing the rows of a query to a Parquet file."""
        return lambda: write_parquet(self.connection, query, file, fields, self._stop)

    def _view(self, frame: nw.LazyFrame[Any]) -> str:
        """Give a lazy frame a name that SQL can use."""
        name = next(self._names)
        with _told_in_a_sentence():
            frame.to_native().create_view(name)
        return name

    def _execute(self, query: str) -> list[tuple[Any, ...]]:
        def work() -> list[tuple[Any, ...]]:
            return self.connection.execute(query).fetchall()

        return self._run(work)

    def _run(self, work: Callable[[], T]) -> T:
        """Do work in a thread of its own, whose query can be interrupted."""
        stop = self._stop = threading.Event()
        self._share = None

        def interrupt() -> None:
            stop.set()
            self.connection.interrupt()

        return wait_for(work, interrupt=interrupt, tick=self._tell_progress, failure=engine_failure)

    def _tell_progress(self) -> None:
        if self._progress is not None:
            share = self._share
            if share is None:
                share = self.connection.query_progress() / 100
            if share >= 0:
                self._progress(min(share, 1.0))


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """Raise errors of DuckDB as those that say in a sentence what they mean."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
        raise engine_failure(error) from None


def _row_number(dataset: StagedDataset) -> str:
    """Return the SQL for row numbers from 0: by the reader's own, unless a column is called so."""
    if {FILE_INDEX, FILE_ROW_NUMBER} & {name.lower() for name in dataset.schema.names}:
        return "row_number() OVER () - 1"
    if len(dataset.files) == 1:
        return FILE_ROW_NUMBER
    before = itertools.accumulate(dataset.file_rows, initial=0)
    return f"{FILE_ROW_NUMBER} + [{', '.join(map(str, before))}][{FILE_INDEX}::BIGINT + 1]"


def _lazy(relation: duckdb.DuckDBPyRelation) -> nw.LazyFrame[Any]:
    """Return a relation as the frame that operations see."""
    frame: nw.LazyFrame[Any] = nw.from_native(relation)
    return frame


def _count(name: str, value: str | None) -> int | None:
    """Return the value of a setting as a whole number above 0, None where it is unset.

    Raises:
        ConfigurationError: if it is anything else.
    """
    if value is None:
        return None
    if not value.isdecimal() or int(value) == 0:
        raise ConfigurationError(f"{settings.PREFIX}{name} must be a whole number above 0.")
    return int(value)
