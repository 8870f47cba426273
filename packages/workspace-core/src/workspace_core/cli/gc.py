"""``dws gc``."""

from __future__ import annotations

import click

from workspace_core.cli.context import Flags, answer, json_option, pass_flags, workspace_dir_option


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
@workspace_dir_option
@json_option
@pass_flags
def gc(
    flags: Flags, grace: float, workspace_dir: str | None, *, dry_run: bool, as_json: bool
) -> None:
    """Free the space of what no snapshot needs any more.

    Example: dws gc --dry-run
    """
    from workspace_core.cli.progress import short
    from workspace_core.commands.gc import gc as collect

    found = collect(flags.workspace(workspace_dir), dry_run=dry_run, grace_seconds=grace)
    if as_json:
        answer(found.to_dict())
    else:
        verb = "would go" if dry_run else "went"
        click.echo(
            f"{found.objects} objects {verb}, {short(found.bytes_freed)}; "
            f"{found.objects_kept} stay."
        )
