"""What goes wrong between a workspace and its remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import printable, quoted
from workspace_core.errors import DataWorkspacesError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN = 5
UNRELATED = "a history of its own", "it has nothing in common with this one"


class SharingError(DataWorkspacesError):
    """Base class of what goes wrong between a workspace and its remote."""


class RemoteError(SharingError, OSError):
    """Raised when a remote cannot be reached, or does not do what it is asked to."""

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(address, cause)
        self.address, self.cause = address, cause

    def __str__(self) -> str:
        return (
            f"The remote {shown(self.address)} fails: {printable(self.cause).rstrip('.')}; run the "
            "command again once that is mended, it goes on from where it stopped."
        )


class DamagedRemoteError(SharingError):
    """Raised when something on a remote is not as it was written.

    Args:
        address: the remote.
        name: the file there.
        what: what is wrong with it.
    """

    def __init__(self, address: str, name: str, what: str) -> None:
        super().__init__(address, name, what)
        self.address, self.name, self.what = address, name, what

    def __str__(self) -> str:
        return (
            f"{shown(self.name)} on the remote {shown(self.address)} is damaged ({self.what}); "
            "nothing of it was taken over. Whoever has the snapshots runs 'dws push --verify', "
            "which sends again what is damaged."
        )


class ForeignRemoteError(SharingError):
    """Raised when a remote holds something that no honest workspace has put there."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__(what, rule)
        self.what, self.rule = what, rule

    def __str__(self) -> str:
        return (
            f"The remote holds {printable(self.what)[:200]}, and {self.rule}; it is refused, and "
            "nothing was changed."
        )


class NoRemoteError(SharingError):
    """Raised when a workspace has no remote for what is asked of it."""

    def __init__(self, workspace: str, kind: str) -> None:
        super().__init__(workspace, kind)
        self.workspace, self.kind = workspace, kind

    def __str__(self) -> str:
        return (
            f"The workspace {shown(self.workspace)} has no remote for its {self.kind}; name it: "
            "dws publish GIT_ADDRESS --data PLACE."
        )


class LostRaceError(SharingError):
    """Raised when somebody else has pushed since this workspace was pulled last."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"Somebody else has pushed to {shown(self.address)} since you pulled, so nothing of "
            "yours was published and nothing is lost; run 'dws pull', which merges, and push again."
        )


class CheckedOutError(SharingError):
    """Raised when a repository is somebody's working copy, and git does not push to that."""

    def __init__(self, address: str, branch: str) -> None:
        super().__init__(address, branch)
        self.address, self.branch = address, branch

    def __str__(self) -> str:
        return (
            f"The repository {shown(self.address)} is a working copy with the branch "
            f"'{printable(self.branch)}' checked out, which git does not push to; publish to a "
            "bare one, which 'dws publish' makes of a folder that does not exist."
        )


class NotMergedError(SharingError):
    """Raised when resources have gone on here without what others have published of them.

    Args:
        names: of the resources.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(tuple(names))
        self.names = tuple(names)

    def __str__(self) -> str:
        return (
            f"You and somebody else have gone on with {quoted(self.names, MOST_SHOWN)}, and only "
            "the records of that were pulled, so that your snapshots would hide theirs; nothing "
            f"was published. Run 'dws pull --only {printable(','.join(self.names))}', which "
            "merges, and push again."
        )


class MergeConflictError(SharingError):
    """Raised when both sides have changed the same thing; nothing of that was changed.

    Args:
        conflicts: what they have changed, each as words such as ``raw: a.csv``.
        merged: the resources that were brought together with what others have done before.
    """

    def __init__(self, conflicts: Sequence[str], merged: Sequence[str] = ()) -> None:
        super().__init__(tuple(conflicts), tuple(merged))
        self.conflicts, self.merged = tuple(conflicts), tuple(merged)

    def __str__(self) -> str:
        done = "nothing was changed"
        if self.merged:
            done = f"{quoted(self.merged, MOST_SHOWN)} has what others have done, but for that"
        return (
            f"You and somebody else have changed the same: {quoted(self.conflicts, MOST_SHOWN)}; "
            f"{done}. Choose with 'dws pull --ours' or 'dws pull --theirs'; the other "
            "side stays in its snapshots."
        )


class PartlyHereError(SharingError):
    """Raised for a snapshot of a resource of which only a part is on this machine."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        name = printable(self.name)
        return (
            f"Only a part of the resource '{name}' is on this machine, and a snapshot would drop "
            f"the rest; bring that first: dws pull --only {name}."
        )
