"""``dws config``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from util_services.errors import printable
from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    json_option,
    pass_flags,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.parameters import ParameterValue


@click.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--resource", metavar="NAME", shell_complete=complete_resource, help="Of a resource.")
@workspace_dir_option
@json_option
@pass_flags
def config(
    flags: Flags,
    name: str | None,
    value: str | None,
    resource: str | None,
    workspace_dir: str | None,
    *,
    as_json: bool,
) -> None:
    """Show parameters, or set one; each says what it is for.

    Example: dws config hostname laptop
    """
    from workspace_core.parameters import PLACE, PLACE_RESOURCE

    is_local = resource is None and name in (PLACE, PLACE_RESOURCE)  # of a place that has moved
    workspace = flags.workspace(workspace_dir, refresh=not is_local)
    if name is not None and value is not None:
        workspace.change_param(name, value, resource)
    found = values_of(workspace, resource)
    if name is not None:
        (one,) = [one for one in found if one.parameter.name == named(found, name, resource)]
        answer(one.to_dict()) if as_json else click.echo(shown(one))
    elif as_json:
        answer([one.to_dict() for one in found])
    else:
        for one in found:
            kind = f"{one.parameter.scope} {one.parameter.type.name}"
            click.echo(f"{one.parameter.name} = {shown(one)}  ({kind})")
            click.echo(f"    {one.parameter.help}")


def values_of(workspace: FiledWorkspace, resource: str | None) -> list[ParameterValue]:
    """Return the parameters of the workspace, or of a resource."""
    if resource is None:
        return workspace.parameter_values()
    return workspace.resource_parameter_values(resource)


def named(found: list[ParameterValue], name: str, resource: str | None) -> str:
    """Return a name if there is a parameter of that name.

    Raises:
        ConfigurationError: if there is none.
    """
    from workspace_core.parameters import parameter_named

    owner = "The workspace" if resource is None else f"The resource '{resource}'"
    return parameter_named([one.parameter for one in found], name, owner).name


def shown(one: ParameterValue) -> str:
    """Return the value of a parameter for people."""
    return printable(one.value) if isinstance(one.value, str) else json.dumps(one.value)
