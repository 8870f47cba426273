"""A resource type that is one class: its parameters say what is recorded of it.

A plugin subclasses `PlacedFolder` for a folder of this machine, `StateResource` for something
elsewhere whose state is a few small files, or `PointedResource` if that state can be gone back to;
and returns the class from the hook ``register_resource_types``. See the README for an example.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import ConfigurationError
from workspace_core.workspace import JSONDict, Resource, ResourceFactory, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping


class DeclaredResource(Resource):
    """A resource whose attributes are its parameters, checked whenever it is loaded."""

    positional: ClassVar[tuple[str, ...]] = ()  # what ``dws add`` takes, by name, in order
    must_be_here: ClassVar[bool] = False  # something of it must be on this machine
    place_parameter: ClassVar[str] = ""  # that says where it is on this machine

    def __init__(
        self,
        resource_type: str,
        name: str,
        role: str,
        workspace: Workspace,
        values: Mapping[str, Any],
    ) -> None:
        super().__init__(resource_type, name, role, workspace)
        for one in self.parameters:
            given = values.get(one.name)
            setattr(self, one.name, one.default if given is None else one.checked(given))

    @classmethod
    def as_recorded(cls, values: JSONDict, name: str, workspace: Workspace) -> JSONDict:  # noqa: ARG003 - of types that look at them
        """Return parameters, from what a user gave.

        Raises:
            ConfigurationError: if it cannot be added like that.
        """
        return values

    @classmethod
    def suggested_name(cls, *args: Any) -> str:
        """Return a name for a new resource, from what a user gave."""
        found = os.path.basename(os.path.abspath(str(args[0]))) if args else ""
        if not found:
            raise ConfigurationError("Nothing suggests a name; give one with --name.")
        return found

    @classmethod
    def lies_in_workspace(cls, params: JSONDict) -> bool:  # noqa: ARG003 - of types that know
        """Return whether all copies of the workspace have it at the same place in their folder."""
        return False

    def check_new(self) -> None:
        """Refuse a new resource that could not be used, or bring it here.

        Raises:
            DataWorkspacesError: in one sentence; then it is not added.
        """

    def get_params(self) -> JSONDict:
        """Return the parameters that all copies of the workspace share."""
        found = {one.name: getattr(self, one.name) for one in self.parameters if one.is_global}
        kept = {"resource_type": self.resource_type, "name": self.name, "role": self.role}
        return {**kept, **found}

    def get_local_params(self) -> JSONDict:
        """Return the parameters of the resource on this machine."""
        found = {one.name: getattr(self, one.name) for one in self.parameters if not one.is_global}
        return {name: value for name, value in found.items() if value is not None}

    def validate_subpath_exists(self, subpath: str) -> None:
        """Refuse any path: a resource without files has none."""
        raise ConfigurationError(f"The resource '{self.name}' has no file {subpath!r}.")


class DeclaredFactory(ResourceFactory):
    """How resources of a declared type come into being."""

    def __init__(self, kind: type[DeclaredResource], resource_type: str) -> None:
        self._kind, self._type = kind, resource_type

    @property
    def place_parameter(self) -> str:  # type: ignore[override]  # of the type, not of all
        """The parameter that says where a resource is on this machine."""
        return self._kind.place_parameter

    def from_command_line(
        self, role: str, name: str, workspace: Workspace, *args: Any, **kwargs: Any
    ) -> Resource:
        """Return a new resource, from what ``dws add`` was given.

        Raises:
            TypeError: if it takes other arguments.
        """
        kind, known = self._kind, {one.name for one in self._kind.parameters}
        if len(args) != len(kind.positional):
            raise TypeError(f"it takes {', '.join(kind.positional) or 'no location'}")
        if unknown := sorted(kwargs.keys() - known):
            raise TypeError(f"it has no option '{unknown[0]}'")
        given = dict(zip(kind.positional, args, strict=True)) | kwargs
        values = kind.as_recorded(given, name, workspace)
        made = kind(self._type, name, role, workspace, values)
        made.check_new()
        return made

    def from_json(self, params: JSONDict, local_params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource that parameters tell of."""
        values = {  # a record of others says nothing of this machine
            one.name: (params if one.is_global else local_params).get(one.name)
            for one in self._kind.parameters
        }
        return self._kind(self._type, params["name"], params["role"], workspace, values)

    def has_local_state(self) -> bool:
        """Return whether something of it must be on this machine before it can be used."""
        return self._kind.must_be_here

    def lies_in_workspace(self, params: JSONDict) -> bool:
        """Return whether all copies of the workspace have it at the same place in their folder."""
        return self._kind.lies_in_workspace(params)

    def clone(self, params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource on another machine."""
        return self.from_json(params, {}, workspace)

    def suggest_name(self, workspace: Workspace, role: str, *args: Any) -> str:  # noqa: ARG002
        """Return a name for a new resource."""
        return self._kind.suggested_name(*args)
