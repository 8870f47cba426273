"""What a run is going to read and write, worked out and checked before a row is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from util_services import samples
from util_services.datasets.csv_dialect import HEADER_BYTES, CsvDialect, read_header
from util_services.datasets.formats import Format, FormatOrAuto, format_of
from util_services.datasets.parquet import parquet_schema
from util_services.datasets.staged import Origin
from util_services.errors import ConfigurationError, DatasetError, StorageError
from util_services.storage.local import LocalStorage
from util_services.storage.protocol import Fingerprint, Location, Storage, already_exists

if TYPE_CHECKING:
    from util_services.datasets.schema import Schema

SAMPLE_SCHEME = "sample:"
TEST_RUNS = "_test_runs"
REPORT_ENDINGS = {"report": ".report.html", "report_json": ".report.json"}
MAX_NAME_BYTES = 255  # of a file's name, on all common file systems
DELIMITERS: dict[str, str] = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a run config asks for a dataset."""

    path: str
    format: FormatOrAuto = "auto"
    delimiter: str | None = None
    encoding: str = "utf-8"
    limit_rows: int | None = None
    keep_nan: bool = False


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a run config asks for an output."""

    path: str
    format: FormatOrAuto = "auto"
    delimiter: str | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The dataset that a run reads, found and identified."""

    storage: Storage
    origin: Origin
    fingerprint: Fingerprint
    schema: Schema | None = None  # None where only all the rows tell, as for JSON lines
    keep_nan: bool = False


@dataclass(frozen=True, slots=True)
class WritePlan:
    """The dataset that a run publishes."""

    path: str  # as asked for, with the run's id filled in
    storage: Storage
    location: Location
    format: Format
    dialect: CsvDialect | None
    overwrite: bool


def plan_read(storage: Storage, options: ReadOptions) -> ReadPlan:
    """Find a dataset and read its schema, as far as a few bytes tell it.

    Raises:
        StorageError: if it is missing or out of reach.
        ConfigurationError: if its format or dialect is not clear.
        DatasetError: if it has no usable schema.
    """
    storage, location = _find(storage, options.path)
    fingerprint = storage.fingerprint(location)
    if fingerprint is None:
        raise StorageError(f"There is no dataset at '{options.path}'; check the path.")
    if fingerprint.size == 0:
        raise DatasetError(f"The file '{options.path}' is empty; check how it was written.")
    kind = format_of(location.name, options.format)
    origin = Origin(options.path, location, kind, None, options.limit_rows)
    plan = ReadPlan(storage, origin, fingerprint, keep_nan=options.keep_nan)
    match kind:
        case "csv" | "tsv":
            delimiter = options.delimiter or DELIMITERS[kind]
            with storage.open(location) as file:
                head = file.read(HEADER_BYTES)
            dialect, schema = read_header(head, delimiter, options.encoding)
            return replace(plan, origin=replace(origin, dialect=dialect), schema=schema)
        case "parquet":
            with storage.open(location) as file:
                return replace(plan, schema=parquet_schema(file))
        case "jsonl":
            return plan


def plan_write(
    storage: Storage, options: WriteOptions, origin: Origin, *, run_id: str
) -> WritePlan:
    """Work out where and how a run publishes its dataset.

    A run on a slice of its input writes below ``_test_runs``, whatever it asks for.

    Raises:
        StorageError: if the place is taken or out of reach.
        ConfigurationError: if the format is not clear, or the output would replace the input.
    """
    path = options.path.replace("{run_id}", run_id)
    kind = format_of(path, options.format)
    if origin.limit_rows is not None:
        path = f"{TEST_RUNS}/{run_id}/{path.rsplit('/', 1)[-1]}"
    location = storage.resolve(path)
    reports = (location.beside(ending) for ending in REPORT_ENDINGS.values())
    if origin.location.current in {location, *reports}:
        raise ConfigurationError(
            f"The output '{path}' or a report beside it is the input itself; choose another path, "
            "for sources are never changed."
        )
    longest = max(len(location.beside(end).name.encode()) for end in REPORT_ENDINGS.values())
    if longest > MAX_NAME_BYTES:
        raise ConfigurationError(
            f"The name of the output is too long for the reports beside it: {longest} bytes with "
            f"their endings, {MAX_NAME_BYTES} are allowed; choose a shorter one."
        )
    storage.check_writable(location)
    if storage.fingerprint(location) is not None and not options.overwrite:
        raise already_exists(location)
    dialect = _output_dialect(kind, options.delimiter, origin)
    return WritePlan(path, storage, location, kind, dialect, options.overwrite)


def _find(storage: Storage, path: str) -> tuple[Storage, Location]:
    """Return the storage and place of a path; samples come with the package."""
    if not path.startswith(SAMPLE_SCHEME):
        return storage, storage.resolve(path)
    sample = samples.sample_path(path.removeprefix(SAMPLE_SCHEME))
    return LocalStorage(sample.parent), Location("", str(sample))


def _output_dialect(kind: Format, delimiter: str | None, origin: Origin) -> CsvDialect | None:
    """Return the declared dialect, completed by the input's: a file comes out as it went in."""
    if kind not in DELIMITERS:
        return None
    source = origin.dialect if origin.format == kind else None
    line_end = source.line_end if source else "\n"
    known = source.delimiter if source else DELIMITERS[kind]
    return CsvDialect(delimiter or known, "utf-8", line_end)
