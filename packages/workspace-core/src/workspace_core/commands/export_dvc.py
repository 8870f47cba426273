"""Write resources of a snapshot as a project of DVC: a ``.dvc`` file for each, and the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, StoreWriteError, shown
from workspace_core.foreign.dvc import CONFIG, CONTROL, ENDING, directory_list, place_in_cache
from workspace_core.store.durable import cause_of, sync_folder
from workspace_core.store.identity import parse_id
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.store.session import Session
    from workspace_core.workspace import SnapshotMetadata

WITHOUT_GIT = "[core]\n    no_scm = True\n"
CACHE_MODE = 0o444  # as DVC leaves what is in its cache


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Args:
        snapshot: whose resources they are.
        folder: where the project is.
        resources: how many files each has.
        left: paths that DVC cannot have, by resource: links, and names that are no text.
    """

    snapshot: SnapshotMetadata
    folder: str
    resources: dict[str, int]
    left: dict[str, tuple[bytes, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "snapshot": self.snapshot.hashval,
            "folder": self.folder,
            "resources": self.resources,
            "left": {name: [os.fsdecode(p) for p in paths] for name, paths in self.left.items()},
        }


def export_dvc(
    workspace: FiledWorkspace,
    folder: str,
    tag_or_hash: str | None = None,
    *,
    only: Sequence[str] | None = None,
) -> Exported:
    """Write resources as a snapshot keeps them, for DVC to check out.

    DVC has files alone: empty folders, permissions and links are not in it, and links are told of.

    Args:
        workspace: the workspace.
        folder: where the project is to be; it appears whole or not at all.
        tag_or_hash: the snapshot; by default the newest.
        only: only these resources.

    Raises:
        ConfigurationError: if there is something at the folder, or no such snapshot or resource.
        StoreWriteError: if it cannot be written.
        StoreError: if the store lacks what the snapshot keeps.
    """
    newest = workspace.get_most_recent_snapshot()
    snapshot = newest if tag_or_hash is None else workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    if snapshot is None:
        raise ConfigurationError("There is no snapshot yet; 'dws snapshot' takes one.")
    kept = {name: root for name, root in snapshot.compare_hashes.items() if root is not None}
    if unknown := set(only or ()) - kept.keys():
        raise ConfigurationError(
            f"The snapshot '{snapshot.hashval[:8]}' keeps no resource '{min(unknown)[:80]}'."
        )
    target = Path(os.path.abspath(os.path.expanduser(folder)))
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigurationError(f"There is something at {shown(target)}; choose another folder.")
    begun = target.with_name(f".{target.name}.exporting")
    try:
        shutil.rmtree(begun, ignore_errors=True)
        control = begun / CONTROL
        control.mkdir(parents=True)
        (control / CONFIG).write_text(WITHOUT_GIT)
        counts, left = {}, {}
        with workspace.store_session() as session:
            for name in kept if only is None else only:
                files, unfit = _resource(session, begun, name, parse_id(kept[name]))
                counts[name] = files
                if unfit:
                    left[name] = unfit
        if target.is_dir():
            target.rmdir()
        begun.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        if isinstance(error, StoreWriteError):
            raise
        raise StoreWriteError(str(error.filename or begun), cause_of(error)) from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    return Exported(snapshot, str(target), counts, left)


def _resource(
    session: Session, project: Path, name: str, root: bytes
) -> tuple[int, tuple[bytes, ...]]:
    import yaml

    cache = project / CONTROL / "cache"
    files, left, size = {}, [], 0
    for path, entry in Trees(session).walk(root):
        if entry.is_directory:
            continue
        text = _text(path)
        if entry.is_link or text is None:
            left.append(path)
            continue
        files[text] = _cached(cache, session.stream(entry.id))
        size += entry.size
    listed = directory_list(files)
    identity = _cached(cache, [listed], ending=".dir")
    output = {"md5": identity, "size": size, "nfiles": len(files), "hash": "md5", "path": name}
    record = yaml.safe_dump({"outs": [output]}, sort_keys=False, allow_unicode=True)
    (project / f"{name}{ENDING}").write_text(record, encoding="utf-8")
    return len(files), tuple(left)


def _cached(cache: Path, pieces: Iterable[bytes], ending: str = "") -> str:
    """Put a content into a cache of DVC, and return what it is called there."""
    cache.mkdir(parents=True, exist_ok=True)
    temporary = cache / "incoming"
    digest = hashlib.md5(usedforsecurity=False)
    with temporary.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    identity = f"{digest.hexdigest()}{ending}"
    place = place_in_cache(cache, identity)
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary.chmod(CACHE_MODE)
    temporary.rename(place)
    return identity


def _text(path: bytes) -> str | None:
    """Return a path as text, None where it is none."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None
