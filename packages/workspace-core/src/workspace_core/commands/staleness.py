"""What is out of date now: made from something that is another thing by now.

Where runs are on record for files of a resource, the records say so, file by file. Of other
resources of the role ``intermediate-data`` snapshots tell as far as they can: such a resource is
stale if all of this holds:

* it holds something, and is as the newest snapshot has it (what was changed since then may be of
  now, and nobody can say what it was made of);
* a resource of the role ``source-data`` has another content now than it had in the snapshot that
  first kept the intermediate data as they are. Were they kept like that several times, it is the
  first one after they were last anything else.

Rescue snapshots do not count, nor do sources that came or went since.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from workspace_core.lineage.model import ResourceRef
from workspace_core.lineage.staleness import judge_present
from workspace_core.sharing.history import ASIDE
from workspace_core.sharing.partial import is_partly_here
from workspace_core.store.identity import id_text
from workspace_core.trees.tree import EMPTY_ID
from workspace_core.workspace import LocalStateResourceMixin, ResourceRoles, SnapshotResourceMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.staleness import Judgement, StaleOutput
    from workspace_core.workspace import SnapshotMetadata


INTERMEDIATE, SOURCE = ResourceRoles.INTERMEDIATE_DATA, ResourceRoles.SOURCE_DATA_SET


@dataclass(frozen=True, slots=True)
class Stale:
    """Something that is out of date.

    Args:
        ref: what it is, a resource or a part of one.
        files: the files that are out of date, by their paths in the resource; all if there are
            none.
        causes: the resources that have changed, or are out of date themselves; of files outside
            their paths.
        why: the first cause in words.
        since: the snapshot that first kept it as it is, by its hash; None if a run is on record.
        output: what the record of the run says; None if there is none.
    """

    ref: ResourceRef
    files: tuple[str, ...]
    causes: tuple[str, ...]
    why: str
    since: str | None = None
    output: StaleOutput | None = None

    @property
    def name(self) -> str:
        """The name of the resource."""
        return self.ref.name

    @property
    def path(self) -> str:
        """Where in the resource, empty for all of it."""
        return self.ref.path

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        output = self.output
        return {
            "resource": self.name,
            "path": self.path,
            "files": list(self.files),
            "causes": list(self.causes),
            "why": self.why,
            "since": self.since,
            "step": output and output.step.id,
            "step_name": output and output.step.step_name,
            "reasons": [one.to_dict() for one in output.reasons] if output else [],
        }


def stale_data(
    workspace: FiledWorkspace, seen: Mapping[str, str] = MappingProxyType({})
) -> tuple[Stale, ...]:
    """Return what is out of date, ordered by resource and path; nothing is changed.

    Args:
        workspace: the workspace.
        seen: the trees that resources are now, by their names, as far as that is known already.
    """
    return stale_by(workspace, judge_present(workspace), seen)


def stale_by(
    workspace: FiledWorkspace, judgement: Judgement, seen: Mapping[str, str]
) -> tuple[Stale, ...]:
    """Return what is out of date by what records say, and by snapshots; see `stale_data`."""
    found = [_by_record(one) for one in judgement.stale]
    found += _by_snapshots(workspace, judgement.known, seen)
    return tuple(sorted(found, key=lambda one: (one.name, one.path)))


def _by_record(output: StaleOutput) -> Stale:
    return Stale(
        output.ref,
        output.paths,
        tuple(dict.fromkeys(one.ref.name or one.ref.path for one in output.reasons)),
        output.reasons[0].sentence(output.step.step_name),
        output=output,
    )


def _by_snapshots(
    workspace: FiledWorkspace, recorded: frozenset[str], seen: Mapping[str, str]
) -> list[Stale]:
    every = workspace.get_resource_names()
    names = [name for name in every if name not in recorded]
    taken = [one for one in workspace.list_snapshots(reverse=False) if not one.more.get(ASIDE)]
    firsts = {
        name: first
        for name, content in _present(workspace, names, INTERMEDIATE, seen).items()
        if content != EMPTY_ID and (first := _first_like(taken, name, content))
    }
    sources = _present(workspace, every, SOURCE, seen) if firsts else {}
    found = []
    for name, first in firsts.items():
        then = first.compare_hashes
        causes = tuple(one for one, now in sources.items() if then.get(one) not in (None, now))
        if causes:
            label = first.tags[0] if first.tags else first.hashval[:8]
            why = f"{', '.join(causes)} changed since the snapshot {label} first kept it"
            found.append(Stale(ResourceRef(name), (), causes, why, since=first.hashval))
    return found


def _first_like(
    taken: Sequence[SnapshotMetadata], name: str, content: str
) -> SnapshotMetadata | None:
    """Return the snapshot with which a resource became what it is, None if it is in none so."""
    found = None
    for one in taken:
        kept = one.compare_hashes.get(name)
        if kept == content:
            found = found or one
        elif kept is not None:
            found = None
    return found


def _present(
    workspace: FiledWorkspace, names: Iterable[str], role: str, seen: Mapping[str, str]
) -> dict[str, str]:
    """Return the ids of the resources of a role as they are; those not here whole are left out."""
    found = {}
    for name in names:
        resource = workspace.get_resource_wherever(name)
        if resource.role != role or not isinstance(resource, SnapshotResourceMixin):
            continue
        if not isinstance(resource, LocalStateResourceMixin):
            continue
        place = resource.get_local_path_if_any()
        if place is None or not os.path.isdir(place):
            continue
        if is_partly_here(workspace.local_state(name)):
            continue
        if name in seen:
            found[name] = seen[name]
            continue
        with workspace.looking() as session:
            now = resource.present(session)
        if now is not None:
            found[name] = id_text(now.root)
    return found
