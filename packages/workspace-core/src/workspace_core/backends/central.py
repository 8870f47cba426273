"""The central backend: a workspace lives in one place, to which several machines are attached.

PLACE/records/     what the records have become, see `sharing.revisions`
PLACE/numbers/     numbers of snapshots that are taken
PLACE/packs/       the content of snapshots, as on any remote, see `sharing.remote`

Each machine has the records as files, see `mirror`, and in its store the content that was
made or needed there; what its store lacks is fetched from the place.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from util_services.errors import StorageError
from workspace_core.backends.files import (
    PARAMS,
    SCHEMA,
    FiledWorkspace,
    checked_params,
    found_workspace,
    new_config,
    refuse_workspace,
    require_backend,
)
from workspace_core.backends.mirror import Mirror, announce, checked, id_in
from workspace_core.backends.place_check import check_place
from workspace_core.backends.sharing import OUTGOING, REMOTES, roots_of
from workspace_core.errors import (
    ConfigurationError,
    NotSupportedError,
    StoreWriteError,
    WorkspaceBusyError,
    shown,
)
from workspace_core.parameters import (
    CENTRAL_PARAMETERS,
    HOSTNAME_PARAMETER,
    PLACE,
    PLACE_RESOURCE,
    SCRATCH,
    STORE_PARAMETER,
)
from workspace_core.place_addresses import RCLONE
from workspace_core.sharing.central_errors import (
    LostRecordsError,
    OutOfReachError,
    SimultaneousChangeError,
    UnpublishedError,
)
from workspace_core.sharing.errors import RemoteError
from workspace_core.sharing.folder_place import FolderPlace
from workspace_core.sharing.following import note_followed
from workspace_core.sharing.on_demand import FetchingSession
from workspace_core.sharing.places import Address
from workspace_core.sharing.receive import Received
from workspace_core.sharing.remote import Remote
from workspace_core.sharing.revisions import Ledger
from workspace_core.sharing.send import Sent, send
from workspace_core.store.durable import cause_of, read_json, write_whole
from workspace_core.store.locks import exclusive
from workspace_core.workspace import (
    METADATA_FOLDER,
    CentralWorkspaceMixin,
    Workspace,
    WorkspaceFactory,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from urllib.parse import ParseResult

    from workspace_core.parameters import Parameter
    from workspace_core.sharing.places import Place
    from workspace_core.snapshots.metadata import SnapshotMetadata
    from workspace_core.store.session import Session
    from workspace_core.upkeep.verify import Finding
    from workspace_core.workspace import Resource

BACKEND = "central"
LOOK_SECONDS = 1.0  # how long somebody who only looks waits for another command of this machine

_reports = logging.getLogger(__name__)


class CentralWorkspace(CentralWorkspaceMixin, FiledWorkspace):
    """A workspace in a place, as this machine is attached to it."""

    parameters: ClassVar[tuple[Parameter, ...]] = CENTRAL_PARAMETERS

    def __init__(self, folder: Path, *, batch: bool = False, verbose: bool = False) -> None:
        super().__init__(folder, batch=batch, verbose=verbose)
        self._remote: Remote | None = None
        self.received = Received()  # what was fetched from the place so far

    @property
    def address(self) -> Address:
        """Where the workspace lives."""
        return Address.checked(
            self.get_local_param(PLACE), self.get_local_param(PLACE_RESOURCE) or ""
        )

    def change_param(self, name: str, value: Any, resource_name: str | None = None) -> None:
        """Set a parameter, and make it last; another place must be one where the workspace is."""
        if resource_name is None and name in (PLACE, PLACE_RESOURCE):
            self.set_local_param(name, value)
            return
        super().change_param(name, value, resource_name)

    def set_local_param(self, name: str, value: Any) -> None:
        """Set a parameter of this copy at once."""
        if name == PLACE:
            address = checked_place(value, self.get_local_param(PLACE_RESOURCE) or "")
            head = Ledger(opened(address)).newest()
            if head is None or id_in(checked(head)) != self._config["workspace_id"]:
                raise ConfigurationError(
                    f"The workspace '{self.name}' does not live at {shown(address.text)}; name the "
                    "place that it has moved to."
                )
            value = address.text
        super().set_local_param(name, value)

    def supports_lineage(self) -> bool:
        """Say whether lineage is kept: its records are brought to the place like all others."""
        return True

    # Records

    def refresh(self) -> None:
        """Take over what others have recorded, unless another command here is at it.

        Raises:
            OutOfReachError: if the place cannot be reached.
        """
        if self._is_locked:
            return
        try:
            with exclusive(self.local / "lock", f"workspace {shown(self.folder)}", LOOK_SECONDS):
                self._tell(self._mirror.receive())
        except WorkspaceBusyError:
            self.read_again()  # the other command has taken it over, or is about to
        except StoreWriteError as error:
            _reports.warning("What others have recorded since may be missing: %s", error)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands of this machine out, and go on from what others have recorded."""
        is_outermost = not self._is_locked
        with super().locked():
            if is_outermost:
                self._tell(self._mirror.publish("Record what was done before", self._send))
            yield

    def save(self, message: str) -> None:
        """Bring what was recorded here to the place.

        Raises:
            UnpublishedError: if the place does not take it; the next command tries again.
            SimultaneousChangeError: if somebody else has changed the same since; that stays.
        """
        with self.locked():
            self._write_config()
            try:
                conflicts = self._mirror.publish(message, self._send)
            except OutOfReachError as error:
                raise UnpublishedError(error.address, error.cause) from error
            except (RemoteError, StorageError) as error:
                raise UnpublishedError(self.address.text, str(error)) from error
        if conflicts:
            raise SimultaneousChangeError(conflicts)

    def save_contents(self, message: str) -> None:
        """Bring what was recorded here to the place, with the content that it lacks."""
        self.save(message)

    def get_next_snapshot_number(self) -> int:
        """Return a number that no snapshot has or ever had, on any machine."""
        self._tell(self._mirror.receive())
        number = super().get_next_snapshot_number()
        while not self._mirror.ledger.reserve(number):
            number += 1
        return number

    def _take(self, resources: Sequence[Resource], *args: Any, **kwargs: Any) -> SnapshotMetadata:
        """Take a snapshot, which needs not be followed by those who have made it."""
        taken = super()._take(resources, *args, **kwargs)
        note_followed(self, taken.compare_hashes, [taken])
        return taken

    def is_up_to_date(self) -> bool:
        """Ask the place whether all that others have recorded is taken over."""
        return self._mirror.is_current()

    def recorded_ever(self, hashes: set[str]) -> set[str]:  # noqa: ARG002 - there are no branches
        """Return none: there are no other branches."""
        return set()

    def _pin_recorded(self) -> None:
        """Do nothing: the place has the content of what others have recorded."""

    @property
    def _mirror(self) -> Mirror:
        hostname = str(self.get_local_param(HOSTNAME_PARAMETER))
        ledger = Ledger(opened(self.address), str(self._config["workspace_id"]), hostname)
        return Mirror(self, ledger)

    @staticmethod
    def _tell(conflicts: list[str]) -> None:
        for one in conflicts:
            _reports.warning("Somebody else was faster to change '%s', and that stays.", one)

    # Content

    @property
    def has_all_content(self) -> bool:
        """Whether the store of this machine is to have the content of all snapshots."""
        return False

    def findings_elsewhere(self) -> list[Finding]:
        """Read all that the place has, and return what is damaged or missing there."""
        roots = {root: one.hashval for one in self.catalogue.all() for root in _roots([one], None)}
        with self.store_session() as session:
            return check_place(session, self._mirror.ledger, self.remote(), roots)

    def remote(self) -> Remote:
        """Return the packs in the place, as they were when this was asked first."""
        if self._remote is None:
            place = opened(self.address)
            self._remote = Remote.create(place, self.local / REMOTES, self.store())
        return self._remote

    def send(
        self,
        snapshots: Iterable[str],
        names: Collection[str] | None = None,
        *,
        verify: bool = False,
    ) -> Sent:
        """Send what the place lacks of the content of snapshots.

        Args:
            snapshots: their hashes.
            names: only these resources; all where this is None.
            verify: read all that the place has, and send again what is damaged.
        """
        is_known = self._remote is not None
        remote = self.remote()
        if is_known:
            remote.look()
        if verify:
            remote.distrust_damaged()
        found = [self.catalogue.get(one) for one in snapshots]
        here = [one for one in found if self.pins().roots(one.hashval) is not None]
        whole, rest = _roots(here, names), _roots(found, names)
        with self.store().session(self.lock_wait_seconds) as session:
            return send(session, remote, whole, self.local / OUTGOING, partly=rest.keys() - whole)

    def _send(self, snapshots: Iterable[str]) -> None:
        self.send(snapshots)

    def _new_session(self) -> AbstractContextManager[Session]:
        return self.store().session(
            self.lock_wait_seconds,
            lambda store: FetchingSession(store, self.remote, self.received),
        )

    def get_resources_that_need_to_be_cloned(self) -> list[str]:
        """Return the names of resources that are not on this machine yet."""
        return self.absent_resources()


class CentralWorkspaceFactory(WorkspaceFactory):
    """How workspaces in a place come into being, and how machines are attached to them."""

    def load_workspace(self, parsed_uri: ParseResult, *, batch: bool, verbose: bool) -> Workspace:
        """Return the workspace that a folder of this machine is attached to."""
        folder = Path(parsed_uri.path)
        if not (folder / METADATA_FOLDER).is_dir() and (folder / "records").is_dir():
            raise ConfigurationError(
                f"{shown(folder)} is where a workspace lives, and not a copy to work in; make one: "
                f"dws clone central:{folder} DIR."
            )
        require_backend(folder, BACKEND)
        return CentralWorkspace(folder, batch=batch, verbose=verbose)

    def init_workspace(
        self,
        workspace_name: str,
        hostname: str,
        *args: Any,
        batch: bool,
        verbose: bool,
        **kwargs: Any,
    ) -> Workspace:
        """Make a workspace in a place, with a folder attached to it.

        Args:
            workspace_name: its name.
            hostname: what this machine is called.
            args: the folder; by default the current one.
            batch: nobody is to be asked.
            verbose: tell more.
            kwargs: ``at``, the place; ``resource``, the credential set for S3; ``store``,
                ``keyset`` and ``scratch_directory`` as for the git backend.
        """
        folder = Path(args[0] if args else os.curdir).absolute()
        refuse_workspace(folder)
        if not kwargs.get("at"):
            raise ConfigurationError(
                "A central workspace lives in a place that all can reach; name it: --at PLACE."
            )
        resource = kwargs.get("resource")
        address = checked_place(kwargs["at"], resource or "")
        refuse_inside(address, folder)
        taken = (
            f"There is a workspace at {shown(address.text)} already; work with it: dws clone "
            f"central:{address.text} DIR."
        )
        _make_last_folder(address)
        if Ledger(opened(address)).newest() is not None:
            raise ConfigurationError(taken)
        kept_here = _kept_here(hostname, address, kwargs.get("store"))
        params = checked_params({SCRATCH: kwargs.get("scratch_directory")}, CENTRAL_PARAMETERS)
        config = new_config(workspace_name, params, backend=BACKEND)
        metadata = folder / METADATA_FOLDER
        try:
            announce(metadata)
            found_workspace(metadata, kept_here, config, kwargs.get("keyset"))
            workspace = CentralWorkspace(folder, batch=batch, verbose=verbose)
            workspace.make_scratch()
            try:
                workspace._mirror.publish(
                    f"Initialise the workspace {workspace_name}", workspace._send
                )
            except LostRecordsError:  # somebody else was faster
                raise ConfigurationError(taken) from None
            workspace.remote()
        except BaseException:
            shutil.rmtree(metadata, ignore_errors=True)
            raise
        return workspace

    def clone_workspace(
        self, hostname: str, *args: Any, batch: bool, verbose: bool, **kwargs: Any
    ) -> Workspace:
        """Attach a new folder of this machine to a workspace, as yet without content.

        Args:
            hostname: what this machine is called.
            args: the place, and the folder.
            batch: nobody is to be asked.
            verbose: tell more.
            kwargs: ``resource``, ``store`` and ``keyset``, as for `init_workspace`.
        """
        place, folder = args[0], Path(args[1])
        address = checked_place(place, kwargs.get("resource") or "")
        refuse_inside(address, folder)
        metadata = folder / METADATA_FOLDER
        if not is_attached(folder, place):
            head = Ledger(opened(address)).newest()
            if head is None:
                raise ConfigurationError(
                    f"No workspace lives at {shown(address.text)}; check the place, or make one: "
                    f"dws init --backend central --at {address.text}."
                )
            checked(head)
            for path, content in head.files.items():
                write_whole(metadata / path, content)
            kept_here = _kept_here(hostname, address, kwargs.get("store"))
            found_workspace(metadata, kept_here, None, kwargs.get("keyset"))
            workspace = CentralWorkspace(folder, batch=batch, verbose=verbose)
            workspace._mirror.note(head)
        workspace = CentralWorkspace(folder, batch=batch, verbose=verbose)
        workspace.refresh()
        workspace.make_scratch()
        return workspace


def checked_place(text: str, resource: str = "") -> Address:
    """Return the address of a place where a workspace can live.

    Raises:
        ConfigurationError: if it is none, or two writers could not be told apart there.
    """
    if text.startswith(RCLONE):
        raise NotSupportedError(
            "rclone does not tell two writers apart, so that changes could get lost; let the "
            "workspace live in a folder or at s3://BUCKET/PREFIX."
        )
    return Address.checked(text, resource)


def opened(address: Address) -> Place:
    """Return a place, where of two who make a small file at once one is refused."""
    place = address.open()
    return FolderPlace(place.folder, tells_apart=True) if isinstance(place, FolderPlace) else place


def refuse_inside(address: Address, folder: Path) -> None:
    """Refuse a place that lies in the folder of a workspace, or the other way round.

    Raises:
        ConfigurationError: if it does.
    """
    if not os.path.isabs(address.text):
        return
    place, home = os.path.realpath(address.text), os.path.realpath(folder)
    if os.path.commonpath([place, home]) in (place, home):
        raise ConfigurationError(
            f"{shown(address.text)} and the folder {shown(folder)} lie one in the other; a "
            "workspace lives in a place of its own."
        )


def _make_last_folder(address: Address) -> None:
    """Make the folder of a place, in one that is there: else perhaps nothing is mounted."""
    if os.path.isabs(address.text) and os.path.isdir(os.path.dirname(address.text)):
        try:
            os.makedirs(address.text, exist_ok=True)
        except OSError as error:
            raise StoreWriteError(address.text, cause_of(error)) from error


def _roots(
    snapshots: Iterable[SnapshotMetadata], names: Collection[str] | None
) -> dict[bytes, None]:
    """Return the trees of resources in snapshots, each of them once."""
    return {
        root: None
        for one in snapshots
        for name, root in roots_of(one).items()
        if names is None or name in names
    }


def _kept_here(hostname: str, address: Address, store: str | None) -> dict[str, Any]:
    given = {
        HOSTNAME_PARAMETER: hostname,
        PLACE: address.text,
        PLACE_RESOURCE: address.resource or None,
        STORE_PARAMETER: os.path.abspath(store) if store else None,
    }
    return checked_params(given, CENTRAL_PARAMETERS)


def is_attached(folder: Path, place: str) -> bool:
    """Return whether a folder is attached to the workspace in a place."""
    try:
        record = read_json(folder / METADATA_FOLDER / "local" / PARAMS, SCHEMA)
    except FileNotFoundError:
        return False
    return bool(record.get(PLACE) == checked_place(place).text)
