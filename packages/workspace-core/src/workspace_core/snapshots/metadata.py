"""What is recorded of a snapshot."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from workspace_core.errors import ConfigurationError, DamagedFileError
from workspace_core.snapshots.names import renamed

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
LEAST_PREFIX = 4
IMPORTED = "imported"  # in a record: what the one said that it was imported from
PARENTS = "parents"  # in a record: the snapshots that each resource came from, by its name
BY_RESOURCE = (PARENTS, "resources")  # further facts in a record that are told by resource
TAG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class SnapshotMetadata:
    """A snapshot: which trees the resources were, and what is told of that moment.

    `hashval` is the hash of everything in the record; tags are references of their own and no part
    of it. `content_id` is the hash of names and contents of the resources alone: equal data has
    equal content ids, wherever it lies.
    """

    hashval: str
    message: str
    hostname: str
    timestamp: str  # ISO 8601, UTC
    relative_destination_path: str  # of results in their resources
    restore_hashes: Mapping[str, str | None]  # by resource; None: it cannot be restored
    compare_hashes: Mapping[str, str | None]
    snapshot_number: int
    metrics: Mapping[str, Any] | None = None
    updated_timestamp: str | None = None
    tags: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)  # what later releases add
    recorded: SnapshotMetadata | None = None  # as its file has it, if resources were renamed since

    @classmethod
    def new(cls, **facts: Any) -> SnapshotMetadata:
        """Return the record of a new snapshot, with its hash."""
        record = cls(hashval="", **facts)
        return replace(record, hashval=hash_of(record.to_json()))

    @property
    def content_id(self) -> str:
        """The hash of the resources' names and contents."""
        if self.recorded is not None:
            return self.recorded.content_id
        known = {name: value for name, value in self.compare_hashes.items() if value}
        return f"blake3:{blake3(_canonical(known)).hexdigest()}"

    def under_names(self, now: Mapping[str, str]) -> SnapshotMetadata:
        """Return the snapshot with its resources under other names.

        Args:
            now: the names by those of the record.
        """
        if not now.keys() & self.compare_hashes.keys():
            return self
        by_resource = {name: self.more[name] for name in BY_RESOURCE if name in self.more}
        return replace(
            self,
            compare_hashes=renamed(self.compare_hashes, now),
            restore_hashes=renamed(self.restore_hashes, now),
            more={**self.more, **{key: renamed(one, now) for key, one in by_resource.items()}},
            recorded=self,
        )

    def has_tag(self, tag: str) -> bool:
        """Return whether the snapshot has a tag."""
        return tag in self.tags

    def matches_partial_hash(self, partial_hash: str) -> bool:
        """Return whether the hash begins so."""
        return self.hashval.startswith(partial_hash.lower())

    def was_imported_as(self, partial_hash: str) -> bool:
        """Return whether its hash began so in another format, out of which it was imported."""
        before = self.more.get(IMPORTED)
        return isinstance(before, dict) and str(before.get("hash")).startswith(partial_hash)

    def to_json(self) -> dict[str, Any]:
        """Return the record as its file has it, without tags."""
        if self.recorded is not None:
            return self.recorded.to_json()
        record = {
            **self.more,
            "schema": SCHEMA,
            "hash": self.hashval,
            "message": self.message,
            "hostname": self.hostname,
            "timestamp": self.timestamp,
            "relative_destination_path": self.relative_destination_path,
            "restore_hashes": dict(self.restore_hashes),
            "compare_hashes": dict(self.compare_hashes),
            "snapshot_number": self.snapshot_number,
            "metrics": self.metrics,
        }
        if self.updated_timestamp is not None:
            record["updated_timestamp"] = self.updated_timestamp
        return record

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], tags: tuple[str, ...] = (), file: str = ""
    ) -> SnapshotMetadata:
        """Return the snapshot that a record tells of.

        Raises:
            DamagedFileError: if the record is not the one that its hash names.
        """
        known = dict(data)
        if hash_of(known) != known.get("hash"):
            raise DamagedFileError(file or "a snapshot record", "it does not fit its hash")
        known.pop("schema")
        try:
            return cls(
                hashval=known.pop("hash"),
                message=known.pop("message"),
                hostname=known.pop("hostname"),
                timestamp=known.pop("timestamp"),
                relative_destination_path=known.pop("relative_destination_path"),
                restore_hashes=known.pop("restore_hashes"),
                compare_hashes=known.pop("compare_hashes"),
                snapshot_number=known.pop("snapshot_number"),
                metrics=known.pop("metrics"),
                updated_timestamp=known.pop("updated_timestamp", None),
                tags=tags,
                more=known,
            )
        except KeyError as error:
            raise DamagedFileError(file or "a snapshot record", f"it lacks {error}") from error


def hash_of(record: Mapping[str, Any]) -> str:
    """Return the hash of a record, its own field of that name left out."""
    return blake3(canonical(record)).hexdigest()


def canonical(record: Mapping[str, Any]) -> bytes:
    """Return what the hash of a record is of: all but the hash, in one spelling of JSON."""
    return _canonical({name: value for name, value in record.items() if name != "hash"})


def checked_tag(tag: str) -> str:
    """Return a tag if it may be one.

    Raises:
        ConfigurationError: if it may not.
    """
    if not TAG.fullmatch(tag):
        raise ConfigurationError(
            f"'{tag[:80]}' cannot be a tag; use letters, digits, '-', '_' and '.', the first and "
            "the last of them a letter or a digit."
        )
    return tag


def _canonical(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
