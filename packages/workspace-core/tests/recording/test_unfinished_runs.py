"""Runs that end without a word: nothing is vouched for that was not seen to be there."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from util_services.flow.changes import file_state
from util_services.flow.digests import digests_of
from util_services.flow.run_files import RunFile, state_text
from util_services.runs.recorders import RecordingError, RunStart
from util_services.storage.locks import is_unlocked
from workspace_core.recording.runs import RecordedRuns

RUN = "5c1f7b1e-0d4c-4a43-9a3e-000000000001"
HOLDER = """
import sys, time
from pathlib import Path
from workspace_core.recording.intents import Intents

with Intents(Path(sys.argv[1])).at_work(sys.argv[2]):
    print("at work", flush=True)
    time.sleep(600)
"""


def file_at(place, path):
    """Return a file as a run tells of it."""
    found = digests_of(place, with_blake3=True)
    state = file_state(place)
    return RunFile(
        *(path, str(place), True), state.size, found.sha256, found.blake3, state_text(state)
    )


@pytest.fixture
def runs(lab):
    return RecordedRuns(lab.workspace)


@pytest.fixture
def start(lab):
    output = RunFile("clean/b.csv", str(lab.folder / "clean/b.csv"), is_local=True)
    return RunStart(
        run_id=RUN,
        job="keep_rows_job",
        distribution="a",
        versions={"a": "1"},
        commit=None,
        config_sha256="0" * 64,
        parameters={},
        inputs=(),
        outputs=(output,),
    )


@pytest.fixture
def published(lab, runs, start):
    """A run that has published, and told all but its end."""
    runs.begin(start)
    runs.read(RUN, [file_at(lab.folder / "raw/a.csv", "raw/a.csv")])
    lab.put("clean/b.csv")
    found = file_at(lab.folder / "clean/b.csv", "clean/b.csv")
    runs.announce(RUN, [found])
    return found


def test_a_run_that_was_killed_after_it_had_published_is_recorded_as_failed(lab, runs, published):
    runs.settle(lambda _: True)

    (step,) = lab.steps()
    assert (step.run_id, step.status, step.output_resources) == (RUN, "failed", ())
    assert step.more["error"] == "killed"
    assert [str(one) for one in step.unfinished] == ["clean:/b.csv"]
    assert [str(one.ref) for one in step.input_resources] == ["raw:/a.csv"]
    assert lab.at_work() == []


def test_a_run_that_goes_on_is_left_alone(lab, runs, published):
    runs.settle(lambda _: False)

    assert lab.steps() == []
    assert runs.complete(RUN).data_version == f"blake3:{published.blake3}"


def test_a_run_that_nobody_knows_is_settled_once_it_was_left_alone_for_long(lab, runs, published):
    runs.settle(lambda _: None)
    assert lab.steps() == []
    (kept,) = (lab.folder / ".dataworkspace/local/runs-at-work").glob("*.json")
    long_ago = time.time() - 4000
    os.utime(kept, (long_ago, long_ago))

    runs.settle(lambda _: None)

    assert [one.status for one in lab.steps()] == ["failed"]


def test_a_run_that_somebody_is_at_work_on_is_left_alone_until_that_is_killed(lab, runs, published):
    local = lab.folder / ".dataworkspace/local"
    command = [sys.executable, "-c", HOLDER, str(local), RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "at work\n"

        try:
            runs.settle(lambda _: True)
            while_at_work = lab.steps()
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.communicate()

    assert while_at_work == []
    assert is_unlocked(local / f"runs-at-work/{RUN}.lock")
    runs.settle(lambda _: True)
    assert [one.status for one in lab.steps()] == ["failed"]


def test_a_run_that_was_killed_right_after_its_record_is_not_recorded_twice(lab, runs, published):
    intent = runs.intents.get(RUN)
    runs.complete(RUN)
    (step,) = lab.steps()
    runs.intents.put(replace(intent, record=step.id))  # as if it had not been removed any more

    runs.settle(lambda _: True)

    assert [one.status for one in lab.steps()] == ["complete"]
    assert lab.at_work() == []


def test_a_run_that_was_killed_right_before_its_record_is_recorded_as_failed(lab, runs, published):
    runs.intents.put(replace(runs.intents.get(RUN), record="0" * 64))

    runs.settle(lambda _: True)

    assert [one.status for one in lab.steps()] == ["failed"]


def test_an_output_that_was_changed_right_away_is_not_vouched_for(lab, runs, published):
    lab.put("clean/b.csv", "id,name\n9,somebody else's\n")

    recorded = runs.complete(RUN)

    (step,) = lab.steps()
    assert step.output_resources == ()
    assert step.more["changed_outputs"] == ["clean/b.csv"]
    assert "'clean/b.csv' was changed right after" in recorded.notes[0]


def test_an_output_that_was_written_again_with_the_same_content_is(lab, runs, published):
    content = (lab.folder / "clean/b.csv").read_text()
    (lab.folder / "clean/b.csv").unlink()
    lab.put("clean/b.csv", content)

    assert runs.complete(RUN).notes == ()

    (step,) = lab.steps()
    assert [one.hashval for one in step.output_resources] == [f"blake3:{published.blake3}"]


def test_an_output_that_was_removed_is_not(lab, runs, published):
    (lab.folder / "clean/b.csv").unlink()

    runs.complete(RUN)

    (step,) = lab.steps()
    assert (step.output_resources, step.more["changed_outputs"]) == ((), ["clean/b.csv"])


@pytest.mark.parametrize("run_id", ["../../escape", "", "a/b", ".hidden"])
def test_an_id_that_is_no_name_of_a_file_is_refused(runs, start, run_id):
    with pytest.raises(RecordingError, match="none of Dagster's"):
        runs.begin(replace(start, run_id=run_id))


def test_a_damaged_note_of_a_run_is_told_of_by_its_file(lab, runs, published):
    (kept,) = (lab.folder / ".dataworkspace/local/runs-at-work").glob("*.json")
    kept.write_text("{")

    with pytest.raises(Exception, match="it is no JSON") as raised:
        runs.settle(lambda _: True)

    assert str(kept) in str(raised.value)
