"""Which runs and releases belong together: one activity for each purpose and dataset.

Releases say both, by their policies. The runs that made what a release was made of belong to it, by
the digests of their inputs and outputs. Further runs belong to what people have stated of their
inputs, or to the purpose that they were started for; what is left is an activity of its own for
each input, whose purpose is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.processing_record.activities import Activity
    from util_services.processing_record.known import Known
    from util_services.processing_record.recorded import RecordedRun
    from util_services.releases.registered import Standing


@dataclass
class Group:
    """An activity as it is known: what was stated of it, and what was done.

    Attributes:
        position: where it stands in the file of activities; None if nothing is stated.
    """

    dataset: str | None
    purpose: str | None
    stated: Activity | None = None
    position: int | None = None
    releases: list[Standing] = field(default_factory=list)
    runs: list[RecordedRun] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What the activity is called."""
        if self.stated is not None:
            return self.stated.name
        data = self.dataset or ", ".join(self.inputs) or "unnamed data"
        return f"{self.purpose[:1].upper()}{self.purpose[1:]}: {data}" if self.purpose else data


def groups(known: Known) -> list[Group]:
    """Return all activities: the stated ones in the order of the file, and then the others."""
    successful = [run for run in known.runs if run.outcome == "success"]
    found = _stated(known)
    for standing in known.releases:
        _add_release(found, standing)
    for group in found:
        ids = {one.release.run["id"] for one in group.releases}
        group.runs = [run for run in successful if run.id in ids or _is_stated(run, group)]
        group.runs = _with_those_before(group.runs, successful)
    taken = {run.id for group in found for run in group.runs}
    for run in successful:
        if run.id not in taken:
            _add_run(found, run)
    for group in found:
        group.inputs = sorted({str(one["path"]) for run in group.runs for one in run.inputs})
    return found


def _stated(known: Known) -> list[Group]:
    stated = known.stated.activities.activities
    return [Group(one.dataset, one.purpose, one, position) for position, one in enumerate(stated)]


def _add_release(found: list[Group], standing: Standing) -> None:
    release = standing.release
    dataset = release.dataset or release.source["path"]
    concerned = [
        group
        for group in found
        if group.purpose == release.purpose
        and (group.dataset == dataset or (group.stated and group.dataset is None))
    ]
    if not concerned:
        concerned = [Group(dataset, release.purpose)]
        found += concerned
    for group in concerned:
        group.releases.append(standing)


def _is_stated(run: RecordedRun, group: Group) -> bool:
    """Return whether a file of activities says that a run belongs to an activity."""
    if group.stated is None:
        return False
    if run.purpose is not None and run.purpose == group.purpose:
        return True
    paths = [str(one["path"]) for one in run.inputs]
    return any(fnmatchcase(path, own) for path in paths for own in group.stated.reads)


def _with_those_before(
    runs: Sequence[RecordedRun], successful: Sequence[RecordedRun]
) -> list[RecordedRun]:
    """Return runs and all that made what they read, in the order in which they began."""
    ids = {run.id for run in runs}
    read = {digest for run in runs for digest in run.read}
    while before := [run for run in successful if run.id not in ids and run.made & read]:
        ids |= {run.id for run in before}
        read |= {digest for run in before for digest in run.read}
    return [run for run in successful if run.id in ids]


def _add_run(found: list[Group], run: RecordedRun) -> None:
    dataset = ", ".join(sorted(str(one["path"]) for one in run.inputs))
    for group in found:
        if group.stated is None and (group.dataset, group.purpose) == (dataset, run.purpose):
            group.runs.append(run)
            return
    found.append(Group(dataset, run.purpose, runs=[run]))
