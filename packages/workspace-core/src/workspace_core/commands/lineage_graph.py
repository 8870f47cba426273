"""Draw the lineage of a workspace to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, StoreWriteError, shown
from workspace_core.lineage.dot import dot
from workspace_core.lineage.drawing import drawing
from workspace_core.lineage.page import page
from workspace_core.lineage.questions import questions
from workspace_core.store.durable import write_whole

if TYPE_CHECKING:
    import os

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.drawing import Drawing

HTML, DOT = "html", "dot"
OF_GRAPHVIZ = frozenset({".dot", ".gv"})


def write_graph(
    workspace: LocalSnapshots,
    out: str | os.PathLike[str],
    *,
    form: str | None = None,
    resource_name: str | None = None,
    tag_or_hash: str | None = None,
    width: int = 1024,
    height: int = 800,
) -> Drawing:
    """Write a drawing of lineage to a file, and return what it shows.

    Args:
        workspace: the workspace.
        out: the file; one that is there is replaced.
        form: ``html`` for a page, ``dot`` for Graphviz; by default as the name of the file ends.
        resource_name: what this resource was made of; by default, all of them.
        tag_or_hash: a snapshot; by default as things are now.
        width: of a page's drawing, in pixels.
        height: of a page's drawing, in pixels.

    Raises:
        ConfigurationError: if there is no such snapshot, resource, form or folder.
    """
    out = Path(out)
    form = form or (DOT if out.suffix in OF_GRAPHVIZ else HTML)
    if form not in (HTML, DOT):
        raise ConfigurationError(f"'{form[:20]}' is no form of a graph; use html or dot.")
    asked = questions(workspace, tag_or_hash)
    part = asked.everything(resource_name)
    drawn = drawing(part, asked.origins(part), asked.stale(part))
    what = f"Lineage of {resource_name or workspace.name}"
    when = f" in the snapshot {asked.snapshot.hashval[:8]}" if asked.snapshot else ""
    content = dot(drawn) if form == DOT else page(drawn, what + when, width=width, height=height)
    if not out.parent.is_dir():
        raise ConfigurationError(f"There is no folder for {shown(out)}; make it first.")
    try:
        write_whole(out, content.encode())
    except StoreWriteError as error:
        raise ConfigurationError(f"{shown(out)} cannot be written: {error.cause}.") from error
    return drawn
