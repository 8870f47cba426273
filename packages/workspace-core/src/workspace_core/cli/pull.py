"""``dws pull``."""

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
    label,
    names_of,
    pass_flags,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

place_option = click.option(
    "--place",
    "places",
    metavar="R=FOLDER",
    multiple=True,
    help="Where a resource is to be that lies outside of the workspace.",
)


@click.command()
@click.option(
    "--only",
    metavar="R[/PATH],…",
    shell_complete=complete_resource,
    help="Only these resources, or paths in them.",
)
@click.option("--skip", metavar="R,…", shell_complete=complete_resource, help="All but these.")
@click.option("--only-workspace", is_flag=True, help="Records alone, and no content.")
@click.option("--ours", is_flag=True, help="Keep what is here in a conflict.")
@click.option("--theirs", is_flag=True, help="Take what is there in a conflict.")
@click.option(
    "--force",
    is_flag=True,
    help="Let what a resource has elsewhere replace edits; a rescue snapshot keeps them.",
)
@place_option
@workspace_dir_option
@json_option
@pass_flags
def pull(
    flags: Flags,
    only: str | None,
    skip: str | None,
    places: tuple[str, ...],
    workspace_dir: str | None,
    *,
    only_workspace: bool,
    ours: bool,
    theirs: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Bring what others have pushed here, and merge it with what was done here.

    What only one side has changed is taken over. What both have changed is named; choose a side
    then, and the other one stays in its snapshots.

    Example: dws pull --skip results
    """
    from workspace_core.cli.progress import progress, short
    from workspace_core.commands.pull import pull as bring

    if ours and theirs:
        raise click.UsageError("Give --ours or --theirs, not both.")
    choice = "ours" if ours else "theirs" if theirs else None
    workspace = flags.workspace(workspace_dir)
    with progress("objects"):
        done = bring(
            workspace,
            only=names_of(only),
            skip=names_of(skip) or (),
            only_workspace=only_workspace,
            choice=choice,
            places=places_of(places),
            force=force,
        )
    if as_json:
        answer(done.to_dict())
        return
    for one in done.snapshots:
        click.echo(f"Snapshot {label(one)} has come.")
    if done.resources:
        click.echo(f"Brought up to date: {', '.join(map(printable, done.resources))}.")
    if done.brought:
        click.echo(f"New here: {', '.join(map(printable, done.brought))}.")
    if done.removed:
        names = ", ".join(map(printable, done.removed))
        click.echo(f"Removed by others: {names}; what is in the folder here is as it was.")
    tell_left(done.left)
    if done.merge is not None:
        click.echo(f"What both sides have done is in the snapshot {label(done.merge)}.")
    if done.from_elsewhere:
        names = ", ".join(map(printable, done.from_elsewhere))
        click.echo(f"Brought from remotes of their own: {names}.")
    for rescue in done.rescues:
        click.echo(f"What was replaced is kept in the snapshot {label(rescue)}.")
    if done.received.lacking:
        click.echo("warning: Some content was never pushed; its snapshots are here in part.")
    if done.received.erased_there:
        click.echo(
            f"warning: {counted(done.received.erased_there, 'content')} that others have erased on "
            "purpose is still here; see 'dws erase --as-remote --dry-run'."
        )
    click.echo(f"Pulled: {done.received.objects} objects, {short(done.received.bytes_read)}.")


def tell_left(left: Mapping[str, str]) -> None:
    """Say which resources are not here, and why."""
    for name, reason in left.items():
        click.echo(f"{printable(name)}: not here: {printable(reason)}", err=True)


def places_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return folders by resource, from texts such as ``raw=/data/raw``."""
    found = {}
    for text in texts:
        name, separator, folder = text.partition("=")
        if not (name and separator and folder):
            raise click.UsageError("Write --place RESOURCE=FOLDER.")
        found[name] = folder
    return found
