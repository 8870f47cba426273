"""``dws init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workspace_core.cli.context import Flags, answer, json_option, pass_flags

if TYPE_CHECKING:
    from util_services.keys.keyset import Keyset


@click.command()
@click.argument("name", required=False)
@click.option("--hostname", help="What this machine is called in snapshots.")
@click.option(
    "--create-resources",
    metavar="all|s,i,c,r",
    help="Make a folder, and a resource of it, for each of these roles.",
)
@click.option("--scratch-directory", metavar="DIR", help="A folder for what is in no snapshot.")
@click.option("--store", metavar="DIR", help="A store to share with other workspaces.")
@click.option("--keyset", metavar="NAME", help="Encrypt the store with this keyset.")
@click.option(
    "--backend",
    default="git",
    metavar="git|central",
    help="Where records are: in git, or in one place that several work with at once.",
)
@click.option("--at", metavar="PLACE", help="Where a central workspace lives: a folder, s3://….")
@click.option("--resource", metavar="NAME", help="The credential set for S3, such as selfS3.")
@click.option("--git-fat-remote", hidden=True)
@click.option("--git-fat-user", hidden=True)
@click.option("--git-fat-port", hidden=True)
@click.option("--git-fat-attributes", hidden=True)
@click.option("--git-lfs-attributes", hidden=True)
@json_option
@pass_flags
def init(
    flags: Flags,
    /,
    name: str | None,
    hostname: str | None,
    create_resources: str | None,
    scratch_directory: str | None,
    store: str | None,
    keyset: str | None,
    backend: str,
    at: str | None,
    resource: str | None,
    *,
    as_json: bool,
    **modes: str | None,
) -> None:
    """Make this folder a workspace.

    It becomes a git repository if it is none, unless --backend central --at PLACE lets the
    workspace live in a place. NAME is that of the folder by default.

    Example: dws init --create-resources code,results
    """
    import socket

    from workspace_core.commands.init import init as make
    from workspace_core.commands.init import roles_of

    refuse_git_modes(modes)
    if hostname is None and flags.may_ask:
        default = socket.gethostname() or "localhost"
        hostname = click.prompt("Name of this machine in snapshots", default=default, err=True)
    workspace = make(
        name=name,
        hostname=hostname,
        create_resources=roles_of(create_resources) if create_resources else (),
        scratch_directory=scratch_directory,
        store=store,
        keyset=loaded(keyset),
        backend=backend,
        at=at,
        resource=resource,
        batch=flags.batch,
        verbose=flags.verbose,
    )
    if as_json:
        names = list(workspace.get_resource_names())
        answer({"name": workspace.name, "folder": str(workspace.folder), "resources": names})
    else:
        click.echo(f"Workspace {workspace.name} is ready in {workspace.folder}.")


WHY = {
    "git_fat": "git-fat needs Python 2",
    "git_lfs": "what git-lfs holds is not exchanged by 'dws push'",
}


def refuse_git_modes(modes: dict[str, str | None]) -> None:
    """Refuse options for large files in git, which the store keeps by itself.

    Raises:
        NotSupportedError: naming the option, and what stands in for it.
    """
    from workspace_core.errors import NotSupportedError

    if given := [name for name, value in modes.items() if value is not None]:
        option, why = "--" + given[0].replace("_", "-"), WHY[given[0][:7]]
        raise NotSupportedError(
            f"{option} is not supported, for {why}, and is not needed: the store keeps files of "
            "any size outside of git. Leave it out, and add large data with 'dws add local-files'."
        )


def loaded(keyset: str | None) -> Keyset | None:
    """Return a keyset by its name, None for none."""
    if keyset is None:
        return None
    from util_services.keys.keyset import Keyset

    return Keyset.load(keyset)
