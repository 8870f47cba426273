"""Verifying a store: every byte of every pack, and that all pinned trees are whole."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workspace_core.errors import (
    DamagedFileError,
    DataWorkspacesError,
    ErasedObjectError,
    TreeError,
)
from workspace_core.store.identity import id_text
from workspace_core.store.pins import pinned_roots
from workspace_core.trees.reading import WORKERS
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace_core.store.packs import Pack
    from workspace_core.store.session import Session
    from workspace_core.store.store import Store


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, or was erased on purpose."""

    kind: str  # damaged, missing, erased
    file: str  # of the store
    what: str
    path: str | None = None  # in the tree
    pins: tuple[str, ...] = ()  # the snapshots that are concerned

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "kind": self.kind,
            "file": self.file,
            "what": self.what,
            "path": self.path,
            "pins": list(self.pins),
        }


@dataclass(slots=True)
class Verified:
    """What was verified, and what was found."""

    packs: int = 0
    objects: int = 0
    bytes_read: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged or missing; what was erased on purpose is neither."""
        return all(one.kind == "erased" for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "packs": self.packs,
            "objects": self.objects,
            "bytes_read": self.bytes_read,
            "is_sound": self.is_sound,
            "findings": [one.to_dict() for one in self.findings],
        }


def verify(store: Store, progress: Callable[[int, int], None] | None = None) -> Verified:
    """Read all that a store holds, and check it; nothing is changed.

    Args:
        store: the store.
        progress: called with the number of packs that were read, and of all.

    Returns:
        counts, and everything that is damaged, missing or erased, with the files and paths.
    """
    report = Verified()
    with store.session() as session:
        packs = list(store.packs().values())
        for error in store.damaged.values():
            report.findings.append(Finding("damaged", error.file, error.what))
        with ThreadPoolExecutor(WORKERS, "verify") as pool:
            for found in pool.map(lambda pack: _verify_pack(session, pack), packs):
                report.packs += 1
                report.objects += found.objects
                report.bytes_read += found.bytes_read
                report.findings += found.findings
                if progress:
                    progress(report.packs, len(packs))
        _verify_trees(store, session, report)
    return report


def _verify_pack(session: Session, pack: Pack) -> Verified:
    report = Verified()

    def found(what: str) -> None:
        report.findings.append(Finding("damaged", str(pack.file), what))

    try:
        ids = pack.ids()
        if pack.damage is not None:
            found(pack.damage.what)
        report.bytes_read = pack.file.stat().st_size
        for number, object_id in enumerate(ids):
            try:
                session.checked_frame(object_id, pack, pack.row(number), elsewhere=False)
            except DamagedFileError as error:
                found(error.what)
        report.objects = len(ids)
        pack.check_extent()
    except DamagedFileError as error:
        found(error.what)
    except OSError as error:
        found(error.strerror or type(error).__name__)
    return report


def _verify_trees(store: Store, session: Session, report: Verified) -> None:
    """Walk all pinned trees, each directory once, and tell what of them is not there."""
    try:
        roots = pinned_roots(store)
    except DataWorkspacesError as error:
        report.findings.append(Finding("damaged", str(store.folder / "pins"), str(error)))
        return
    trees, seen = Trees(session), set[bytes]()
    for root, pins in roots.items():
        names = tuple(sorted({pin.stem for pin in pins}))
        stack: list[tuple[bytes, bytes]] = [(b"", root)]
        while stack:
            path, directory = stack.pop()
            if directory in seen:
                continue
            seen.add(directory)
            try:
                entries = trees.entries(directory)
            except (DataWorkspacesError, TreeError) as error:
                report.findings.append(_finding(store.folder, error, directory, path, names))
                continue
            for entry in entries:
                here = path + b"/" + entry.name if path else entry.name
                if entry.is_directory:
                    stack.append((here, entry.id))
                elif entry.is_file and entry.id not in seen:
                    seen.add(entry.id)
                    try:
                        session.require([entry.id])
                    except DataWorkspacesError as error:
                        report.findings.append(_finding(store.folder, error, entry.id, here, names))


def _finding(
    folder: Path, error: Exception, object_id: bytes, path: bytes, pins: tuple[str, ...]
) -> Finding:
    shown = os.fsdecode(path)
    if isinstance(error, ErasedObjectError):
        what = f"{error.object_id} was erased: {error.reason}"
        return Finding("erased", str(folder / "erased"), what, shown, pins)
    if isinstance(error, DamagedFileError):
        return Finding("damaged", error.file, error.what, shown, pins)
    return Finding("missing", str(folder), id_text(object_id), shown, pins)
