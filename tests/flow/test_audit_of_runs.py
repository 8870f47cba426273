"""Every run is in the audit, before its first row and after its end, by every door."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import dagster as dg
import jsonschema
import pytest

from util_services.audit.writer import writer
from util_services.errors import DatasetError
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation

CSV = b"id,name\n1,x\n1,x\n2,y\n"
DAGSTER = Path(sys.executable).with_name("dagster")
HANDWRITTEN = Path(__file__).with_name("handwritten.py")
JOB = "remove_duplicates_job"
MULTIPROCESS = {"config": {"multiprocess": {"max_concurrent": 1}}}


def validator(name):
    text = files("util_services").joinpath(f"schemas/{name}.schema.json").read_text("utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


class Trail:
    """What a machine has logged and recorded, each line checked against its schema."""

    def __init__(self, machine):
        self.folder = machine.home / "audit"
        self.logs = machine.home / "simpl_logs"

    def records(self):
        """Return the records of work in the order of their times."""
        found = []
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in map(json.loads, file.read_text().splitlines()):
                validator("audit_record").validate(line)
                found.append(line)
        work = [record for record in found if record["kind"] == "work"]
        return sorted(work, key=lambda record: (record["time"], record["sequence"]))

    def told(self, run_id=None):
        """Return phase and outcome of each record, of a run if one is named."""
        return [
            record.get("outcome", record["phase"])
            for record in self.records()
            if run_id in {None, record.get("run_id")}
        ]

    def logged(self):
        """Return the lines of all logs by run id."""
        logs = {}
        for file in self.logs.glob("simpl_run_*.json"):
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            for line in lines:
                validator("simpl_log").validate(line)
            logs[file.stem.removeprefix("simpl_run_")] = lines
        return logs


@pytest.fixture
def trail(machine):
    yield Trail(machine)
    writer().close()


def set_paths(output="out.csv"):
    return ["--set", "read_dataset.path=in.csv", "--set", f"write_dataset.path={output}"]


def verify(machine, *arguments):
    answer = machine.run("audit", "verify", "--json", *arguments)
    return answer.returncode, json.loads(answer.stdout)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_run_of_the_command_line_is_recorded_and_logged(machine, trail):
    machine.put("in.csv", CSV)

    answer = machine.run("run", JOB, *set_paths(), "--json")

    run_id = json.loads(answer.stdout)["run_id"]
    before, commit, after = trail.records()
    assert (before["phase"], before["job"], before["run_id"]) == ("before", JOB, run_id)
    assert (before["inputs"], before["outputs"]) == ([{"path": "in.csv"}], [{"path": "out.csv"}])
    assert before["user"]
    assert "data-processing" in before["versions"]
    digest = sha256(machine.get("out.csv"))
    assert (commit["phase"], commit["outputs"][0]["sha256"]) == ("commit", digest)
    assert commit["outputs"][0]["path"] == str(machine.root / "out.csv")
    source = {"path": str(machine.root / "in.csv"), "sha256": sha256(CSV), "bytes": 20, "rows": 3}
    assert after["inputs"] == [source]
    listed = machine.run("audit", "list", "--last", "1").stdout
    assert f"input={machine.root / 'in.csv'} output={machine.root / 'out.csv'}" in listed
    assert after["outputs"] == [
        {"path": str(machine.root / "out.csv"), "sha256": digest, "bytes": 16, "rows": 2}
    ]
    assert after["counts"] == {"in": 3, "out": 2, "dropped": 1, "quarantined": 0}
    assert list(trail.logged()) == [run_id]
    status, found = verify(machine, "--report", machine.root / "out.csv.report.json")
    assert (status, found["findings"], found["open"]) == (0, [], [])
    assert found["anchors"] > 1


def test_equal_configs_have_equal_digests_whoever_fills_in_the_defaults(machine, trail):
    machine.put("in.csv", CSV)

    replacing = [*set_paths(), "--set", "write_dataset.overwrite=true"]
    machine.run("run", JOB, *replacing)
    machine.run("run", JOB, *replacing, "--set", "remove_duplicates.keep=first")
    machine.run("run", JOB, *replacing, "--set", "remove_duplicates.keep=last")

    first, second, third = [r["config_sha256"] for r in trail.records() if "config_sha256" in r]
    assert first == second != third


def multiprocess(machine, run_config, module=("-m", "data_services.repository")):
    config = run_config() | {"execution": MULTIPROCESS}
    (machine.folder / "run.json").write_text(json.dumps(config))
    command = [DAGSTER, "job", "execute", *module, "-j", JOB, "-c", "run.json"]
    return subprocess.run(
        command,
        env=os.environ | machine.variables,
        cwd=machine.folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("module", ["data_services", "handwritten"])
def test_a_run_of_several_processes_is_recorded_once(machine, trail, run_config, module):
    machine.put("in.csv", CSV)
    place = ("-f", HANDWRITTEN) if module == "handwritten" else ("-m", "data_services.repository")

    answer = multiprocess(machine, run_config, place)

    assert answer.returncode == 0, answer.stderr
    assert trail.told() == ["before", "commit", "success"]
    [lines] = trail.logged().values()
    steps = [line for line in lines if line.get("customFields", {}).get("event_type")]
    assert sum(line["customFields"]["event_type"] == "STEP_SUCCESS" for line in steps) == 3
    assert verify(machine)[0] == 0


def test_each_step_is_logged_with_counts_and_duration_and_business_records(machine, trail):
    machine.put("in.csv", CSV)

    machine.run("run", JOB, *set_paths())

    [lines] = trail.logged().values()
    texts = [line["message"] for line in lines if line["level"] == "INFO"]
    assert [text.rsplit(" ", 2)[0] for text in texts if text.endswith(" s.")] == [
        "Read 3 rows and 2 columns in",
        "Kept 2 of 3 rows in",
        f"Published 2 rows at {machine.root / 'out.csv'} in",
    ]
    [business] = [line["message"] for line in lines if line["level"] == "BUSINESS"]
    assert business["businessOperation"] == "REMOVE_DUPLICATES"
    assert business["user"]
    assert business["customFields"]["dataset_type"] == "csv"
    assert business["customFields"]["job_config"]["keep"] == "first"


@pytest.mark.parametrize("job", ["plugin_report_job", "data_processing_job"])
def test_jobs_without_a_dataset_are_recorded_and_logged_too(machine, trail, job):
    answer = machine.run("run", job)

    assert answer.returncode == 0, answer.stderr
    assert trail.told() == ["before", "success"]
    assert len(trail.logged()) == 1


def test_a_run_that_fails_is_recorded_by_the_class_of_its_error(machine, trail):
    machine.put("in.csv", CSV + b"3,z,surplus\n")

    answer = machine.run("run", JOB, *set_paths())

    assert answer.returncode == 1
    before, after = trail.records()
    assert (after["outcome"], after["step"]) == ("failure", "read_dataset")
    assert after["error"][0].endswith("Error")
    assert "surplus" not in json.dumps([before, after])
    assert verify(machine)[1]["open"] == []


def test_what_is_refused_on_the_command_line_is_no_run(machine, trail):
    answer = machine.run("run", JOB, *set_paths())

    assert answer.returncode == 2
    assert trail.records() == []


LONG = ["--set", "remove_duplicates.ignore=[case, accents]"]


def start_long_work(machine):
    """Start a run that is at work for seconds, and wait until it is."""
    rows = b"".join(b"%d,name %d\n" % (n, n) for n in range(900_000))
    machine.put("in.csv", b"id,name\n" + rows)
    process = subprocess.Popen(
        machine.command("run", JOB, *set_paths(), *LONG),
        env=os.environ | machine.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    machine.await_work(process)
    return process


def test_a_run_that_is_cancelled_is_recorded_as_such(machine, trail):
    process = start_long_work(machine)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 1

    assert trail.told() == ["before", "cancelled"]
    assert verify(machine)[1]["open"] == []


def test_a_killed_run_is_open_until_the_next_run_closes_it(machine, trail):
    process = start_long_work(machine)
    process.kill()
    process.wait()
    [before] = trail.records()

    status, found = verify(machine)
    assert status == 0
    [work] = found["open"]
    assert (work["work"], work["state"]) == (before["run_id"], "interrupted")
    shown = machine.run("audit", "verify").stdout.splitlines()
    assert shown[0] == (
        f"open: run {before['run_id']} of {JOB}, since {before['time']}: interrupted"
    )

    machine.put("in.csv", CSV)
    machine.run("run", JOB, *set_paths())

    assert trail.told(before["run_id"]) == ["before", "interrupted"]
    status, found = verify(machine)
    assert (status, found["open"]) == (0, [])


class Config(dg.Config):
    """How much tea."""

    cups: int = 1


@operation()
def sabotage(dataset: Dataset, config: Config) -> Outcome:
    """Keep all rows, and take the audit away before they are published."""
    os.environ["DATA_SERVICES_AUDIT_DIR"] = "/dev/null/audit"
    return Outcome(dataset.scan())


@operation()
def spill_tea(dataset: Dataset, config: Config) -> Outcome:
    """Fail."""
    raise DatasetError("Too much tea.")


def in_process(machine, job, run_config, **tags):
    machine.put("in.csv", CSV)
    config = run_config()
    del config["ops"]["remove_duplicates"]
    with machine.instance() as instance:
        result = job.execute_in_process(
            run_config=config, instance=instance, raise_on_error=False, tags=tags
        )
        failures = [
            event.step_failure_data.user_failure_data.description
            for event in result.all_events
            if event.is_step_failure
        ]
    return result, failures


def test_who_why_and_on_whose_behalf_come_from_the_tags_of_the_run(machine, trail, run_config):
    tags = {"user": "ada", "requester": "grace", "purpose": "yearly statistics"}

    in_process(machine, spill_tea.jobs()[0], run_config, **tags)

    before, after = trail.records()
    assert before.items() >= tags.items()
    assert after.items() >= tags.items()
    assert (after["outcome"], after["error"], after["step"]) == (
        "failure",
        ["DatasetError"],
        "spill_tea",
    )


def test_a_run_that_cannot_be_recorded_does_not_begin(machine, trail, run_config, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", "/dev/null/audit")

    result, failures = in_process(machine, spill_tea.jobs()[0], run_config)

    assert not result.success
    assert failures == [
        "The audit cannot be written to '/dev/null/audit' (Not a directory), and work that is not "
        "recorded is not done; make room, make the folder writable, or set "
        "DATA_SERVICES_AUDIT_DIR to another one."
    ]
    assert machine.outputs() == ["root/in.csv"]


def test_nothing_is_published_that_cannot_be_recorded(machine, trail, run_config, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(trail.folder))

    result, [failure] = in_process(machine, sabotage.jobs()[0], run_config)
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(trail.folder))

    assert not result.success
    assert failure.startswith("The audit cannot be written to '/dev/null/audit'")
    assert machine.outputs() == ["root/in.csv"]
    assert trail.told() == ["before"]


def test_an_audit_that_cannot_be_written_is_refused_on_the_command_line(machine):
    machine.put("in.csv", CSV)

    answer = machine.run("run", JOB, *set_paths(), DATA_SERVICES_AUDIT_DIR="/dev/null/audit")

    assert answer.returncode == 2
    assert answer.stderr.startswith("error: The audit cannot be written to '/dev/null/audit'")
    assert machine.outputs() == ["root/in.csv"]


@pytest.mark.parametrize("job", [JOB, "health_check_job"])
def test_a_full_disk_of_the_audit_stops_a_run_in_one_sentence(machine, job):
    disk = machine.folder / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        machine.put("in.csv", CSV)
        (disk / "filling").write_bytes(bytes(16 << 10))
        options = set_paths() if job == JOB else []
        answer = machine.run("run", job, *options, DATA_SERVICES_AUDIT_DIR=str(disk / "audit"))
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)

    assert answer.returncode == 2
    [error] = answer.stderr.splitlines()
    assert error.startswith(f"error: The audit cannot be written to '{disk}/audit' (No space left")
    assert machine.outputs() == ["root/in.csv"]
    with machine.instance() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["FAILURE"]


def test_the_job_finds_what_was_done_to_the_audit_and_fails(machine, trail):
    machine.put("in.csv", CSV)
    machine.run("run", JOB, *set_paths())
    assert machine.run("run", "audit_verify_job").returncode == 0

    [file] = trail.folder.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2] + lines[3:]))
    answer = machine.run("run", "audit_verify_job")

    assert answer.returncode == 1
    assert answer.stderr == (
        f"error: The audit is broken at {file.name}, line 3: record 4 stands here, and record 3 is "
        "missing before it.\n"
    )


@pytest.mark.parametrize("gone", ["last record", "file", "folder and key"])
def test_what_only_the_runs_still_know_is_found(machine, trail, gone):
    machine.put("in.csv", CSV)
    machine.run("run", JOB, *set_paths())
    [file] = trail.folder.glob("*.jsonl")
    match gone:
        case "last record":
            file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
        case "file":
            file.unlink()
        case "folder and key":
            shutil.rmtree(trail.folder)
            shutil.rmtree(machine.folder / "home" / "data")
            machine.run("run", "plugin_report_job")

    status, found = verify(machine)

    assert status == 1
    kinds = {finding["kind"] for finding in found["findings"]}
    assert kinds == {"cut" if gone == "last record" else "chain_missing"}
    assert verify(machine, "--files-only")[0] == 0
    assert machine.run("audit", "prune", "--days", 1).returncode == 1
    if gone == "file":
        report = machine.root / "out.csv.report.json"
        assert verify(machine, "--files-only", "--report", report)[0] == 1


def test_the_records_are_listed_and_chosen(machine, trail):
    machine.put("in.csv", CSV)
    told = json.loads(machine.run("run", JOB, *set_paths(), "--json").stdout)
    machine.run("run", "plugin_report_job")

    answer = machine.run("audit", "list", "--run", told["run_id"], "--json")
    shown = machine.run("audit", "list", "--last", 1)

    listed = json.loads(answer.stdout)
    assert [record["phase"] for record in listed["records"]] == ["before", "commit", "after"]
    assert (answer.returncode, listed["findings"]) == (0, [])
    assert shown.stdout.count("\n") == 1
    assert "success" in shown.stdout
    assert machine.run("audit", "list", "--user", "nobody-like-that").stdout == ""


def test_without_an_audit_there_is_nothing_to_verify(machine):
    answer = machine.run("audit", "verify")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("error: There is no audit in ")


def test_how_long_the_audit_is_kept_must_be_said_before_anything_is_removed(machine, trail):
    machine.put("in.csv", CSV)
    machine.run("run", JOB, *set_paths())

    refused = machine.run("audit", "prune")
    pruned = machine.run("audit", "prune", "--json", DATA_SERVICES_AUDIT_RETENTION_DAYS="30")

    assert (refused.returncode, pruned.returncode) == (2, 0)
    assert json.loads(pruned.stdout) == {
        "schema": 1,
        "files": [],
        "records": 0,
        "held_by": [],
    }
    assert trail.told()[-2:] == ["before", "success"]


def test_an_audit_that_was_moved_without_its_files_is_whole_once_that_is_acknowledged(machine):
    machine.put("in.csv", CSV)
    assert machine.run("run", JOB, *set_paths("first.csv")).returncode == 0
    moved = {"DATA_SERVICES_AUDIT_DIR": str(machine.folder / "moved")}
    assert machine.run("run", JOB, *set_paths("second.csv"), **moved).returncode == 0

    broken = machine.run("audit", "verify", **moved)
    told = machine.run("audit", "acknowledge", "--reason", "moved to a new disk", **moved)
    whole = machine.run("audit", "verify", "--json", **moved)
    pruned = machine.run("audit", "prune", "--days", "1", **moved)
    again = machine.run("audit", "acknowledge", "--reason", "once more", **moved)

    assert broken.returncode == 1
    assert "copy its former files here" in broken.stdout
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("acknowledged: the chain '")
    assert whole.returncode == 0
    [note] = json.loads(whole.stdout)["notes"]
    assert "acknowledged loss: the chain" in note
    assert "moved to a new disk" in note
    assert pruned.returncode == 0
    assert again.returncode == 2
    assert "There is no loss to acknowledge" in again.stderr
    shutil.copytree(machine.home / "audit", moved["DATA_SERVICES_AUDIT_DIR"], dirs_exist_ok=True)
    assert machine.run("audit", "verify", **moved).returncode == 0


def test_without_dagsters_storage_the_audit_is_not_called_broken(machine):
    machine.put("in.csv", CSV)
    assert machine.run("run", JOB, *set_paths()).returncode == 0
    settings = machine.home / "dagster.yaml"
    former = settings.read_text()
    down = "{storage: {postgres: {postgres_url: 'postgresql+psycopg2://u@127.0.0.1:1/none'}}}"
    unset = "{storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}}"

    answers = []
    for storage in (down, unset):
        settings.write_text(storage)
        answers += [machine.run("audit", *words) for words in (["verify"], ["prune", "--days=9"])]
    files = machine.run("audit", "verify", "--files-only")
    settings.write_text(former)

    for answer in answers:
        assert answer.returncode == 2
        assert answer.stderr.startswith("error: ")
        assert "broken" not in answer.stderr
        assert len(answer.stderr.splitlines()) == 1
    assert files.returncode == 0
    assert machine.run("audit", "verify").returncode == 0


def test_a_disabled_key_keeps_the_audit_from_being_verified(machine):
    machine.put("in.csv", CSV)
    assert machine.run("run", JOB, *set_paths()).returncode == 0
    shown = machine.run("keys", "show", "audit", "--json")
    [key] = json.loads(shown.stdout)["keyset"]["keys"]
    machine.run("keys", "rotate", "audit")
    machine.run("keys", "disable", "audit", key["id"])

    answer = machine.run("audit", "verify")

    assert answer.returncode == 2
    assert f"'data-services keys enable audit {key['id']}'" in answer.stderr
    machine.run("keys", "enable", "audit", key["id"])
    assert machine.run("audit", "verify").returncode == 0


def test_the_addresses_of_many_objects_and_of_a_template_are_recorded(machine, trail):
    machine.put("in/1.csv", CSV)
    paths = ["read_dataset.path=in/*.csv", "write_dataset.path=out/{run_id}.csv"]

    machine.run("run", JOB, *(word for path in paths for word in ("--set", path)))

    before, commit, after = trail.records()
    name = f"out/{before['run_id']}.csv"
    assert before["outputs"][0]["path"] == name
    assert commit["outputs"][0]["path"] == after["outputs"][0]["path"] == str(machine.root / name)
    assert after["inputs"][0]["path"] == str(machine.root / "in/*.csv")
