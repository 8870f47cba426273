"""``dws snapshot``."""

from __future__ import annotations

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    json_option,
    label,
    pass_flags,
    workspace_dir_option,
)


@click.command()
@click.argument("tag", required=False)
@click.option("-m", "--message", default="", help="What is to be remembered of it.")
@workspace_dir_option
@json_option
@pass_flags
def snapshot(
    flags: Flags, tag: str | None, message: str, workspace_dir: str | None, *, as_json: bool
) -> None:
    """Take a snapshot of all resources, and move results to a folder of their own.

    Example: dws snapshot first -m "as delivered"
    """
    from workspace_core.cli.progress import progress

    workspace = flags.workspace(workspace_dir)
    with progress():
        taken = workspace.snapshot(tag, message)
    if as_json:
        answer({**taken.to_json(), "tags": list(taken.tags), "content_id": taken.content_id})
        return
    click.echo(f"Snapshot {label(taken)} taken.")
    if taken.relative_destination_path:
        click.echo(f"Results moved to {taken.relative_destination_path}.")
