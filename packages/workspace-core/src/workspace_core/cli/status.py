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
    from workspace_core.commands.staleness import Stale
    from workspace_core.commands.status import ResourceStatus

MOST_UNWATCHED_SHOWN = 5
MOST_SHOWN = 50  # changes of a resource; --json has all of them


@click.command()
@click.option("--history", is_flag=True, help="Also list the snapshots.")
@click.option("--limit", type=click.IntRange(min=1), help="How many snapshots to list.")
@click.option("--ask-stores", is_flag=True, help="Also ask stores for what jobs have read outside.")
@workspace_dir_option
@json_option
@pass_flags
def status(
    flags: Flags,
    limit: int | None,
    workspace_dir: str | None,
    *,
    history: bool,
    ask_stores: bool,
    as_json: bool,
) -> None:
    """Say what has changed in each resource since it was in a snapshot.

    Example: dws status --json
    """
    workspace = flags.workspace(workspace_dir)
    if history and not as_json:
        from workspace_core.cli.log import tell_history

        tell_history(workspace.list_snapshots(max_count=limit))
        click.echo()
    show_status(workspace, ask_stores=ask_stores, as_json=as_json)


def show_status(
    workspace: FiledWorkspace, *, ask_stores: bool = False, as_json: bool = False
) -> None:
    """Print the status of all resources."""
    from workspace_core.cli.progress import progress
    from workspace_core.commands.status import changes_of, with_stale
    from workspace_core.errors import DamagedFileError

    with progress():
        found, seen = changes_of(workspace)
        damage = None
        try:
            found = with_stale(workspace, found, seen, ask_stores=ask_stores)
        except DamagedFileError as error:
            damage = error
    _tell_all(workspace, found, as_json=as_json)
    if damage is not None:
        damage.add_note("So nobody can say what is out of date.")
        raise damage


def _tell_all(workspace: FiledWorkspace, found: list[ResourceStatus], *, as_json: bool) -> None:
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
    late = _by_run(one)
    for first, others in late[:MOST_SHOWN]:
        more = f" and {counted(others, 'more file')} of its run" if others else ""
        verb = "are" if others else "is"
        name, why = shown_path(str(first.ref)), shown_path(first.why)
        click.echo(f"  ! {name}{more} {verb} out of date: {why}")
    if len(late) > MOST_SHOWN:
        click.echo(f"  … and {len(late) - MOST_SHOWN} more that are out of date")
    for file in one.unwatched[:MOST_UNWATCHED_SHOWN]:
        click.echo(f"  not watched: {shown_path(file.path)} ({file.why})")
    if len(one.unwatched) > MOST_UNWATCHED_SHOWN:
        click.echo(f"  … and {len(one.unwatched) - MOST_UNWATCHED_SHOWN} more that nobody watches")


def _by_run(one: ResourceStatus) -> list[tuple[Stale, int]]:
    """Return what is out of date, of each run its first output and how many more there are."""
    found: dict[object, list[Stale]] = {}
    for number, late in enumerate(one.stale):
        run = late.output.step.id if late.output is not None else number
        found.setdefault(run, []).append(late)
    return [(outputs[0], len(outputs) - 1) for outputs in found.values()]
