"""What a run is going to read and write, worked out and checked before a row is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from util_services.datasets.codecs.protocol import DEFAULT_OPTIONS, CodecOptions
from util_services.datasets.csv_dialect import CsvDialect, DuplicateNames, read_header
from util_services.datasets.formats import (
    CompressionOrAuto,
    FormatOrAuto,
    compression_in,
    format_of,
)
from util_services.datasets.layout import Layout
from util_services.datasets.manifest import MANIFEST
from util_services.datasets.staged import Origin
from util_services.errors import ConfigurationError, DatasetError, quoted
from util_services.flow.beside import ending_of, places_beside
from util_services.flow.idle_options import READING, WRITING, refuse_idle
from util_services.flow.objects import (
    BESIDE_DATA,
    Found,
    ObjectPlan,
    about,
    find_objects,
    identify,
    in_parallel,
)
from util_services.flow.parts import names_in
from util_services.flow.report_plan import (
    QUARANTINE_ENDING,
    REPORT_ENDINGS,
    ReportOptions,
    ReportPlan,
)
from util_services.storage.patterns import ANY, Pattern, names_many
from util_services.storage.protocol import Location, Storage, already_exists

if TYPE_CHECKING:
    from util_services.datasets.schema import Schema

TEST_RUNS = "_test_runs"
MAX_NAME_BYTES = 255  # of a file's name, on all common file systems
DELIMITERS: dict[str, str] = {"csv": ",", "tsv": "\t"}
DEFAULT_PART_ROWS = 1_000_000
PART_DIGITS = 16

BadRows = Literal["error", "quarantine"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a run config asks for a dataset."""

    path: str
    format: FormatOrAuto = "auto"
    compression: CompressionOrAuto = "auto"
    member: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    empty_as_null: bool = False
    duplicate_names: DuplicateNames = "error"
    codec: CodecOptions = DEFAULT_OPTIONS
    bad_rows: BadRows = "error"
    limit_rows: int | None = None
    keep_nan: bool = False


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a run config asks for an output."""

    path: str
    format: FormatOrAuto = "auto"
    compression: CompressionOrAuto = "auto"
    delimiter: str | None = None
    sheet: str | None = None
    part_rows: int = DEFAULT_PART_ROWS
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The dataset that a run reads, found and identified."""

    storage: Storage
    origin: Origin
    objects: tuple[ObjectPlan, ...]
    found: Found
    schema: Schema | None = None  # None where only all the rows tell, as for JSON lines
    bad_rows: BadRows = "error"
    keep_nan: bool = False
    with_blake3: bool = False  # whether these digests of the objects are wanted, too


@dataclass(frozen=True, slots=True)
class WritePlan:
    """The dataset that a run publishes.

    ``location`` is the object whose appearance is the commit point: the data, or the manifest of a
    set of part files. The reports stand beside ``path``.
    """

    path: str  # as asked for, with the run's id filled in
    storage: Storage
    location: Location
    reports: dict[str, Location]
    quarantine: Location
    layout: Layout
    overwrite: bool
    part_rows: int | None = None  # None for a single object

    @property
    def address(self) -> str:
        """The output as a person names it: a folder of part files ends in "/"."""
        whole = str(self.location)
        return whole.removesuffix(MANIFEST) if self.part_rows is not None else whole

    @property
    def beside_data(self) -> dict[str, Location]:
        """The places of further files that a step may write, by their kinds."""
        return places_beside(self.whole)

    def place_beside(self, kind: str) -> Location:
        """Return the place of a further file of a kind; that of a table names the table too."""
        return self.whole.beside(ending_of(kind))

    @property
    def whole(self) -> Location:
        """The place of the output; of part files, their folder."""
        return replace(self.location, path=self.location.path.removesuffix(f"/{MANIFEST}"))

    @property
    def failed(self) -> ReportPlan:
        """Where a report appears if the run fails for what it found."""
        report = ReportPlan(self.path.rstrip("/"), self.storage, self.whole, overwrite=True)
        return report.failed

    def beside(self, name: str) -> Location:
        """Return the place of a part file."""
        return replace(self.location, path=self.location.path.removesuffix(MANIFEST) + name)


def plan_read(storage: Storage, options: ReadOptions) -> ReadPlan:
    """Find a dataset and read its schema, as far as a few bytes tell it.

    Raises:
        StorageError: if it is missing or out of reach.
        ConfigurationError: if its format or dialect is not clear.
        DatasetError: if it has no usable schema, or its objects have different ones.
    """
    path = options.path
    found = find_objects(storage, path)
    layout = _input_layout(found, options)
    refuse_idle(options, ReadOptions(path), layout, READING)

    read_names = partial(
        read_header,
        duplicate_names=options.duplicate_names,
        set_aside=options.bad_rows == "quarantine",
    )

    def look(numbered: tuple[Location, str]) -> ObjectPlan:
        location, name = numbered
        with about(name, found):
            shown = Pattern.of(path).folder + name if names_many(path) else path
            return identify(found.storage, location, name, shown, layout, read_names)

    objects = tuple(in_parallel(look, list(zip(found.locations, found.names, strict=True))))
    if found.manifest is not None:
        objects = tuple(
            replace(one, part=part) for one, part in zip(objects, found.manifest.parts, strict=True)
        )
    _refuse_different(objects)
    layout = objects[0].layout
    origin = Origin(options.path, found.locations, layout, options.limit_rows)
    return ReadPlan(
        storage=found.storage,
        origin=origin,
        objects=objects,
        found=found,
        schema=objects[0].schema,
        bad_rows=options.bad_rows,
        keep_nan=options.keep_nan,
    )


def plan_write(
    storage: Storage, options: WriteOptions, origin: Origin, *, run_id: str
) -> WritePlan:
    """Work out where and how a run publishes its dataset.

    A run on a slice of its input writes below ``_test_runs``, whatever it asks for.

    Raises:
        StorageError: if the place is taken or out of reach.
        ConfigurationError: if the format is not clear, or the output would replace the input.
    """
    path = _filled_in(options.path, run_id)
    is_folder = path.endswith("/")
    layout = _output_layout(path, options, origin)
    refuse_idle(options, WriteOptions(options.path), layout, WRITING)
    if origin.limit_rows is not None:
        name = path.rstrip("/").rsplit("/", 1)[-1] + ("/" if is_folder else "")
        path = _of_test_run(name, run_id)
    whole = storage.resolve(path.rstrip("/") if is_folder else path)
    location = storage.resolve(f"{path}{MANIFEST}") if is_folder else whole
    reports = {kind: whole.beside(ending) for kind, ending in REPORT_ENDINGS.items()}
    quarantine = whole.beside(QUARANTINE_ENDING)
    data = whole.beside(f"/{part_name(0, '', layout)}") if is_folder else whole
    _refuse_input(storage, path, (location, quarantine, *reports.values()), data, origin)
    _refuse_long(whole)
    _refuse_taken(storage, location, overwrite=options.overwrite)
    part_rows = None
    if is_folder:
        part_rows = 1 if layout.format == "text" else options.part_rows
    plan = WritePlan(
        path, storage, location, reports, quarantine, layout, options.overwrite, part_rows
    )
    if is_folder:
        names_in(plan)  # which refuses a folder with anything else in it
    return plan


def plan_report(
    storage: Storage, options: ReportOptions, origin: Origin, *, run_id: str
) -> ReportPlan:
    """Work out where a run publishes a report and nothing else.

    A run on a slice of its input writes below ``_test_runs``, whatever it asks for.

    Raises:
        StorageError: if the place is taken or out of reach.
        ConfigurationError: if the report would replace the input.
    """
    path = _filled_in(options.path, run_id)
    if path.endswith("/"):
        raise ConfigurationError(
            f"The report '{path}' is a folder; name a file in it, such as '{path}profile'."
        )
    for ending in REPORT_ENDINGS.values():
        path = path.removesuffix(ending)
    if origin.limit_rows is not None:
        path = _of_test_run(path.rsplit("/", 1)[-1], run_id)
    whole = storage.resolve(path)
    plan = ReportPlan(path, storage, whole, options.overwrite)
    places = (*plan.reports.values(), plan.quarantine)
    _refuse_input(storage, path, places, plan.location, origin)
    _refuse_long(whole)
    _refuse_taken(storage, plan.location, overwrite=options.overwrite)
    return plan


def part_name(number: int, sha256: str, layout: Layout) -> str:
    """Return the name of a part file, by its content: two states of a dataset share no names."""
    return f"part-{number:05}-{sha256[:PART_DIGITS]}{layout.ending}"


def _filled_in(path: str, run_id: str) -> str:
    """Return the path of an output with the run's id.

    Raises:
        ConfigurationError: if it may name several.
    """
    path = path.replace("{run_id}", run_id)
    if ANY in path:
        raise ConfigurationError(
            f"The output '{path}' holds a '*'; name one file, or a folder that ends in '/'."
        )
    return path


def _of_test_run(name: str, run_id: str) -> str:
    return f"{TEST_RUNS}/{run_id}/{name}"


def _refuse_long(whole: Location) -> None:
    longest = max(len(whole.beside(end).name.encode()) for end in BESIDE_DATA)
    if longest > MAX_NAME_BYTES:
        raise ConfigurationError(
            f"The name of the output is too long for the reports beside it: {longest} bytes with "
            f"their endings, {MAX_NAME_BYTES} are allowed; choose a shorter one."
        )


def _refuse_taken(storage: Storage, location: Location, *, overwrite: bool) -> None:
    storage.check_writable(location)
    if storage.fingerprint(location) is not None and not overwrite:
        raise already_exists(location)


def _input_layout(found: Found, options: ReadOptions) -> Layout:
    """Return the layout that all objects are declared to have, as their names tell.

    Raises:
        ConfigurationError: if they tell none, or several.
    """
    known = found.manifest.layout if found.manifest is not None else None
    if known is not None and options.format == "auto":
        kind, compression = known.format, known.compression
    else:
        kinds = {
            (format_of(name, options.format), compression_in(name, options.compression))
            for name in found.names
        }
        if len(kinds) > 1:
            seen = sorted(".".join(filter(None, kind)) for kind in kinds)
            raise ConfigurationError(
                f"The objects at '{options.path}' are of several formats: {quoted(seen)}; name "
                "those of one, as in 'in/*.csv', or set 'format' and 'compression'."
            )
        kind, compression = kinds.pop()
    dialect = None
    if kind in DELIMITERS:
        written = known.dialect if known is not None else None
        delimiter = options.delimiter or (written.delimiter if written else DELIMITERS[kind])
        dialect = CsvDialect(delimiter, options.encoding, empty_as_null=options.empty_as_null)
    return Layout(kind, compression, dialect, options.codec, options.member)


def _refuse_different(objects: tuple[ObjectPlan, ...]) -> None:
    """Refuse objects with other columns than the first.

    Raises:
        DatasetError: naming the first object that differs, and how.
    """
    first = objects[0]
    for other in objects[1:]:
        refuse_other_schema(first.name, first.schema, other.name, other.schema)


def refuse_other_schema(
    first: str, columns: Schema | None, name: str, others: Schema | None
) -> None:
    """Refuse the columns of an object if they are not those of the first.

    Raises:
        DatasetError: naming the object and the first difference.
    """
    if columns is None or others is None or columns == others:
        return
    if columns.names != others.names:
        different = [n for n in (*columns.names, *others.names) if not _in_both(n, columns, others)]
        what = f"differ in {quoted(different)}" if different else "come in another order"
    else:
        pairs = zip(columns, others, strict=True)
        what = "; ".join(
            f"{quoted([a.name])} is {b.type} instead of {a.type}" for a, b in pairs if a != b
        )
    raise DatasetError(
        f"The columns of '{name}' are not those of '{first}': they {what}; a dataset has one "
        "schema, so name its objects with a narrower pattern or correct them."
    )


def _in_both(name: str, columns: Schema, others: Schema) -> bool:
    return name in columns.names and name in others.names


def _output_layout(path: str, options: WriteOptions, origin: Origin) -> Layout:
    """Return the declared layout, completed by the input's: a file comes out as it went in."""
    source = origin.layout
    is_free = names_many(path) and options.format == "auto"
    kind = source.format if is_free else format_of(path, options.format)
    dialect = None
    if kind in DELIMITERS:
        known = source.dialect if source.format == kind else None
        delimiter = options.delimiter or (known.delimiter if known else DELIMITERS[kind])
        dialect = CsvDialect(delimiter, "utf-8", known.line_end if known else "\n")
    encoding = source.codec.encoding if source.format == kind == "text" else "utf-8"
    codec = CodecOptions(sheet=options.sheet, encoding=encoding)
    return Layout(kind, compression_in(path, options.compression), dialect, codec)


def _refuse_input(
    storage: Storage, path: str, places: tuple[Location, ...], data: Location, origin: Origin
) -> None:
    """Refuse an output that would replace the input, or become a part of what its path names."""
    if {location.current for location in origin.locations} & set(places):
        raise ConfigurationError(
            f"The output '{path}' or a report beside it is the input itself; choose another path, "
            "for sources are never changed."
        )
    if names_many(origin.path):
        pattern = Pattern.of(origin.path)
        folder = storage.resolve(f"{pattern.folder}x")
        prefix = folder.path.removesuffix("x")
        below = data.path.removeprefix(prefix)
        is_inside = folder.container == data.container and data.path.startswith(prefix)
        if is_inside and pattern.matches(below):
            raise ConfigurationError(
                f"The output '{path}' would be a part of the input '{origin.path}'; choose another "
                "path, for sources are never changed."
            )
