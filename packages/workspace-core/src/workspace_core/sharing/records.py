"""The records of a workspace as another one has them: checked before anything is made of them."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DataWorkspacesError, FormatVersionError
from workspace_core.lineage.model import StepLineage, check_kinds
from workspace_core.lineage.store import LISTINGS, STEPS, listing_hash
from workspace_core.parameters import RESULTS_EXCLUDE, WORKSPACE_PARAMETERS
from workspace_core.sharing.errors import ForeignRemoteError
from workspace_core.snapshots.catalogue import HASH
from workspace_core.snapshots.deleted import TREES
from workspace_core.snapshots.exclusion import checked_globs
from workspace_core.snapshots.metadata import PARENTS, TAG, SnapshotMetadata, hash_of
from workspace_core.snapshots.names import FORMERLY
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER
from workspace_core.store.identity import parse_id
from workspace_core.workspace import MOST_NAME_BYTES, RESERVED_NAMES, RESOURCE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
CONFIG, RESOURCES, SNAPSHOTS, TAGS, DELETED, LINEAGE, REMOVED = (
    "config.json",
    "resources",
    "snapshots",
    "tags",
    "deleted",
    "lineage",
    "removed",
)
OF_THIS_MACHINE = frozenset({"local", "store"})
PLAIN_FILES = frozenset({"100644", "100755"})
NAME = re.compile(r"[^\x00-\x1f\x7f]+")
ROLES = frozenset({"source-data", "intermediate-data", "code", "results"})


def check_names(modes: Mapping[str, str]) -> None:
    """Refuse names that no workspace commits: links, and what belongs to one machine.

    Args:
        modes: the modes that git has for files below ``.dataworkspace``, by their paths there.

    Raises:
        ForeignRemoteError: naming the file.
    """
    for path, mode in modes.items():
        if mode not in PLAIN_FILES:
            raise ForeignRemoteError(path, "records are files, never links")
        parts = path.split("/")
        if parts[0].lower() in OF_THIS_MACHINE or {"", ".", ".."} & set(parts):
            raise ForeignRemoteError(path, "that place belongs to one machine alone")
        if not NAME.fullmatch(path):
            raise ForeignRemoteError(path, "no record has such a name")


def check_records(files: Mapping[str, bytes], workspace_id: str | None = None) -> None:
    """Refuse records that a workspace could be led astray by.

    Args:
        files: contents by their paths below ``.dataworkspace``.
        workspace_id: of the workspace that they must belong to; any where this is None.

    Raises:
        ForeignRemoteError: naming the record and the rule.
        FormatVersionError: if a newer release has written one.
    """
    if CONFIG not in files:
        raise ForeignRemoteError("a repository without a workspace", "it must have one")
    for path, content in files.items():
        folder, _, name = path.partition("/")
        stem = name.removesuffix(".json")
        if path == CONFIG:
            _check_config(_record(path, content), workspace_id)
        elif folder in _CHECKS and name.endswith(".json"):
            record = _record(path, content)
            try:
                _CHECKS[folder](stem, record)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                if isinstance(error, ForeignRemoteError):
                    raise
                raise ForeignRemoteError(path, "it lacks what such a record has") from None
            except DataWorkspacesError as error:
                raise ForeignRemoteError(path, f"it is not sound ({error})") from None


def _record(path: str, content: bytes) -> dict[str, Any]:
    try:
        record = json.loads(content)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        raise ForeignRemoteError(path, "it is no record")
    if record["schema"] > SCHEMA:
        raise FormatVersionError(path, record["schema"], SCHEMA)
    return record


def _check_config(record: dict[str, Any], workspace_id: str | None) -> None:
    if workspace_id is not None and record.get("workspace_id") != workspace_id:
        raise ForeignRemoteError(
            "another workspace", "only copies of one workspace can be brought together"
        )
    params = record.get("global_params", {})
    if not isinstance(params, dict):
        raise ForeignRemoteError(CONFIG, "its parameters are no parameters")
    for one in WORKSPACE_PARAMETERS:
        if one.name in params:
            try:
                one.checked(params[one.name])
            except DataWorkspacesError as error:
                raise ForeignRemoteError(CONFIG, f"it is not sound ({error})") from None


def _check_snapshot(stem: str, record: dict[str, Any]) -> None:
    found = SnapshotMetadata.from_json(record, file=f"{SNAPSHOTS}/{stem}.json")
    _require(HASH.fullmatch(stem) and found.hashval == stem, stem, "its name is not its hash")
    place = found.relative_destination_path
    _require(
        place == "" or (place.startswith(f"{SNAPSHOTS_FOLDER}/") and _is_plain(place)),
        f"the results folder {place!r}",
        "results lie in a folder of their own",
    )
    _require(isinstance(found.snapshot_number, int), stem, "its number is none")
    for hashes in (found.compare_hashes, found.restore_hashes):
        for name, identity in hashes.items():
            _check_name(name)
            if identity is not None:
                parse_id(identity)


def _check_tag(stem: str, record: dict[str, Any]) -> None:
    _require(TAG.fullmatch(stem), f"the tag {stem!r}", "it is none")
    _require(HASH.fullmatch(record["snapshot"]), f"the tag {stem!r}", "it names no snapshot")


def _check_deleted(stem: str, record: dict[str, Any]) -> None:
    _require(HASH.fullmatch(stem), stem, "it names no snapshot")
    _require(isinstance(record["snapshot_number"], int), stem, "its number is none")
    for name, parents in record.get(PARENTS, {}).items():
        _check_name(name)
        _require(all(HASH.fullmatch(one) for one in parents), stem, "it came from no snapshot")
    for name, identity in record.get(TREES, {}).items():
        _check_name(name)
        parse_id(identity)


def _check_resource(stem: str, record: dict[str, Any]) -> None:
    _check_name(stem)
    _require(record["name"] == stem, f"the resource {stem!r}", "its file has another name")
    _require(record["role"] in ROLES, f"the resource {stem!r}", "it has no role")
    _require(isinstance(record["resource_type"], str), f"the resource {stem!r}", "it has no type")
    relative = record.get("relative_path")
    _require(
        relative is None or (isinstance(relative, str) and _is_plain(os.path.normpath(relative))),
        f"the resource {stem!r}",
        "its folder does not lie in the workspace",
    )
    for former in record.get(FORMERLY, ()):
        _check_name(former)
    checked_globs(record.get(RESULTS_EXCLUDE, []))


def _check_lineage(stem: str, record: dict[str, Any]) -> None:
    folder, _, name = stem.partition("/")
    _require(HASH.fullmatch(name), f"the lineage {stem!r}", "its name is no hash")
    if folder == LISTINGS:
        found = listing_hash(record["files"]).partition(":")[2]
        _require(found == name, f"the listing {name}", "its name is not its hash")
        return
    _require(folder == STEPS, f"the lineage {stem!r}", "there is no such kind")
    check_kinds(record)
    step = StepLineage.from_dict(record)
    _require(hash_of(record) == name == step.id, f"the step {name}", "its name is not its hash")
    for one in (*step.input_resources, *step.code_resources, *step.output_resources):
        _check_name(one.ref.name)
        _require(
            not one.ref.path or _is_plain(one.ref.path),
            f"the step {name}",
            "it names a path that leads out of its resource",
        )


def _check_name(name: str) -> None:
    _require(
        RESOURCE_NAME.fullmatch(name) and len(os.fsencode(name)) <= MOST_NAME_BYTES,
        f"the resource {name!r}",
        "that is no name of one",
    )


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return not ({"", ".", ".."} | RESERVED_NAMES) & set(parts) and "\0" not in path


def _require(condition: object, what: str, rule: str) -> None:
    if not condition:
        raise ForeignRemoteError(what, rule)


_CHECKS = {
    SNAPSHOTS: _check_snapshot,
    TAGS: _check_tag,
    DELETED: _check_deleted,
    LINEAGE: _check_lineage,
    RESOURCES: _check_resource,
    REMOVED: _check_resource,
}
