"""``dws erase``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from util_services.errors import printable
from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    counted,
    json_option,
    pass_flags,
    shown_path,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.commands.erase import Erased


@click.command()
@click.argument("target", metavar="RESOURCE/PATH", required=False, shell_complete=complete_resource)
@click.option("--reason", metavar="TEXT", help="Why, for all who will miss it.")
@click.option("--derived", is_flag=True, help="Erase what runs made of it, too.")
@click.option("--only-here", is_flag=True, help="Leave the remote as it is.")
@click.option("--as-remote", is_flag=True, help="Erase here what others have erased on the remote.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be erased.")
@workspace_dir_option
@json_option
@pass_flags
def erase(
    flags: Flags,
    target: str | None,
    reason: str | None,
    workspace_dir: str | None,
    *,
    derived: bool,
    only_here: bool,
    as_remote: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Erase for good what a file ever was: from all snapshots, here and on the remote.

    The snapshots stay, and say what was erased and why. Remove the file from its folder and take a
    snapshot first. What recorded runs made of it is told, and goes with it if --derived is given.

    Example: dws erase raw/a.csv --reason "consent withdrawn" --dry-run
    """
    from workspace_core.commands.erase import erase_as_remote, erase_path

    if as_remote:
        if target is not None or reason is not None or only_here or derived:
            raise click.UsageError("Give --as-remote alone; what and why is told by the remote.")
        done = erase_as_remote(flags.workspace(workspace_dir), dry_run=dry_run)
    elif target is None or reason is None:
        raise click.UsageError("Give RESOURCE/PATH and --reason, or --as-remote.")
    else:
        done = erase_path(
            flags.workspace(workspace_dir),
            target,
            reason,
            derived=derived,
            only_here=only_here,
            dry_run=dry_run,
        )
    if as_json:
        answer(done.to_dict())
        return
    makers = {one.ref: one.step_name for one in done.derived}
    gone = {one.ref for one in done.places} | {
        one.ref for one in done.derived if one.object in done.objects
    }
    for ref in sorted(gone):
        made = f" (made by {printable(makers[ref])})" if ref in makers else ""
        click.echo(f"  {printable(ref.name)}: {shown_path(ref.path)}{made}")
    for file in done.present:
        click.echo(f"Still there, to be removed first: {shown_path(file)}")
    _tell_of_others(done)
    verb = "would be erased" if dry_run else "erased"
    snapshots = len({one.snapshot for one in done.places})
    where = "here" if done.remote is None or as_remote else f"here and on {done.remote}"
    of_what = f"{counted(len(done.objects), 'content')} of {counted(snapshots, 'snapshot')}"
    click.echo(f"{of_what} {verb} {where}.")


def _tell_of_others(done: Erased) -> None:
    """Tell what stays that may be of what was erased."""
    kept = sorted({one.ref for one in done.kept})
    if kept:
        click.echo(
            f"Runs made {counted(len(kept), 'file')} of it, which stay; --derived erases them:"
        )
    for ref in kept:
        click.echo(f"  {printable(ref.name)}: {shown_path(ref.path)}")
    doubtful = sorted({one.ref for one in done.doubtful})
    if doubtful:
        click.echo("Nobody recorded who wrote these, where such runs wrote; look yourself:")
    for ref in doubtful:
        click.echo(f"  {printable(ref.name)}: {shown_path(ref.path)}")
    if done.outside:
        click.echo("Runs wrote these of it outside of the workspace; they stay:")
    for path in done.outside:
        click.echo(f"  {shown_path(path)}")
