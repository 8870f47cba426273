"""``dws gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from util_services.errors import printable
from workspace_core.cli.context import (
    Flags,
    answer,
    counted,
    json_option,
    pass_flags,
    shown_path,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace


@click.command()
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="What is younger stays.",
)
@click.option(
    "--let-go",
    metavar="ID",
    help="Also free what a workspace of a shared store keeps that was deleted.",
)
@click.option("--remote", is_flag=True, help="Free the space of the remote, not of the store here.")
@workspace_dir_option
@json_option
@pass_flags
def gc(
    flags: Flags,
    grace: float,
    let_go: str | None,
    workspace_dir: str | None,
    *,
    remote: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Free the space of what no snapshot needs any more.

    What a workspace keeps that shares the store and was deleted stays until it is let go of by the
    id that this command tells.

    On the remote, packs are let go of first, and removed by the next collection after the grace
    period, so that whoever pushes or pulls meanwhile loses nothing.

    Example: dws gc --dry-run
    """
    from workspace_core.cli.progress import short
    from workspace_core.commands.gc import gc as collect
    from workspace_core.commands.gc import gone

    workspace = flags.workspace(workspace_dir)
    if remote:
        _collect_there(workspace, grace, let_go, dry_run=dry_run, as_json=as_json)
        return
    found = collect(workspace, dry_run=dry_run, grace_seconds=grace, without=let_go)
    deleted = gone(workspace)
    if as_json:
        answer({**found.to_dict(), "gone": [one.to_dict() for one in deleted]})
    else:
        verb = "would go" if dry_run else "went"
        click.echo(
            f"{counted(found.objects, 'object')} {verb}, {short(found.bytes_freed)}; "
            f"{found.objects_kept} stay."
        )
        for one in deleted:
            folder, kept = shown_path(one.places[-1].folder), counted(one.pins, "snapshot")
            click.echo(
                f"The workspace {printable(str(one.name))} is not in {folder} any more, and what "
                f"{kept} of it need stays; if it was deleted, and not moved, let go of it: "
                f"dws gc --let-go {one.id[:8]}"
            )


def _collect_there(
    workspace: FiledWorkspace, grace: float, let_go: str | None, *, dry_run: bool, as_json: bool
) -> None:
    from workspace_core.cli.progress import progress, short
    from workspace_core.commands.gc_there import gc_there

    with progress("objects"):
        found = gc_there(workspace, dry_run=dry_run, grace_seconds=grace, without=let_go)
    if as_json:
        answer(found.to_dict())
        return
    verb = "would go" if dry_run else "went"
    click.echo(
        f"{counted(found.packs_removed, 'pack')} {verb}, {short(found.bytes_freed)}; "
        f"{counted(found.objects_kept, 'object')} stay."
    )
    if found.bytes_waiting:
        verb = "would be" if dry_run else "are"
        packs, size = counted(found.packs_let_go, "pack"), short(found.bytes_waiting)
        click.echo(
            f"{packs} {verb} let go of, {size}: they go with the next 'dws gc --remote' after "
            f"{grace:g} seconds."
        )
