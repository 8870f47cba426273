"""``dws import``."""

from __future__ import annotations

import os

import click

from util_services.errors import printable
from workspace_core.cli.add import chosen, name_option, role_option, tell
from workspace_core.cli.context import (
    Flags,
    answer,
    counted,
    json_option,
    pass_flags,
    workspace_dir_option,
)
from workspace_core.cli.pull import place_option, places_of, tell_left

ENDING = ".dvc"


@click.command("import")
@click.argument("source", metavar="OLD_WORKSPACE|FILE.dvc", type=click.Path())
@click.argument("folder", required=False, type=click.Path())
@click.option("--hostname", help="What this machine is called in snapshots.")
@click.option("--store", metavar="DIR", help="A store to share with other workspaces.")
@click.option("--keyset", metavar="NAME", help="Encrypt the store with this keyset.")
@place_option
@role_option
@name_option
@workspace_dir_option
@json_option
@pass_flags
def import_(
    flags: Flags,
    /,
    source: str,
    folder: str | None,
    hostname: str | None,
    store: str | None,
    keyset: str | None,
    places: tuple[str, ...],
    role: str | None,
    name: str | None,
    workspace_dir: str | None,
    *,
    as_json: bool,
) -> None:
    """Make a new workspace in FOLDER of one that dataworkspaces 1.6 has written.

    Of a .dvc file, make a resource of this workspace: --role, --name and --workspace-dir are for
    that alone. What is imported stays as it is.

    Example: dws import ../old ../new
    """
    of_old = {"--hostname": hostname, "--store": store, "--keyset": keyset, "--place": places}
    of_dvc = {"--role": role, "--name": name, "--workspace-dir": workspace_dir}
    is_dvc = source.endswith(ENDING) and not os.path.isdir(source)
    for option, given in (of_old if is_dvc else of_dvc).items():
        if given:
            what = "a .dvc file" if is_dvc else "an old workspace"
            raise click.UsageError(f"{option} has no meaning for {what}.")
    if is_dvc:
        from workspace_core.commands.import_dvc import import_dvc

        workspace = flags.workspace(workspace_dir)
        wanted = chosen(flags, role, "source-data")
        tell(import_dvc(workspace, source, wanted, folder=folder, name=name), as_json=as_json)
        return
    from workspace_core.cli.init import loaded
    from workspace_core.cli.progress import progress
    from workspace_core.commands.import_workspace import import_workspace

    with progress():
        done = import_workspace(
            source,
            folder,
            hostname=hostname,
            store=store,
            keyset=loaded(keyset),
            places=places_of(places),
            batch=flags.batch,
            verbose=flags.verbose,
        )
    if as_json:
        answer(done.to_dict())
        return
    tell_left(done.left)
    for hashval, names in done.lost.items():
        label = f"{hashval[:8]}: the content of {printable(', '.join(names))}"
        click.echo(f"Snapshot {label} is nowhere any more.", err=True)
    snapshots = counted(done.snapshots, "snapshot")
    click.echo(f"Workspace {done.workspace.name} with {snapshots} is in {done.workspace.folder}.")
