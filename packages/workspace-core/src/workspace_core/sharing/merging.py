"""Merging the records of two copies of a workspace: unions of files, and of fields in them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workspace_core.sharing.records import CONFIG, DELETED, LINEAGE, RESOURCES, SNAPSHOTS, TAGS
from workspace_core.snapshots.names import FORMERLY
from workspace_core.store.durable import json_bytes
from workspace_core.trees.merge import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    Files = Mapping[str, bytes]  # contents by their paths below ``.dataworkspace``

ADDED = "added"  # when a resource was added, which each side knows for itself
ABSENT = object()


@dataclass(slots=True)
class MergedRecords:
    """What the records of two copies become, and what both have changed."""

    files: dict[str, bytes] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)


def merge_records(base: Files, ours: Files, theirs: Files, choice: str = OURS) -> MergedRecords:
    """Merge records that have a common ancestor.

    Snapshots are never in conflict. One that a side has deleted goes, unless the other side has
    given it a tag since. Where both sides have changed one thing in two ways, the one of `choice`
    is taken, and told of.
    """
    merged = MergedRecords()
    for path in sorted(ours.keys() | theirs.keys()):
        before, left, right = base.get(path), ours.get(path), theirs.get(path)
        folder = path.partition("/")[0]
        if folder in (SNAPSHOTS, DELETED, LINEAGE):
            found = left if left is not None else right
        elif left == right or right == before:
            found = left
        elif left == before:
            found = right
        elif path == CONFIG or folder == RESOURCES:
            found = _merged_fields(merged, path, before, left, right, choice)
        else:
            merged.conflicts.append(_what(path))
            found = left if choice == OURS else right
        if found is not None:
            merged.files[path] = found
    _without_deleted(merged.files, base)
    _with_one_name_each(merged, ours, choice)
    return merged


def merge_lines(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge files whose lines are a set, such as ``.gitignore``; what a side has removed goes."""
    before, left, right = (one.splitlines() for one in (base, ours, theirs))
    gone = {one for one in before if one.strip() and (one not in left or one not in right)}
    kept = [one for one in left if one not in gone]
    added = [one for one in right if one not in left and one not in gone]
    lines = [*kept, *added]
    return b"\n".join([*lines, b""]) if lines else b""


def _merged_fields(
    merged: MergedRecords,
    path: str,
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
    choice: str,
) -> bytes | None:
    if ours is None or theirs is None:  # removed on one side, changed on the other
        merged.conflicts.append(_what(path))
        return ours if choice == OURS else theirs
    before: dict[str, Any] = json.loads(base) if base is not None else {}
    conflicts: list[str] = []
    found = _merged_dict(before, json.loads(ours), json.loads(theirs), choice, conflicts)
    merged.conflicts += [f"{_what(path)}: {one}" for one in conflicts]
    return json_bytes(found)


def _merged_dict(
    base: dict[str, Any],
    ours: dict[str, Any],
    theirs: dict[str, Any],
    choice: str,
    conflicts: list[str],
) -> dict[str, Any]:
    found = {}
    for name in ours.keys() | theirs.keys():
        before, left, right = (one.get(name, ABSENT) for one in (base, ours, theirs))
        if left == right or right == before:
            value = left
        elif left == before:
            value = right
        elif isinstance(left, dict) and isinstance(right, dict):
            below = before if isinstance(before, dict) else {}
            value = _merged_dict(below, left, right, choice, conflicts)
        elif name == ADDED:
            value = min(left, right)
        else:
            conflicts.append(name)
            value = left if choice == OURS else right
        if value is not ABSENT:
            found[name] = value
    return found


def _without_deleted(files: dict[str, bytes], base: Files) -> None:
    """Let go of snapshots that were deleted, unless one was tagged on the other side since."""
    tagged = {
        json.loads(content)["snapshot"]
        for path, content in files.items()
        if path.startswith(f"{TAGS}/") and base.get(path) != content
    }
    for path in [one for one in files if one.startswith(f"{DELETED}/")]:
        record = f"{SNAPSHOTS}/{path.partition('/')[2]}"
        hashval = path.partition("/")[2].removesuffix(".json")
        if hashval in tagged and record in files:
            del files[path]
        else:
            files.pop(record, None)
            for tag in _tags_of(files, hashval):
                del files[tag]


def _with_one_name_each(merged: MergedRecords, ours: Files, choice: str) -> None:
    """Let a resource that both sides have renamed have one name; it keeps the other as a former."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(one for one in merged.files if one.startswith(f"{RESOURCES}/")):
        record = json.loads(merged.files[path])
        for former in record.get(FORMERLY, ()):
            other = found.setdefault((former, str(record.get(ADDED))), path)
            if other == path or other not in merged.files or path not in merged.files:
                continue
            left, right = (path, other) if path in ours else (other, path)
            kept, given_up = (left, right) if choice == OURS else (right, left)
            merged.conflicts.append(f"{_what(left)}: also called {_name(right)}")
            record = json.loads(merged.files[kept])
            names = [*record[FORMERLY], _name(given_up)]
            merged.files[kept] = json_bytes({**record, FORMERLY: list(dict.fromkeys(names))})
            del merged.files[given_up]


def _name(path: str) -> str:
    return path.partition("/")[2].removesuffix(".json")


def _tags_of(files: Files, hashval: str) -> list[str]:
    return [
        path
        for path, content in files.items()
        if path.startswith(f"{TAGS}/") and json.loads(content)["snapshot"] == hashval
    ]


def _what(path: str) -> str:
    """Return what a record is called in a sentence."""
    folder, _, name = path.partition("/")
    stem = name.removesuffix(".json")
    if path == CONFIG:
        return "parameters of the workspace"
    words = {RESOURCES: "resource", TAGS: "tag"}
    return f"{words[folder]} {stem}" if folder in words else path
