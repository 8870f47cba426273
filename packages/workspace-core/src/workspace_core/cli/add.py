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
    _add(flags, "file", chosen(flags, role, "source-data"), path, as_json=as_json, **options)


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


def _add(
    flags: Flags, resource_type: str, role: str, *location: str, as_json: bool, **options: Any
) -> None:
    """Add a resource, and say so."""
    from workspace_core.cli.progress import progress
    from workspace_core.commands.add import add as add_resource

    with progress():
        resource = add_resource(flags.workspace(), resource_type, role, *location, **options)
    tell(resource, as_json=as_json)


@add.command("rclone")
@click.argument("remote", metavar="REMOTE:PATH")
@click.argument("local", type=click.Path())
@role_option
@name_option
@click.option("--config", type=click.Path(), help="The configuration of rclone on this machine.")
@click.option("--compute-hash", is_flag=True, help="Kept for compatibility; it always is.")
@export_option
@imported_option
@click.option(
    "--master",
    type=click.Choice(["none", "remote", "local"]),
    default="none",
    show_default=True,
    help="Which side leads in 'dws pull' (remote) and 'dws push' (local).",
)
@click.option(
    "--sync-mode",
    type=click.Choice(["copy", "sync"]),
    default="copy",
    show_default=True,
    help="Whether what the leading side does not have stays, or goes.",
)
@click.option("--size-only", is_flag=True, help="Tell files apart by their sizes alone.")
@json_option
@pass_flags
def rclone(
    flags: Flags, /, remote: str, local: str, role: str | None, *, as_json: bool, **options: Any
) -> None:
    """Add a folder that is a copy of what rclone reaches, and bring that here.

    Example: dws add rclone --role source-data --master remote archive:measurements measurements
    """
    _add(
        flags,
        "rclone",
        chosen(flags, role, "source-data"),
        remote,
        local,
        as_json=as_json,
        **options,
    )


@add.command("s3")
@click.argument("bucket", metavar="BUCKET[/PREFIX]")
@role_option
@name_option
@click.option(
    "--keep",
    type=click.Choice(["versions", "contents"]),
    default="versions",
    show_default=True,
    help="What a snapshot keeps: the versions that the bucket has, or the contents themselves.",
)
@click.option(
    "--resource",
    "credential_set",
    default="",
    help="The credential set, such as selfS3; by default the general one (S3_…).",
)
@json_option
@pass_flags
def s3(flags: Flags, /, bucket: str, role: str | None, *, as_json: bool, **options: Any) -> None:
    """Add the objects of a bucket, or those below a prefix of it.

    Example: dws add s3 --role source-data clinic/measurements
    """
    _add(flags, "s3", chosen(flags, role, "source-data"), bucket, as_json=as_json, **options)


@add.command("api-resource")
@role_option
@name_option
@json_option
@pass_flags
def api_resource(flags: Flags, /, role: str | None, *, as_json: bool, **options: Any) -> None:
    """Add data of a service: no files, but a hash that whoever fetches them writes down.

    Example: dws add api-resource --role source-data --name weather
    """
    _add(flags, "api-resource", chosen(flags, role, "source-data"), as_json=as_json, **options)


@add.command("container-image")
@click.argument("reference", metavar="HOST/NAME:TAG")
@role_option
@name_option
@json_option
@pass_flags
def container_image(
    flags: Flags, /, reference: str, role: str | None, *, as_json: bool, **options: Any
) -> None:
    """Add code that is a container image; a snapshot keeps the digest that its tag leads to.

    Example: dws add container-image registry.example.org/clinic/model:1.4
    """
    _add(flags, "container-image", role or "code", reference, as_json=as_json, **options)


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
