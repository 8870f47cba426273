"""From a dataset in a storage to a reference that engines can scan."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from util_services.datasets.codecs import codec_of
from util_services.datasets.parquet import parquet_schema
from util_services.datasets.records import (
    RecordCount,
    Row,
    check_against_standard_library,
    count_records,
)
from util_services.datasets.schema import Schema
from util_services.datasets.sifting import BadRecord, sift_csv, sift_lines
from util_services.datasets.staged import ReadObject, StagedDataset
from util_services.encryption.paths import for_library
from util_services.engines.local_formats import COMMON_LINE_BYTES, Source
from util_services.errors import DatasetError
from util_services.flow.background import Background
from util_services.flow.bring import Content, bring, refuse_changed
from util_services.flow.changes import SourceChangedError, file_state
from util_services.flow.objects import about
from util_services.flow.plan import refuse_other_schema
from util_services.flow.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa

    from util_services.datasets.formats import Format
    from util_services.encryption.paths import AnyPath
    from util_services.engines.local import LocalEngine
    from util_services.flow.plan import ReadPlan
    from util_services.flow.staging import Staging

QUARANTINE = "quarantine.jsonl"
LINES = frozenset({"json", "jsonl"})
SIFTED = LINES | {"csv", "tsv"}  # formats of which a bad record can be told from its neighbours

T = TypeVar("T")


def read_dataset(
    plan: ReadPlan, staging: Staging, engine: LocalEngine, *, is_direct: bool = False
) -> StagedDataset:
    """Make a dataset scannable: by reference where it can be read as it is, else as staged copies.

    Args:
        plan: what is read.
        staging: the run's staging.
        engine: makes the copies.
        is_direct: whether text that the engine can scan is left where it is too, for an operation
            that scans it once.

    Raises:
        DatasetError: if records are not as declared and not set aside, or the source changes
            meanwhile.
        StorageError: if the source is out of reach.
    """
    try:
        with ExitStack() as stack:
            quarantine = None
            if plan.bad_rows == "quarantine":
                quarantine = stack.enter_context(Quarantine(staging.file(QUARANTINE)))
            return _Reading(plan, staging, engine, quarantine, is_direct).read()
    except FileNotFoundError:
        raise SourceChangedError(plan.origin.path) from None


def parquet_rows(file: AnyPath) -> int:
    """Return the number of rows that the footer of a Parquet file states."""
    import pyarrow.parquet as pq

    with for_library(file, "rb") as opened:
        return int(pq.read_metadata(opened).num_rows)


@dataclass(slots=True)
class _Reading:
    """Reads the objects of one dataset, one after the other."""

    plan: ReadPlan
    staging: Staging
    engine: LocalEngine
    quarantine: Quarantine | None
    is_direct: bool
    types: Mapping[str, str] | None = None  # of JSON lines in several objects
    done: list[ReadObject] = field(default_factory=list)

    def read(self) -> StagedDataset:
        """Return the dataset."""
        return self._direct() or self._staged()

    def _direct(self) -> StagedDataset | None:
        """Return a reference to a text file itself, None where the engine needs a copy.

        Its records are counted here, so that a row lost on the way is noticed as ever. Quotes out
        of place and ragged records need the closer look that staging takes.
        """
        plan, one, layout = self.plan, self.plan.objects[0], self.plan.origin.layout
        can_scan = self.is_direct and layout.format in self.engine.scans and not layout.compression
        is_whole = len(plan.objects) == 1 and plan.origin.limit_rows is None
        if not (can_scan and is_whole) or self.quarantine is not None:
            return None
        if one.schema is None or layout.dialect is None or not layout.dialect.is_utf8:
            return None
        content = self._bring(0)
        columns = len(one.schema.columns)
        count = count_records(content.file, layout.dialect, columns=columns)
        content.check_unchanged(plan)
        if not count.agrees(count.records, columns) or count.longest > COMMON_LINE_BYTES:
            return None
        self.done.append(_read_object(content, count.records))
        return self._dataset([content.file], layout.format, one.schema)

    def _staged(self) -> StagedDataset:
        contents: Iterable[Content] = map(self._bring, range(len(self.plan.objects)))
        if self.plan.origin.layout.format in LINES and len(self.plan.objects) > 1:
            contents = self._with_common_types([*contents])
        left = self.plan.origin.limit_rows
        files: list[AnyPath] = []
        schema = None
        for content in contents:
            with about(content.plan.name, self.plan.found):
                content, file, rows = self._scannable(content, left)
                with file.open("rb") as staged:
                    own = parquet_schema(staged)
            schema = schema or own
            refuse_other_schema(self.plan.objects[0].name, schema, content.plan.name, own)
            self.done.append(_read_object(content, rows))
            files.append(file)
            if left is not None:
                left -= rows
                if left == 0:
                    break
        if schema is None:
            raise AssertionError("a dataset has one object at least")
        self._refuse_nothing_left()
        return self._dataset(files, "parquet", schema)

    def _dataset(self, files: list[AnyPath], kind: Format, schema: Schema) -> StagedDataset:
        return StagedDataset(
            files=tuple(map(str, files)),
            format=kind,
            schema=schema,
            file_rows=tuple(one.rows for one in self.done),
            fingerprints=tuple(map(file_state, files)),
            origin=self.plan.origin,
            objects=tuple(self.done),
            keep_nan=self.plan.keep_nan,
            quarantine=str(self.quarantine.file) if self.quarantine is not None else None,
        )

    def _bring(self, number: int) -> Content:
        with about(self.plan.objects[number].name, self.plan.found):
            return bring(self.plan, number, self.staging)

    def _with_common_types(self, contents: list[Content]) -> list[Content]:
        """Find the types of JSON lines over all objects, so that each is read with the same."""
        kinds = []
        for number, content in enumerate(contents):
            with about(content.plan.name, self.plan.found):
                contents[number], kind = self._good(content, self.engine.json_types)
                kinds.append(kind)
        self.types = kinds[0]
        if any(kind != kinds[0] for kind in kinds):
            self.types = self.engine.json_types(*(content.file for content in contents))
        return contents

    def _scannable(self, content: Content, left: int | None) -> tuple[Content, AnyPath, int]:
        """Return the file that stands for an object in a scan, and the number of its rows."""
        if content.plan.layout.format == "parquet" and left is None:
            rows = parquet_rows(content.file)
            content.check_unchanged(self.plan)
            return content, content.file, rows
        target = self.staging.file(f"input-{content.number}.parquet")
        content, rows = self._good(content, lambda file: self._stage(content, file, target, left))
        content.drop(self.staging)
        content.check_unchanged(self.plan)
        return content, target, rows

    def _stage(self, content: Content, file: AnyPath, target: AnyPath, left: int | None) -> int:
        """Convert an object to Parquet, and check that none of its records was lost on the way."""
        layout = content.plan.layout
        match layout.format:
            case "xlsx" | "avro" | "orc" | "text" as kind:
                options = replace(layout.codec, file_name=content.plan.name)
                return _write_parquet(codec_of(kind).read(file, options), target, left)
            case "json" | "jsonl" as kind:
                unit = "Element" if kind == "json" else "Line"
                source = Source(file, "jsonl", Schema(()), types=self.types, unit=unit)
            case "csv" | "tsv" as kind:
                source = Source(file, kind, content.plan.schema or Schema(()), layout.dialect)
            case "parquet":
                with file.open("rb") as footer:
                    source = Source(file, "parquet", parquet_schema(footer))
        counting = Background(lambda: _count(source, left))
        rows = self.engine.stage(source, target, left)
        _check_all_read(rows, counting.result(), target, source, left)
        return rows

    def _good(self, content: Content, work: Callable[[AnyPath], T]) -> tuple[Content, T]:
        """Do work on a content; where bad records are set aside and it fails, without them."""
        try:
            return content, work(content.file)
        except DatasetError:
            refuse_changed(self.plan, content.plan)  # which would explain it better
            if self.quarantine is None or content.plan.layout.format not in SIFTED:
                raise
            content = self._sift(content, self.quarantine)
            return content, work(content.file)

    def _sift(self, content: Content, quarantine: Quarantine) -> Content:
        """Return a content with its good records only; the bad ones go to the quarantine."""
        clean = self.staging.file(f"clean-{content.number}")
        layout, before = content.plan.layout, quarantine.records
        encoding = layout.dialect.encoding if layout.dialect else "utf-8"

        def reject(bad: BadRecord) -> None:
            quarantine.add(content.plan.name, bad, encoding)

        if layout.dialect is not None and content.plan.schema is not None:
            columns = len(content.plan.schema.columns)
            sift_csv(content.file, layout.dialect, columns, clean, reject)
        else:
            unit = "Element" if layout.format == "json" else "Line"
            sift_lines(content.file, unit, clean, reject)
        moved = content.moved(clean, self.staging)
        return replace(moved, quarantined=quarantine.records - before)

    def _refuse_nothing_left(self) -> None:
        """Refuse to go on with nothing where there were records, which points to a wrong option."""
        bad = sum(one.quarantined for one in self.done)
        if bad and not sum(one.rows for one in self.done):
            raise DatasetError(
                f"None of the {bad} records of '{self.plan.origin.path}' can be read; check "
                "'format', 'csv.delimiter' and 'csv.encoding'."
            )


def _read_object(content: Content, rows: int) -> ReadObject:
    """Return what is told of an object that was read."""
    digests, one = content.digests.result(), content.plan
    return ReadObject(
        one.name, one.fingerprint.size, digests.sha256, rows, content.quarantined, digests.blake3
    )


def _write_parquet(reader: pa.RecordBatchReader, target: AnyPath, left: int | None) -> int:
    """Write batches to a staged file, at most so many rows, and return their number."""
    import pyarrow.parquet as pq

    rows = 0
    with (
        for_library(target, "wb") as opened,
        pq.ParquetWriter(opened, reader.schema, compression="lz4") as writer,
    ):
        for batch in reader:
            wanted = batch if left is None else batch.slice(0, left - rows)
            writer.write_batch(wanted)
            rows += wanted.num_rows
            if rows == left:
                break
    return rows


def _count(source: Source, left: int | None) -> RecordCount | None:
    """Count the records of a CSV file that is read whole."""
    if source.dialect is None or left is not None:
        return None
    return count_records(source.file, source.dialect, columns=len(source.schema.columns))


def _check_all_read(
    rows: int, count: RecordCount | None, staged: AnyPath, source: Source, left: int | None
) -> None:
    """Check what the engine read against readings that it has no part in.

    Raises:
        DatasetError: if a record was lost, or read in another way.
    """
    if source.dialect is not None:
        names = source.schema.names
        if count is None or not count.agrees(rows, len(names)):
            check_against_standard_library(
                _rows_of(staged), source.file, source.dialect, names, left
            )
    elif source.format == "jsonl" and left is None:
        with source.file.open("rb") as content:
            lines = sum(not line.isspace() for line in content)
        if lines != rows:
            raise DatasetError(
                f"The file holds {lines} lines but {rows} rows were read; write one JSON object a "
                "line."
            )


def _rows_of(staged: AnyPath) -> Iterator[Row]:
    import pyarrow.parquet as pq

    with for_library(staged, "rb") as opened, pq.ParquetFile(opened) as file:
        for batch in file.iter_batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
