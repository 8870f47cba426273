"""``dws resource``: which resources a workspace has, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workspace_core.cli.add import add
from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    json_option,
    pass_flags,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.workspace import Resource


@click.group()
@workspace_dir_option
@pass_flags
def resource(flags: Flags, workspace_dir: str | None) -> None:
    """Add, remove, rename or swap resources; older snapshots can still be restored.

    Example: dws resource rename raw measurements
    """
    flags.workspace_dir = workspace_dir


resource.add_command(add)


@resource.command("remove")
@click.argument("name", shell_complete=complete_resource)
@json_option
@pass_flags
def remove(flags: Flags, name: str, *, as_json: bool) -> None:
    """Let the workspace do without a resource.

    Its folder stays as it is, and older snapshots keep it: 'dws resource bring-back' makes it one
    again, and 'dws restore' brings its content.

    Example: dws resource remove raw
    """
    from workspace_core.commands.resource import remove_resource

    remove_resource(flags.workspace(), name)
    if as_json:
        answer({"removed": name})
    else:
        click.echo(f"Resource {name} removed; its folder is as it was.")


@resource.command("bring-back")
@click.argument("name")
@json_option
@pass_flags
def bring_back(flags: Flags, name: str, *, as_json: bool) -> None:
    """Let the workspace have a resource again that was removed.

    Example: dws resource bring-back raw
    """
    from workspace_core.commands.resource import bring_resource_back

    tell(bring_resource_back(flags.workspace(), name), "is back", as_json=as_json)


@resource.command("rename")
@click.argument("old", shell_complete=complete_resource)
@click.argument("new")
@json_option
@pass_flags
def rename(flags: Flags, old: str, new: str, *, as_json: bool) -> None:
    """Give a resource another name; older snapshots tell of it under that one, too.

    Example: dws resource rename raw measurements
    """
    from workspace_core.commands.resource import rename_resource

    tell(rename_resource(flags.workspace(), old, new), f"was {old}", as_json=as_json)


@resource.command("swap")
@click.argument("name", shell_complete=complete_resource)
@click.argument("location", nargs=-1, required=True, type=click.Path())
@json_option
@pass_flags
def swap(flags: Flags, name: str, location: tuple[str, ...], *, as_json: bool) -> None:
    """Let a resource be other data, at a LOCATION of the kind that 'dws add' takes for its type.

    The data that it was before are not touched.

    Example: dws resource swap raw measurements
    """
    from workspace_core.commands.resource import swap_resource

    done = swap_resource(flags.workspace(), name, location)
    tell(done, f"is {' '.join(location)} now", as_json=as_json)


def tell(done: Resource, what: str, *, as_json: bool) -> None:
    """Say what has become of a resource."""
    if as_json:
        answer({"name": done.name, **done.get_params()})
    else:
        click.echo(f"Resource {done.name} ({done.role}, {done.resource_type}) {what}.")
