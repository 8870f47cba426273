"""``dws snapshot``."""

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
@click.argument("tag", required=False)
@click.option("-m", "--message", default="", help="What is to be remembered of it.")
@click.option(
    "--skip-special",
    is_flag=True,
    help="Leave out FIFOs, sockets and devices, which no snapshot can hold.",
)
@workspace_dir_option
@json_option
@pass_flags
def snapshot(
    flags: Flags,
    tag: str | None,
    message: str,
    workspace_dir: str | None,
    *,
    skip_special: bool,
    as_json: bool,
) -> None:
    """Take a snapshot of all resources, and move results to a folder of their own.

    Example: dws snapshot first -m "as delivered"
    """
    from workspace_core.cli.progress import progress

    workspace = flags.workspace(workspace_dir)
    with progress():
        taken = workspace.snapshot(tag, message, skips_special=skip_special)
    if as_json:
        answer({**taken.to_json(), "tags": list(taken.tags), "content_id": taken.content_id})
        return
    click.echo(f"Snapshot {label(taken)} taken.")
    for name, facts in taken.more.get("resources", {}).items():
        for path in facts.get("skipped", ()):
            click.echo(f"Left out of {name}: {shown_path(path)}")
    if taken.relative_destination_path:
        click.echo(f"Results moved to {taken.relative_destination_path}.")
