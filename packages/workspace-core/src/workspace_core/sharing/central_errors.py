"""What goes wrong between a central workspace and its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import printable, quoted
from workspace_core.errors import shown
from workspace_core.sharing.errors import MOST_SHOWN, SharingError

if TYPE_CHECKING:
    from collections.abc import Sequence


class OutOfReachError(SharingError, OSError):
    """Raised when the place of a workspace cannot be reached; nothing was changed."""

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(address, cause)
        self.address, self.cause = address, cause

    def __str__(self) -> str:
        return (
            f"{shown(self.address)}, where the workspace lives, is out of reach "
            f"({printable(self.cause).rstrip('.')}), and nothing was changed; try again once it is "
            "back, or, if it has moved: dws config place PLACE."
        )


class UnpublishedError(SharingError, OSError):
    """Raised when something is recorded on this machine, and the place did not take it."""

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(address, cause)
        self.address, self.cause = address, cause

    def __str__(self) -> str:
        return (
            "What was done is recorded on this machine alone, since its place "
            f"{shown(self.address)} does not take it ({printable(self.cause).rstrip('.')}); the "
            "next command brings it there, once that is mended."
        )


class LostRecordsError(SharingError):
    """Raised when a place lacks records that were there before; nothing was changed."""

    def __init__(self, address: str, revision: int) -> None:
        super().__init__(address, revision)
        self.address, self.revision = address, revision

    def __str__(self) -> str:
        return (
            f"{shown(self.address)} does not have the records that this machine saw there last "
            f"(revision {self.revision}), so nothing was changed; perhaps it is not mounted, or "
            "holds something else; if the workspace has moved: dws config place PLACE."
        )


class DamagedRecordsError(SharingError):
    """Raised when records in a place are not as they were written."""

    def __init__(self, address: str, name: str, what: str) -> None:
        super().__init__(address, name, what)
        self.address, self.name, self.what = address, name, what

    def __str__(self) -> str:
        return (
            f"{shown(self.name)} at {shown(self.address)} is damaged ({self.what}), and nothing "
            "was changed; bring that file back from a backup of the place."
        )


class SimultaneousChangeError(SharingError):
    """Raised when somebody else has changed the same records at the same moment.

    Args:
        conflicts: what both have changed, each as words such as ``tag best``.
    """

    def __init__(self, conflicts: Sequence[str]) -> None:
        super().__init__(tuple(conflicts))
        self.conflicts = tuple(conflicts)

    def __str__(self) -> str:
        return (
            f"Somebody else was faster to change {quoted(self.conflicts, MOST_SHOWN)}, which stays "
            "as they have it, and all else of yours is recorded; look with 'dws log' or 'dws "
            "config', and choose anew."
        )
