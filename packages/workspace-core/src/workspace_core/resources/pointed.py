"""Resources whose content lies elsewhere: a snapshot keeps their state, not a folder.

The state is a tree like any other, so that it is compared, kept, verified and shared like one. What
a restore changes of such a resource is a pointer on this machine: which state its reads lead to.
The pointer is a folder with one file, and so is swapped together with all other folders of a
restore, or not at all.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import DataWorkspacesError
from workspace_core.parameters import Parameter, ParameterType
from workspace_core.resources.declared import DeclaredResource
from workspace_core.store.durable import remove_file
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.building import Present, tree_of
from workspace_core.trees.restoring import Folder
from workspace_core.trees.tree import Trees
from workspace_core.workspace import LocalStateResourceMixin, SnapshotResourceMixin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.trees.restoring import RestoredFolder

LIVE = "live"
POINTER, POINTED = "reads", "pointed"


class StateResource(DeclaredResource, SnapshotResourceMixin):
    """Something elsewhere whose state is a few small files; a snapshot tells whether it changed."""

    keeps_folder: ClassVar[bool] = False
    not_restored: ClassVar[str] = (
        "its content lies elsewhere, and a snapshot keeps only what tells whether it has changed"
    )

    @abstractmethod
    def state(self) -> Mapping[str, bytes] | None:
        """Return the present state as files by their names, None where there is none yet.

        Raises:
            DataWorkspacesError: if nobody can say.
        """

    def present(self, session: Session) -> Present | None:
        """Return the state as it is now."""
        return self.look(session, keep=False)

    def look(self, session: Session, *, keep: bool) -> Present | None:
        """Return the present state as a tree, kept in the store if asked for."""
        files = self.state()
        return None if files is None else tree_of(files, session if keep else None)

    def snapshot_precheck(self) -> None:
        """Refuse nothing."""

    def snapshot(self) -> tuple[str | None, str | None]:
        """Keep the state, for comparing alone."""
        with self.workspace.store_session() as session:
            found = self.look(session, keep=True)
        return None if found is None else id_text(found.root), None

    def snapshot_folder(self, restore_hashval: str) -> Folder:  # noqa: ARG002 - there is none
        """Refuse: there is nothing to restore."""
        raise DataWorkspacesError(f"'{self.name}' cannot be restored: {self.not_restored}.")

    def note_recorded(self) -> None:
        """Do nothing: nothing of it is on this machine."""

    def note_restored(self, restored: RestoredFolder) -> None:
        """Do nothing: what it reads is on disk."""

    def delete_snapshot(
        self, workspace_snapshot_hash: str, resource_restore_hash: str, relative_path: str
    ) -> None:
        """Do nothing: a snapshot leaves nothing in the resource."""


def _reads(value: Any) -> str:
    if value != LIVE:
        with suppress(DataWorkspacesError):
            parse_id(str(value))
            raise ValueError("a restore sets it to a snapshot; 'live' lets it follow again")
        raise ValueError("it is 'live'")
    return LIVE


READS = Parameter(
    POINTER,
    ParameterType("state", _reads),
    default=LIVE,
    is_global=False,
    help="What it is read as: 'live' for the present, or the state that a restore has set.",
)


class PointedResource(StateResource, LocalStateResourceMixin):
    """Something elsewhere that can be read as it was: a restore sets what its reads lead to.

    A snapshot is of what reads lead to. ``dws config --resource NAME reads live`` lets the resource
    follow the present again. `parameters` of a type begin with `READS`.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = (READS,)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reads = self._pointer() or LIVE

    @property
    def is_live(self) -> bool:
        """Whether reads lead to the present."""
        return self.reads == LIVE

    def require_restorable(self, session: Session, tree: bytes) -> None:
        """Refuse to go back to a state that cannot be read any more.

        Raises:
            DataWorkspacesError: naming what is gone.
        """
        session.require(list(Trees(session).objects(tree)))

    def present(self, session: Session) -> Present | None:
        """Return what reads lead to, as it is now."""
        return self.look(session, keep=False) if self.is_live else Present(parse_id(self.reads))

    def snapshot(self) -> tuple[str | None, str | None]:
        """Keep what reads lead to."""
        with self.workspace.store_session() as session:
            if self.is_live:
                found = self.look(session, keep=True)
                state = None if found is None else id_text(found.root)
            else:
                session.require(Trees(session).objects(parse_id(self.reads)))
                state = self.reads
        return state, None if self.has_results_role() else state

    def snapshot_folder(self, restore_hashval: str) -> Folder:
        """Return the folder of the pointer, which is to lead to a state."""
        with self.workspace.store_session() as session:
            self.require_restorable(session, parse_id(restore_hashval))
            target = tree_of({POINTER: restore_hashval.encode()}, session).root
            session.flush()
        now = None if self.is_live else tree_of({POINTER: self.reads.encode()}).root
        saved = () if now is None else (now,)
        return Folder(self.name, self.restored_folder(), target, saved)

    def restored_folder(self) -> Path:
        """Return the folder that a restore changes."""
        return self.workspace.local_state(self.name) / POINTED

    def note_set(self, name: str) -> None:
        """Let reads lead to the present again, if that was set."""
        if name == POINTER:
            remove_file(self.restored_folder() / POINTER)

    def get_local_path_if_any(self) -> str | None:
        """Return None: it has no files on this machine."""
        return None

    def pull_precheck(self) -> None:
        """Refuse nothing."""

    def pull(self) -> None:
        """Do nothing: what lies elsewhere is there already."""

    def push_precheck(self) -> None:
        """Refuse nothing."""

    def push(self) -> None:
        """Do nothing: what lies elsewhere is there already."""

    def _pointer(self) -> str | None:
        with suppress(FileNotFoundError, DataWorkspacesError, UnicodeDecodeError):
            found = (self.restored_folder() / POINTER).read_bytes().decode("ascii")
            return id_text(parse_id(found))
        return None


def state_file(session: Session, tree: bytes, name: str) -> bytes | None:
    """Return a file of a state that the store keeps, None where it has none."""
    found = Trees(session).find(tree, name.encode())
    return session.read(found.id) if found is not None and found.is_file else None
