"""``dws add``: resources, by their type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workspace_core.cli.context import Flags, answer, json_option, pass_flags, workspace_dir_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace_core.workspace import Resource

ROLES = ("source-data", "intermediate-data", "code", "results")


def role_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option for the role."""
    return click.option(
        "--role",
        type=click.Choice([*ROLES, *(role[0] for role in ROLES)]),
        metavar="ROLE",
        help="source-data, intermediate-data, code or results, or the first letter of one.",
    )(command)


name_option = click.option("--name", help="By default the name of the folder.")
export_option = click.option(
    "-e", "--export", is_flag=True, help="Write lineage beside it, for other workspaces."
)
imported_option = click.option(
    "--imported", is_flag=True, help="It comes from another workspace, with its lineage."
)


@click.group()
@workspace_dir_option
@pass_flags
def add(flags: Flags, workspace_dir: str | None) -> None:
    """Add a resource.

    Example: dws add local-files --role source-data measurements
    """
    flags.workspace_dir = workspace_dir


@add.command("local-files")
@click.argument("path", type=click.Path())
@role_option
@name_option
@click.option("--compute-hash", is_flag=True, help="Kept for compatibility; it always is.")
@export_option
@imported_option
@json_option
@pass_flags
def local_files(
    flags: Flags, /, path: str, role: str | None, *, as_json: bool, **options: Any
) -> None:
    """Add a folder that is not under the control of git.

    Example: dws add local-files --role source-data --name inputs measurements
    """
    from workspace_core.commands.add import add_local_files

    resource = add_local_files(
        flags.workspace(), chosen(flags, role, "source-data"), path, **options
    )
    tell(resource, as_json=as_json)


@add.command("git")
@click.argument("path", type=click.Path())
@role_option
@name_option
@click.option("--branch", help="The branch that must be checked out; by default the present one.")
@click.option("-r", "--read-only", is_flag=True, help="Never commit anything there.")
@export_option
@imported_option
@json_option
@pass_flags
def git(flags: Flags, /, path: str, role: str | None, *, as_json: bool, **options: Any) -> None:
    """Add a git repository with a remote, or a folder of the workspace.

    Example: dws add git --role code code
    """
    from workspace_core.commands.add import add_git

    resource = add_git(flags.workspace(), chosen(flags, role, "code"), path, **options)
    tell(resource, as_json=as_json)


def chosen(flags: Flags, role: str | None, suggested: str) -> str:
    """Return the role, asked for where it was not given.

    Raises:
        BatchModeError: if nobody can be asked.
    """
    if role is not None:
        return role
    if not flags.may_ask:
        from workspace_core.errors import BatchModeError

        raise BatchModeError("--role")
    kind = click.Choice([*ROLES, *(one[0] for one in ROLES)])
    answered: str = click.prompt("Role", type=kind, default=suggested, err=True)
    return answered


def tell(resource: Resource, *, as_json: bool) -> None:
    """Say which resource was added."""
    if as_json:
        answer({"name": resource.name, **resource.get_params()})
    else:
        click.echo(f"Resource {resource.name} ({resource.role}, {resource.resource_type}) added.")
