"""Erase files from all snapshots, here and for all who share the workspace."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from util_services.errors import printable
from workspace_core.backends.shared_content import needed, shared_content
from workspace_core.backends.sharing import OUTGOING, roots_of
from workspace_core.commands.gc_there import require_alone
from workspace_core.commands.merging import BY_GIT
from workspace_core.errors import ConfigurationError, DataWorkspacesError, shown
from workspace_core.lineage.derivation import NOTHING, Derivation, derivation
from workspace_core.lineage.model import ResourceRef
from workspace_core.lineage.outside import Outside
from workspace_core.lineage.questions import graph_of
from workspace_core.sharing.erasing import erase_there
from workspace_core.sharing.errors import NoRemoteError
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.tree import Trees, checked_path
from workspace_core.upkeep.erase import erase
from workspace_core.workspace import LocalStateResourceMixin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.graph import LineageGraph
    from workspace_core.store.session import Session
    from workspace_core.workspace import SnapshotMetadata

    Matches = Callable[[ResourceRef, bytes], bool]  # where a file is, and its content

MOST_REASON = 500
NO_CONTROLS = dict.fromkeys((*range(32), 127), " ")
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content is that is erased."""

    snapshot: str
    ref: ResourceRef
    object: str

    def to_dict(self) -> dict[str, Any]:
        """Return the place as plain data."""
        return {"snapshot": self.snapshot, "resource": self.ref.name, "path": self.ref.path}


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made of a content that is erased.

    Args:
        ref: where the run wrote it.
        object: the id of its content.
        step_name: the step.
        step: the id of its run.
    """

    ref: ResourceRef
    object: str
    step_name: str
    step: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "resource": self.ref.name,
            "path": self.ref.path,
            "object": self.object,
            "step_name": self.step_name,
            "step": self.step,
        }


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, or would be.

    Args:
        objects: the ids of contents.
        places: all files of snapshots that have one of them.
        remote: where they were erased besides here; None for nowhere else.
        dry_run: whether nothing was changed.
        derived: what recorded runs made of what was asked for; it is among the objects if that was
            asked for, too, and stays otherwise.
        doubtful: files of snapshots that stay although they lie where such runs have written, or
            may have left something: who wrote them is not recorded.
        present: files that are still in their folders, of a dry run; they have to be removed first.
        outside: paths outside of all resources that such runs wrote to, as their configs have them.
    """

    objects: tuple[str, ...]
    places: tuple[Place, ...]
    remote: str | None
    dry_run: bool
    derived: tuple[Made, ...] = ()
    doubtful: tuple[Place, ...] = ()
    present: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[Made, ...]:
        """What was made of what was asked for, and stays."""
        return tuple(one for one in self.derived if one.object not in self.objects)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "objects": list(self.objects),
            "places": [one.to_dict() for one in self.places],
            "remote": self.remote,
            "dry_run": self.dry_run,
            "derived": [one.to_dict() for one in self.derived],
            "doubtful": [one.to_dict() for one in self.doubtful],
            "present": list(self.present),
            "outside": list(self.outside),
        }


def erase_path(
    workspace: FiledWorkspace,
    target: str,
    reason: str,
    *,
    derived: bool = False,
    only_here: bool = False,
    dry_run: bool = False,
) -> Erased:
    """Erase what a file, or all files of a folder, ever were: from the remote first, then here.

    The snapshots stay, and name what was erased; so does every other file that has the same
    content. Files in the folders of the workspace are not touched, nor are the records of runs.

    Args:
        workspace: the workspace.
        target: a resource and a path in it, such as ``raw/people.csv``.
        reason: why, in words for everybody to read.
        derived: erase what recorded runs made of it, too, directly or by way of other runs.
        only_here: leave the remote as it is.
        dry_run: only say what would be erased.

    Raises:
        ConfigurationError: if no snapshot has such a file, or the file is still in its folder.
        RemoteError: if the remote fails; nothing was erased here then.
    """
    name, _, path = target.partition("/")
    inside, words = checked_path(path), reason.translate(NO_CONTROLS).strip()
    if not inside:
        raise ConfigurationError("Name the file or folder that is to be erased: RESOURCE/PATH.")
    if not words:
        raise ConfigurationError("Say why it is erased, for those who will miss it: --reason TEXT.")
    with workspace.locked():
        with workspace.store_session() as session:
            snapshots = workspace.list_snapshots()
            graph, wanted = graph_of(workspace), ResourceRef(name, os.fsdecode(inside))
            ids = _contents(session, snapshots, name, inside)
            if derived:
                ids |= _recorded(graph, wanted)
            if not ids:
                raise ConfigurationError(
                    f"No snapshot that is here has {target[:200]!r}, so nothing was erased."
                )
            asked = tuple(_places_of(session, snapshots, _one_of(ids)))
            there = {id_text(one): {wanted} for one in ids}
            for one in asked:
                there[one.object].add(one.ref)
            found = derivation(graph, Outside.of(graph), there)
            if derived:
                ids |= {parse_id(one) for one in found.contents}
            places = tuple(_places_of(session, snapshots, _one_of(ids))) if derived else asked
            present = _present(workspace, {one.ref for one in places} | found.places.keys(), ids)
            if present and not dry_run:
                raise _still_there(present)
            doubtful = tuple(_places_of(session, snapshots, _doubtful(graph, found, ids)))
            _warn_of_git(workspace, places)
            address = None
            if not only_here:
                address = _erase_remotely(workspace, ids, words, dry_run=dry_run)
        if not dry_run:
            erase(workspace.store(), ids, words[:MOST_REASON], workspace.lock_wait_seconds)
    return Erased(
        tuple(id_text(one) for one in sorted(ids)),
        places,
        address,
        dry_run,
        tuple(_made(found)),
        doubtful,
        present,
        tuple(sorted({path for paths in found.outside.values() for path in paths})),
    )


def erase_as_remote(workspace: FiledWorkspace, *, dry_run: bool = False) -> Erased:
    """Erase here what others have erased on the remote.

    Raises:
        NoRemoteError: if there is no remote.
        ConfigurationError: if such a file is still in its folder.
    """
    with workspace.locked():
        remote = shared_content(workspace)
        with workspace.store().session(workspace.lock_wait_seconds) as session:
            ids = {one for one in remote.erased if session.has(one)}
            places = tuple(_places_of(session, workspace.list_snapshots(), _one_of(ids)))
            present = _present(workspace, {one.ref for one in places}, ids)
            if present and not dry_run:
                raise _still_there(present)
        by_reason: dict[str, list[bytes]] = {}
        for one in sorted(ids):
            by_reason.setdefault(remote.erased[one].reason, []).append(one)
        for reason, some in by_reason.items() if not dry_run else ():
            erase(workspace.store(), some, reason, workspace.lock_wait_seconds)
    objects = tuple(id_text(one) for one in sorted(ids))
    return Erased(objects, places, remote.place.address, dry_run, present=present)


def _contents(
    session: Session, snapshots: Iterable[SnapshotMetadata], name: str, inside: bytes
) -> set[bytes]:
    """Return the ids of what a path of a resource has ever been, or of all files below it."""
    trees, found = Trees(session), set[bytes]()
    for root in {root for one in snapshots if (root := roots_of(one).get(name))}:
        with suppress(DataWorkspacesError):  # which is here only in part
            entry = trees.find(root, inside)
            if entry is not None and entry.is_directory:
                found.update(one.id for _, one in trees.walk(entry.id) if one.is_file)
            elif entry is not None and entry.is_file:
                found.add(entry.id)
    return found


def _recorded(graph: LineageGraph, wanted: ResourceRef) -> set[bytes]:
    """Return the ids of what runs have read or written at a path, whatever snapshots have."""
    return {
        parse_id(content)
        for step in graph.steps.values()
        for one in (*step.dependencies(), *step.output_resources)
        if one.ref.name == wanted.name and (wanted.holds(one.ref.path) or one.ref.covers(wanted))
        for path, content in graph.files(one).items()
        if wanted.holds(path) and content != NOTHING
    }


def _made(found: Derivation) -> Iterator[Made]:
    for content, places in sorted(found.contents.items()):
        for ref, step in sorted(places.items()):
            yield Made(ref, content, step.step_name, step.id)


def _one_of(ids: set[bytes]) -> Matches:
    return lambda _, content: content in ids


def _doubtful(graph: LineageGraph, found: Derivation, ids: set[bytes]) -> Matches:
    """Match files where derived ones were written, or may have been left, that no run wrote."""
    written, left = found.places, found.left

    def matches(ref: ResourceRef, content: bytes) -> bool:
        if content in ids or not (
            ref in written or any(one == ref or one.covers(ref) for one in left)
        ):
            return False
        return graph.maker(ref.name, ref.path, id_text(content)) is None

    return matches


def _places_of(
    session: Session, snapshots: Iterable[SnapshotMetadata], matches: Matches
) -> Iterator[Place]:
    """Yield those files of snapshots that match by where they are and by their contents."""
    trees, known = Trees(session), dict[tuple[str, bytes], list[tuple[ResourceRef, str]]]()
    for one in snapshots:
        for name, root in roots_of(one).items():
            if (name, root) not in known:
                found = known[name, root] = []
                with suppress(DataWorkspacesError):
                    for path, entry in trees.walk(root):
                        ref = ResourceRef(name, os.fsdecode(path))
                        if entry.is_file and matches(ref, entry.id):
                            found.append((ref, id_text(entry.id)))
            yield from (Place(one.hashval, *there) for there in known[name, root])


def _present(
    workspace: FiledWorkspace, refs: Iterable[ResourceRef], ids: set[bytes]
) -> tuple[str, ...]:
    """Return files of folders that have one of some contents."""
    found = []
    names = set(workspace.get_resource_names())
    for ref in sorted(refs):
        if ref.name not in names:
            continue
        resource = workspace.get_resource_wherever(ref.name)
        folder = (
            resource.get_local_path_if_any()
            if isinstance(resource, LocalStateResourceMixin)
            else None
        )
        if folder is None:
            continue
        file = os.path.join(folder, ref.path)
        with suppress(OSError):
            if not os.path.islink(file) and blake3().update_mmap(file).digest() in ids:
                found.append(file)
    return tuple(found)


def _still_there(files: tuple[str, ...]) -> ConfigurationError:
    """Return what refuses to erase what the next snapshot would keep again."""
    if len(files) == 1:
        return ConfigurationError(
            f"{shown(files[0])} is still there, and the next snapshot would keep it again; remove "
            "or replace it, take a snapshot, and erase it then."
        )
    return ConfigurationError(
        f"{shown(files[0])} and {len(files) - 1} more (--dry-run names all) are still there, and "
        "the next snapshot would keep them again; remove or replace them, take a snapshot, and "
        "erase them then."
    )


def _warn_of_git(workspace: FiledWorkspace, places: Iterable[Place]) -> None:
    """Say which resources have a history in git, too, which is not touched."""
    for name in sorted({one.ref.name for one in places} & set(workspace.get_resource_names())):
        if workspace.get_resource_type(name) in BY_GIT:
            LOGGER.warning(
                "The resource '%s' is in git, too, whose history keeps the file; rewrite that "
                "with git.",
                printable(name),
            )


def _erase_remotely(
    workspace: FiledWorkspace, ids: set[bytes], reason: str, *, dry_run: bool
) -> str | None:
    """Erase contents from the remote, if there is one; return its address."""
    try:
        remote = shared_content(workspace)
    except NoRemoteError:
        return None
    require_alone(workspace, remote)
    if not dry_run:
        outgoing, roots = workspace.local / OUTGOING, needed(workspace).roots
        with workspace.store().session(workspace.lock_wait_seconds) as session:
            erase_there(session, remote, ids, reason[:MOST_REASON], roots, outgoing)
    return remote.place.address
