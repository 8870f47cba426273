"""What a recorded run has hashed, nobody who looks at the workspace next reads again."""

import os
import time
from datetime import UTC, datetime

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from util_services.flow.changes import file_state
from util_services.flow.run_files import RunFile, state_text
from workspace_core import api
from workspace_core.lineage.digests import Digests
from workspace_core.lineage.model import ResourceRef
from workspace_core.recording.certificates import References, remember
from workspace_core.trees.capture import CaptureOptions, capture
from workspace_core.trees.stat_cache import UNTRUSTED, directory_of, is_settled, stat_fields, united

OLD = 1_700_000_000_123_456_789  # nanoseconds


@pytest.fixture
def moved(lab):
    """Return a function that publishes a file as runs do: written first, moved to its place."""

    def publish(path, text, written=OLD):
        place = lab.folder / path
        ready = place.with_name("ready")
        ready.write_text(text)
        os.utime(ready, ns=(written, written))
        file = run_file(ready, place)
        ready.rename(place)
        while not is_settled(stat_fields(place.lstat()), time.time_ns()):
            time.sleep(0.001)
        return file

    return publish


def run_file(file, place):
    content = file.read_bytes()
    state = state_text(file_state(file))
    digest = blake3(content).hexdigest()
    return RunFile(place.name, str(place), is_local=True, bytes=len(content), blake3=digest,
                   state=state)  # fmt: skip


def record(lab, inputs=(), outputs=(), began=None):
    references = References(lab.workspace)
    remember(
        lab.workspace,
        references.inputs(inputs),
        references.outputs(outputs),
        began or datetime.now(UTC),
    )


def read_by_a_look(lab, name):
    """Return how many files of a resource are read to tell what is in it."""
    workspace = lab.workspace
    resource = workspace.get_resource(name)
    with workspace.store_session() as session:
        known = resource._state.cache_for_looking(session.generation)
        options = CaptureOptions(skips_special=True)
        return capture(session, resource.root, known, options, keep=False).read_files


def test_an_output_is_not_read_again_by_status_and_questions(lab, moved):
    record(lab, outputs=[moved("clean/b.csv", "some\n")])

    assert read_by_a_look(lab, "clean") == 0
    content = Digests(lab.workspace).of(ResourceRef("clean", "b.csv"))
    assert content.hashval == f"blake3:{blake3(b'some' + bytes([10])).hexdigest()}"


def test_an_output_that_was_changed_since_is_read(lab, moved):
    file = moved("clean/b.csv", "some\n")
    record(lab, outputs=[file])
    (lab.folder / "clean/b.csv").write_text("more\n")
    os.utime(lab.folder / "clean/b.csv", ns=(OLD, OLD))

    assert read_by_a_look(lab, "clean") == 1


def test_an_output_that_was_written_right_before_it_was_moved_is_read(lab, moved):
    """Somebody may have changed it in the same tick, which its times do not tell."""
    record(lab, outputs=[moved("clean/b.csv", "some\n", written=time.time_ns())])

    assert read_by_a_look(lab, "clean") == 1


def test_an_input_that_was_at_rest_is_not_read_again(lab):
    place = lab.folder / "raw/a.csv"
    os.utime(place, ns=(OLD, OLD))
    file = run_file(place, place)
    while not is_settled(stat_fields(place.lstat()), time.time_ns()):
        time.sleep(0.001)
    began = datetime.now(UTC)

    record(lab, inputs=[file], began=began)

    assert read_by_a_look(lab, "raw") == 0


def test_an_input_that_was_touched_while_the_run_was_at_work_is_read(lab):
    place = lab.folder / "raw/a.csv"
    os.utime(place, ns=(OLD, OLD))
    file, began = run_file(place, place), datetime.now(UTC)
    place.write_text("id,name\n1,z\n2,z\n")
    os.utime(place, ns=(OLD, OLD))
    assert state_text(file_state(place)) == file.state

    record(lab, inputs=[file], began=began)

    assert read_by_a_look(lab, "raw") == 1


def test_a_run_of_a_job_leaves_what_it_read_to_the_next_look(lab):
    place = lab.folder / "raw/a.csv"
    while not is_settled(stat_fields(place.lstat()), time.time_ns()):
        time.sleep(0.001)

    lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    assert read_by_a_look(lab, "raw") == 0
    assert [one.state for one in api.status(str(lab.folder)) if one.name == "clean"] == ["new"]


entries = st.dictionaries(
    st.binary(min_size=1, max_size=3).filter(lambda one: 0 not in one),
    st.tuples(st.integers(0, 3), st.integers(1, 2)),
    max_size=4,
)


def directory(found):
    return directory_of(
        {
            name: (stat_bytes(changed), bytes([identity]) * len(UNTRUSTED))
            for name, (changed, identity) in found.items()
        }
    )


def stat_bytes(changed):
    return b"".join(one.to_bytes(8, "little") for one in (0, 1, 2, changed, 4))


@settings(max_examples=60)
@given(entries, entries)
def test_two_looks_at_a_directory_are_united_by_what_was_changed_last(one, other):
    found = united(directory(one), directory(other)).by_name()

    assert found.keys() == one.keys() | other.keys()
    for name, (stats, identity) in found.items():
        sides = [side[name] for side in (one, other) if name in side]
        last = max(changed for changed, _ in sides)
        assert stats == stat_bytes(last)
        assert (last, identity[0]) in sides
