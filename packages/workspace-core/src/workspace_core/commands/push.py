"""Publish what was done here: content first, then the records that refer to it, in one step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workspace_core.backends.central import CentralWorkspace
from workspace_core.backends.git import GitWorkspace
from workspace_core.backends.sharing import (
    branch_of,
    committed_records,
    open_remote,
    repository_of,
    require_origin,
    roots_of,
    send_snapshots,
    snapshots_in,
)
from workspace_core.commands.exchange import push_resources, pushing
from workspace_core.errors import ResourceNotHereError
from workspace_core.resources.git_repository import GitResource
from workspace_core.shared_repository import SharedRepository
from workspace_core.sharing.errors import (
    UNRELATED,
    ForeignRemoteError,
    LostRaceError,
    NotMergedError,
)
from workspace_core.sharing.following import followed, note_followed
from workspace_core.sharing.history import History
from workspace_core.sharing.partial import Selection
from workspace_core.sharing.send import Sent
from workspace_core.workspace import LocalStateResourceMixin, ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.sharing.remote import Remote


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push has done."""

    origin: str | None  # None for a workspace that is not shared
    remote: str | None
    sent: Sent = field(default_factory=Sent)
    elsewhere: tuple[str, ...] = ()  # resources that were sent to places of their own

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "origin": self.origin,
            "remote": self.remote,
            "sent": self.sent.to_dict(),
            "elsewhere": list(self.elsewhere),
        }


def push(
    workspace: FiledWorkspace,
    *,
    only: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    only_workspace: bool = False,
    verify: bool = False,
) -> Pushed:
    """Publish the snapshots of a workspace, with the content that the remote lacks.

    Args:
        workspace: the workspace.
        only: the content of these resources only.
        skip: that of all resources but these.
        only_workspace: no content.
        verify: read all that the remote has, and send again what is damaged.

    Raises:
        LostRaceError: if somebody else has pushed since the last pull; nothing is lost.
        NotMergedError: if a resource that the last pull has left out has gone on here, too.
        NoRemoteError: if the workspace has no remote.
        RemoteError: if a remote fails; the next push goes on from there.
    """
    selection = Selection.of(only, skip, only_workspace=only_workspace)
    if isinstance(workspace, CentralWorkspace):
        return _push_content(workspace, selection, verify=verify)
    assert isinstance(workspace, GitWorkspace)  # noqa: S101 - the only other backend of ours
    return push_to(workspace, selection, verify=verify)


def push_to(
    workspace: GitWorkspace,
    selection: Selection,
    remote: Remote | None = None,
    *,
    verify: bool = False,
) -> Pushed:
    """Publish the snapshots of a workspace of the git backend; see `push`.

    Args:
        workspace: the workspace.
        selection: the content of what is left out is not sent.
        remote: that for content, if it was opened already.
        verify: read all that the remote has, and send again what is damaged.
    """
    with workspace.locked():
        selection.require(workspace.get_resource_names())
        elsewhere = pushing(workspace, selection)
        push_resources(workspace, selection)
        if elsewhere and workspace.repository.origin() is None:
            return Pushed(None, None, elsewhere=tuple(elsewhere))
        origin = require_origin(workspace)
        repository, branch = repository_of(workspace), branch_of(workspace)
        workspace.save("Record what was done before a push")
        theirs, ours = repository.fetch(branch), repository.head()
        if theirs is not None and ours is not None and not repository.is_ancestor(theirs, ours):
            if repository.merge_base(theirs, ours) is None:
                raise ForeignRemoteError(*UNRELATED)
            raise LostRaceError(origin)
        sent = Sent()
        if remote is None and not selection.is_nothing:
            remote = open_remote(workspace, create=True)
        if theirs not in (None, ours):
            records = committed_records(repository, theirs)
            _require_brought_together(workspace, records, remote)
        if remote is not None:
            if verify:
                remote.distrust_damaged()
            sent = send_snapshots(workspace, remote, selection)
        repositories = _repositories(workspace, selection)
        for one, its_branch in repositories:
            one.push(its_branch)
        repository.push(branch)
        snapshots, deleted = workspace.list_snapshots(), workspace.catalogue.deleted_snapshots()
        for name in workspace.get_resource_names():
            known = History(name, snapshots, deleted).ancestors(workspace.standing(name))
            note_followed(workspace, [name], [one for one in snapshots if one.hashval in known])
    place = None if remote is None else remote.place.address
    return Pushed(origin, place, sent, tuple(elsewhere))


def _require_brought_together(
    workspace: GitWorkspace, records: Mapping[str, bytes], remote: Remote | None
) -> None:
    """Refuse to publish snapshots that would hide what others have made of a resource.

    Whoever pulls takes over the newest snapshot, and takes it to have come from all others. What
    they have not pushed the content of yet, they are going to bring together themselves.

    Raises:
        NotMergedError: naming the resources.
    """
    here, now = workspace.list_snapshots(), workspace.catalogue.names_now()
    deleted, theirs = workspace.catalogue.deleted_snapshots(), snapshots_in(records, now)
    published = {one.hashval for one in theirs}
    fresh = [one for one in here if one.hashval not in published]
    hidden = []
    for name in workspace.get_resource_names():
        role = workspace.get_resource_role(name)
        newest, own = History(name, theirs).newest(), History(name, fresh).newest()
        if newest is None or own is None or role == ResourceRoles.RESULTS:
            continue
        met = History(name, here, deleted).ancestors([own.hashval, *followed(workspace, name)])
        is_out = remote is None or remote.has(roots_of(newest)[name])
        if newest.hashval not in met and is_out:
            hidden.append(name)
    if hidden:
        raise NotMergedError(hidden)


def _push_content(workspace: CentralWorkspace, selection: Selection, *, verify: bool) -> Pushed:
    """Send what the place lacks of all that is here; records are there already."""
    with workspace.locked():
        selection.require(workspace.get_resource_names())
        names = [name for name in workspace.get_resource_names() if selection.has(name)]
        sent = Sent()
        if names:
            sent = workspace.send(workspace.catalogue.hashes(), names, verify=verify)
        for one, its_branch in _repositories(workspace, selection):
            one.push(its_branch)
        resources = [workspace.get_resource_wherever(name) for name in names]
        workspace.push_resources([r for r in resources if isinstance(r, LocalStateResourceMixin)])
    return Pushed(workspace.address.text, workspace.address.text, sent)


def _repositories(
    workspace: FiledWorkspace, selection: Selection
) -> list[tuple[SharedRepository, str]]:
    """Return the repositories that are resources, with the branch that each is on."""
    found = []
    for name in workspace.get_resource_names():
        try:
            resource = workspace.get_resource(name)
        except ResourceNotHereError:
            continue
        if isinstance(resource, GitResource) and selection.has(name) and not resource.read_only:
            own = resource.repository
            shared = SharedRepository(own.folder, own.marker, own.wait_seconds)
            found.append((shared, resource.branch))
    return found
