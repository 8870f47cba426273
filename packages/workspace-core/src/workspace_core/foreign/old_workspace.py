"""Workspaces as dataworkspaces 1.6.0 has written them: read and checked, never changed.

Source of the layout: the files that ``dws`` of ``dataworkspaces`` 1.6.0 (PyPI) writes.

config.json                        name, dws-version, global_params
resources.json                     a list of resources
local_params.json                  hostname                                            not in git
resource_local_params.json         local_path, my_local_path by resource               not in git
snapshots/snapshot-<hash>.json     resources, and what they are compared by; hashed as by git
snapshot_metadata/<hash>_md.json   tags, message, time, metrics, what is restored by
file/<role>/<name>/<hash>          lists of files, of ``SHA-1 or size, blob|tree, name``
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DataWorkspacesError
from workspace_core.foreign.errors import ForeignFormatError
from workspace_core.foreign.trees import is_plain
from workspace_core.snapshots.metadata import checked_tag
from workspace_core.snapshots.metrics import with_finite_numbers
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER
from workspace_core.workspace import METADATA_FOLDER, RESOURCE_ROLE_CHOICES, checked_resource_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HASH = re.compile(r"[0-9a-f]{40}")
CONFIG, RESOURCES = "config.json", "resources.json"
LOCAL, RESOURCES_HERE = "local_params.json", "resource_local_params.json"
MOST_BYTES = 64 << 20  # of a file of records
MOST_DEPTH = 100  # of folders in lists of files
MANIFEST = re.compile(r"snapshot-([0-9a-f]{40})\.json")


@dataclass(frozen=True, slots=True)
class OldResource:
    """A resource of an old workspace."""

    name: str
    role: str
    resource_type: str
    params: Mapping[str, Any]
    local_params: Mapping[str, Any]

    @property
    def place(self) -> str | None:
        """Where its files are, absolute or below the workspace; None for one without files."""
        for params in (self.local_params, self.params):
            for key in ("my_local_path", "local_path", "global_local_path", "relative_path"):
                if found := params.get(key):
                    return str(found)
        return None


@dataclass(frozen=True, slots=True)
class OldSnapshot:
    """A snapshot of an old workspace."""

    hashval: str
    tags: tuple[str, ...]
    message: str
    hostname: str
    timestamp: str  # ISO 8601, UTC
    relative_destination_path: str
    compare_hashes: Mapping[str, str | None]
    restore_hashes: Mapping[str, str | None]
    metrics: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class OldWorkspace:
    """A workspace of dataworkspaces 1.6.0; its snapshots are in the order of their times."""

    folder: Path
    name: str
    release: str
    hostname: str | None
    global_params: Mapping[str, Any]
    resources: tuple[OldResource, ...]
    snapshots: tuple[OldSnapshot, ...]

    def listed(self, resource: OldResource, hashval: str) -> dict[str, str] | None:
        """Return SHA-1 hashes (or sizes) of files by path, as a snapshot has listed them.

        None where a list is missing, or is not what its name says.
        """
        return _listed(
            self.folder / METADATA_FOLDER / "file" / resource.role / resource.name, hashval
        )


@dataclass(slots=True)
class _Reader:
    """Reads files below ``.dataworkspace`` that nobody's links lead elsewhere."""

    metadata: Path
    seen: set[str] = field(default_factory=set)

    def content(self, name: str) -> bytes | None:
        file = self.metadata / name
        try:
            found = file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise ForeignFormatError(str(file), "it is no file of records")
        return file.read_bytes()

    def json(self, name: str, kind: type) -> Any:
        content = self.content(name)
        return None if content is None else self.parsed(name, content, kind)

    def parsed(self, name: str, content: bytes, kind: type) -> Any:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, kind):
            raise ForeignFormatError(str(self.metadata / name), "it is no record")
        return found


def read_old_workspace(folder: Path) -> OldWorkspace:
    """Return the workspace in a folder.

    Raises:
        ForeignFormatError: if it is none of that release, or something in it would lead astray;
            names the file and the rule.
    """
    metadata = folder / METADATA_FOLDER
    if metadata.is_symlink() or not metadata.is_dir():
        raise ForeignFormatError(str(folder), "it is no workspace of dataworkspaces 1.6")
    reader = _Reader(metadata)
    config, listed = reader.json(CONFIG, dict), reader.json(RESOURCES, list)
    if config is None or listed is None or "dws-version" not in config:
        raise ForeignFormatError(str(folder), "it is no workspace of dataworkspaces 1.6")
    name = config.get("name")
    _require(
        isinstance(name, str) and name.isprintable() and 0 < len(name) <= 200, metadata / CONFIG
    )
    here = reader.json(RESOURCES_HERE, dict) or {}
    local = reader.json(LOCAL, dict) or {}
    resources = tuple(_resource(one, here, metadata / RESOURCES) for one in listed)
    names = [one.name for one in resources]
    _require(len(set(names)) == len(names), metadata / RESOURCES)
    return OldWorkspace(
        folder,
        name,
        str(config["dws-version"]),
        _text(local.get("hostname")),
        _params(config),
        resources,
        _snapshots(reader),
    )


def _resource(record: Any, here: Mapping[str, Any], file: Path) -> OldResource:
    _require(isinstance(record, dict), file)
    name, role, kind = (record.get(key) for key in ("name", "role", "resource_type"))
    _require(
        isinstance(name, str) and isinstance(kind, str) and role in RESOURCE_ROLE_CHOICES, file
    )
    try:
        checked_resource_name(name)
    except DataWorkspacesError as error:
        raise ForeignFormatError(str(file), f"it is not sound ({error})") from None
    local = here.get(name) or {}
    _require(isinstance(local, dict), file)
    relative = record.get("relative_path")
    if relative is not None:
        plain = isinstance(relative, str) and is_plain(os.fsencode(os.path.normpath(relative)))
        if not plain:
            raise ForeignFormatError(
                str(file), f"the folder of the resource '{name}' does not lie in the workspace"
            )
        local = {}  # it is where the workspace says, and nowhere else
    for params in (record, local):
        for key in ("my_local_path", "local_path", "global_local_path"):
            _require(isinstance(params.get(key), str | None), file)
            _require("\0" not in (params.get(key) or ""), file)
    return OldResource(name, role, kind, record, local)


def _snapshots(reader: _Reader) -> tuple[OldSnapshot, ...]:
    folder = reader.metadata / "snapshots"
    if folder.is_symlink():
        raise ForeignFormatError(str(folder), "it is a link")
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    hashes = [match[1] for name in names if (match := MANIFEST.fullmatch(name))]
    found = [one for hashval in hashes if (one := _snapshot(reader, hashval)) is not None]
    tags = [tag for one in found for tag in one.tags]
    if len(set(tags)) != len(tags):
        raise ForeignFormatError(str(folder), "two snapshots have one tag")
    return tuple(sorted(found, key=lambda one: (one.timestamp, one.hashval)))


def _snapshot(reader: _Reader, hashval: str) -> OldSnapshot | None:
    manifest, metadata = (
        f"snapshots/snapshot-{hashval}.json",
        f"snapshot_metadata/{hashval}_md.json",
    )
    if (reader.metadata / "snapshot_metadata").is_symlink():
        raise ForeignFormatError(metadata, "it is reached by a link")
    content = reader.content(manifest) or b""
    as_git_has_it = b"blob %d\0" % len(content) + content
    if hashlib.sha1(as_git_has_it, usedforsecurity=False).hexdigest() != hashval:
        raise ForeignFormatError(str(reader.metadata / manifest), "it does not fit its hash")
    record = reader.json(metadata, dict)
    if record is None:
        return None  # it was deleted, or never finished
    file = reader.metadata / metadata
    listed = reader.parsed(manifest, content, list)
    compare = {}
    for one in listed:
        _require(isinstance(one, dict) and isinstance(one.get("name"), str), file)
        compare[one["name"]] = one.get("hash")
    restore = record.get("restore_hashes") or {}
    _require(isinstance(restore, dict), file)
    for hashes in (compare, restore):
        for name, one in hashes.items():
            _require(isinstance(name, str) and isinstance(one, str | None), file)
            _require(one is None or len(one) <= 200, file)
    tags, place = record.get("tags") or [], record.get("relative_destination_path") or ""
    _require(isinstance(tags, list) and all(isinstance(tag, str) for tag in tags), file)
    _require(record.get("hash") == hashval and isinstance(place, str), file)
    if place and not (place.startswith(f"{SNAPSHOTS_FOLDER}/") and is_plain(os.fsencode(place))):
        raise ForeignFormatError(str(file), "its results do not lie in a folder of their own")
    metrics = record.get("metrics")
    _require(isinstance(metrics, dict | None), file)
    try:
        return OldSnapshot(
            hashval,
            tuple(dict.fromkeys(checked_tag(tag) for tag in tags)),
            str(record.get("message") or ""),
            str(record.get("hostname") or ""),
            _moment(record.get("timestamp")),
            place,
            compare,
            restore,
            with_finite_numbers(metrics),
        )
    except (DataWorkspacesError, ValueError, TypeError, RecursionError) as error:
        raise ForeignFormatError(str(file), f"it is not sound ({error})") from None


def _moment(text: Any) -> str:
    """Return a time in UTC; one without a zone, as 1.6 writes it, is of this machine's."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds")


def _listed(folder: Path, hashval: str, depth: int = 0) -> dict[str, str] | None:
    file = folder / hashval
    if depth > MOST_DEPTH or not HASH.fullmatch(hashval) or file.is_symlink():
        return None
    try:
        content = file.read_bytes()
    except OSError:
        return None
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != hashval:
        return None
    found: dict[str, str] = {}
    for line in content.decode(errors="surrogateescape").splitlines():
        known, _, rest = line.partition("\t")
        kind, _, name = rest.partition("\t")
        if kind == "tree":
            below = _listed(folder, known, depth + 1)
            if below is None:
                return None
            found |= {f"{name}/{path}": one for path, one in below.items()}
        else:
            found[name] = known
    return found


def _params(config: Mapping[str, Any]) -> dict[str, Any]:
    found = config.get("global_params") or {}
    return dict(found) if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _require(condition: object, file: Path) -> None:
    if not condition:
        raise ForeignFormatError(str(file), "it lacks what such a record has")
