"""``dws log``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from util_services.errors import printable
from workspace_core.cli.context import (
    Flags,
    answer,
    json_option,
    label,
    pass_flags,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.workspace import SnapshotMetadata


@click.command()
@click.option("--limit", type=click.IntRange(min=1), help="How many to list.")
@workspace_dir_option
@json_option
@pass_flags
def log(flags: Flags, limit: int | None, workspace_dir: str | None, *, as_json: bool) -> None:
    """List the snapshots, the newest first.

    Example: dws log --limit 5
    """
    found = flags.workspace(workspace_dir).list_snapshots(max_count=limit)
    if as_json:
        answer([as_record(one) for one in found])
    else:
        tell_history(found)


def as_record(snapshot: SnapshotMetadata) -> dict[str, Any]:
    """Return a snapshot as plain data, with its tags."""
    return {
        **snapshot.to_json(),
        "tags": list(snapshot.tags),
        "content_id": snapshot.content_id,
    }


def tell_history(snapshots: Sequence[SnapshotMetadata]) -> None:
    """Print a paragraph for each snapshot."""
    if not snapshots:
        click.echo("There are no snapshots yet; 'dws snapshot' takes one.")
    for one in snapshots:
        click.echo(f"{label(one)}  {one.timestamp[:19]}Z  {printable(one.hostname)}")
        if one.message:
            click.echo(f"    {printable(one.message)}")
        if (run := one.more.get("run")) and isinstance(run, dict):
            click.echo(f"    run: {printable(_run_of(run))}")
        if one.metrics:
            click.echo(f"    metrics: {json.dumps(one.metrics, sort_keys=True)}")


def _run_of(run: Mapping[str, Any]) -> str:
    return f"{run.get('run_id')} of {run.get('job')}"
