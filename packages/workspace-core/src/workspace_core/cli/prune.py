"""``dws prune``."""

from __future__ import annotations

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    json_option,
    label,
    pass_flags,
    shown_path,
    workspace_dir_option,
)


@click.command()
@click.option(
    "--stale",
    is_flag=True,
    required=True,
    help="Intermediate data that were made from something that is another thing by now.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@workspace_dir_option
@json_option
@pass_flags
def prune(
    flags: Flags, workspace_dir: str | None, *, stale: bool, dry_run: bool, as_json: bool
) -> None:
    """Remove intermediate data that are out of date; a rescue snapshot keeps them.

    What a recorded run has made is out of date if something that the run read has changed; where
    no run is on record, if source data have changed since the first snapshot of it as it is.

    Example: dws prune --stale --dry-run
    """
    from workspace_core.cli.progress import progress
    from workspace_core.commands.prune import prune as remove

    del stale  # there is nothing else to prune as yet, and it is said all the same
    workspace = flags.workspace(workspace_dir)
    with progress():
        done = remove(workspace, dry_run=dry_run)
    if as_json:
        answer(done.to_dict())
        return
    for one in done.stale:
        verb = "would be removed" if dry_run else "removed"
        click.echo(f"{shown_path(str(one.ref))}: {verb}; {shown_path(one.why)}")
    if done.rescue is not None:
        names = ",".join(dict.fromkeys(one.name for one in done.stale))
        click.echo(f"The snapshot {label(done.rescue)} keeps what was removed; to have it back:")
        click.echo(f"  dws restore {done.rescue.hashval[:8]} --only {names}")
    if not done.stale:
        click.echo("Nothing is stale.")
