"""``dws status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    change_lines,
    counted,
    json_option,
    label,
    pass_flags,
    shown_path,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.commands.status import ResourceStatus

MOST_SHOWN = 50  # changes of a resource; --json has all of them


@click.command()
@click.option("--history", is_flag=True, help="Also list the snapshots.")
@click.option("--limit", type=click.IntRange(min=1), help="How many snapshots to list.")
@workspace_dir_option
@json_option
@pass_flags
def status(
    flags: Flags, limit: int | None, workspace_dir: str | None, *, history: bool, as_json: bool
) -> None:
    """Say what has changed in each resource since it was in a snapshot.

    Example: dws status --json
    """
    workspace = flags.workspace(workspace_dir)
    if history and not as_json:
        from workspace_core.cli.log import tell_history

        tell_history(workspace.list_snapshots(max_count=limit))
        click.echo()
    show_status(workspace, as_json=as_json)


def show_status(workspace: FiledWorkspace, *, as_json: bool) -> None:
    """Print the status of all resources."""
    from workspace_core.cli.progress import progress
    from workspace_core.commands.status import status as status_of

    with progress():
        found = status_of(workspace)
    if as_json:
        answer([one.to_dict() for one in found])
        return
    last = workspace.get_most_recent_snapshot()
    click.echo(f"Last snapshot: {label(last) if last else 'none'}")
    for one in found:
        tell(one)
    if not found:
        click.echo("There are no resources yet; 'dws add' adds one.")


def tell(one: ResourceStatus) -> None:
    """Print the status of a resource."""
    count = f", {counted(len(one.changes), 'change')}"
    click.echo(
        f"{one.name} ({one.role}, {one.resource_type}): {one.state}{count if one.changes else ''}"
    )
    if one.reason:
        click.echo(f"  {one.reason}")
    for path in one.skipped[:MOST_SHOWN]:
        click.echo(f"  ? {shown_path(path)} (no snapshot can hold it)")
    for line in change_lines(one.changes[:MOST_SHOWN]):
        click.echo(line)
    if len(one.changes) > MOST_SHOWN:
        click.echo(f"  … and {len(one.changes) - MOST_SHOWN} more; --json has all of them")
    for late in one.stale[:MOST_SHOWN]:
        click.echo(f"  ! {shown_path(str(late.ref))} is out of date: {shown_path(late.why)}")
    if len(one.stale) > MOST_SHOWN:
        click.echo(f"  … and {len(one.stale) - MOST_SHOWN} more that are out of date")
