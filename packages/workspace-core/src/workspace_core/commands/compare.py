"""Compare snapshots by their metrics, and say which is the best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, StoreWriteError, shown
from workspace_core.results.chart import charts
from workspace_core.results.comparison import Comparison, chosen_names, entries_of
from workspace_core.results.page import page
from workspace_core.store.durable import write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from workspace_core.backends.snapshots import LocalSnapshots

HTML, SVG = (".html", ".htm"), (".svg",)


def comparison(
    workspace: LocalSnapshots,
    metrics: Sequence[str] = (),
    *,
    limit: int | None = None,
    baseline: str | None = None,
    maximise: Sequence[str] = (),
    minimise: Sequence[str] = (),
    every: bool = False,
) -> Comparison:
    """Return the snapshots that have metrics side by side, the oldest first.

    Args:
        workspace: the workspace.
        metrics: those that are shown, each with all within it; by default those that are numbers
            and not within others.
        limit: so many of the newest.
        baseline: the snapshot that others are compared with, by tag or hash.
        maximise: metrics of which more is better; by default their names tell.
        minimise: metrics of which less is better.
        every: also snapshots without metrics.

    Raises:
        ConfigurationError: if there is no such metric or snapshot.
    """
    entries = entries_of(workspace.list_snapshots(reverse=False), every=every)
    base = None
    if baseline is not None:
        found = workspace.get_snapshot_by_tag_or_hash(baseline).hashval
        base = next((one for one in entries if one.hashval == found and one.values), None)
        if base is None:
            raise ConfigurationError(
                f"The snapshot '{baseline[:80]}' has no metrics that others could be compared with."
            )
    names = chosen_names(entries, metrics)
    shown_entries = entries if limit is None else entries[-limit:]
    return Comparison(shown_entries, names, frozenset(minimise), frozenset(maximise), base)


def write_comparison(
    workspace: LocalSnapshots, found: Comparison, out: str | os.PathLike[str]
) -> None:
    """Write a comparison to a file: a page for browsers, or drawings alone if it ends in ``.svg``.

    Raises:
        ConfigurationError: if there is nothing to show, or it cannot be written.
    """
    place = Path(out)
    if place.suffix.lower() not in (*HTML, *SVG):
        raise ConfigurationError(
            f"{shown(place)} has no form that is known here; end its name with .html or .svg."
        )
    if not any(found.numbers(name) for name in found.names):
        raise ConfigurationError(
            "No snapshot has metrics; a step writes them to 'results.json', and a snapshot keeps "
            "them."
        )
    if not place.parent.is_dir():
        raise ConfigurationError(f"There is no folder for {shown(place)}; make it first.")
    is_page = place.suffix.lower() in HTML
    content = page(found, f"Metrics of {workspace.name}") if is_page else charts(found)
    try:
        write_whole(place, content.encode())
    except StoreWriteError as error:
        raise ConfigurationError(f"{shown(place)} cannot be written: {error.cause}.") from error
