"""A bucket of any S3-compatible store: its objects as they are, or as a snapshot has them.

With ``keep: versions`` a snapshot keeps which version of each object was there, in a bucket that
keeps versions; with ``keep: contents`` it keeps the objects themselves, in the store of the
workspace. Nothing in the bucket is changed, but for results, which a snapshot moves below its own
prefix there.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from blake3 import blake3

from util_services.storage.ranges import RangeReader
from workspace_core.errors import ConfigurationError, DataWorkspacesError, StoreWriteError, shown
from workspace_core.filesystem import RemoteFileSystem
from workspace_core.parameters import TEXT, Parameter, ParameterType, enum_type
from workspace_core.place_addresses import S3, S3_ADDRESS
from workspace_core.resources.errors import GoneError, NotKeptError
from workspace_core.resources.pointed import READS, PointedResource
from workspace_core.resources.s3_objects import Item, Objects, checked_names
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER
from workspace_core.store.chunking import FILES, cut_stream
from workspace_core.store.durable import cause_of, json_bytes, read_json, write_whole
from workspace_core.store.identity import content_id, id_text, parse_id
from workspace_core.trees.building import Present, TreeBuilder
from workspace_core.trees.tree import Trees
from workspace_core.workspace import RemoteFilesMixin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace_core.snapshots.exclusion import Exclusion
    from workspace_core.store.session import Session
    from workspace_core.trees.directory import Entry
    from workspace_core.workspace import JSONDict

RESOURCE_TYPE = "s3"
SCHEMA = 1
VERSIONS, CONTENTS = "versions", "contents"
KNOWN = "objects.json"
BUFFER_BYTES = 256 << 10


def _prefix(value: Any) -> str:
    found = str(value).strip("/")
    if any(part in ("", ".", "..") for part in found.split("/")) and found:
        raise ValueError("it consists of names with a slash between each two")
    return found


BUCKET = Parameter("bucket_name", TEXT, default=None, is_global=True, help="The bucket.")
PREFIX = Parameter(
    "prefix",
    ParameterType("prefix", _prefix),
    default="",
    is_global=True,
    help="What the keys begin with that belong to the resource; empty for all of the bucket.",
)
CREDENTIAL_SET = Parameter(
    "credential_set",
    ParameterType("string", str),
    default="",
    is_global=True,
    help="The credential set, such as selfS3; by default the general one (S3_…).",
)
KEEP = Parameter(
    "keep",
    enum_type(VERSIONS, CONTENTS),
    default=VERSIONS,
    is_global=True,
    help="What a snapshot keeps: which versions the bucket has, or the contents themselves.",
)


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of an object was there; a snapshot keeps it as a link that leads to it."""

    version: str
    etag: str
    size: int

    def to_target(self) -> bytes:
        """Return the record as the target of a link."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_target(cls, target: bytes) -> Version:
        """Return the record that a link leads to.

        Raises:
            ConfigurationError: if it leads to something else.
        """
        try:
            found = json.loads(target)
            return cls(str(found["version"]), str(found["etag"]), int(found["size"]))
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                "The snapshot keeps no versions of objects here; choose another one."
            ) from None


class S3Resource(RemoteFilesMixin, PointedResource):
    """The objects below a prefix of a bucket."""

    parameters: ClassVar[tuple[Parameter, ...]] = (READS, BUCKET, PREFIX, CREDENTIAL_SET, KEEP)
    positional: ClassVar[tuple[str, ...]] = (BUCKET.name,)

    bucket_name: str
    prefix: str
    credential_set: str
    keep: str

    @classmethod
    def as_recorded(cls, values: JSONDict, name: str, workspace: Any) -> JSONDict:  # noqa: ARG003 - the same for all
        """Return parameters, from ``BUCKET``, ``BUCKET/PREFIX`` or an address with ``s3://``."""
        place = str(values[BUCKET.name]).removeprefix(S3)
        if not S3_ADDRESS.fullmatch(place):
            raise ConfigurationError(f"{shown(place[:200])} names no bucket; write BUCKET/PREFIX.")
        bucket, _, prefix = place.partition("/")
        return {**values, BUCKET.name: bucket, PREFIX.name: prefix}

    @classmethod
    def suggested_name(cls, *args: Any) -> str:
        """Return the last part of the prefix, or the bucket."""
        return super().suggested_name(str(args[0]).rstrip("/"))

    def check_new(self) -> None:
        """Refuse a bucket that cannot be read, or of which nothing could be brought back."""
        next(self._objects().present(), None)
        self.snapshot_precheck()

    def snapshot_precheck(self) -> None:
        """Refuse a bucket whose versions are to be kept, and which has none."""
        if self.is_live and not self.keeps_contents and not self._objects().keeps_versions():
            raise ConfigurationError(
                f"The bucket '{self.bucket_name}' of '{self.name}' keeps no versions of its "
                "objects, so that nothing could be brought back; switch versioning on there, or "
                "let snapshots keep the contents: '--keep contents' when it is added, or 'dws "
                f"config --resource {self.name} keep contents'."
            )

    @property
    def keeps_contents(self) -> bool:
        """Whether the store keeps the objects themselves; it does of all results."""
        return self.keep == CONTENTS or self.has_results_role()

    def state(self) -> Mapping[str, bytes] | None:
        """Return nothing: objects are too many to be in memory; see `look`."""
        return None

    def look(self, session: Session, *, keep: bool) -> Present:
        """Return the objects as a tree: of their contents, or of a record of each version."""
        builder, listed = TreeBuilder(), self._listed()
        paths = {one: checked_names(self.name, one.path, one.is_folder) for one in listed}
        files = [one for one in listed if not one.is_folder]
        ids = self._content_ids(session, files, keep=keep) if self.keeps_contents else {}
        for item, path in paths.items():
            try:
                if item.is_folder:
                    builder.add_folder(path)
                elif item.path in ids:
                    builder.add_file(path, *ids[item.path])
                else:
                    version = Version(item.version, item.etag, item.size)
                    builder.add_link(path, version.to_target())
            except ValueError as error:
                rule = f"{error}; rename one of the two"
                raise NotKeptError(self.name, item.path, rule) from None
        return builder.finish(session if keep else None)

    def _listed(self) -> list[Item]:
        objects = self._objects()
        if self.keeps_contents:
            without = f"{SNAPSHOTS_FOLDER}/" if self.has_results_role() else ""
            return list(objects.present(without))
        return [item for item, is_present in objects.versions() if is_present]

    def _content_ids(
        self, session: Session, files: list[Item], *, keep: bool
    ) -> dict[str, tuple[bytes, int]]:
        """Return ids of contents; what is as it was when it was read last is not read again."""
        known, found = self._known(), {}
        try:
            for item in files:
                before = known.get(item.path, {})
                if before.get("seen") != [item.etag, item.size, item.modified] or (
                    keep and session.missing([parse_id(before["id"])])
                ):
                    read = self._read(session, item, keep=keep)
                    seen = [item.etag, item.size, item.modified]
                    before = {"id": id_text(read), "seen": seen}
                    known[item.path] = before
                found[item.path] = parse_id(before["id"]), item.size
        finally:
            present = {item.path for item in files}
            with suppress(DataWorkspacesError):  # what can be lost without harm
                kept = {path: one for path, one in known.items() if path in present}
                write_whole(self._cache, json_bytes({"schema": SCHEMA, "objects": kept}))
        return found

    def _read(self, session: Session, item: Item, *, keep: bool) -> bytes:
        with self._downloaded(item) as file:
            if item.size < FILES.from_size:
                content = file.read_bytes()
                return session.put(content) if keep else content_id(content)
            whole, chunks = blake3(), []
            with file.open("rb") as opened:
                for chunk in cut_stream(opened.read, FILES):
                    piece = bytes(chunk)  # the store writes it later
                    whole.update(piece)
                    if keep:
                        chunks.append((len(piece), session.put(piece)))
            if keep:
                session.put_list(whole.digest(), item.size, chunks)
            return whole.digest()

    @contextmanager
    def _downloaded(self, item: Item) -> Iterator[Path]:
        folder = self.workspace.local_state(self.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=folder, prefix=".object-", suffix=".tmp") as made:
                file = Path(made.name)
                self._objects().fetch(item, file)
                yield file
        except OSError as error:
            if isinstance(error, DataWorkspacesError):
                raise
            raise StoreWriteError(str(error.filename or folder), cause_of(error)) from error

    # Reading

    def require_restorable(self, session: Session, tree: bytes) -> None:
        """Refuse to go back to versions that the bucket does not have any more."""
        super().require_restorable(session, tree)
        wanted = {
            _text(path): Version.from_target(entry.target)
            for path, entry in Trees(session).walk(tree)
            if entry.is_link
        }
        if wanted:
            there = {(item.path, item.version) for item, _ in self._objects().versions()}
            gone = [path for path, one in wanted.items() if (path, one.version) not in there]
            if gone:
                raise GoneError(self.name, gone)

    def restore_note(self, restore_hashval: str) -> str:  # noqa: ARG002 - the same for all
        """Say what a restore does with a bucket."""
        return (
            "Reads lead to the objects of then; nothing is downloaded, and the bucket stays as it "
            "is."
        )

    def present_note(self) -> str:
        """Tell that reads do not lead to the present."""
        if self.is_live:
            return ""
        return (
            "Reads lead to the objects of a snapshot; 'dws config --resource "
            f"{self.name} reads live' follows the bucket."
        )

    def filesystem(self) -> RemoteFileSystem:
        """Return the objects that reads lead to: open, ls, exists, isfile and isdir."""
        objects = self._objects()
        if self.is_live:
            listed = list(objects.present())
            names = [one.path for one in listed if not one.is_folder]
            folders = [one.path.rstrip("/") for one in listed if one.is_folder]
            return RemoteFileSystem(names, folders, objects.open)
        tree = parse_id(self.reads)
        with self.workspace.store_session() as session:
            entries = {_text(path): entry for path, entry in Trees(session).walk(tree)}
        versions = {one: Version.from_target(e.target) for one, e in entries.items() if e.is_link}
        files = {path: entry for path, entry in entries.items() if not entry.is_directory}

        def opened(path: str) -> BinaryIO:
            if path in versions:
                return objects.open(path, versions[path].version)
            return self._from_store(files[path].id, files[path].size)

        return RemoteFileSystem(files, entries.keys() - files.keys(), opened)

    def _from_store(self, object_id: bytes, size: int) -> BinaryIO:
        def read(start: int, end: int) -> bytes:
            with self.workspace.store_session() as session:
                return session.read_range(object_id, start, end)

        return BufferedReader(RangeReader(size, read), BUFFER_BYTES)

    # Results

    def holds_results(self, tree: str, stay: Exclusion) -> bool:
        """Return whether a snapshot has results that are to be moved."""
        with self.workspace.store_session() as session:
            return any(True for _ in self._results_in(session, tree, stay))

    def move_results(self, tree: str, destination: str, stay: Exclusion) -> None:
        """Move the results of a snapshot below its prefix; what is done already stays done.

        What was written again meanwhile stays where it is, and comes from the store instead.
        """
        objects, known = self._objects(), self._known()
        listed = {item.path: item for item in objects.present()}
        with self.workspace.store_session() as session:
            for path, entry in self._results_in(session, tree, stay):
                item, moved = listed.get(path), f"{destination}/{path}"
                before = known.get(path, {})
                is_same = item is not None and before == {
                    "id": id_text(entry.id),
                    "seen": [item.etag, item.size, item.modified],
                }
                if moved not in listed:
                    if item is not None and is_same:
                        objects.copy(item, moved)
                    else:
                        objects.put(moved, self._from_store(entry.id, entry.size))
                if is_same:
                    objects.remove(path)

    def delete_snapshot(
        self,
        workspace_snapshot_hash: str,  # noqa: ARG002 - the path is its own
        resource_restore_hash: str,  # noqa: ARG002
        relative_path: str,
    ) -> None:
        """Remove the results that a snapshot has moved below its prefix."""
        if not relative_path.startswith(f"{SNAPSHOTS_FOLDER}/"):
            return
        objects = self._objects()
        for item in list(objects.present()):
            if item.path.startswith(f"{relative_path}/"):
                objects.remove(item.path)

    @staticmethod
    def _results_in(session: Session, tree: str, stay: Exclusion) -> Iterator[tuple[str, Entry]]:
        for path, entry in Trees(session).walk(parse_id(tree)):
            name = _text(path)
            if entry.is_file and not stay.leaves_out(name):
                yield name, entry

    # What is known

    def _objects(self) -> Objects:
        return Objects(self.name, self.bucket_name, self.prefix, self.credential_set)

    @property
    def _cache(self) -> Path:
        return self.workspace.local_state(self.name) / KNOWN

    def _known(self) -> dict[str, dict[str, Any]]:
        with suppress(FileNotFoundError, KeyError, DataWorkspacesError):
            return dict(read_json(self._cache, SCHEMA)["objects"])
        return {}


def _text(path: bytes) -> str:
    return path.decode(errors="surrogateescape")
