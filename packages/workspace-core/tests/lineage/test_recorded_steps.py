"""What is recorded of a step is what it read and wrote, and nothing else."""

import json
import os
import secrets
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from blake3 import blake3

from workspace_core import api
from workspace_core.errors import ConfigurationError, DamagedFileError, PathNotAResourceError
from workspace_core.lineage import LineageConflictError, ResourceRef, StepOverError
from workspace_core.lineage.model import StepLineage


def content_id(text):
    return f"blake3:{blake3(text.encode()).hexdigest()}"


def facts(certificates):
    return [(str(one.ref), one.kind, one.hashval) for one in certificates]


def test_ws_09_a_step_that_read_old_data_is_never_said_to_have_read_the_new(study):
    """WS-09: the original hashes at the snapshot, and certifies what was never read."""
    with study.builder().with_input_path(study.path("raw/a.csv")).eval() as lineage:
        lineage.add_output_path(study.path("clean/x"))
        study.write("clean/x", f"from {(study.folder / 'raw/a.csv').read_text()}")
    study.write("raw/a.csv", "NEW")
    api.take_snapshot(str(study.folder), tag="after")

    for snapshot in (None, "after"):
        (step,) = study.made("clean/x", snapshot).makers
        assert facts(step.input_resources) == [("raw:/a.csv", "file", content_id("a"))]
        assert not step.input_resources[0].changed
    assert study.stale() == {"clean/x": ["raw:/a.csv has changed since step read it"]}


def test_an_input_that_changes_while_the_step_runs_is_flagged(study):
    with study.builder().with_input_path(study.path("raw")).eval() as lineage:
        study.write("raw/a.csv", "NEW")
        lineage.add_output_path(study.path("clean/x"))
        study.write("clean/x", "made of who knows what")

    (read,) = lineage.recorded.input_resources
    assert read.changed
    assert read.hash_at_end not in (None, read.hashval)
    study.write("raw/a.csv", "a")  # as it was
    assert study.stale() == {"clean/x": ["raw changed while step was running"]}


def test_a_record_says_all_there_is_to_know(study):
    study.write("code/model.py", "pass")
    builder = study.builder("fit", alpha=0.5, seed=7).with_input_path(study.path("raw"))
    builder.with_code_ref(ResourceRef("code", "model.py"))
    with builder.eval() as lineage:
        lineage.add_param("rows", 2)
        lineage.add_output_ref(ResourceRef("clean", "x"))
        study.write("clean/x", "x")

    (step,) = study.records()
    assert step == lineage.recorded
    assert (step.step_name, step.status, step.hostname) == ("fit", "complete", "lab")
    assert step.parameters == {"alpha": 0.5, "seed": 7, "rows": 2}
    assert facts(step.code_resources) == [("code:/model.py", "file", content_id("pass"))]
    assert facts(step.output_resources) == [("clean:/x", "file", content_id("x"))]
    listing = study.workspace().lineage.listing(step.input_resources[0].hashval)
    assert listing == {"a.csv": content_id("a"), "b.csv": content_id("b")}
    assert StepLineage.from_dict(step.to_dict()) == step
    assert step.execution_time_seconds > 0


def test_a_failed_step_has_made_nothing(study):
    study.step(["raw/a.csv"], ["clean/x"], "good")
    lineage = study.builder("bad").with_input_path(study.path("raw/a.csv")).eval()

    def fail():
        with lineage:
            lineage.add_output_path(study.path("clean/x"))
            study.write("clean/x", "half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    failed = lineage.recorded
    assert (failed.status, failed.output_resources) == ("failed", ())
    assert failed.unfinished == (ResourceRef("clean", "x"),)
    found = study.made("clean/x")
    assert found.makers == ()
    assert found.detail == "may have been left by a run of bad that failed"


KILLED = """
import os, signal, sys
from workspace_core.lineage import LineageBuilder
builder = LineageBuilder().with_workspace_directory(sys.argv[1]).with_step_name("killed")
with builder.with_input_path(f"{sys.argv[1]}/raw").eval() as lineage:
    lineage.add_output_path(f"{sys.argv[1]}/clean/x")
    open(f"{sys.argv[1]}/clean/x", "w").write("half")
    seen, at = 0, int(sys.argv[2])
    def watch(event, arguments):
        global seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (
            os.O_WRONLY | os.O_RDWR)
        if event in {"os.rename", "os.remove", "os.mkdir", "subprocess.Popen"} or writes:
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    if at == 0:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_step_leaves_no_false_record_and_no_lock(study):
    moment, recorded = 0, 0
    while True:
        code = subprocess.run([sys.executable, "-c", KILLED, study.folder, str(moment)]).returncode
        found = study.records()  # each is whole, or it is not there
        assert len(found) - recorded in (0, 1)
        assert moment > 0 or not found
        assert len(found) > recorded or code != 0
        recorded = len(found)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        moment += 2
    assert moment > 6
    study.step(["raw/a.csv"], ["clean/y"])
    assert api.verify(str(study.folder)).is_sound
    status = subprocess.run(
        ["git", "status", "--porcelain", ".dataworkspace"],
        cwd=study.folder,
        capture_output=True,
        text=True,
    )
    assert status.stdout == ""


def test_steps_at_once_are_all_recorded(study):
    def one(number):
        return study.step(["raw/a.csv"], [f"clean/{number}"], f"step-{number}").id

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(one, range(12)))

    assert {step.id for step in study.records()} == set(made)
    assert [study.makers(f"clean/{number}") for number in range(12)] == [[one] for one in made]


def test_a_directory_as_output_is_what_was_written_in_it(study):
    study.write("clean/before", "was there")
    study.write("clean/again", "same")
    with study.builder().with_no_inputs().eval() as lineage:
        lineage.add_output_path(study.path("clean"))
        study.write("clean/new/deep", "new")
        study.write("clean/again", "same")

    (output,) = lineage.recorded.output_resources
    listing = study.workspace().lineage.listing(output.hashval)
    assert listing == {"new/deep": content_id("new"), "again": content_id("same")}
    assert study.made("clean/before").to_dict()["origin"] == "unknown"
    assert study.makers("clean/again") == [lineage.recorded.id]


def test_a_directory_that_is_named_after_it_was_written_has_what_the_step_wrote(study):
    study.write("clean/before", "was there")
    with study.builder().with_no_inputs().eval() as lineage:
        study.write("clean/x", "x")
        lineage.add_output_path(study.path("clean"))

    (output,) = lineage.recorded.output_resources
    listing = study.workspace().lineage.listing(output.hashval)
    assert "x" in listing


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("raw/none.csv", ConfigurationError, "raw:/none.csv is not there, so that the step"),
        ("elsewhere", PathNotAResourceError, "belongs to no resource"),
        ("/etc/hostname", PathNotAResourceError, "belongs to no resource"),
    ],
)
def test_an_input_of_which_nobody_could_tell_is_refused(study, given, error, said):
    with pytest.raises(error, match=said):
        study.builder().with_input_path(os.path.join(study.folder, given)).eval()

    study.step(["raw/a.csv"], ["clean/x"])  # and holds nothing up


def test_a_reference_that_leads_out_of_its_resource_is_refused(study):
    with pytest.raises(ConfigurationError, match="does not lie in the resource"):
        study.builder().with_input_ref(ResourceRef("raw", "../clean")).eval()
    with pytest.raises(ConfigurationError, match="There is no resource 'none'"):
        study.builder().with_input_ref(ResourceRef("none")).eval()


def test_one_thing_as_a_whole_and_in_part_is_refused(study):
    builder = study.builder("fit").with_input_path(study.path("raw/a.csv"))

    with pytest.raises(LineageConflictError) as caught:
        builder.with_input_path(study.path("raw")).eval()

    assert (
        str(caught.value)
        == "The step 'fit' names raw:/a.csv, which is a part of raw; name raw alone."
    )


def test_a_link_stands_for_what_it_leads_to(study):
    (study.folder / "raw/latest.csv").symlink_to("a.csv")

    step = study.step(["raw/latest.csv"], ["clean/x"])

    assert facts(step.input_resources) == [("raw:/a.csv", "file", content_id("a"))]


def test_names_that_are_no_unicode_are_recorded(study):
    name = os.fsdecode(b"raw/\xff.csv")
    study.write(name, "odd")

    step = study.step([name], ["clean/x"])

    assert study.records() == [step]
    assert study.makers("clean/x") == [step.id]
    assert api.verify(str(study.folder)).is_sound


def test_what_has_ended_is_not_changed(study):
    lineage = study.builder("over").with_no_inputs().eval()
    lineage.complete()
    before = study.records()

    with pytest.raises(StepOverError, match="The step 'over' has ended"):
        lineage.add_output_path(study.path("clean/x"))
    lineage.complete()
    lineage.abort()

    assert study.records() == before


def test_secrets_are_hidden(study):
    secret = secrets.token_hex()
    given = {"password": secret, "url": f"s3://me:{secret}@host/x"}
    with study.builder(**given).with_no_inputs().eval():
        pass

    (file,) = (study.folder / ".dataworkspace/lineage/steps").iterdir()
    assert secret not in file.read_text()


def test_what_json_does_not_know_is_recorded_as_what_it_is(study):
    step = study.step([], ["clean/x"], folder=study.folder, rate=float("nan"), ids={3}, f=len)

    assert step.parameters == {
        "folder": str(study.folder),
        "rate": "NaN",
        "ids": [3],
        "f": "<builtin_function_or_method>",
    }


OPENED = """
import sys
from workspace_core.lineage import LineageBuilder
opened = []
sys.addaudithook(lambda event, given: event == "open" and opened.append(str(given[0])))
folder = sys.argv[1]
builder = LineageBuilder().with_workspace_directory(folder).with_step_name("s")
with builder.with_input_path(f"{folder}/raw").with_input_path(f"{folder}/clean/one").eval():
    pass
print(sum(name.endswith((".csv'", "one'", ".csv", "one")) for name in opened))
"""


def test_what_has_not_changed_is_not_read_again(study):
    study.write("clean/one", "1")
    stamp = os.stat(study.path("clean/one")).st_ctime_ns + 30_000_000
    while True:  # until the file system's clock has ticked
        study.write("tick", "")
        if os.stat(study.path("tick")).st_ctime_ns > stamp:
            break

    def read():
        done = subprocess.run(
            [sys.executable, "-c", OPENED, study.folder], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert read() == 3  # each once, at the start
    assert read() == 0
    study.write("raw/b.csv", "changed")
    assert read() >= 1


def test_results_are_written_with_metrics_that_the_next_snapshot_has(study):
    builder = study.builder("fit", k=3).with_input_path(study.path("raw"))
    with builder.as_results_step(study.path("results"), "first try").eval() as lineage:
        lineage.write_results({"accuracy": 0.9})

    written = json.loads((study.folder / "results/results.json").read_text())
    assert written.keys() == {
        "step",
        "start_time",
        "execution_time_seconds",
        "parameters",
        "run_description",
        "metrics",
    }
    assert (written["step"], written["parameters"], written["run_description"]) == (
        "fit",
        {"k": 3},
        "first try",
    )
    assert lineage.recorded.metrics == {"accuracy": 0.9}
    api.take_snapshot(str(study.folder))
    assert api.get_snapshot_history(str(study.folder))[0].metrics == {"accuracy": 0.9}


def test_damaged_records_are_found_and_never_believed(study):
    with study.builder().with_input_path(study.path("raw")).eval():
        pass
    lineage = study.folder / ".dataworkspace/lineage"
    (step,) = (lineage / "steps").iterdir()
    (listing,) = (lineage / "listings").iterdir()
    for file, instead in ((step, b'"complete"'), (listing, b'"a.csv"')):
        whole = file.read_bytes()
        file.write_bytes(whole.replace(instead, instead.upper()))
        found = api.verify(str(study.folder))
        assert [one.file for one in found.findings] == [str(file)]
        file.write_bytes(whole)
    assert api.verify(str(study.folder)).is_sound

    step.write_bytes(step.read_bytes().replace(b'"complete"', b'"failed"'))
    (study.folder / ".dataworkspace/local/lineage/records").unlink()
    with pytest.raises(DamagedFileError, match="it does not fit its hash"):
        study.records()
