"""What goes wrong with resources whose content lies elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import printable, quoted
from workspace_core.errors import ConfigurationError, DataWorkspacesError, LocalChangesError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN = 3


class OutOfReachError(DataWorkspacesError):
    """Raised when what a resource stands for cannot be asked or read.

    Args:
        name: of the resource.
        cause: a sentence, which tells the next step.
    """

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name, cause)
        self.name, self.cause = name, cause

    def __str__(self) -> str:
        return f"The resource '{printable(self.name)}' is out of reach: {printable(self.cause)}"


class GoneError(DataWorkspacesError):
    """Raised when what a snapshot refers to is not there any more.

    Args:
        name: of the resource.
        what: the names of what is gone.
    """

    def __init__(self, name: str, what: Sequence[str]) -> None:
        super().__init__(name, tuple(what))
        self.name, self.what = name, tuple(what)

    def __str__(self) -> str:
        return (
            f"'{printable(self.name)}' cannot be read as it was: {len(self.what)} of its versions "
            f"are gone from where they were, such as {quoted(self.what, MOST_SHOWN)}; nothing was "
            "changed. Leave it out with --leave."
        )


class NotKeptError(ConfigurationError):
    """Raised for something elsewhere that no snapshot can keep; names it and the rule."""

    def __init__(self, name: str, what: str, rule: str) -> None:
        super().__init__(name, what, rule)
        self.name, self.what, self.rule = name, what, rule

    def __str__(self) -> str:
        return (
            f"'{printable(self.what)}' of the resource '{printable(self.name)}' cannot be kept: "
            f"{self.rule}."
        )


class EditedTreeError(LocalChangesError):
    """Raised when what a remote has would take the place of edits that are in no snapshot."""

    def __str__(self) -> str:
        return (
            f"Bringing '{printable(self.resource)}' from its remote would destroy changes that are "
            f"in no snapshot: {quoted(self.paths, MOST_SHOWN)}; take a snapshot first, or use 'dws "
            "pull --force', which keeps them in a rescue snapshot."
        )
