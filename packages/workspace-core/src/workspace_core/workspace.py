"""Workspaces and resources: what backends and resource types build upon.

A *workspace* knows its resources and snapshots; a *backend* says where that is kept. A *resource*
is a named part of a workspace with a role; its *type* says where its content lives. What each of
them can do beyond the least is told by mixins, which do not inherit from the base classes.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import ParseResult, urlparse

from workspace_core.errors import (
    ConfigurationError,
    PathNotAResourceError,
    ResourceNotHereError,
    shown,
)
from workspace_core.snapshots.metadata import SnapshotMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from workspace_core.filesystem import RemoteFileSystem
    from workspace_core.parameters import Parameter
    from workspace_core.snapshots.exclusion import Exclusion
    from workspace_core.store.session import Session
    from workspace_core.store.store import Store
    from workspace_core.trees.building import Present
    from workspace_core.trees.restoring import Folder, PlannedFolder, RestoredFolder

__all__ = [
    "RESOURCE_ROLE_CHOICES",
    "RESOURCE_ROLE_PURPOSES",
    "CentralWorkspaceMixin",
    "FileResourceMixin",
    "JSONDict",
    "LocalStateResourceMixin",
    "RemoteFilesMixin",
    "Resource",
    "ResourceFactory",
    "ResourceRoles",
    "Restored",
    "SnapshotMetadata",
    "SnapshotResourceMixin",
    "SnapshotWorkspaceMixin",
    "SyncedWorkspaceMixin",
    "Workspace",
    "WorkspaceFactory",
    "backend_of",
    "checked_resource_name",
    "factory_of",
    "find_and_load_workspace",
    "init_workspace",
    "load_workspace",
]

JSONDict = dict[str, Any]
METADATA_FOLDER = ".dataworkspace"
RESERVED_NAMES = frozenset({METADATA_FOLDER, ".git"})
RESOURCE_NAME = re.compile(r"[^\W_][^/,:@\\\x00-\x1f\x7f]*")
MOST_NAME_BYTES = 200
CONFIG_FILE, MOST_SCHEMA = "config.json", 1
GIT = "git"  # the backend where none is told


class ResourceRoles:
    """The roles that a resource can have."""

    SOURCE_DATA_SET = "source-data"
    INTERMEDIATE_DATA = "intermediate-data"
    CODE = "code"
    RESULTS = "results"


RESOURCE_ROLE_PURPOSES = {
    ResourceRoles.SOURCE_DATA_SET: "source data",
    ResourceRoles.INTERMEDIATE_DATA: "intermediate data",
    ResourceRoles.CODE: "code",
    ResourceRoles.RESULTS: "experimental results",
}
RESOURCE_ROLE_CHOICES = list(RESOURCE_ROLE_PURPOSES)


class Workspace(ABC):
    """A workspace; backends inherit from this, and from the mixins for what else they can do.

    Changes of parameters and resources are kept in memory until `save`.
    """

    def __init__(
        self, name: str, dws_version: str, *, batch: bool = False, verbose: bool = False
    ) -> None:
        self.name = name
        self.dws_version = dws_version  # of the release that made the workspace
        self.batch = batch  # nobody is to be asked
        self.verbose = verbose

    @abstractmethod
    def get_instance(self) -> str:
        """Return what tells this copy of the workspace from all others."""

    @abstractmethod
    def get_global_param(self, param_name: str) -> Any:
        """Return a parameter that all copies share, or its default."""

    @abstractmethod
    def get_local_param(self, param_name: str) -> Any:
        """Return a parameter of this copy, or its default."""

    @abstractmethod
    def set_global_param(self, name: str, value: Any) -> None:
        """Set a parameter that all copies share, once it is checked."""

    @abstractmethod
    def set_local_param(self, name: str, value: Any) -> None:
        """Set a parameter of this copy, once it is checked."""

    @abstractmethod
    def get_resource_names(self) -> Iterable[str]:
        """Return the names of all resources in the order in which they were added."""

    def get_removed_resource_names(self) -> list[str]:
        """Return the names of resources that were removed, and can be brought back."""
        return []

    @abstractmethod
    def _get_resource_params(self, resource_name: str) -> JSONDict:
        """Return a copy of a resource's parameters.

        Raises:
            ConfigurationError: if there is no such resource.
        """

    @abstractmethod
    def _get_resource_local_params(self, resource_name: str) -> JSONDict | None:
        """Return a copy of a resource's parameters on this machine, None where it has none yet."""

    @abstractmethod
    def _add_params_for_resource(self, resource_name: str, params: JSONDict) -> None:
        """Take over the parameters of a new resource."""

    @abstractmethod
    def _add_local_params_for_resource(self, resource_name: str, local_params: JSONDict) -> None:
        """Take over the parameters of a resource on this machine."""

    @abstractmethod
    def get_workspace_local_path_if_any(self) -> str | None:
        """Return the folder of the workspace, None for one that has none."""

    @abstractmethod
    def save(self, message: str) -> None:
        """Make the present state of parameters and resources last."""

    def refresh(self) -> None:  # noqa: B027 - most have nothing to do
        """Take over what others have recorded, where all copies have their records in one place."""

    @abstractmethod
    def store(self) -> Store:
        """Return the store that keeps the content of snapshots."""

    @abstractmethod
    def store_session(self) -> AbstractContextManager[Session]:
        """Read and write objects of the store; what happens inside of another session shares it."""

    @abstractmethod
    def local_state(self, resource_name: str) -> Path:
        """Return the folder for what is known of a resource on this machine alone."""

    def get_resource_role(self, resource_name: str) -> str:
        """Return the role of a resource."""
        return str(self._get_resource_params(resource_name)["role"])

    def get_resource_type(self, resource_name: str) -> str:
        """Return the type of a resource."""
        return str(self._get_resource_params(resource_name)["resource_type"])

    def get_resource(self, name: str) -> Resource:
        """Return a resource.

        Raises:
            ConfigurationError: if there is none, or it is not on this machine yet.
        """
        from workspace_core.registry import resource_factory

        params = self._get_resource_params(name)
        factory = resource_factory(params["resource_type"])
        local_params = self._get_resource_local_params(name)
        is_placed = local_params is not None or factory.lies_in_workspace(params)
        if factory.has_local_state() and not is_placed:
            raise ResourceNotHereError(name, factory.place_parameter)
        return factory.from_json(params, local_params or {}, self)

    def get_resource_wherever(self, name: str) -> Resource:
        """Return a resource, also one that is not on this machine yet, to be told where it is."""
        from workspace_core.registry import resource_factory

        params = self._get_resource_params(name)
        local_params = self._get_resource_local_params(name) or {}
        return resource_factory(params["resource_type"]).from_json(params, local_params, self)

    def absent_resources(self) -> list[str]:
        """Return the resources of which nothing was ever brought to this machine."""
        from workspace_core.registry import resource_factory

        return [
            name
            for name in self.get_resource_names()
            if resource_factory(self.get_resource_type(name)).has_local_state()
            and self._get_resource_local_params(name) is None
        ]

    def get_resources(self) -> Iterator[Resource]:
        """Yield all resources in the order in which they were added."""
        for name in self.get_resource_names():
            yield self.get_resource(name)

    def add_resource(
        self, name: str, resource_type: str, role: str, *args: Any, **kwargs: Any
    ) -> Resource:
        """Add a resource; it lasts once the workspace is saved.

        Args:
            name: its name, unique in the workspace.
            resource_type: its type.
            role: one of `RESOURCE_ROLE_CHOICES`.
            args: what the factory of its type takes.
            kwargs: what the factory of its type takes.

        Raises:
            ConfigurationError: if it cannot be added.
        """
        from workspace_core.registry import resource_factory

        checked_resource_name(name)
        if name in self.get_resource_names():
            raise ConfigurationError(
                f"There is a resource '{name}' already; choose another name with --name."
            )
        if role not in RESOURCE_ROLE_CHOICES:
            known = ", ".join(RESOURCE_ROLE_CHOICES)
            raise ConfigurationError(f"'{role}' is no role; use one of {known}.")
        resource = resource_factory(resource_type).from_command_line(
            role, name, self, *args, **kwargs
        )
        self._add_params_for_resource(resource.name, resource.get_params())
        if isinstance(resource, LocalStateResourceMixin):
            self._add_local_params_for_resource(resource.name, resource.get_local_params())
        return resource

    def add_recorded_resource(self, params: JSONDict, local_params: JSONDict) -> Resource:
        """Add a resource from what is recorded of it; nothing of it is looked at or brought here.

        Args:
            params: its name, type and role, and the parameters that all copies share.
            local_params: those of this machine.

        Raises:
            ConfigurationError: if it cannot be added.
        """
        from workspace_core.registry import resource_factory

        name = params["name"]
        checked_resource_name(name)
        resource = resource_factory(params["resource_type"]).from_json(params, local_params, self)
        self._add_params_for_resource(name, resource.get_params())
        if isinstance(resource, LocalStateResourceMixin):
            self._add_local_params_for_resource(name, resource.get_local_params())
        return resource

    def suggest_resource_name(self, resource_type: str, role: str, *args: Any) -> str:
        """Return a name for a new resource that no other one has."""
        from workspace_core.registry import resource_factory

        taken = set(self.get_resource_names())
        name = resource_factory(resource_type).suggest_name(self, role, *args)
        candidates = [name, f"{name}-{role}"]
        number = 2
        while candidates[0] in taken:
            candidates.pop(0)
            if not candidates:
                candidates = [f"{name}-{role}-{number}"]
                number += 1
        return candidates[0]

    def validate_local_path_for_resource(self, name: str, path: str) -> None:
        """Refuse a folder that overlaps with the workspace as a whole or with another resource.

        Raises:
            ConfigurationError: if it does.
        """
        proposed = os.path.realpath(path)
        home = self.get_workspace_local_path_if_any()
        if home is not None and os.path.commonpath([proposed, os.path.realpath(home)]) == proposed:
            raise ConfigurationError(
                f"{shown(path)} holds the workspace itself; a resource is a folder below or beside "
                "it."
            )
        if RESERVED_NAMES & set(Path(proposed).parts):
            raise ConfigurationError(
                f"{shown(path)} belongs to git or to a workspace itself; a resource is a folder of "
                "one's own."
            )
        store = os.path.realpath(self.store().folder)
        if os.path.commonpath([proposed, store]) in (proposed, store):
            raise ConfigurationError(
                f"{shown(path)} overlaps with the store {shown(store)}; choose another folder."
            )
        for other_name in self.get_resource_names():
            if other_name == name:
                continue
            try:
                other = self.get_resource(other_name)
            except ResourceNotHereError:
                continue
            if not isinstance(other, LocalStateResourceMixin):
                continue
            taken = other.get_local_path_if_any()
            if taken is None:
                continue
            real = os.path.realpath(taken)
            if os.path.commonpath([proposed, real]) in (proposed, real):
                raise ConfigurationError(
                    f"{shown(path)} for '{name}' overlaps with {shown(taken)} of '{other.name}'; "
                    "resources are folders apart from each other."
                )

    def map_local_path_to_resource(self, path: str) -> tuple[str, str]:
        """Return the resource that a path belongs to, and the path within it.

        A link at the end of the path stands for itself.

        Raises:
            PathNotAResourceError: if it belongs to none.
        """
        above, last = os.path.split(os.path.abspath(path))
        whole, itself = os.path.realpath(path), os.path.join(os.path.realpath(above), last)
        for resource in self.get_resources():
            if not isinstance(resource, LocalStateResourceMixin):
                continue
            if (local := resource.get_local_path_if_any()) is None:
                continue
            root = os.path.realpath(local)
            if whole == root:
                return resource.name, ""
            if os.path.commonpath([itself, root]) == root:
                return resource.name, os.path.relpath(itself, root)
        raise PathNotAResourceError(
            f"{shown(path)} belongs to no resource of the workspace; 'dws report status' lists "
            "them."
        )


class WorkspaceFactory(ABC):
    """How workspaces of one backend come into being; backends register one by a hook."""

    @abstractmethod
    def load_workspace(self, parsed_uri: ParseResult, *, batch: bool, verbose: bool) -> Workspace:
        """Return the workspace at an address."""

    @abstractmethod
    def init_workspace(
        self,
        workspace_name: str,
        hostname: str,
        *args: Any,
        batch: bool,
        verbose: bool,
        **kwargs: Any,
    ) -> Workspace:
        """Make a workspace."""

    @abstractmethod
    def clone_workspace(
        self, hostname: str, *args: Any, batch: bool, verbose: bool, **kwargs: Any
    ) -> Workspace:
        """Bring a workspace that lives elsewhere to this machine, without its resources."""


class Resource(ABC):
    """A named part of a workspace with a role."""

    parameters: ClassVar[tuple[Parameter, ...]] = ()  # those that can be shown and set

    def __init__(self, resource_type: str, name: str, role: str, workspace: Workspace) -> None:
        self.resource_type, self.name, self.role, self.workspace = (
            resource_type,
            name,
            role,
            workspace,
        )

    def has_results_role(self) -> bool:
        """Return whether the resource holds results, which are added to and never restored."""
        return self.role == ResourceRoles.RESULTS

    @abstractmethod
    def get_params(self) -> JSONDict:
        """Return the parameters that all copies of the workspace share."""

    def workspace_paths(self) -> tuple[str, ...]:
        """Return paths in the folder of the workspace that its own history is to have."""
        return ()

    def note_set(self, name: str) -> None:  # noqa: B027 - of types that keep something by it
        """Take note that a parameter of the resource was set."""

    @abstractmethod
    def validate_subpath_exists(self, subpath: str) -> None:
        """Refuse a path that does not lead to anything in the resource.

        Raises:
            ConfigurationError: if it does not.
        """


class ResourceFactory(ABC):
    """How resources of one type come into being; plugins register one by a hook."""

    place_parameter: ClassVar[str] = "local_path"  # of a resource: where it is on this machine

    @abstractmethod
    def from_command_line(
        self, role: str, name: str, workspace: Workspace, *args: Any, **kwargs: Any
    ) -> Resource:
        """Return a new resource, from what ``dws add`` was given."""

    @abstractmethod
    def from_json(self, params: JSONDict, local_params: JSONDict, workspace: Workspace) -> Resource:
        """Return a resource, from what the workspace keeps of it."""

    @abstractmethod
    def has_local_state(self) -> bool:
        """Return whether something of it must be on this machine before it can be used."""

    def lies_in_workspace(self, params: JSONDict) -> bool:  # noqa: ARG002 - of types that know
        """Return whether all copies of the workspace have it at the same place in their folder."""
        return False

    @abstractmethod
    def clone(self, params: JSONDict, workspace: Workspace) -> Resource:
        """Return a resource of a workspace that was cloned, once it is on this machine."""

    @abstractmethod
    def suggest_name(self, workspace: Workspace, role: str, *args: Any) -> str:
        """Return a short name for a resource, from what ``dws add`` was given."""


class FileResourceMixin(ABC):
    """A resource that is a hierarchy of files."""

    @abstractmethod
    def results_move_current_files(
        self, rel_dest_root: str, exclude_files: set[str], exclude_dirs_re: Any
    ) -> None:
        """Move what is in the resource to a folder in it, but for some files and folders."""

    @abstractmethod
    def add_results_file(self, data: JSONDict | list[Any], rel_dest_path: str) -> None:
        """Write JSON to a path in the resource."""

    @abstractmethod
    def read_results_file(self, subpath: str) -> JSONDict | list[Any]:
        """Return the JSON at a path in the resource.

        Raises:
            ConfigurationError: if there is no such file.
        """

    @abstractmethod
    def does_subpath_exist(
        self, subpath: str, *, must_be_file: bool = False, must_be_directory: bool = False
    ) -> bool:
        """Return whether a path leads to something in the resource."""


class RemoteFilesMixin(ABC):
    """A resource whose files lie elsewhere, and are read there."""

    @abstractmethod
    def filesystem(self) -> RemoteFileSystem:
        """Return the files that reads lead to.

        Raises:
            DataWorkspacesError: if they cannot be listed.
        """


class LocalStateResourceMixin(ABC):
    """A resource of which something is on this machine."""

    @abstractmethod
    def get_local_params(self) -> JSONDict:
        """Return the parameters of the resource on this machine."""

    @abstractmethod
    def get_local_path_if_any(self) -> str | None:
        """Return where it is on this machine, None for one without files."""

    def pulls(self) -> bool:
        """Return whether a pull brings anything from elsewhere, beside what snapshots keep."""
        return False

    def pushes(self) -> bool:
        """Return whether a push sends anything elsewhere, beside what snapshots keep."""
        return False

    @abstractmethod
    def pull_precheck(self) -> None:
        """Refuse a pull that could not succeed."""

    @abstractmethod
    def pull(self) -> None:
        """Bring what is new from elsewhere."""

    @abstractmethod
    def push_precheck(self) -> None:
        """Refuse a push that could not succeed."""

    @abstractmethod
    def push(self) -> None:
        """Bring what is new elsewhere."""


class SyncedWorkspaceMixin(ABC):
    """A workspace of which there are copies that are brought together by push and pull."""

    @abstractmethod
    def pull_workspace(self) -> SyncedWorkspaceMixin:
        """Bring what is new from elsewhere, and return the workspace as it is then."""

    @abstractmethod
    def publish(self, *args: Any) -> None:
        """Make the workspace known to a place elsewhere."""

    def pull_resources(self, resource_list: Sequence[LocalStateResourceMixin]) -> None:
        """Pull resources, once none of them refuses."""
        for resource in resource_list:
            resource.pull_precheck()
        for resource in resource_list:
            resource.pull()

    def push(self, resource_list: Sequence[LocalStateResourceMixin]) -> None:
        """Push resources, once none of them refuses."""
        for resource in resource_list:
            resource.push_precheck()
        for resource in resource_list:
            resource.push()


class CentralWorkspaceMixin(ABC):
    """A workspace that lives in one place, while resources may still have copies."""

    @abstractmethod
    def get_resources_that_need_to_be_cloned(self) -> list[str]:
        """Return the names of resources that are not on this machine yet."""

    def pull_resources(self, resource_list: Sequence[LocalStateResourceMixin]) -> None:
        """Pull resources, once none of them refuses."""
        for resource in resource_list:
            resource.pull_precheck()
        for resource in resource_list:
            resource.pull()

    def push_resources(self, resource_list: Sequence[LocalStateResourceMixin]) -> None:
        """Push resources, once none of them refuses."""
        for resource in resource_list:
            resource.push_precheck()
        for resource in resource_list:
            resource.push()


class SnapshotResourceMixin(ABC):
    """A resource of which snapshots are taken."""

    restorable: ClassVar[bool] = True
    keeps_folder: ClassVar[bool] = True  # a copy elsewhere gets its content as a folder
    not_restored: ClassVar[str] = "the snapshot keeps nothing of it to restore"
    skips_special: bool = False  # the next snapshot leaves out what none can hold, and tells of it

    @abstractmethod
    def snapshot_precheck(self) -> None:
        """Refuse a snapshot that could not succeed.

        Raises:
            ConfigurationError: if it could not.
        """

    @abstractmethod
    def snapshot(self) -> tuple[str | None, str | None]:
        """Keep what is in the resource, and return what it is compared and restored by.

        Both are ids of trees, as texts; the second is None where there is nothing to restore.
        """

    @abstractmethod
    def present(self, session: Session) -> Present | None:
        """Return the resource as it is now; nothing is kept. None where there is nothing to tell.

        Raises:
            DataWorkspacesError: if it cannot be looked at.
        """

    def present_note(self) -> str:
        """Return a sentence on what is new of it that is no change of the workspace's."""
        return ""

    @abstractmethod
    def snapshot_folder(self, restore_hashval: str) -> Folder:
        """Return the folder that a restore would make equal to a tree.

        Its `saved` are trees that may give way to it though no snapshot keeps them.
        """

    def restored_folder(self) -> Path | None:
        """Return the folder that a restore changes, None where it changes none."""
        return None

    def restore_note(self, restore_hashval: str) -> str:  # noqa: ARG002 - of types that tell
        """Return a sentence on what a restore does not do for the resource."""
        return ""

    def holds_results(self, tree: str, stay: Exclusion) -> bool:  # noqa: ARG002 - of types that do
        """Return whether a type that moves results itself has any in a tree that a snapshot keeps.

        Those in a folder of this machine are moved by the workspace.

        Args:
            tree: the id of the tree.
            stay: what is never moved.
        """
        return False

    def move_results(  # noqa: B027 - of types whose results lie elsewhere
        self, tree: str, destination: str, stay: Exclusion
    ) -> None:
        """Move what `holds_results` tells of below a path; it may have been begun before."""

    def snapshot_facts(self) -> JSONDict:
        """Return what else a snapshot tells of the resource, such as a commit."""
        return {}

    @abstractmethod
    def note_recorded(self) -> None:
        """Take note that the last snapshot is recorded, so that what it keeps is safe."""

    @abstractmethod
    def note_restored(self, restored: RestoredFolder) -> None:
        """Take note that the resource has been restored."""

    @abstractmethod
    def delete_snapshot(
        self, workspace_snapshot_hash: str, resource_restore_hash: str, relative_path: str
    ) -> None:
        """Remove what a snapshot has left in the resource itself."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done.

    Args:
        folders: what happened to each resource.
        rescue: the snapshot that keeps what the restore has replaced, if it was in no other one.
    """

    folders: tuple[RestoredFolder, ...]
    rescue: SnapshotMetadata | None = None


class SnapshotWorkspaceMixin(ABC):
    """A workspace of which snapshots are taken, and restored."""

    @abstractmethod
    def get_next_snapshot_number(self) -> int:
        """Return a number that no snapshot has or ever had."""

    @abstractmethod
    def snapshot(
        self, tag: str | None = None, message: str = "", metrics: Mapping[str, Any] | None = None
    ) -> SnapshotMetadata:
        """Take a snapshot of all resources, and record it.

        Raises:
            DataWorkspacesError: in one sentence; then nothing is recorded.
        """

    @abstractmethod
    def plan_restore(
        self,
        snapshot: SnapshotMetadata,
        names: Sequence[str],
        *,
        paths: Sequence[bytes] = (),
        force: bool = False,
    ) -> list[PlannedFolder]:
        """Return what restoring resources would do; nothing is changed.

        Args:
            snapshot: what they are to be like.
            names: the resources.
            paths: only these paths in them, and what lies below; all where there are none.
            force: also where content that is in no snapshot would go.
        """

    @abstractmethod
    def restore(
        self,
        snapshot: SnapshotMetadata,
        names: Sequence[str],
        *,
        paths: Sequence[bytes] = (),
        force: bool = False,
    ) -> Restored:
        """Make resources as they were, all of them or none; see `plan_restore`.

        Raises:
            LocalChangesError: if content that is in no snapshot would go, unless it is forced; then
                a rescue snapshot keeps it.
        """

    @abstractmethod
    def get_snapshot_metadata(self, hash_val: str) -> SnapshotMetadata:
        """Return a snapshot by its whole hash."""

    @abstractmethod
    def get_snapshot_by_tag_or_hash(self, tag_or_hash: str) -> SnapshotMetadata:
        """Return a snapshot by a tag or the beginning of its hash.

        Raises:
            ConfigurationError: if there is none, or more than one.
        """

    @abstractmethod
    def list_snapshots(
        self, *, reverse: bool = True, max_count: int | None = None
    ) -> list[SnapshotMetadata]:
        """Return snapshots, the newest first unless told otherwise."""

    @abstractmethod
    def remove_tag_from_snapshot(self, hash_val: str, tag: str) -> None:
        """Remove a tag; others that the snapshot has stay."""

    @abstractmethod
    def delete_snapshot(self, hash_val: str, *, include_resources: bool = False) -> None:
        """Remove a snapshot, and what it has left in resources if asked for."""

    def get_most_recent_snapshot(self) -> SnapshotMetadata | None:
        """Return the newest snapshot, None where there is none."""
        return next(iter(self.list_snapshots(max_count=1)), None)

    def supports_lineage(self) -> bool:
        """Return whether the backend keeps lineage."""
        return False


def factory_of(resource_type: str) -> ResourceFactory:
    """Return the factory of a resource type.

    Raises:
        ConfigurationError: if nobody brings that type.
    """
    from workspace_core.registry import resource_factory

    return resource_factory(resource_type)


def checked_resource_name(name: str) -> str:
    """Return a name if it may be that of a resource.

    Raises:
        ConfigurationError: if it may not.
    """
    if not RESOURCE_NAME.fullmatch(name) or len(os.fsencode(name)) > MOST_NAME_BYTES:
        raise ConfigurationError(
            f"{shown(name[:MOST_NAME_BYTES])} cannot name a resource; begin with a letter or a "
            "digit, and leave out '/', ',', ':' and '@'."
        )
    return name


def load_workspace(
    uri: str, *, batch: bool = False, verbose: bool = False, refresh: bool = True
) -> Workspace:
    """Return the workspace at an address such as ``git:/home/me/work``.

    Args:
        uri: its backend and its folder.
        batch: nobody is to be asked.
        verbose: tell more.
        refresh: take over what others have recorded, too.

    Raises:
        ConfigurationError: if there is none, or nobody brings its backend.
    """
    from workspace_core.registry import workspace_factory

    parsed = urlparse(uri)
    found = workspace_factory(parsed.scheme).load_workspace(parsed, batch=batch, verbose=verbose)
    if refresh:
        found.refresh()
    return found


def find_and_load_workspace(
    uri_or_local_path: str | None = None,
    *,
    batch: bool = False,
    verbose: bool = False,
    refresh: bool = True,
) -> Workspace:
    """Return the workspace at an address or in a folder, or the nearest one above this folder.

    See `load_workspace`.

    Raises:
        ConfigurationError: if there is none.
    """
    scheme, separator, _ = (uri_or_local_path or "").partition(":")
    if uri_or_local_path is not None and separator and os.sep not in scheme:
        return load_workspace(uri_or_local_path, batch=batch, verbose=verbose, refresh=refresh)
    if uri_or_local_path is None:
        found = load_folder(enclosing_workspace(Path.cwd()), batch=batch, verbose=verbose)
    else:
        found = load_folder(Path(uri_or_local_path).absolute(), batch=batch, verbose=verbose)
    if refresh:
        found.refresh()
    return found


def init_workspace(
    backend_name: str,
    workspace_name: str,
    hostname: str,
    *args: Any,
    batch: bool = False,
    verbose: bool = False,
    **kwargs: Any,
) -> Workspace:
    """Make a workspace with a backend, and return it."""
    from workspace_core.registry import workspace_factory

    return workspace_factory(backend_name).init_workspace(
        workspace_name, hostname, *args, batch=batch, verbose=verbose, **kwargs
    )


def backend_of(folder: Path) -> str:
    """Return the backend of the workspace in a folder; ``git`` where none is told.

    Raises:
        ConfigurationError: if there is no workspace.
        DamagedFileError: if its configuration is none.
    """
    from workspace_core.store.durable import read_json

    try:
        config = read_json(folder / METADATA_FOLDER / CONFIG_FILE, MOST_SCHEMA)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            f"{shown(folder)} is no workspace; 'dws init' makes one."
        ) from None
    return str(config.get("backend", GIT))


def load_folder(folder: Path, *, batch: bool = False, verbose: bool = False) -> Workspace:
    """Return the workspace in a folder, whose name may hold what would end an address."""
    from workspace_core.registry import workspace_factory

    backend = backend_of(folder)
    parsed = ParseResult(backend, "", str(folder), "", "", "")
    return workspace_factory(backend).load_workspace(parsed, batch=batch, verbose=verbose)


def enclosing_workspace(here: Path) -> Path:
    """Return the folder of the nearest workspace from a folder upwards.

    Raises:
        ConfigurationError: if there is none.
    """
    for folder in (here, *here.parents):
        if (folder / METADATA_FOLDER / CONFIG_FILE).is_file():
            return folder
    raise ConfigurationError(
        f"No folder from {shown(here)} upwards is a workspace; 'dws init' makes one."
    )
