"""Workspaces from Python: notebooks, scripts, kits.

Each call finds the workspace by an address or a path, else the nearest one above the current
folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core import __version__
from workspace_core.backends.files import FiledWorkspace
from workspace_core.commands.add import add as _add
from workspace_core.commands.add import add_git, add_local_files
from workspace_core.commands.clone import Cloned
from workspace_core.commands.clone import clone as _clone
from workspace_core.commands.compare import comparison as _comparison
from workspace_core.commands.compare import write_comparison
from workspace_core.commands.diff import Difference, difference
from workspace_core.commands.erase import Erased, erase_path
from workspace_core.commands.export_dvc import Exported
from workspace_core.commands.export_dvc import export_dvc as _export_dvc
from workspace_core.commands.export_lineage import ExportedFile
from workspace_core.commands.export_lineage import export_lineage as _export_lineage
from workspace_core.commands.gc import gc
from workspace_core.commands.gc_there import gc_there
from workspace_core.commands.import_dvc import import_dvc as _import_dvc
from workspace_core.commands.import_workspace import Imported
from workspace_core.commands.import_workspace import import_workspace as _import_workspace
from workspace_core.commands.init import init as _init
from workspace_core.commands.lineage_graph import write_graph
from workspace_core.commands.prune import Pruned
from workspace_core.commands.prune import prune as _prune
from workspace_core.commands.publish import publish as _publish
from workspace_core.commands.pull import Pulled
from workspace_core.commands.pull import pull as _pull
from workspace_core.commands.push import Pushed
from workspace_core.commands.push import push as _push
from workspace_core.commands.resource import bring_resource_back as _bring_resource_back
from workspace_core.commands.resource import remove_resource as _remove_resource
from workspace_core.commands.resource import rename_resource as _rename_resource
from workspace_core.commands.resource import swap_resource as _swap_resource
from workspace_core.commands.restore import restore as _restore
from workspace_core.commands.results import results as _results
from workspace_core.commands.status import ResourceStatus
from workspace_core.commands.status import status as _status
from workspace_core.commands.verify import Verification
from workspace_core.commands.verify import verify as _verify
from workspace_core.errors import ApiParamError, NotSupportedError
from workspace_core.filesystem import RemoteFileSystem, ResourceFileSystem
from workspace_core.lineage.questions import questions
from workspace_core.parameters import PLACE, PLACE_RESOURCE
from workspace_core.resources.api_resource import ApiResource
from workspace_core.upkeep.gc import DEFAULT_GRACE_SECONDS, Collected
from workspace_core.workspace import (
    GIT,
    LocalStateResourceMixin,
    RemoteFilesMixin,
    find_and_load_workspace,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.results.comparison import Best, Comparison
    from workspace_core.sharing.collecting import CollectedThere
    from workspace_core.workspace import Resource

__all__ = [
    "ResourceInfo",
    "SnapshotInfo",
    "add",
    "bring_resource_back",
    "clone",
    "collect_garbage",
    "collect_remote_garbage",
    "compare_metrics",
    "config",
    "delete_snapshot",
    "diff",
    "erase",
    "export_dvc",
    "export_lineage",
    "get_api_version",
    "get_best_snapshot",
    "get_filesystem_for_resource",
    "get_local_path_for_resource",
    "get_resource_info",
    "get_results",
    "get_snapshot_history",
    "get_version",
    "import_dvc",
    "import_workspace",
    "init",
    "make_lineage_graph",
    "make_lineage_table",
    "make_metrics_page",
    "prune",
    "publish",
    "pull",
    "push",
    "remove_resource",
    "rename_resource",
    "restore",
    "set_api_resource_hash",
    "status",
    "swap_resource",
    "take_snapshot",
    "verify",
]

API_VERSION = "0.2"


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """A resource of a workspace."""

    name: str
    role: str
    resource_type: str
    local_path: str | None


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot of a workspace."""

    snapshot_number: int
    hashval: str
    tags: tuple[str, ...]
    timestamp: str
    message: str
    metrics: Mapping[str, Any] | None


def get_version() -> str:
    """Return the release of this package."""
    return __version__


def get_api_version() -> str:
    """Return the version of this interface."""
    return API_VERSION


def get_resource_info(
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> list[ResourceInfo]:
    """Return the resources of a workspace in the order in which they were added."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return [
        ResourceInfo(
            one.name,
            one.role,
            one.resource_type,
            one.get_local_path_if_any() if isinstance(one, LocalStateResourceMixin) else None,
        )
        for one in workspace.get_resources()
    ]


def get_local_path_for_resource(
    name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> str | None:
    """Return where a resource is on this machine, None for one without files."""
    resource = _workspace(workspace_uri_or_path, verbose=verbose).get_resource(name)
    found = isinstance(resource, LocalStateResourceMixin) and resource.get_local_path_if_any()
    return found or None


def get_filesystem_for_resource(
    name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> ResourceFileSystem | RemoteFileSystem:
    """Return the files of a resource: open, ls, exists, isfile, isdir.

    They are the files of now; those of a resource that a restore has led to a snapshot, such as one
    in S3, are the files of then.

    Raises:
        NotSupportedError: if it has no files.
    """
    resource = _workspace(workspace_uri_or_path, verbose=verbose).get_resource(name)
    if isinstance(resource, RemoteFilesMixin):
        return resource.filesystem()
    path = get_local_path_for_resource(name, workspace_uri_or_path, verbose)
    if path is None:
        raise NotSupportedError(f"The resource '{name}' has no files.")
    return ResourceFileSystem(path)


def take_snapshot(
    workspace_uri_or_path: str | None = None,
    tag: str | None = None,
    message: str = "",
    verbose: bool = False,  # noqa: FBT001 - the original's signature
    *,
    skip_special: bool = False,
) -> str:
    """Take a snapshot of all resources, and return its hash.

    Args:
        workspace_uri_or_path: the workspace.
        tag: what the snapshot is to be called, beside its hash.
        message: what is to be remembered of it.
        verbose: tell more.
        skip_special: leave out FIFOs, sockets and devices, which are an error otherwise.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return workspace.snapshot(tag, message, skips_special=skip_special).hashval


def get_snapshot_history(
    workspace_uri_or_path: str | None = None,
    reverse: bool = False,  # noqa: FBT001 - the original's signature
    max_count: int | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> list[SnapshotInfo]:
    """Return the snapshots, the oldest first unless they are to be reversed."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return [
        SnapshotInfo(
            one.snapshot_number, one.hashval, one.tags, one.timestamp, one.message, one.metrics
        )
        for one in workspace.list_snapshots(reverse=reverse, max_count=max_count)
    ]


def restore(
    tag_or_hash: str,
    workspace_uri_or_path: str | None = None,
    only: Sequence[str] | None = None,
    leave: Sequence[str] | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
    *,
    path: str | None = None,
    strict: bool = False,
    force: bool = False,
) -> int:
    """Bring resources back as they were, all or none, and return how many have changed.

    Args:
        tag_or_hash: the snapshot.
        workspace_uri_or_path: the workspace.
        only: only these resources.
        leave: all but these.
        verbose: tell more.
        path: only this file or folder.
        strict: refuse if snapshot and workspace do not have the same resources, or something was
            erased on purpose; else all that is left is restored.
        force: also where content that is in no snapshot would go; a rescue snapshot keeps it.

    Raises:
        LocalChangesError: if content that is in no snapshot would go.
    """
    outcome = _restore(
        _workspace(workspace_uri_or_path, verbose=verbose),
        tag_or_hash,
        only=only,
        leave=leave or (),
        path=path,
        strict=strict,
        force=force,
    )
    return outcome.changed


def get_results(
    workspace_uri_or_path: str | None = None,
    tag_or_hash: str | None = None,
    resource_name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> tuple[dict[str, Any], str] | None:
    """Return results and where they are (``resource:/path``), None where there are none.

    Without a snapshot, those are returned that are in none yet.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    found = _results(workspace, tag_or_hash, resource_name)
    return None if found is None else (found.content, f"{found.resource}:/{found.path}")


def compare_metrics(
    workspace_uri_or_path: str | None = None,
    metrics: Sequence[str] = (),
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    limit: int | None = None,
    baseline: str | None = None,
    maximise: Sequence[str] = (),
    minimise: Sequence[str] = (),
    every: bool = False,
) -> Comparison:
    """Return the snapshots that have metrics side by side, the oldest first.

    Args:
        workspace_uri_or_path: the workspace.
        metrics: those that are shown, each with all within it; by default those that are numbers
            and not within others.
        verbose: tell more.
        limit: so many of the newest.
        baseline: the snapshot that others are compared with, by tag or hash.
        maximise: metrics of which more is better; by default their names tell.
        minimise: metrics of which less is better.
        every: also snapshots without metrics.

    Raises:
        ConfigurationError: if there is no such metric or snapshot.
    """
    return _comparison(
        _workspace(workspace_uri_or_path, verbose=verbose),
        metrics,
        limit=limit,
        baseline=baseline,
        maximise=maximise,
        minimise=minimise,
        every=every,
    )


def get_best_snapshot(
    metric: str,
    workspace_uri_or_path: str | None = None,
    lowest: bool | None = None,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Best:
    """Return the snapshot that is the best by a metric, the first of equals.

    Args:
        metric: the metric; one within others is ``a.b``.
        workspace_uri_or_path: the workspace.
        lowest: whether less is better; by default the name of the metric tells.
        verbose: tell more.

    Raises:
        ConfigurationError: if no snapshot has such a metric as a number.
    """
    return compare_metrics(workspace_uri_or_path, verbose=verbose).best(metric, lowest=lowest)


def make_metrics_page(
    output_file: str,
    workspace_uri_or_path: str | None = None,
    metrics: Sequence[str] = (),
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    **options: Any,
) -> None:
    """Draw metrics over snapshots: a page for browsers, or drawings if the file ends in ``.svg``.

    Args:
        output_file: where to write it.
        workspace_uri_or_path: the workspace.
        metrics: as for `compare_metrics`.
        verbose: tell more.
        options: as for `compare_metrics`.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    write_comparison(workspace, _comparison(workspace, metrics, **options), output_file)


def make_lineage_table(
    workspace_uri_or_path: str | None = None,
    tag_or_hash: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> list[tuple[str, str, str, list[str]]]:
    """Return what steps have made, and what it was made of: reference, type, details, inputs.

    Without a snapshot, the resources are looked at as they are, and details say what is out of
    date.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return [
        (str(one.ref), one.type, one.details, [str(ref) for ref in one.inputs])
        for one in questions(workspace, tag_or_hash).table()
    ]


def make_lineage_graph(
    output_file: str,
    workspace_uri_or_path: str | None = None,
    resource_name: str | None = None,
    tag_or_hash: str | None = None,
    width: int = 1024,
    height: int = 800,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> None:
    """Draw lineage to a page for browsers, or for Graphviz if the file ends in ``.dot``.

    Args:
        output_file: where to write it.
        workspace_uri_or_path: the workspace.
        resource_name: what this resource was made of; by default, all of them.
        tag_or_hash: a snapshot; by default the resources as they are.
        width: of a page's drawing, in pixels.
        height: of a page's drawing, in pixels.
        verbose: tell more.
    """
    write_graph(
        _workspace(workspace_uri_or_path, verbose=verbose),
        output_file,
        resource_name=resource_name,
        tag_or_hash=tag_or_hash,
        width=width,
        height=height,
    )


def export_lineage(
    output: str,
    form: str,
    workspace_uri_or_path: str | None = None,
    resource_name: str | None = None,
    tag_or_hash: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    with_machine_paths: bool = False,
) -> ExportedFile:
    """Write recorded runs for other tools; contents and secrets are never in it.

    Args:
        output: where to write it: a file, or a folder for a crate.
        form: ``openlineage``, ``prov`` (PROV-JSON) or ``ro-crate``.
        workspace_uri_or_path: the workspace.
        resource_name: only the runs that led to what is in this resource; by default, all.
        tag_or_hash: only the runs that led to what is in this snapshot.
        verbose: tell more.
        with_machine_paths: with absolute paths in commands and parameters as they are.
    """
    return _export_lineage(
        _workspace(workspace_uri_or_path, verbose=verbose),
        output,
        form,
        resource_name=resource_name,
        tag_or_hash=tag_or_hash,
        with_machine_paths=with_machine_paths,
    )


def init(
    folder: str = ".",
    name: str | None = None,
    hostname: str | None = None,
    create_resources: Sequence[str] = (),
    store: str | None = None,
    *,
    backend: str = GIT,
    at: str | None = None,
    resource: str | None = None,
) -> str:
    """Make a folder a workspace, and return its name; see `workspace_core.commands.init.init`."""
    made = _init(
        folder,
        name=name,
        hostname=hostname,
        create_resources=create_resources,
        store=store,
        backend=backend,
        at=at,
        resource=resource,
    )
    return made.name


def add(
    resource_type: str,
    role: str,
    path: str | Sequence[str] = (),
    workspace_uri_or_path: str | None = None,
    name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    **options: Any,
) -> ResourceInfo:
    """Add a resource, and return it.

    Args:
        resource_type: ``local-files``, ``git``, ``rclone``, ``s3``, ``api-resource``,
            ``container-image``, or a type that a plugin brings.
        role: one of `RESOURCE_ROLE_CHOICES`.
        path: where it is: a folder, a bucket with its prefix, the reference of an image; for rclone
            ``(REMOTE:PATH, FOLDER)``; nothing for an api-resource.
        workspace_uri_or_path: the workspace.
        name: what it is to be called; by default like its folder.
        verbose: tell more.
        options: what ``dws add`` takes for the type, such as ``export`` or ``branch``.

    Raises:
        ConfigurationError: if it cannot be added.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    location = (path,) if isinstance(path, str) else tuple(path)
    try:
        if resource_type == "git":
            added = add_git(workspace, role, *location, name=name, **options)
        elif resource_type in ("local-files", "file"):
            added = add_local_files(workspace, role, *location, name=name, **options)
        else:
            added = _add(workspace, resource_type, role, *location, name=name, **options)
    except TypeError as error:
        raise ApiParamError(f"'{resource_type}' does not take these options: {error}.") from error
    return _info(added)


def remove_resource(
    name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> None:
    """Let a workspace do without a resource; its folder and older snapshots stay."""
    _remove_resource(_workspace(workspace_uri_or_path, verbose=verbose), name)


def bring_resource_back(
    name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> ResourceInfo:
    """Let a workspace have a resource again that was removed; `restore` brings its content."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return _info(_bring_resource_back(workspace, name))


def rename_resource(
    old_name: str,
    new_name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> ResourceInfo:
    """Give a resource another name, in older snapshots, too."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return _info(_rename_resource(workspace, old_name, new_name))


def swap_resource(
    name: str,
    location: str | Sequence[str],
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> ResourceInfo:
    """Let a resource be other data, at a location as `add` takes it for its type."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    parts = [location] if isinstance(location, str) else location
    return _info(_swap_resource(workspace, name, parts))


def prune(
    workspace_uri_or_path: str | None = None,
    dry_run: bool = False,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Pruned:
    """Empty resources with intermediate data that are out of date; a rescue snapshot keeps them."""
    return _prune(_workspace(workspace_uri_or_path, verbose=verbose), dry_run=dry_run)


def import_workspace(old_workspace: str, folder: str | None = None, **options: Any) -> Imported:
    """Make a new workspace of one that dataworkspaces 1.6 has written, which stays as it is.

    See `workspace_core.commands.import_workspace.import_workspace` for the options.
    """
    return _import_workspace(old_workspace, folder, **options)


def import_dvc(
    dvc_file: str,
    role: str,
    workspace_uri_or_path: str | None = None,
    folder: str | None = None,
    name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> ResourceInfo:
    """Make a resource of what a ``.dvc`` file stands for, verified by its MD5s.

    Args:
        dvc_file: the file.
        role: one of `RESOURCE_ROLE_CHOICES`.
        workspace_uri_or_path: the workspace.
        folder: where the content is to be; by default in the workspace, called like it.
        name: what the resource is to be called; by default like the folder.
        verbose: tell more.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return _info(_import_dvc(workspace, dvc_file, role, folder=folder, name=name))


def export_dvc(
    folder: str,
    tag_or_hash: str | None = None,
    workspace_uri_or_path: str | None = None,
    only: Sequence[str] | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Exported:
    """Write resources of a snapshot, by default the newest, as a project of DVC."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return _export_dvc(workspace, folder, tag_or_hash, only=only)


def status(
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    ask_stores: bool = False,
) -> list[ResourceStatus]:
    """Return what has changed in each resource since it was in a snapshot, and what is out of date.

    Stores are asked for what jobs have read there only if that is wanted.
    """
    return _status(_workspace(workspace_uri_or_path, verbose=verbose), ask_stores=ask_stores)


def diff(
    before: str,
    after: str | None = None,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Difference:
    """Return what differs between two snapshots, or one and the resources as they are."""
    return difference(_workspace(workspace_uri_or_path, verbose=verbose), before, after)


def config(
    workspace_uri_or_path: str | None = None,
    name: str | None = None,
    value: Any = None,
    resource_name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> dict[str, Any]:
    """Return all parameters of a workspace or of a resource, once one was set if asked for."""
    workspace = _workspace(
        workspace_uri_or_path, verbose=verbose, refresh=name not in (PLACE, PLACE_RESOURCE)
    )
    if name is not None and value is not None:
        workspace.change_param(name, value, resource_name)
    if resource_name is None:
        found = workspace.parameter_values()
    else:
        found = workspace.resource_parameter_values(resource_name)
    return {one.parameter.name: one.value for one in found}


def delete_snapshot(
    tag_or_hash: str,
    workspace_uri_or_path: str | None = None,
    include_resources: bool = True,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> None:
    """Delete a snapshot, and the results that it moved unless they are to stay."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    found = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    workspace.delete_snapshot(found.hashval, include_resources=include_resources)


def verify(
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Verification:
    """Check records and tags, and every byte of the store."""
    return _verify(_workspace(workspace_uri_or_path, verbose=verbose))


def collect_garbage(
    workspace_uri_or_path: str | None = None,
    dry_run: bool = False,  # noqa: FBT001 - like its neighbours
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    without: str | None = None,
) -> Collected:
    """Free the space of what no snapshot needs any more.

    Args:
        workspace_uri_or_path: the workspace.
        dry_run: only say what would go.
        grace_seconds: what is younger stays.
        verbose: tell more.
        without: the id of a workspace that shared the store and was deleted; the store lets go of
            it.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return gc(workspace, dry_run=dry_run, grace_seconds=grace_seconds, without=without)


def collect_remote_garbage(
    workspace_uri_or_path: str | None = None,
    dry_run: bool = False,  # noqa: FBT001 - like its neighbours
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    without: str | None = None,
) -> CollectedThere:
    """Free the space of what no recorded snapshot needs on the remote.

    Args:
        workspace_uri_or_path: the workspace.
        dry_run: only say what would go.
        grace_seconds: how long packs stay after they came, and after they were let go of.
        verbose: tell more.
        without: the id of a workspace that used the remote, too, and was deleted.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return gc_there(workspace, dry_run=dry_run, grace_seconds=grace_seconds, without=without)


def erase(
    target: str,
    reason: str,
    workspace_uri_or_path: str | None = None,
    dry_run: bool = False,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    derived: bool = False,
    only_here: bool = False,
) -> Erased:
    """Erase for good what a file ever was, from all snapshots, here and on the remote.

    Args:
        target: a resource and a path in it, such as ``raw/people.csv``.
        reason: why, in words for everybody to read.
        workspace_uri_or_path: the workspace.
        dry_run: only say what would be erased.
        verbose: tell more.
        derived: erase what recorded runs made of it, too.
        only_here: leave the remote as it is.

    Raises:
        ConfigurationError: if no snapshot has such a file, or it is still in its folder.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return erase_path(
        workspace, target, reason, derived=derived, only_here=only_here, dry_run=dry_run
    )


def publish(
    origin: str,
    workspace_uri_or_path: str | None = None,
    data: str | None = None,
    resource: str | None = None,
    skip: Sequence[str] = (),
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Pushed:
    """Say where a workspace is exchanged with others, and push it there.

    Args:
        origin: the address of a git repository, for records.
        workspace_uri_or_path: the workspace.
        data: the place for content: ``s3://BUCKET/PREFIX``, ``rclone:REMOTE:PATH`` or a folder.
        resource: the credential set for S3.
        skip: resources of which no content is pushed.
        verbose: tell more.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return _publish(workspace, origin, data=data, resource=resource, skip=skip)


def clone(
    origin: str,
    folder: str | None = None,
    hostname: str | None = None,
    only: Sequence[str] | None = None,
    **options: Any,
) -> Cloned:
    """Bring a workspace to a new folder; see `workspace_core.commands.clone.clone`."""
    return _clone(origin, folder, hostname=hostname, only=only, **options)


def push(
    workspace_uri_or_path: str | None = None,
    only: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    only_workspace: bool = False,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    verify: bool = False,
) -> Pushed:
    """Publish snapshots, with the content that the remote lacks.

    Raises:
        LostRaceError: if somebody else has pushed since the last pull; nothing is lost.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return _push(workspace, only=only, skip=skip, only_workspace=only_workspace, verify=verify)


def pull(
    workspace_uri_or_path: str | None = None,
    only: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    only_workspace: bool = False,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    *,
    choice: str | None = None,
    places: Mapping[str, str] | None = None,
    force: bool = False,
) -> Pulled:
    """Bring what others have pushed here, and merge it; and what resources have elsewhere.

    Args:
        workspace_uri_or_path: the workspace.
        only: only these resources, or paths in them such as ``raw/2024``.
        skip: all resources but these.
        only_workspace: records alone, and no content.
        verbose: tell more.
        choice: ``ours`` or ``theirs``, for what both sides have changed.
        places: folders for resources that lie outside of the workspace, by their names.
        force: what a resource has elsewhere may replace edits; a rescue snapshot keeps them.

    Raises:
        MergeConflictError: if both sides have changed something, and no side is chosen.
        LocalChangesError: if edits would be replaced by what a resource has elsewhere.
    """
    return _pull(
        _workspace(workspace_uri_or_path, verbose=verbose),
        only=only,
        skip=skip,
        only_workspace=only_workspace,
        choice=choice,
        places=places,
        force=force,
    )


def set_api_resource_hash(
    name: str,
    value: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> None:
    """Write down the hash of data that were fetched from a service, for the next snapshot.

    Args:
        name: of the api-resource.
        value: what tells these data from others, a text of one line.
        workspace_uri_or_path: the workspace.
        verbose: tell more.

    Raises:
        ConfigurationError: if there is no such resource, or the value is none.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    with workspace.locked():
        resource = workspace.get_resource(name)
        if not isinstance(resource, ApiResource):
            raise NotSupportedError(
                f"'{name}' is of the type '{resource.resource_type}', whose content is looked at; "
                "only the hash of an api-resource is written down."
            )
        resource.set_hash(value)


def _info(resource: Resource) -> ResourceInfo:
    local = None
    if isinstance(resource, LocalStateResourceMixin):
        local = resource.get_local_path_if_any()
    return ResourceInfo(resource.name, resource.role, resource.resource_type, local)


def _workspace(uri_or_path: str | None, *, verbose: bool, refresh: bool = True) -> FiledWorkspace:
    found = find_and_load_workspace(uri_or_path, batch=True, verbose=verbose, refresh=refresh)
    if not isinstance(found, FiledWorkspace):
        raise NotSupportedError("This function needs a workspace that has its records in files.")
    return found
