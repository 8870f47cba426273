"""``dws diff``."""

from __future__ import annotations

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    change_lines,
    complete_tag,
    json_option,
    pass_flags,
    shown_path,
    workspace_dir_option,
)


@click.command()
@click.argument("before", metavar="A", shell_complete=complete_tag)
@click.argument("after", metavar="[B]", required=False, shell_complete=complete_tag)
@workspace_dir_option
@json_option
@pass_flags
def diff(
    flags: Flags, before: str, after: str | None, workspace_dir: str | None, *, as_json: bool
) -> None:
    """Say what differs from snapshot A to B, file by file; without B, to the resources as they are.

    Files that recorded runs have made are told of with these runs, and with how these differ.

    Example: dws diff first
    """
    from workspace_core.cli.progress import progress
    from workspace_core.commands.diff import difference

    with progress():
        found = difference(flags.workspace(workspace_dir), before, after)
    if as_json:
        answer(found.to_dict())
        return
    for one in found.resources:
        click.echo(f"{one.name}: {one.state}")
        for line in change_lines(one.changes):
            click.echo(line)
        for made in found.lineage:
            if made.resource == one.name:
                click.echo(f"  * {shown_path(made.sentence())}")
