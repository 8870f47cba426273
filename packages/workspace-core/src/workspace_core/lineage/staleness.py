"""What is out of date: made from something that is another thing by now.

A content that stands where a run wrote it is out of date if something that the run read has changed
since, or was itself made by a run that is out of date. What was made again, even if it came out the
same, is up to date.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.lineage.graph import LineageGraph
from workspace_core.lineage.model import DIRECTORY, ResourceRef
from workspace_core.lineage.outside_now import AS_READ, OTHER
from workspace_core.lineage.state import MOST_ALONE, PresentState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.model import HashCertificate
    from workspace_core.lineage.state import State

CHANGED, GONE, UNSTEADY, OUT_OF_DATE = "changed", "gone", "unsteady", "out of date"
MOST_FILES_NAMED = 5

Standing = dict[str, list[tuple[str, str]]]  # resources and paths, by the runs that wrote them


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run is out of date.

    `kind` is ``changed``, ``gone``, ``unsteady`` (it changed while the step ran, so that nobody
    knows what was read) or ``out of date`` (made by a run that is).
    """

    kind: str
    ref: ResourceRef
    files: tuple[str, ...] = ()  # those that differ, of a directory; the first of them
    step: str | None = None  # the run that made it, if that is out of date

    def to_dict(self) -> dict[str, Any]:
        """Return the reason as plain data."""
        return {
            "kind": self.kind,
            "resource": self.ref.name,
            "path": self.ref.path,
            "files": list(self.files),
            "step": self.step,
        }

    def sentence(self, step_name: str) -> str:
        """Return the reason in words, for the step that read it."""
        files = f" ({', '.join(self.files)})" if self.files else ""
        return {
            CHANGED: f"{self.ref}{files} has changed since {step_name} read it",
            GONE: f"{self.ref} is gone since {step_name} read it",
            UNSTEADY: f"{self.ref} changed while {step_name} was running",
            OUT_OF_DATE: f"{self.ref}, which {step_name} read, is out of date itself",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class StaleOutput:
    """Something that is out of date.

    Args:
        ref: what the step said that it writes.
        paths: the files of it that stand as they were written, by their paths in the resource.
        step: the run that wrote them.
        reasons: why they are out of date.
    """

    ref: ResourceRef
    paths: tuple[str, ...]
    step: Run
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "resource": self.ref.name,
            "path": self.ref.path,
            "files": list(self.paths),
            "step": self.step.id,
            "step_name": self.step.step_name,
            "reasons": [one.to_dict() for one in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the records of runs say of a moment.

    Args:
        stale: what is out of date, ordered by resource and path.
        known: the resources that have at least one file which stands as a run wrote it.
        unwatched: of which files outside of all resources, read for something that stands, nobody
            can say whether they have changed.
    """

    stale: tuple[StaleOutput, ...] = ()
    known: frozenset[str] = frozenset()
    unwatched: tuple[Unwatched, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A file outside of all resources of which nobody can say whether it has changed.

    Args:
        path: as records name it.
        why: nobody can say so.
        made: the resources where runs that have read it wrote what stands there.
    """

    path: str
    why: str
    made: tuple[str, ...]


def judge_present(workspace: LocalSnapshots, *, ask_stores: bool = False) -> Judgement:
    """Judge the resources as they are now.

    Nothing is changed, and nothing is said of resources that are not on this machine.

    Args:
        workspace: the workspace.
        ask_stores: also ask stores for what runs have read there.
    """
    if not workspace.supports_lineage():
        return Judgement()
    graph = LineageGraph.of(workspace.lineage, workspace.catalogue.names_now())
    state = PresentState(workspace, ask_stores=ask_stores)
    return judge(graph, state) if graph.steps else Judgement()


def judge(graph: LineageGraph, state: State) -> Judgement:
    """Judge all that runs have written, as it is at a moment."""
    standing: Standing = defaultdict(list)
    known = set()
    for name in graph.written_resources:
        if (found := state.resource(name)) is not None:
            for path, step in graph.makers(name, found.files).items():
                standing[step.id].append((name, path))
                known.add(name)
    looking = _Looking(graph, state)
    stale = _stale(looking, standing)
    return Judgement(stale, frozenset(known), looking.unwatched(standing))


def judge_runs(graph: LineageGraph, state: State, runs: Iterable[Run]) -> tuple[StaleOutput, ...]:
    """Judge what some runs have written and still stands so, as `judge` does.

    What they have written outside of resources counts as standing until a run writes there again.
    """
    standing: Standing = defaultdict(list)
    judged = list(runs)
    if len(judged) > MOST_ALONE:  # nearly all of their files are going to be looked at
        for name in {one.ref.name for step in judged for one in step.output_resources}:
            state.resource(name)
    for step in judged:
        for one in step.output_resources:
            for path, written in graph.files(one).items():
                if state.content(ResourceRef(one.ref.name, path)) != written:
                    continue
                maker = graph.maker(one.ref.name, path, written)
                if maker is not None and maker.id == step.id:
                    standing[step.id].append((one.ref.name, path))
        for one in step.outside_outputs:
            if graph.is_last_outside(step, one):
                standing[step.id].append((one.ref.name, one.ref.path))
    return _stale(_Looking(graph, state), standing)


def _stale(looking: _Looking, standing: Standing) -> tuple[StaleOutput, ...]:
    """Return which of the outputs that stand are out of date, ordered by resource and path."""
    reasons, graph = looking.reasons(standing), looking.graph
    found = []
    for step_id, places in standing.items():
        if not (why := reasons.get(step_id)):
            continue
        step = graph.steps[step_id]
        for one in step.outputs():
            paths = {path for name, path in places if name == one.ref.name and one.ref.holds(path)}
            if paths:
                found.append(StaleOutput(one.ref, tuple(sorted(paths)), step, tuple(why)))
    return tuple(sorted(found, key=lambda one: (one.ref.name, one.ref.path, one.step.order)))


class _Looking:
    """Finds out why runs are out of date, from them back to the sources."""

    def __init__(self, graph: LineageGraph, state: State) -> None:
        self.graph, self.state = graph, state
        self._direct: dict[str, list[Reason]] = {}
        self._depend: dict[str, dict[str, ResourceRef]] = {}  # on runs, and by which reference
        self._unwatched: dict[str, dict[str, str]] = {}  # by run and path, why

    def reasons(self, runs: Iterable[str]) -> dict[str, list[Reason]]:
        """Return why runs and those that they depend on are out of date, by their ids."""
        due = deque(runs)
        while due:
            step_id = due.popleft()
            if step_id not in self._direct:
                self._look_at(self.graph.steps[step_id])
                due.extend(self._depend[step_id])
        late = self._spread()
        return {
            step_id: [
                *self._direct[step_id],
                *(
                    Reason(OUT_OF_DATE, ref, step=source)
                    for source, ref in self._depend[step_id].items()
                    if source in late
                ),
            ]
            for step_id in late
        }

    def unwatched(self, standing: Standing) -> tuple[Unwatched, ...]:
        """Return of which files outside nobody can say whether they have changed."""
        why: dict[str, str] = {}
        made: dict[str, set[str]] = defaultdict(set)
        for step_id, found in self._unwatched.items():
            for path, reason in found.items():
                why[path] = reason
                made[path].update(name for name, _ in standing.get(step_id, ()))
        return tuple(Unwatched(path, why[path], tuple(sorted(made[path]))) for path in sorted(made))

    def _spread(self) -> set[str]:
        """Let what is out of date make everything so that was made from it."""
        dependents: dict[str, list[str]] = defaultdict(list)
        for step_id, sources in self._depend.items():
            for source in sources:
                dependents[source].append(step_id)
        late = {step_id for step_id, why in self._direct.items() if why}
        due = deque(late)
        while due:
            more = [one for one in dependents[due.popleft()] if one not in late]
            late.update(more)
            due.extend(more)
        return late

    def _look_at(self, step: Run) -> None:
        self._direct[step.id], self._depend[step.id] = [], {}
        for one in step.dependencies():
            if one.changed:
                self._direct[step.id].append(Reason(UNSTEADY, one.ref))
            elif (reason := self._compare(step, one)) is not None:
                self._direct[step.id].append(reason)

    def _compare(self, step: Run, read: HashCertificate) -> Reason | None:
        """Return how something that was read differs by now; else note who has made it."""
        name, path = read.ref.name, read.ref.path
        if read.ref.is_outside:
            self._depends(step, self.graph.maker(name, path, str(read.hashval), step), read.ref)
            found = self.state.outside(read)
            if found == OTHER:
                return Reason(CHANGED, read.ref)
            if found not in (AS_READ, None):
                self._unwatched.setdefault(step.id, {})[path] = found
            return None
        is_file = read.kind != DIRECTORY and read.hashval is not None
        if is_file and self.state.content(read.ref) == read.hashval:
            self._depends(step, self.graph.maker(name, path, str(read.hashval)), read.ref)
            return None
        if (resource := self.state.resource(name)) is None:
            return None
        then, now = self.graph.files(read), resource.at(path)
        own = {
            path
            for one in step.output_resources
            if one.ref.name == name
            for path in self.graph.files(one)
        }
        replaced = {path: then[path] for path in own & then.keys() if now.get(path) != then[path]}
        differing = sorted(
            path
            for path in then.keys() | now.keys()
            if now.get(path) != then.get(path)
            and path not in own
            and (resource.is_whole or path in now)
        )
        if differing:
            if not now:
                return Reason(GONE, read.ref)
            files = () if differing == [path] else tuple(differing[:MOST_FILES_NAMED])
            return Reason(CHANGED, read.ref, files)
        as_read = {
            path: one for path, one in now.items() if path not in own or then.get(path) == one
        }
        for source in self.graph.makers(name, as_read).values():
            self._depends(step, source, read.ref)
        for source in self.graph.makers(name, replaced, before=step).values():
            self._depends(step, source, read.ref)
        return None

    def _depends(self, step: Run, source: Run | None, ref: ResourceRef) -> None:
        if source is not None and source.id != step.id:
            self._depend[step.id].setdefault(source.id, ref)
