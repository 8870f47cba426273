"""The errors of this package: each is one sentence with the next step, and can be pickled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from util_services.errors import DataServicesError, printable, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence


class DataWorkspacesError(DataServicesError):
    """Base class of all expected errors of workspaces."""


class ConfigurationError(DataWorkspacesError, ValueError):
    """Raised when something cannot be done with the workspace as it is configured."""


class ResourceNotHereError(ConfigurationError):
    """Raised for a resource that is not on this machine yet."""

    def __init__(self, name: str, parameter: str = "my_local_path") -> None:
        super().__init__(name, parameter)
        self.name, self.parameter = name, parameter

    def __str__(self) -> str:
        return (
            f"The resource '{printable(self.name)}' is not on this machine yet; make a folder for "
            "it or bring it here, and say where it is: dws config --resource "
            f"{printable(self.name)} {self.parameter} DIR."
        )


class PathNotAResourceError(ConfigurationError):
    """Raised when a path belongs to no resource of the workspace."""


class NotSupportedError(ConfigurationError):
    """Raised when a backend or a resource type lacks what was asked of it."""


class LineageError(ConfigurationError):
    """Raised when lineage contradicts itself."""


class ApiParamError(DataWorkspacesError, ValueError):
    """Raised when a call of the Python interface gets an argument that it cannot use."""


class PathError(ApiParamError):
    """Raised when a path given to the Python interface is not one of the workspace."""


class BatchModeError(DataWorkspacesError):
    """Raised when somebody would have to be asked and nobody is there; names the missing option.

    Args:
        option: the option that answers the question.
    """

    def __init__(self, option: str) -> None:
        super().__init__(option)
        self.option = option

    def __str__(self) -> str:
        return f"Nobody can be asked here: give {self.option}, or run the command in a terminal."


class UserAbortError(DataWorkspacesError):
    """Raised when the user answers that a command is not to go on."""


class InternalError(DataWorkspacesError):
    """Raised when the workspace is in a state that no command should have left."""


class WorkspaceBusyError(DataWorkspacesError):
    """Raised when another process holds a lock for longer than one is willing to wait."""

    def __init__(self, what: str, owner: str, waited_seconds: float) -> None:
        super().__init__(what, owner, waited_seconds)
        self.what, self.owner, self.waited_seconds = what, owner, waited_seconds

    def __str__(self) -> str:
        return (
            f"The {self.what} is in use by {self.owner}, after {self.waited_seconds:g} s of "
            "waiting; try again when that has ended, or wait longer with --lock-timeout."
        )


class FormatVersionError(DataWorkspacesError):
    """Raised for a file that a newer release has written; nothing is changed then."""

    def __init__(self, file: str, found: object, known: int) -> None:
        super().__init__(file, found, known)
        self.file, self.found, self.known = file, found, known

    def __str__(self) -> str:
        return (
            f"{shown(self.file)} has format {self.found!r}, and this release reads formats up to "
            f"{self.known}; upgrade workspace-core."
        )


class GitError(DataWorkspacesError):
    """Raised when git does not do what it is asked to.

    Args:
        folder: the working tree.
        command: what git was to do.
        said: what git said, on one line.
    """

    def __init__(self, folder: str, command: str, said: str) -> None:
        super().__init__(folder, command, said)
        self.folder, self.command, self.said = folder, command, said

    def __str__(self) -> str:
        said = printable(self.said).rstrip(".") or "it gave no reason"
        return f"git {self.command} in {shown(self.folder)} failed: {said}."


class NoGitError(GitError):
    """Raised when the program git cannot be started."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder, "", "")
        self.args = (folder,)

    def __str__(self) -> str:
        return "The program git cannot be started; install it, for it keeps the history."


class UnfinishedSnapshotError(DataWorkspacesError, OSError):
    """Raised when a snapshot is recorded, but not all that follows could be done."""

    def __init__(self, snapshot: str, path: str, cause: str) -> None:
        super().__init__(snapshot, path, cause)
        self.snapshot, self.path, self.cause = snapshot, path, cause

    def __str__(self) -> str:
        return (
            f"The snapshot {self.snapshot[:8]} is recorded, but {shown(self.path)} cannot be "
            f"written: {self.cause}; the next command does the rest once that is mended."
        )


class MoveError(DataWorkspacesError, OSError):
    """Raised when results of a recorded snapshot cannot be moved; the next command tries again."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} cannot be moved: {self.cause}; the snapshot is recorded with all "
            "its results, and the next command moves them once that is mended."
        )


class RemovalError(DataWorkspacesError, OSError):
    """Raised when results of a deleted snapshot cannot be removed; the next command tries again."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} cannot be removed: {self.cause}; the snapshot is deleted, and the "
            "next command removes the rest of its results once that is mended."
        )


class StoreError(DataWorkspacesError):
    """Base class of what goes wrong in the store."""


class UnsoundWorkspaceError(StoreError):
    """Raised when verifying has found damage.

    Args:
        workspace: the folder of the workspace.
        files: those that are damaged or lack something.
    """

    def __init__(self, workspace: str, files: Sequence[str]) -> None:
        super().__init__(workspace, tuple(files))
        self.workspace, self.files = workspace, tuple(files)

    def __str__(self) -> str:
        files = sorted(set(self.files))
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        return (
            f"The workspace {shown(self.workspace)} is not sound: something is damaged or missing "
            f"in {', '.join(map(shown, files[:3]))}{more}; 'dws verify' lists all of it."
        )


class NoStoreError(StoreError):
    """Raised when there is no store where one was expected."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return (
            f"There is no store at {shown(self.folder)}; name the folder of the store that keeps "
            "the snapshots: dws config store DIR. Where git alone has made this copy of what "
            "was published, bring it with its content instead: dws clone ADDRESS FOLDER."
        )


class StoreKeyError(StoreError):
    """Raised when an encrypted store is opened without its keyset, or with another one."""


class StoreWriteError(StoreError, OSError):
    """Raised when the store or a workspace cannot be written; names the path and the cause."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"Writing {shown(self.path)} failed: {self.cause}; nothing was recorded, so run the "
            "command again once that is mended."
        )


class MissingObjectsError(StoreError):
    """Raised when objects that a snapshot refers to are not in the store.

    Args:
        ids: the ids of the objects, as texts.
        store: the folder of the store.
    """

    def __init__(self, ids: Sequence[str], store: str) -> None:
        super().__init__(tuple(ids), store)
        self.ids, self.store = tuple(ids), store

    def __str__(self) -> str:
        return (
            f"The store {shown(self.store)} lacks {len(self.ids)} object(s): {quoted(self.ids, 3)}"
            "; nothing was changed. 'dws verify' names the files they belong to."
        )


class ErasedObjectError(StoreError):
    """Raised when an object was erased on purpose.

    Args:
        object_id: its id.
        reason: why it was erased.
        place: what it was, such as ``raw: a.csv``, where that is known.
    """

    def __init__(self, object_id: str, reason: str, place: str = "") -> None:
        super().__init__(object_id, reason, place)
        self.object_id, self.reason, self.place = object_id, reason, place

    def __str__(self) -> str:
        what = f"'{printable(self.place)}'" if self.place else f"The object {self.object_id}"
        return (
            f"{what} was erased on purpose ({printable(self.reason)}); it cannot come back, and "
            "all else can: leave out the path, or --strict."
        )


class DamagedFileError(StoreError):
    """Raised when a file of the store or of a workspace is not as it was written."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(file, what)
        self.file, self.what = file, what

    def __str__(self) -> str:
        return (
            f"{shown(self.file)} is damaged ({self.what}); nothing of it is used. 'dws verify' "
            "lists all damage."
        )


class TreeError(DataWorkspacesError):
    """Base class of what goes wrong between a folder and its snapshot."""


class UnstorableEntryError(TreeError):
    """Raised for an entry of a folder that no snapshot can hold, such as a FIFO or a socket."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(path, kind)
        self.path, self.kind = path, kind

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} is {self.kind}, which no snapshot can hold; nothing was recorded. "
            "Remove it, or leave such entries out: dws snapshot --skip-special."
        )


class UnreadableEntryError(TreeError, OSError):
    """Raised for an entry of a folder that cannot be read; names it and the cause."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return f"{shown(self.path)} cannot be read: {self.cause}; nothing was recorded."


class ChangedWhileReadError(TreeError):
    """Raised when a file changes each time it is read."""

    def __init__(self, path: str, attempts: int) -> None:
        super().__init__(path, attempts)
        self.path, self.attempts = path, attempts

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} changed while it was read, {self.attempts} times; nothing was "
            "recorded. Take the snapshot when nobody writes to it."
        )


class HostileTreeError(TreeError):
    """Raised for a tree whose names would lead out of its folder or into what is reserved."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(name, rule)
        self.name, self.rule = name, rule

    def __str__(self) -> str:
        return (
            f"The snapshot holds an entry {shown(self.name)}, and {self.rule}; it is refused, and "
            "nothing was changed."
        )


class LocalChangesError(TreeError):
    """Raised when a restore would destroy changes that are in no snapshot."""

    def __init__(self, resource: str, paths: Sequence[str]) -> None:
        super().__init__(resource, tuple(paths))
        self.resource, self.paths = resource, tuple(paths)

    def __str__(self) -> str:
        return (
            f"Restoring '{self.resource}' would destroy changes that are in no snapshot: "
            f"{quoted(self.paths, 5)}; take a snapshot first, or use --force, which keeps them in "
            "a rescue snapshot."
        )


class ChangedMeanwhileError(TreeError):
    """Raised when a folder changes between the plan of a restore and its first move."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} changed while its restore was being prepared; nothing was "
            "changed. Run the command again when nobody writes there."
        )


class RestoreError(TreeError, OSError):
    """Raised when a restore stopped half way; what had been changed was changed back."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"Restoring stopped at {shown(self.path)}: {self.cause}; all that had been changed was "
            "changed back."
        )


def shown_address(text: str) -> str:
    """Return what was given for an address for a sentence, which logs may keep.

    What holds credentials or options, where secrets would be, is not repeated.
    """
    scheme, separator, rest = text.partition(":")
    if separator and "/" not in scheme and ("@" in rest or "=" in rest):
        return f"'{printable(scheme)[:80]}:…' (with credentials or options, which are not shown)"
    return shown(text[:200])


def shown(path: str | bytes | os.PathLike[str]) -> str:
    """Return a path for a sentence: quoted, and with escapes for what steers a terminal."""
    return f"'{printable(os.fsdecode(path))}'"
