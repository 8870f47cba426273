"""Certificates of the files that a run tells of, and what is known of others."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.flow.changes import file_state
from util_services.flow.digests import digests_of
from util_services.flow.run_files import state_text
from workspace_core.errors import DataWorkspacesError, PathNotAResourceError
from workspace_core.lineage.digests import Digests
from workspace_core.lineage.model import DIRECTORY, FILE, HashCertificate, ResourceRef
from workspace_core.lineage.outside_now import OutsideFile, seen_now
from workspace_core.lineage.recorder import MOST_ALONE
from workspace_core.lineage.references import reference
from workspace_core.lineage.store import listing_hash
from workspace_core.store.identity import ALGORITHM
from workspace_core.trees.stat_cache import is_settled, stat_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from util_services.flow.run_files import RunFile
    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.workspace import Workspace


@dataclass(slots=True)
class Certified:
    """What is known of the files of a run.

    Attributes:
        resources: those in resources of the workspace.
        external: those outside, by their paths as the configuration names them.
        changed: the paths of outputs that are not any more what the run has published.
        listings: the files of certificates of directories, by path in them.
        sha256: the SHA-256 of files in resources, by content id: data are known by it elsewhere.
        unchanged: the files in resources that the run has hashed, as it saw them.
        outside: files outside, as the run saw them.
    """

    resources: list[HashCertificate] = field(default_factory=list)
    external: list[dict[str, Any]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    listings: list[Mapping[str, str]] = field(default_factory=list)
    sha256: dict[str, str] = field(default_factory=dict)
    unchanged: dict[ResourceRef, RunFile] = field(default_factory=dict)
    outside: list[RunFile] = field(default_factory=list)

    def note(self, ref: ResourceRef, file: RunFile) -> None:
        """Keep by what else the content of a file in a resource is known, and where it is so."""
        self.unchanged[ref] = file
        if file.sha256 is not None:
            self.sha256[_id(file.blake3)] = file.sha256


class References:
    """Finds the resources that the files of runs belong to."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def of(self, file: RunFile) -> ResourceRef | None:
        """Return the reference to a file; None for one outside of all resources."""
        if not file.is_local:
            return None
        try:
            return reference(self._workspace, file.address)
        except PathNotAResourceError:
            return None

    def inputs(self, files: Iterable[RunFile]) -> Certified:
        """Return what was read, and whether it has changed since."""
        found = Certified()
        for file in files:
            if file.blake3 is None or file.bytes is None:
                continue
            ref = self.of(file)
            now = _content_now(file)
            changes: dict[str, Any] = {}
            if now != file.blake3:
                changes = {"changed": True, "hash_at_end": _id(now) if now else None}
            if ref is None:
                found.outside.append(file)
                found.external.append(_external(file) | changes)
            else:
                found.note(ref, file)
                certificate = HashCertificate(ref, FILE, _id(file.blake3), file.bytes)
                found.resources.append(certificate._replace(**changes))
        return found

    def outputs(self, files: Iterable[RunFile]) -> Certified:
        """Return what was published and still is what was published."""
        found = Certified()
        inside: dict[str, dict[str, RunFile]] = {}
        for file in files:
            if file.blake3 is None or _content_now(file) != file.blake3:
                found.changed.append(file.path)
            elif (ref := self.of(file)) is None:
                found.outside.append(file)
                found.external.append(_external(file))
            else:
                found.note(ref, file)
                inside.setdefault(ref.name, {})[ref.path] = file
        for name, by_path in inside.items():
            contents = {path: _id(file.blake3) for path, file in by_path.items()}
            sizes = {path: file.bytes or 0 for path, file in by_path.items()}
            if len(contents) > MOST_ALONE:
                found.listings.append(contents)
                whole = ResourceRef(name), DIRECTORY, listing_hash(contents), sum(sizes.values())
                found.resources.append(HashCertificate(*whole))
                continue
            for path, content in contents.items():
                ref = ResourceRef(name, path)
                found.resources.append(HashCertificate(ref, FILE, content, sizes[path]))
        return found


def remember(
    workspace: LocalSnapshots, inputs: Certified, outputs: Certified, began: datetime
) -> None:
    """Let those who look at resources next know what a run has hashed, so that nobody does again.

    A file counts only if it would show that somebody has changed it since the run had read it, and
    file systems tell times in ticks. So an input must have been at rest when the run began, and an
    output have been moved to its place a tick after it was written; else it is read again.

    Args:
        workspace: the workspace.
        inputs: what the run has read.
        outputs: what it has published.
        began: when it began.
    """
    digests = Digests(workspace)
    looked_at, start = time.time_ns(), int(began.timestamp() * 1_000_000) * 1000
    for certified in (inputs, outputs):
        for ref, file in certified.unchanged.items():
            with suppress(OSError, DataWorkspacesError):
                place = Path(file.address)
                fields = mode, size, written, moved, inode = stat_fields(place.lstat())
                was_at_rest = (
                    is_settled(fields, start)
                    if certified is inputs
                    else is_settled((mode, size, written, written, inode), moved)
                    and is_settled(fields, looked_at)
                )
                is_same = stat.S_ISREG(mode) and state_text(file_state(place)) == file.state
                if was_at_rest and is_same:
                    digests.note(ref, _id(file.blake3), fields)
    digests.save()
    seen = [_seen_outside(one) for one in (*inputs.outside, *outputs.outside)]
    workspace.lineage.outside.note(one for one in seen if one is not None)


def _seen_outside(file: RunFile) -> OutsideFile | None:
    """Return where a file outside was, and what it looked like, so that one can look again."""
    content = _id(file.blake3)
    if not file.is_local:
        return OutsideFile(file.address, content, file.address, is_local=False, state=file.state)
    place = os.path.realpath(file.address)
    with suppress(OSError):
        if state_text(file_state(Path(place))) == file.state:
            return seen_now(file.path, content, place)
    return OutsideFile(file.path, content, place)


def _content_now(file: RunFile) -> str | None:
    """Return the BLAKE3 of a file as it is now; it is read only if it may have changed.

    None where it is gone. What is not on this machine counts as unchanged.
    """
    if not file.is_local:
        return file.blake3
    place = Path(file.address)
    try:
        if state_text(file_state(place)) == file.state:
            return file.blake3
        return digests_of(place, with_blake3=True).blake3
    except OSError:
        return None


def _id(blake3: str | None) -> str:
    return f"{ALGORITHM}:{blake3}"


def _external(file: RunFile) -> dict[str, Any]:
    """Return what a record keeps of a file outside of resources: no path of this machine."""
    is_elsewhere = not file.is_local and file.address != file.path
    return {
        "path": file.path,
        **({"address": file.address} if is_elsewhere else {}),
        "hash": None if file.blake3 is None else _id(file.blake3),
        "sha256": file.sha256,
        "size": file.bytes,
    }
