"""``dws clone``."""

from __future__ import annotations

import click

from workspace_core.cli.context import Flags, answer, json_option, names_of, pass_flags
from workspace_core.cli.pull import place_option, places_of, tell_left


@click.command()
@click.argument("origin", metavar="ADDRESS")
@click.argument("folder", required=False, type=click.Path())
@click.option("--hostname", help="What this machine is called in snapshots.")
@click.option("--data", metavar="PLACE", help="The place for content, if reached elsewhere.")
@click.option("--store", metavar="DIR", help="A store to share with other workspaces.")
@click.option("--keyset", metavar="NAME", help="Encrypt the store with this keyset.")
@click.option("--only", metavar="R[/PATH],…", help="Only these resources, or paths in them.")
@click.option("--resource", metavar="NAME", help="The credential set for a place in S3.")
@place_option
@json_option
@pass_flags
def clone(
    flags: Flags,
    /,
    origin: str,
    folder: str | None,
    hostname: str | None,
    data: str | None,
    store: str | None,
    keyset: str | None,
    only: str | None,
    resource: str | None,
    places: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Bring a workspace here with its snapshots, and its resources as they are now.

    ADDRESS is that of a git repository, or central:PLACE for a workspace that lives in a place.
    Nothing outside of FOLDER is written, unless --place says so.

    Example: dws clone ../study.git ../copy
    """
    import socket

    from workspace_core.cli.init import loaded
    from workspace_core.cli.progress import progress, short
    from workspace_core.commands.clone import clone as bring

    if hostname is None and flags.may_ask:
        default = socket.gethostname() or "localhost"
        hostname = click.prompt("Name of this machine in snapshots", default=default, err=True)
    with progress("objects"):
        done = bring(
            origin,
            folder,
            hostname=hostname,
            data=data,
            store=store,
            keyset=loaded(keyset),
            only=names_of(only),
            resource=resource,
            places=places_of(places),
            batch=flags.batch,
            verbose=flags.verbose,
        )
    if as_json:
        answer(done.to_dict())
        return
    tell_left(done.left)
    size = short(done.received.bytes_read)
    click.echo(f"Workspace {done.workspace.name} is ready in {done.workspace.folder} ({size}).")
