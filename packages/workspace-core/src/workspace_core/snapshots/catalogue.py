"""The snapshots of a workspace: a file for each record, each tag and each deletion.

snapshots/<hash>.json   a record, never changed; putting it there is the commit point of a snapshot
tags/<tag>.json         which snapshot a tag points to
deleted/<hash>.json     what was deleted: its number, so that no other snapshot gets it, and its
                        ancestry, which merging needs

Resources that were renamed since stand in a snapshot under their names of now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, DamagedFileError
from workspace_core.snapshots.deleted import DeletedSnapshot
from workspace_core.snapshots.metadata import LEAST_PREFIX, SCHEMA, SnapshotMetadata, checked_tag
from workspace_core.snapshots.names import names_now
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HASH = re.compile(r"[0-9a-f]{64}")
PREFIX = re.compile(rf"[0-9a-fA-F]{{{LEAST_PREFIX},64}}")
SUFFIX = ".json"


class Catalogue:
    """The snapshots below a folder, read anew at each call."""

    def __init__(self, folder: Path) -> None:
        self.snapshots = folder / "snapshots"
        self.tags = folder / "tags"
        self.deleted = folder / "deleted"
        self.resources = folder / "resources"
        self.removed = folder / "removed"  # the records of resources that were removed

    def hashes(self) -> list[str]:
        """Return the hashes of all snapshots."""
        return _stems(self.snapshots)

    def get(self, hashval: str) -> SnapshotMetadata:
        """Return a snapshot by its whole hash.

        Raises:
            ConfigurationError: if there is none.
            DamagedFileError: if its record is damaged.
        """
        return self._read(hashval, self.tagged(), self.names_now())

    def names_now(self) -> dict[str, str]:
        """Return what resources are called now, by the names that they had before."""
        files = {stem: self.removed / f"{stem}{SUFFIX}" for stem in _stems(self.removed)}
        files |= {stem: self.resources / f"{stem}{SUFFIX}" for stem in _stems(self.resources)}
        return names_now(read_json(file, SCHEMA) for file in files.values())

    def _read(
        self, hashval: str, tagged: Mapping[str, str], now: Mapping[str, str]
    ) -> SnapshotMetadata:
        file = self.snapshots / f"{hashval}{SUFFIX}"
        if not HASH.fullmatch(hashval) or not file.exists():
            raise ConfigurationError(
                f"There is no snapshot '{hashval[:80]}'; 'dws log' lists them."
            )
        record = read_json(file, SCHEMA)
        tags = tuple(sorted(tag for tag, owner in tagged.items() if owner == hashval))
        found = SnapshotMetadata.from_json(record, tags, str(file))
        if found.hashval != hashval:
            raise DamagedFileError(str(file), "its name is not its hash")
        return found.under_names(now)

    def find(self, tag_or_hash: str) -> SnapshotMetadata:
        """Return a snapshot by a tag, else by the beginning of its hash, else by its number.

        Numbers are written as they are shown, with three digits or more. A snapshot that was
        imported is found by the hash that it had before, too.

        Raises:
            ConfigurationError: if there is none, or more than one.
        """
        if (owner := self.tagged().get(tag_or_hash)) is not None:
            return self.get(owner)
        if PREFIX.fullmatch(tag_or_hash):
            found = [one for one in self.hashes() if one.startswith(tag_or_hash.lower())]
            if len(found) > 1:
                raise ConfigurationError(
                    f"'{tag_or_hash}' begins {len(found)} hashes of snapshots; give more digits."
                )
            if found:
                return self.get(found[0])
            if imported := [one for one in self.all() if one.was_imported_as(tag_or_hash.lower())]:
                return imported[0]
        numbered = [one for one in self.all() if f"{one.snapshot_number:03d}" == tag_or_hash]
        if len(numbered) > 1:
            raise ConfigurationError(
                f"{len(numbered)} snapshots have the number '{tag_or_hash}', which were taken in "
                "copies of the workspace; give a tag or the beginning of a hash."
            )
        if numbered:
            return numbered[0]
        raise ConfigurationError(
            f"There is no snapshot with the tag, hash or number '{tag_or_hash[:80]}'; 'dws log' "
            "lists them."
        )

    def all(self) -> list[SnapshotMetadata]:
        """Return all snapshots, the first taken first."""
        tagged, now = self.tagged(), self.names_now()
        found = [self._read(hashval, tagged, now) for hashval in self.hashes()]
        return sorted(found, key=lambda one: (one.snapshot_number, one.timestamp, one.hashval))

    def deleted_hashes(self) -> list[str]:
        """Return the hashes of all snapshots that were deleted."""
        return _stems(self.deleted)

    def deleted_snapshots(self) -> list[DeletedSnapshot]:
        """Return what stays on record of all snapshots that were deleted."""
        now = self.names_now()
        files = {one: self.deleted / f"{one}{SUFFIX}" for one in self.deleted_hashes()}
        return [
            DeletedSnapshot.from_dict(one, read_json(file, SCHEMA)).under_names(now)
            for one, file in files.items()
        ]

    def next_number(self) -> int:
        """Return a number that no snapshot has or ever had."""
        used = [one.snapshot_number for one in self.all()]
        used += [
            int(read_json(self.deleted / f"{one}{SUFFIX}", SCHEMA)["snapshot_number"])
            for one in self.deleted_hashes()
        ]
        return max(used, default=0) + 1

    def add(self, snapshot: SnapshotMetadata) -> None:
        """Put a record in place: from here on the snapshot exists."""
        file = self.snapshots / f"{snapshot.hashval}{SUFFIX}"
        write_whole(file, json_bytes(snapshot.to_json()))

    def tagged(self) -> dict[str, str]:
        """Return the hashes of snapshots by tag."""
        found = {}
        for tag in _stems(self.tags):
            file = self.tags / f"{tag}{SUFFIX}"
            owner = read_json(file, SCHEMA).get("snapshot")
            if not isinstance(owner, str) or not HASH.fullmatch(owner):
                raise DamagedFileError(str(file), "it names no snapshot")
            found[tag] = owner
        return found

    def tag(self, tag: str, hashval: str, *, moves: bool = False) -> None:
        """Let a tag point to a snapshot.

        Raises:
            ConfigurationError: if it cannot be a tag, or points to another one and is not to move.
        """
        owner = self.tagged().get(checked_tag(tag))
        if owner not in (None, hashval) and not moves:
            raise ConfigurationError(f"The tag '{tag}' is in use; choose another one, or move it.")
        record = {"schema": SCHEMA, "snapshot": hashval}
        write_whole(self.tags / f"{tag}{SUFFIX}", json_bytes(record))

    def untag(self, tag: str) -> None:
        """Remove a tag.

        Raises:
            ConfigurationError: if there is no such tag.
        """
        if tag not in self.tagged():
            raise ConfigurationError(f"There is no tag '{tag[:80]}'; 'dws log' lists them.")
        remove_file(self.tags / f"{tag}{SUFFIX}")

    def delete(self, hashval: str) -> SnapshotMetadata:
        """Remove a snapshot with its tags; its number stays taken.

        Raises:
            ConfigurationError: if there is none.
        """
        snapshot = self.get(hashval)
        record = DeletedSnapshot.of(snapshot).to_dict()
        write_whole(self.deleted / f"{hashval}{SUFFIX}", json_bytes(record))
        for tag in snapshot.tags:
            remove_file(self.tags / f"{tag}{SUFFIX}")
        remove_file(self.snapshots / f"{hashval}{SUFFIX}")
        return snapshot


def _stems(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    names = [one.name for one in folder.iterdir()]
    return sorted(
        one.removesuffix(SUFFIX)
        for one in names
        if one.endswith(SUFFIX) and not one.startswith(".")
    )
