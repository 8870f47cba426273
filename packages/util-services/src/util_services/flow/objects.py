"""The objects that an input path names, and what their first bytes tell of their rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from util_services import samples
from util_services.datasets.compression import read_head
from util_services.datasets.csv_dialect import HEADER_BYTES, CsvDialect, read_header
from util_services.datasets.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    PART_NAME,
    Manifest,
)
from util_services.datasets.parquet import parquet_schema
from util_services.datasets.signatures import HEAD_BYTES, check_signature
from util_services.errors import DatasetError, StorageError, printable
from util_services.flow.changes import SourceChangedError
from util_services.storage.local import LocalStorage
from util_services.storage.patterns import Pattern, names_many
from util_services.storage.protocol import Fingerprint, Location, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from util_services.datasets.layout import Layout
    from util_services.datasets.manifest import Part
    from util_services.datasets.schema import Schema

SAMPLE_SCHEME = "sample:"
BESIDE_DATA = (  # the endings of what a run publishes besides
    ".report.json",
    ".report.html",
    ".quarantine.jsonl",
    ".changes.parquet",
    ".policy.yaml",
    ".pseudonymisation.json",
    ".release.json",
    ".state.json",
    ".table.parquet",
)
LOOKS_AT_ONCE = 8  # requests to a store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """Where an input is: the storage, its objects, and the manifest that lists them, if any."""

    storage: Storage
    locations: tuple[Location, ...]
    names: tuple[str, ...]  # of the objects, below the folder that the path names
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """One object of an input, identified."""

    location: Location
    name: str
    fingerprint: Fingerprint
    layout: Layout
    schema: Schema | None = None  # None where only all the rows tell, as for JSON lines
    part: Part | None = None  # what a manifest says of it


def find_objects(storage: Storage, path: str) -> Found:
    """Return the objects that a path names; samples come with the package.

    Raises:
        StorageError: if there are none, or a set of part files was never finished.
    """
    if path.startswith(SAMPLE_SCHEME):
        sample = samples.sample_path(path.removeprefix(SAMPLE_SCHEME))
        return Found(LocalStorage(sample.parent), (Location("", str(sample)),), (path,))
    if not names_many(path):
        location = storage.resolve(path)
        return Found(storage, (location,), (location.name,))
    pattern = Pattern.of(path)
    if path.endswith("/") and pattern.folder == path:
        parts = _parts_of(storage, path)
        if parts is not None:
            return parts
    found = [place for place in storage.find(pattern) if not place.path.endswith(BESIDE_DATA)]
    if path.endswith("/") and any(PART_NAME.fullmatch(place.name) for place in found):
        raise StorageError(
            f"The folder '{path}' holds part files of a dataset but no '{MANIFEST}' that lists "
            "them; copy the folder anew with its manifest, or name the files by a pattern."
        )
    if not found:
        raise StorageError(f"There is no dataset at '{path}'; check the path.")
    folder = storage.resolve(f"{pattern.folder}x").path.removesuffix("x")
    return Found(storage, tuple(found), tuple(one.path.removeprefix(folder) for one in found))


def _parts_of(storage: Storage, folder: str) -> Found | None:
    """Return the parts that the manifest of a folder lists, None where there is no manifest."""
    place = storage.resolve(f"{folder}{MANIFEST}")
    if storage.fingerprint(place) is None:
        if storage.is_claimed(place):
            raise StorageError(
                f"The dataset '{folder}' is being published, or a run died while it did; wait for "
                "its end, or publish it anew."
            )
        return None
    with storage.open(place) as file:
        manifest = Manifest.from_json(file.read(MAX_MANIFEST_BYTES))
    names = tuple(part.name for part in manifest.parts)
    for name in names:
        if storage.fingerprint(storage.resolve(f"{folder}{name}")) is None:
            raise StorageError(
                f"The part '{name}' that the manifest of '{folder}' lists is missing; copy or "
                "publish the dataset anew."
            )
    return Found(storage, tuple(storage.resolve(f"{folder}{n}") for n in names), names, manifest)


@contextmanager
def about(name: str, found: Found) -> Iterator[None]:
    """Name the object that an error is about, where there are several."""
    try:
        yield
    except SourceChangedError:
        raise
    except DatasetError as error:
        if len(found.locations) == 1:
            raise
        raise DatasetError(f"{printable(name)}: {error}") from None


def in_parallel(function: Callable[[T], ObjectPlan], items: Sequence[T]) -> list[ObjectPlan]:
    """Return what a function makes of each item, with several requests on their way at once."""
    if len(items) == 1:
        return [function(items[0])]
    with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="data-services-look") as pool:
        return list(pool.map(function, items))


def identify(
    storage: Storage,
    location: Location,
    name: str,
    shown: str,
    layout: Layout,
    read_names: Callable[[bytes, CsvDialect], tuple[CsvDialect, Schema]] = read_header,
) -> ObjectPlan:
    """Read of an object what a few bytes tell: its state, its dialect and its columns.

    Args:
        storage: where it is.
        location: its place.
        name: its name below the folder that the configuration names.
        shown: its path as the configuration names it.
        layout: the layout that it is declared to have.
        read_names: reads the header of a CSV file.

    Raises:
        StorageError: if it is missing.
        DatasetError: if it is empty, is something else than its layout says, or has no usable
            columns.
    """
    fingerprint = storage.fingerprint(location)
    if fingerprint is None:
        raise StorageError(f"There is no dataset at '{shown}'; check the path.")
    if fingerprint.size == 0:
        raise DatasetError(f"The file '{shown}' is empty; check how it was written.")
    plan = ObjectPlan(location, name, fingerprint, layout)
    with storage.open(location) as file:
        match layout.format:
            case "csv" | "tsv":
                if layout.compression:
                    head = read_head(file, layout.compression, HEADER_BYTES, member=layout.member)
                else:
                    head = file.read(HEADER_BYTES)
                    check_signature(head[:HEAD_BYTES], layout.format)
                dialect, schema = read_names(head, layout.dialect or CsvDialect())
                return replace(plan, layout=replace(layout, dialect=dialect), schema=schema)
            case "parquet" if not layout.compression:
                return replace(plan, schema=parquet_schema(file))
            case _:
                check_signature(file.read(HEAD_BYTES), layout.compression or layout.format)
                return plan
