"""``dws run`` records commands that know nothing of it, and the questions of ``dws lineage``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workspace_core.lineage import StepLineage

DWS = Path(sys.executable).with_name("dws")


@pytest.fixture
def dws(study):
    def run(*words, **options):
        return subprocess.run(
            [DWS, "--batch", *words],
            cwd=study.folder,
            capture_output=True,
            text=True,
            **options,
        )

    return run


def shell(text):
    return ["--", "sh", "-c", text]


def test_a_command_is_recorded_with_what_it_was_found_to_have_written(dws, study):
    study.write("code/copy.py", "import shutil, sys; shutil.copy(*sys.argv[1:])")

    done = dws(
        *("run", "--input", "raw/a.csv", "--param", "k=5"),
        *("--", sys.executable, "code/copy.py", "raw/a.csv", "clean/x"),
    )

    assert (done.returncode, done.stdout) == (0, "")
    (step,) = study.records()
    assert f"Recorded the step copy {step.id[:8]}: 1 output: clean:/x" in done.stderr
    assert (step.step_name, step.parameters) == ("copy", {"k": "5"})
    assert step.command_line[1:] == ("code/copy.py", "raw/a.csv", "clean/x")
    assert [str(one.ref) for one in step.input_resources] == ["raw:/a.csv"]
    assert [str(one.ref) for one in step.code_resources] == ["code:/copy.py"]
    assert study.makers("clean/x") == [step.id]


def test_what_a_command_writes_again_as_it_was_is_found_too(dws, study):
    words = ["run", "--input", "raw/a.csv", "--step", "make", *shell("echo same > clean/x")]
    assert dws(*words).returncode == 0
    study.write("raw/a.csv", "NEW")
    assert study.stale() != {}

    assert dws(*words).returncode == 0

    assert study.stale() == {}


def test_many_files_are_found_as_one_listing(dws, study):
    words = shell("for i in $(seq 100); do echo $i > clean/$i; done")

    assert dws("run", *words).returncode == 0

    (step,) = study.records()
    assert [(str(one.ref), one.kind) for one in step.output_resources] == [("clean", "directory")]
    assert study.makers("clean/77") == [step.id]


def test_outputs_that_are_given_are_all_there_is(dws, study):
    words = shell("echo x > clean/x; echo y > clean/y")

    assert dws("run", "--output", "clean/x", *words).returncode == 0

    assert len(study.makers("clean/x")) == 1
    assert study.makers("clean/y") == []


@pytest.mark.parametrize(
    ("command", "status"), [("exit 7", 7), ("kill -9 $$", 137), ("exit 1", 1)], ids=str
)
def test_the_exit_status_is_passed_on_and_a_failure_has_made_nothing(dws, study, command, status):
    done = dws("run", *shell(f"echo half > clean/x; {command}"))

    assert done.returncode == status
    (step,) = study.records()
    assert (step.status, step.output_resources) == ("failed", ())
    assert [str(one) for one in step.unfinished] == ["clean:/x"]
    assert step.more["exit_status"] == status
    assert study.makers("clean/x") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_is_recorded_as_failed(study, number):
    process = subprocess.Popen(
        [DWS, "run", *shell("echo half > clean/x; touch started; exec sleep 60")],
        cwd=study.folder,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (study.folder / "started").exists():
        time.sleep(0.05)
    os.killpg(process.pid, number)

    assert process.wait() in (128 + number, number, 130, 143)
    (step,) = study.records()
    assert step.status == "failed"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--", "no-such-program"], 1, "error: The command 'no-such-program' cannot be started"),
        (["--input", "raw/none", "--", "true"], 1, "error: raw:/none is not there"),
        (["--output", "/etc/x", "--", "true"], 1, "belongs to no resource"),
        (["--param", "x", "--", "true"], 2, "give NAME=VALUE"),
        ([], 2, "Missing argument"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_cannot_be_recorded_is_not_run(dws, study, words, status, said):
    done = dws("run", *words)

    assert done.returncode == status
    assert said in done.stderr
    assert study.records() == []


NESTED = """
from workspace_core.lineage import LineageBuilder
with LineageBuilder().with_step_name("inner").with_input_path("raw/a.csv").eval() as lineage:
    lineage.add_output_path("clean/inner")
    open("clean/inner", "w").write("i")
open("clean/outer", "w").write("o")
"""


def test_a_step_within_a_command_has_made_its_own_and_holds_nothing_up(dws, study):
    study.write("code/both.py", NESTED)

    assert dws("run", "--step", "outer", "--", sys.executable, "code/both.py").returncode == 0

    inner, outer = study.records()
    assert inner.within == outer.run_id
    assert study.makers("clean/inner") == [inner.id]
    assert study.makers("clean/outer") == [outer.id]


def test_a_command_whose_outputs_are_found_waits_for_steps_that_write(dws, study):
    with study.builder("other").with_no_inputs().eval() as lineage:
        lineage.add_output_path(study.path("clean/other"))
        done = dws("--lock-timeout", "0.2", "run", "--", "true")
        assert done.returncode == 1
        assert "is in use by" in done.stderr
        assert dws("run", "--output", "clean/x", *shell("echo x > clean/x")).returncode == 0
        study.write("clean/other", "o")

    assert len(study.records()) == 2


def test_the_answers_for_people_and_for_programs(dws, study):
    dws("run", "--input", "raw/a.csv", "--step", "make", *shell("cp raw/a.csv clean/x"))
    study.write("raw/a.csv", "NEW")
    (step,) = study.records()

    said = dws("lineage", "show", "clean/x").stdout
    assert said.startswith("clean:/x ")
    assert f"made by make {step.id[:8]}" in said
    assert "  read   raw:/a.csv" in said
    assert "! clean:/x is out of date: raw:/a.csv has changed since make read it" in said

    found = json.loads(dws("lineage", "show", "clean:/x", "--json").stdout)
    assert (found["origin"], found["made_by"]) == ("step", [step.id])
    assert [one["path"] for one in found["sources"]] == ["a.csv"]
    assert "read by 1 run" in dws("lineage", "show", "raw/a.csv", "--forward").stdout
    assert "no step has read it" in dws("lineage", "show", "raw/b.csv", "--forward").stdout

    assert "clean:/x (step): make" in dws("report", "lineage").stdout
    status = dws("status").stdout
    assert "  ! clean:/x is out of date: raw:/a.csv has changed since make read it" in status
    (clean,) = [one for one in json.loads(dws("status", "--json").stdout) if one["name"] == "clean"]
    assert clean["stale"][0]["reasons"][0]["kind"] == "changed"
    for words in (["show", "clean/none"], ["graph", "no/folder/x.html"], ["show", "/etc"]):
        done = dws("lineage", *words)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("error: ")


def test_people_are_shown_as_many_runs_as_they_can_read_and_programs_all(dws, study):
    read = study.step(["raw/a.csv"], ["clean/0"], "make").output_resources[0]
    last = study.step(["clean/0"], ["clean/1"], "next").output_resources[0]
    for number in range(120):
        facts = {"step_name": f"s{number}", "status": "complete", "parameters": {}}
        facts |= {"start_time": "2026-01-01T00:00:00+00:00", "execution_time_seconds": 0.0}
        edges = {"input_resources": (read,), "code_resources": (), "output_resources": (last,)}
        run = StepLineage.new(sequence=number + 3, run_id=str(number), **facts, **edges)
        study.workspace().lineage.add(run)

    said = dws("lineage", "show", "clean/0", "--forward").stdout

    assert "read by 121 runs" in said
    assert said.endswith("… and 21 runs more; --json has all of them\n")
    assert "s98 " in said
    assert "s99 " not in said
    printed = dws("lineage", "show", "clean/0", "--forward", "--json").stdout
    assert len(json.loads(printed)["steps"]) == 121
    assert len(printed.splitlines()) > 121


def test_a_file_that_the_command_names_and_nobody_has_named_is_told_of(dws, study):
    words = ["--", "cp", "raw/a.csv", "clean/x"]

    done = dws("run", *words)
    assert (
        "note: the command names raw:/a.csv, which the record does not have as read" in done.stderr
    )
    assert dws("run", "--output", "clean/y", *shell("echo 1 > clean/y")).stderr.count("note: ") == 1

    assert "note" not in dws("run", "--input", "raw/a.csv", *words).stderr
    assert "note" not in dws("run", "--input", "raw", *words).stderr
    assert "note" not in dws("run", *shell("true")).stderr


@pytest.mark.parametrize("outputs", [[], ["--output", "clean"]], ids=["found", "named"])
@pytest.mark.parametrize("gone", ["", "/.dataworkspace"], ids=["folder", "records"])
def test_a_workspace_that_is_removed_meanwhile_is_not_made_anew(dws, study, gone, outputs):
    done = dws("run", *outputs, *shell(f"rm -r {study.folder}{gone}"))

    assert done.returncode == 1
    assert done.stderr.startswith("error: The step 'sh' has ended and is not recorded: ")
    assert done.stderr.endswith("bring it back, and run the step again.\n")
    assert not (study.folder / ".dataworkspace").exists()


def test_a_record_that_is_damaged_keeps_no_other_run_from_being_recorded(dws, study):
    spoilt = study.step(["raw/a.csv"], ["clean/x"], "first")
    spoil(study, spoilt)

    done = dws("run", "--input", "raw/b.csv", *shell("echo 1 > clean/y"))

    assert done.returncode == 0, done.stderr
    assert "1 output: clean:/y" in done.stderr


def test_status_tells_of_changes_though_a_record_is_damaged(dws, study):
    spoil(study, study.step(["raw/a.csv"], ["clean/x"], "first"))
    study.write("raw/new.csv", "new")

    for words in ([], ["--json"]):
        done = dws("status", *words)

        assert "new.csv" in done.stdout
        assert done.returncode == 1
        assert "it is no JSON" in done.stderr
        assert done.stderr.endswith("So nobody can say what is out of date.\n")


def test_a_file_that_was_moved_is_said_to_be_a_copy_of_what_was_made(dws, study):
    made = study.step(["raw/a.csv"], ["clean/x"], "make")
    (study.folder / "clean/x").rename(study.folder / "clean/moved")

    said = dws("lineage", "show", "clean/moved").stdout

    assert f": a copy of clean:/x, which make {made.id[:8]} wrote\n" in said
    study.write("clean/empty", "")
    study.write("clean/other", "of nobody")
    for path in ("clean/empty", "clean/other"):
        assert ": nobody knows what made it" in dws("lineage", "show", path).stdout


def test_outputs_of_one_run_that_are_out_of_date_are_one_line(dws, study):
    study.step(["raw/a.csv"], ["clean/x", "clean/y", "clean/z"], "make")
    study.write("raw/a.csv", "changed")

    said = dws("status").stdout

    why = "raw:/a.csv has changed since make read it"
    assert f"  ! clean:/x and 2 more files of its run are out of date: {why}\n" in said
    assert said.count(" ! ") == 1
    found = json.loads(dws("status", "--json").stdout)
    assert sum(len(one["stale"]) for one in found) == 3


def spoil(study, step):
    (study.folder / f".dataworkspace/lineage/steps/{step.id}.json").write_text("{")
    (study.folder / ".dataworkspace/local/lineage/records").unlink()
