"""What a workspace knows to be derived from data: for an erasure that begins with a digest."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from workspace_core.recording import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.releases.erasure import Derived
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.derivation import Derivation
    from workspace_core.lineage.graph import LineageGraph
    from workspace_core.lineage.model import ResourceRef
    from workspace_core.lineage.outside import Outside
    from workspace_core.store.session import Session

FILE, SNAPSHOT, DATASET = "file", "snapshot", "dataset"


def derived_in_workspace(sha256: str) -> Iterator[Derived]:
    """Yield what runs made of data, as the workspace that the settings name has recorded it.

    Files and snapshots of the workspace are named as ``FOLDER: RESOURCE:/PATH`` and ``FOLDER:
    SNAPSHOT``, files outside of it by the paths in the configs of the runs. ``dws erase --derived``
    erases what is in the workspace.

    Args:
        sha256: the digest of the data, a file.

    Raises:
        RecordingError: if the workspace cannot be read.
        DamagedFileError: if a record is damaged, so that something could be missing.
    """
    place = settings.text(WORKSPACE)
    if place is None:
        return
    from workspace_core.lineage.derivation import derivation
    from workspace_core.lineage.outside import Outside
    from workspace_core.lineage.questions import graph_of
    from workspace_core.recording.opening import opened

    workspace = opened(place)
    workspace.refresh()
    graph = graph_of(workspace)
    outside = Outside.of(graph)
    with workspace.store_session() as session:
        wanted = _contents_of(workspace, session, graph, outside, sha256)
    if wanted:
        yield from _named(workspace, derivation(graph, outside, wanted), outside, set(wanted))


def _named(
    workspace: FiledWorkspace, found: Derivation, outside: Outside, wanted: set[str]
) -> Iterator[Derived]:
    from util_services.releases.erasure import Derived
    from workspace_core.backends.sharing import roots_of
    from workspace_core.errors import DataWorkspacesError
    from workspace_core.store.identity import id_text
    from workspace_core.trees.tree import Trees

    folder = workspace.folder
    for content, places in sorted(found.contents.items()):
        for ref in sorted(places):
            yield Derived(FILE, f"{folder}: {ref}", outside.sha256.get(content))
    for content, paths in sorted(found.outside.items()):
        for path in sorted(paths):
            yield Derived(DATASET, path, outside.sha256.get(content))
    contents = found.contents.keys() | wanted
    with workspace.store_session() as session:
        trees, holds = Trees(session), dict[bytes, bool]()
        for one in workspace.list_snapshots():
            for root in set(roots_of(one).values()) - holds.keys():
                holds[root] = False
                with suppress(DataWorkspacesError):  # which is here only in part
                    files = (entry for _, entry in trees.walk(root) if entry.is_file)
                    holds[root] = any(id_text(entry.id) in contents for entry in files)
            if any(holds[root] for root in roots_of(one).values()):
                tags = f" ({', '.join(one.tags)})" if one.tags else ""
                yield Derived(SNAPSHOT, f"{folder}: {one.hashval}{tags}")


def _contents_of(
    workspace: FiledWorkspace,
    session: Session,
    graph: LineageGraph,
    outside: Outside,
    sha256: str,
) -> dict[str, list[ResourceRef | None]]:
    """Return the content ids of data, and where runs have read them.

    What records do not know the SHA-256 of is read for it: from where it lies, or from the store.
    """
    read: dict[str, list[ResourceRef | None]] = {one: [None] for one in outside.readers}
    for step in graph.steps.values():
        for one in step.dependencies():
            for path, content in graph.files(one).items():
                read.setdefault(content, []).append(one.ref._replace(subpath=path or None))
    return {
        content: refs
        for content, refs in read.items()
        if (outside.sha256.get(content) or _read_for(workspace, session, content, refs)) == sha256
    }


def _read_for(
    workspace: FiledWorkspace, session: Session, content: str, refs: list[ResourceRef | None]
) -> str | None:
    """Return the SHA-256 of a content; None if it is nowhere here any more."""
    from util_services.flow.digests import digests_of
    from workspace_core.errors import DataWorkspacesError
    from workspace_core.lineage.references import local_path
    from workspace_core.store.identity import ALGORITHM, parse_id

    for ref in dict.fromkeys(refs):
        with suppress(DataWorkspacesError, OSError):
            if ref is not None:
                found = digests_of(Path(local_path(workspace, ref)), with_blake3=True)
                if f"{ALGORITHM}:{found.blake3}" == content:
                    return found.sha256
    digest, object_id = hashlib.sha256(), parse_id(content)
    if not session.has(object_id):
        return None
    with suppress(DataWorkspacesError):  # which is here only in part
        for piece in session.stream(object_id):
            digest.update(piece)
        return digest.hexdigest()
    return None
