"""``dws export``: snapshots for other tools."""

from __future__ import annotations

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    complete_tag,
    counted,
    json_option,
    names_of,
    pass_flags,
    shown_path,
    workspace_dir_option,
)


@click.group()
@workspace_dir_option
@pass_flags
def export(flags: Flags, workspace_dir: str | None) -> None:
    """Write a snapshot for other tools.

    Example: dws export dvc ../project
    """
    flags.workspace_dir = workspace_dir


@export.command()
@click.argument("folder", type=click.Path())
@click.option(
    "--snapshot", metavar="TAG|HASH", shell_complete=complete_tag, help="By default the newest."
)
@click.option("--only", metavar="R,…", shell_complete=complete_resource, help="Only these.")
@json_option
@pass_flags
def dvc(
    flags: Flags, folder: str, snapshot: str | None, only: str | None, *, as_json: bool
) -> None:
    """Write resources as a project of DVC, with a .dvc file for each; 'dvc checkout' makes files.

    Example: dws export dvc ../project
    """
    from workspace_core.cli.progress import progress
    from workspace_core.commands.export_dvc import export_dvc

    with progress():
        done = export_dvc(flags.workspace(), folder, snapshot, only=names_of(only))
    if as_json:
        answer(done.to_dict())
        return
    for name, paths in done.left.items():
        for path in paths:
            click.echo(f"Left out of {name}: {shown_path(path)}", err=True)
    for name, files in done.resources.items():
        click.echo(f"{name}.dvc: {counted(files, 'file')}")
    click.echo(f"Written to {shown_path(done.folder)}; 'dvc checkout' there makes the files.")
