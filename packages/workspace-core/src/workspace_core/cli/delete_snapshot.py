"""``dws delete-snapshot``."""

from __future__ import annotations

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    json_option,
    label,
    pass_flags,
    snapshot_argument,
    workspace_dir_option,
)


@click.command("delete-snapshot")
@snapshot_argument
@click.option("--no-include-resources", is_flag=True, help="Leave its results in their resource.")
@workspace_dir_option
@json_option
@pass_flags
def delete_snapshot(
    flags: Flags,
    snapshot: str,
    workspace_dir: str | None,
    *,
    no_include_resources: bool,
    as_json: bool,
) -> None:
    """Delete a snapshot, with its tags and the results that it moved.

    Its number is not used again; 'dws gc' frees the space.

    Example: dws delete-snapshot first
    """
    from workspace_core.errors import UserAbortError

    workspace = flags.workspace(workspace_dir)
    found = workspace.get_snapshot_by_tag_or_hash(snapshot)
    if flags.may_ask and not click.confirm(f"Delete snapshot {label(found)}?", err=True):
        raise UserAbortError("Nothing was deleted.")
    workspace.delete_snapshot(found.hashval, include_resources=not no_include_resources)
    if as_json:
        answer({"deleted": found.hashval, "snapshot_number": found.snapshot_number})
    else:
        click.echo(f"Snapshot {label(found)} deleted.")
