"""Graphs of fifty steps: every answer is that of a slow oracle which knows only what happened."""

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from workspace_core.lineage import HashCertificate, ResourceRef, StepLineage
from workspace_core.lineage.ancestry import ancestry, descent
from workspace_core.lineage.derivation import derivation
from workspace_core.lineage.edges import from_bytes, to_bytes
from workspace_core.lineage.exports.runs import Linked
from workspace_core.lineage.graph import LineageGraph
from workspace_core.lineage.outside import Outside
from workspace_core.lineage.recorder import Recorder
from workspace_core.lineage.staleness import judge, judge_runs
from workspace_core.lineage.state import PresentState, ResourceFiles, State
from workspace_core.lineage.store import listing_hash
from workspace_core.workspace import load_workspace

STEPS, FILES, SOURCES = 50, 12, 4
NAMES = [f"clean/{number}" for number in range(FILES)]
RAW = [f"raw/{number}" for number in range(SOURCES)]


@dataclass
class Run:
    record: StepLineage
    reads: dict  # contents by path, as they were when it started
    writes: dict  # contents by path


@dataclass
class World:
    """What happened, and what there is: the oracle's knowledge."""

    files: dict = field(default_factory=dict)
    runs: list = field(default_factory=list)

    def recorded(self, reads, writes, name):
        """What a recorder would have said, in a world without files."""
        return a_record(len(self.runs), reads, writes, name)

    def maker(self, path, content, before=None):
        """The last run that wrote this content to this path."""
        runs = self.runs if before is None else self.runs[:before]
        for number in reversed(range(len(runs))):
            if runs[number].writes.get(path) == content:
                return number
        return None

    def ancestors(self, path, content, before=None):
        maker = self.maker(path, content, before)
        if maker is None:
            return set()
        run = self.runs[maker]
        return {run.record.id}.union(*(self.ancestors(p, c, maker) for p, c in run.reads.items()))

    def stale(self):
        """Paths that stand as a run wrote them, and were made from what is not so any more."""
        standing = {path: self.maker(path, one) for path, one in self.files.items()}
        late = set()
        while True:
            more = {
                number
                for number in self.looked_at(standing)
                if number not in late and self.is_late(self.runs[number], number, standing, late)
            }
            if not more:
                return {path for path, number in standing.items() if number in late}
            late |= more

    def looked_at(self, standing):
        due, seen = [one for one in standing.values() if one is not None], set()
        while due:
            number = due.pop()
            if number in seen:
                continue
            seen.add(number)
            due += self.depends_on(self.runs[number], number, standing)
        return seen

    def depends_on(self, run, number, standing):
        for path, content in run.reads.items():
            if path in run.writes and self.files.get(path) != content:
                found = self.maker(path, content, number)  # it has replaced what it read
            else:
                found = standing.get(path)
            if found is not None and found != number:
                yield found

    def is_late(self, run, number, standing, late):
        for path, content in run.reads.items():
            if self.files.get(path) != content and path not in run.writes:
                return True
        return any(one in late for one in self.depends_on(run, number, standing))


# What happens: a step reads files and writes others, or somebody edits or removes a file.
PICK = st.lists(st.integers(0, FILES + SOURCES - 1), min_size=1, max_size=3, unique=True)
STEP = st.tuples(
    st.just("step"),
    PICK,
    st.lists(st.integers(0, FILES - 1), min_size=1, max_size=2, unique=True),
    st.integers(0, 3),  # steps are few, so that some make again what was made before
)
EDIT = st.tuples(st.just("edit"), st.integers(0, FILES + SOURCES - 1), st.integers(0, 2))
REMOVAL = st.tuples(st.just("remove"), st.integers(0, FILES - 1))
HAPPENINGS = st.lists(
    st.one_of(STEP, STEP, STEP, STEP, STEP, STEP, STEP, EDIT, REMOVAL),
    min_size=STEPS,
    max_size=STEPS + 20,
)


# A run replaced what it had read, and a later one that, from something that is gone by now.
REPLACED = [
    ("step", [0], [0, 3], 0),
    ("step", [1, 3], [2, 3], 0),
    ("step", [0], [1, 3], 0),
    ("remove", 0),
]


@settings(max_examples=150)
@example(happenings=REPLACED)
@given(happenings=HAPPENINGS)
def test_every_maker_is_named_and_all_that_is_stale_is_found_and_nothing_else(happenings):
    world = world_after(happenings)

    check(LineageGraph([run.record for run in world.runs], {}.get), InMemory(world), world)


@settings(max_examples=50)
@given(happenings=HAPPENINGS)
def test_so_it_is_with_the_index_of_edges(happenings):
    world = world_after(happenings)
    records = {run.record.id: run.record for run in world.runs}

    found = from_bytes(to_bytes(records.values()), lambda run: records[run.id])

    assert list(found) == list(records)
    check(LineageGraph(found.values(), {}.get), InMemory(world), world)


@pytest.mark.parametrize("whole", [False, True], ids=["files", "directories"])
@settings(max_examples=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(happenings=HAPPENINGS)
def test_so_it_is_with_files_and_with_directories_as_outputs(made_study, whole, happenings):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(made_study, Path(place, "study"), symlinks=True))
        world, workspace = World(), load_workspace(f"git:{folder}", batch=True)

        def record(reads, writes, name):
            outputs = [folder / "clean"] if whole else [folder / one for one in writes]
            recorder = Recorder.begin(
                workspace, name, inputs=[folder / one for one in reads], outputs=outputs
            )
            for path, content in writes.items():
                (folder / path).write_text(content)
            return recorder.complete(commits=False)

        for number, path in enumerate(RAW):
            world.files[path] = f"source {number}"
            (folder / path).write_text(world.files[path])
        for one in happenings:
            before = dict(world.files)
            happen(world, one, record)
            for path in before.keys() | world.files.keys():
                if path not in world.files:
                    (folder / path).unlink()
                elif world.files[path] != before.get(path) and one[0] == "edit":
                    (folder / path).write_text(world.files[path])

        check(LineageGraph.of(workspace.lineage), PresentState(workspace), world)


@pytest.mark.parametrize("whole", [False, True], ids=["files", "directories"])
@settings(max_examples=50)
@given(happenings=HAPPENINGS)
def test_an_export_leads_from_each_content_to_all_that_made_it(whole, happenings):
    """Others know contents by their names alone, so that these must lead from run to run."""
    world, listings = World(), {}

    def record(reads, writes, name):
        step = world.recorded(reads, writes, name)
        if not whole:
            return step
        files = {path.removeprefix("clean/"): content_id(one) for path, one in writes.items()}
        folder = HashCertificate(ResourceRef("clean"), "directory", listing_hash(files))
        listings[folder.hashval] = files
        return replace(step, output_resources=(folder,))

    for number, path in enumerate(RAW):
        world.files[path] = f"source {number}"
    for one in happenings:
        happen(world, one, record)
    graph = LineageGraph([run.record for run in world.runs], listings.get)
    linked = Linked(graph, graph.steps)

    for run in world.runs:
        told = {(f"{ref.name}/{ref.path}", one) for ref, one in linked.read[run.record.id]}
        assert told == {(path, content_id(one)) for path, one in run.reads.items()}
        wrote = {(path, content_id(one)) for path, one in run.writes.items()}
        told = {(f"{ref.name}/{ref.path}", one) for ref, one in linked.written[run.record.id]}
        assert {one for one in told if one[0] != "clean/"} <= wrote
    for path, content in world.files.items():
        if (number := world.maker(path, content)) is not None:
            told = runs_told(linked, world.runs[number].record.id)
            assert world.ancestors(path, content) <= told, path


@settings(max_examples=100)
@given(happenings=HAPPENINGS, source=st.integers(0, SOURCES - 1))
def test_all_that_was_made_of_a_content_is_found_wherever_it_lay(happenings, source):
    world = world_after(happenings)
    graph = LineageGraph([run.record for run in world.runs], {}.get)
    content = f"source {source}"
    reached, made, before = {content}, set(), None
    while before != len(made):
        before = len(made)
        for run in world.runs:
            if reached & set(run.reads.values()):
                made |= set(run.writes.items())
                reached |= set(run.writes.values())

    wanted = {content_id(content): [ResourceRef("raw", "anywhere")]}
    found = derivation(graph, Outside(), wanted)

    assert {
        (f"{ref.name}/{ref.path}", one) for one, places in found.contents.items() for ref in places
    } == {(path, content_id(one)) for path, one in made}


def runs_told(linked, last):
    """Return the runs that an export leads back to from one, by names of contents alone."""
    found, due = set(), [last]
    while due:
        step = due.pop()
        if step not in found:
            found.add(step)
            due += [
                other
                for other, written in linked.written.items()
                if written.keys() & linked.read[step].keys()
            ]
    return found


def world_after(happenings):
    world = World()
    for number, path in enumerate(RAW):
        world.files[path] = f"source {number}"
    for one in happenings:
        happen(world, one)
    return world


def happen(world, happening, record=None):
    kind, *facts = happening
    everything = NAMES + RAW
    if kind == "edit":
        world.files[everything[facts[0]]] = f"edit {facts[1]}"
    elif kind == "remove":
        world.files.pop(NAMES[facts[0]], None)
    else:
        reads = {
            one: world.files[one]
            for number in facts[0]
            if (one := everything[number]) in world.files
        }
        made = f"{facts[2]}:{content_id(str(sorted(reads.values())))[-6:]}"
        writes = {NAMES[number]: f"{made} {number}" for number in facts[1]}
        name = f"step-{facts[2]}"
        step = (record or world.recorded)(reads, writes, name)
        world.runs.append(Run(step, reads, writes))
        world.files |= writes


def check(graph, state, world):
    for path, content in world.files.items():
        name, _, inside = path.partition("/")
        number = world.maker(path, content)
        maker = graph.maker(name, inside, content_id(content))
        made_by = None if number is None else world.runs[number].record
        assert (maker and maker.record()) == made_by, path
        part = ancestry(graph, [certificate(path, content)])
        assert set(part.steps) == world.ancestors(path, content), path

    late = judge(graph, state).stale
    for path, content in world.files.items():
        steps = ancestry(graph, [certificate(path, content)]).steps
        asked = judge_runs(graph, state, steps.values())
        assert asked == tuple(one for one in late if one.step.id in steps), path
    assert {f"{one.ref.name}/{path}" for one in late for path in one.paths} == world.stale()
    assert all(one.reasons for one in late)


class InMemory(State):
    """The world as it is, without any files."""

    def __init__(self, world):
        super().__init__()
        self.files = world.files

    def _look(self, name):
        start = f"{name}/"
        found = {
            path.removeprefix(start): content
            for path, content in self.files.items()
            if path.startswith(start)
        }
        ids = {path: content_id(content) for path, content in found.items()}
        return ResourceFiles(ids, lambda path: len(found[path]))


def content_id(text):
    return f"blake3:{blake3(text.encode()).hexdigest()}"


def certificate(path, content):
    name, _, inside = path.partition("/")
    return HashCertificate(ResourceRef(name, inside), "file", content_id(content))


def a_record(sequence, reads, writes, name="step"):
    return StepLineage.new(
        sequence=sequence,
        run_id=str(sequence),
        step_name=name,
        status="complete",
        start_time="2026-01-01T00:00:00+00:00",
        execution_time_seconds=0.0,
        parameters={},
        input_resources=tuple(certificate(*one) for one in reads.items()),
        code_resources=(),
        output_resources=tuple(certificate(*one) for one in writes.items()),
    )


def test_what_was_made_from_a_file_is_all_that_and_nothing_else(study):
    study.step(["raw/a.csv"], ["clean/1"], "one")
    study.step(["raw/b.csv"], ["clean/2"], "two")
    study.step(["clean/1"], ["clean/3"], "three")
    study.step(["clean/2", "clean/3"], ["clean/4"], "four")
    study.step(["clean/2"], ["clean/5"], "five")

    def steps(path):
        return sorted(one.step_name for one in study.made_from(path).part.steps.values())

    assert steps("raw/a.csv") == ["four", "one", "three"]
    assert steps("clean/2") == ["five", "four"]
    assert steps("clean/4") == []
    assert steps("raw") == ["five", "four", "one", "three", "two"]


def test_a_chain_of_ten_thousand_steps_is_followed_to_its_source():
    world = World(files={"clean/0": "0"})
    for number in range(10_000):
        read, written = {f"clean/{number}": str(number)}, {f"clean/{number + 1}": str(number + 1)}
        world.runs.append(Run(a_record(number, read, written), read, written))
        world.files |= written
    graph = LineageGraph([run.record for run in world.runs], {}.get)

    assert len(ancestry(graph, [certificate("clean/10000", "10000")]).steps) == 10_000
    assert len(descent(graph, certificate("clean/0", "0")).steps) == 10_000
    assert judge(graph, InMemory(world)).stale == ()
    world.files["clean/0"] = "another"
    assert len(judge(graph, InMemory(world)).stale) == 10_000
