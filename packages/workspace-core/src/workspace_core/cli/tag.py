"""``dws tag``: names of snapshots."""

from __future__ import annotations

import click

from workspace_core.cli.context import (
    Flags,
    complete_tag,
    label,
    pass_flags,
    snapshot_argument,
    workspace_dir_option,
)


@click.group()
@workspace_dir_option
@pass_flags
def tag(flags: Flags, workspace_dir: str | None) -> None:
    """Give a snapshot a tag, or take one away; other tags stay as they are.

    Example: dws tag set best first
    """
    flags.workspace_dir = workspace_dir


@tag.command("set")
@click.argument("tag_name", metavar="TAG")
@snapshot_argument
@pass_flags
def set_tag(flags: Flags, tag_name: str, snapshot: str) -> None:
    """Let a tag point to a snapshot, wherever it pointed before.

    Example: dws tag set best first
    """
    workspace = flags.workspace()
    found = workspace.get_snapshot_by_tag_or_hash(snapshot)
    workspace.move_tag_to_snapshot(found.hashval, tag_name)
    click.echo(f"Snapshot {label(workspace.get_snapshot_metadata(found.hashval))} has it.")


@tag.command("remove")
@click.argument("tag_name", metavar="TAG", shell_complete=complete_tag)
@pass_flags
def remove_tag(flags: Flags, tag_name: str) -> None:
    """Take a tag away; the snapshot stays.

    Example: dws tag remove best
    """
    workspace = flags.workspace()
    found = workspace.get_snapshot_by_tag_or_hash(tag_name)
    workspace.remove_tag_from_snapshot(found.hashval, tag_name)
    click.echo(f"Tag {tag_name} removed.")
