"""What is told of a run in the audit, by whoever gets to know it first."""

import hashlib
import json
import subprocess
import sys
import uuid

import dagster as dg
import pytest

from util_services import audit
from util_services.audit.writer import writer
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.runs.audit_tags import BEFORE, CLOSED, LAST, OPEN, STATE, anchors
from util_services.runs.auditing import begin, close, close_ended, record_in_run, state_of
from util_services.runs.dead_runs import PROCESS_TAG


class Config(dg.Config):
    """How much tea."""

    cups: int = 1


@operation(business_operation="ANONYMISATION")
def keep(dataset: Dataset, config: Config) -> Outcome:
    """Keep all rows."""
    return Outcome(dataset.scan())


@dg.op
def reidentify(context: dg.OpExecutionContext):
    before = audit.WorkRecord("reidentification", approval="a-7", purpose="recall")
    record_in_run(context, before)
    record_in_run(context, before.after("success", counts={"rows": 1}))


@dg.job
def reidentify_job():
    reidentify()


@pytest.fixture
def instance(tmp_path, clean_environment, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    with dg.DagsterInstance.ephemeral() as made:
        yield made
    writer().close()


@pytest.fixture
def told(tmp_path, instance):
    """Return a function that returns the records of work."""

    def read():
        lines = [
            json.loads(line)
            for file in (tmp_path / "audit").glob("*.jsonl")
            for line in file.read_text().splitlines()
        ]
        return [line for line in lines if line["kind"] == "work"]

    return read


@pytest.fixture
def run_id():
    return str(uuid.uuid4())


def ended_process():
    program = "from util_services.runs.dead_runs import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout


def test_the_beginning_and_the_end_are_recorded_once(instance, told, run_id):
    instance.create_run_for_job(reidentify_job, run_id=run_id)

    begin(instance, run_id, reidentify_job)
    begin(instance, run_id, reidentify_job)
    close(instance, run_id, "cancelled")
    close(instance, run_id, "failure")

    assert [record.get("outcome", record["phase"]) for record in told()] == ["before", "cancelled"]
    assert len({str(anchor.link) for anchor in anchors(instance)}) == 2


@pytest.mark.parametrize("key_id", ["known", "0123456789abcdef"])
def test_whoever_starts_a_run_cannot_pretend_that_it_is_recorded(instance, told, run_id, key_id):
    other = instance.create_run_for_job(reidentify_job)
    begin(instance, other.run_id, reidentify_job)
    known = instance.get_run_by_id(other.run_id).tags[BEFORE].split()
    _, link, real_id, seal = known
    forged = " ".join([run_id, link, real_id if key_id == "known" else key_id, seal])
    tags = {BEFORE: forged, STATE: CLOSED}
    instance.create_run_for_job(reidentify_job, run_id=run_id, tags=tags)

    begin(instance, run_id, reidentify_job)

    assert [record["run_id"] for record in told()] == [other.run_id, run_id]


def test_forged_links_among_the_tags_are_no_anchors_unless_of_a_key_that_is_lost(
    instance, told, run_id
):
    writer()
    link = "host-0123456789ab-0123456789ab:9:" + "ab" * 32
    for number, key_id in enumerate([writer().key.id, "0123456789abcdef"]):
        tags = {f"{LAST}{number}": f"{run_id} {link} {key_id} {'0' * 64}"}
        instance.create_run_for_job(reidentify_job, tags=tags)

    assert [str(anchor.link) for anchor in anchors(instance)] == [link]


def test_a_run_nobody_recorded_the_beginning_of_has_no_end(instance, told, run_id):
    instance.create_run_for_job(reidentify_job, run_id=run_id)

    close(instance, run_id, "success")
    close(instance, "0e6c1f7a-54a5-4f0e-9d1d-000000000000", "success")

    assert told() == []


def test_a_reexecution_is_not_taken_for_the_run_whose_tags_it_has(instance, told, run_id):
    first = instance.create_run_for_job(reidentify_job, run_id=run_id)
    begin(instance, run_id, reidentify_job)
    inherited, second_id = instance.get_run_by_id(first.run_id).tags, str(uuid.uuid4())
    tags = {**inherited, PROCESS_TAG: f"{second_id} {ended_process().strip()}"}
    second = instance.create_run_for_job(reidentify_job, run_id=second_id, tags=tags)

    close_ended(instance)
    close(instance, second.run_id, "success")
    assert len(told()) == 1
    begin(instance, second.run_id, reidentify_job)

    assert [record["run_id"] for record in told()] == [run_id, second.run_id]


@pytest.mark.parametrize("has_begun", [True, False])
def test_the_next_run_closes_one_whose_process_is_no_more(instance, told, run_id, has_begun):
    tags = {PROCESS_TAG: f"{run_id} {ended_process().strip()}"}
    instance.create_run_for_job(reidentify_job, run_id=run_id, tags=tags)
    if has_begun:
        begin(instance, run_id, reidentify_job)
    else:  # it was killed right before its first record
        instance.add_run_tags(run_id, {STATE: OPEN, BEFORE: run_id})
    assert state_of(instance, run_id) == "interrupted"
    other = instance.create_run_for_job(reidentify_job)

    begin(instance, other.run_id, reidentify_job)

    [after] = [record for record in told() if record["phase"] == "after"]
    assert (after["run_id"], after["outcome"]) == (run_id, "interrupted")
    assert after["facts"] == {"status": "NOT_STARTED"}
    assert state_of(instance, other.run_id) == "at work"


def test_a_run_that_has_just_ended_is_left_to_say_so_itself(instance, told, run_id):
    run = instance.create_run_for_job(reidentify_job, run_id=run_id)
    begin(instance, run_id, reidentify_job)
    instance.report_run_failed(run)

    close_ended(instance)

    assert len(told()) == 1


def test_records_of_work_within_a_run_name_it_and_are_anchored(instance, told):
    result = reidentify_job.execute_in_process(
        instance=instance, tags={"user": "ada", "requester": "grace", "purpose": "another"}
    )

    before, after = told()
    assert before["action"] == "reidentification"
    assert (before["user"], before["requester"], before["purpose"]) == ("ada", "grace", "recall")
    assert (before["run_id"], before["job"]) == (result.run_id, "reidentify_job")
    assert after["work"] == before["work"]
    assert [str(anchor.link).split(":")[1] for anchor in anchors(instance)] == ["3"]


def test_a_report_tells_where_the_beginning_of_its_run_is_recorded(instance, told, tmp_path):
    (tmp_path / "in.csv").write_text("id\n1\n")
    names = {"read_dataset": "in.csv", "write_dataset": "out.csv"}
    config = {"ops": {name: {"config": {"path": path}} for name, path in names.items()}}

    keep.jobs()[0].execute_in_process(instance=instance, run_config=config)

    before, commit, _ = told()
    report = json.loads((tmp_path / "out.csv.report.json").read_text())
    link = ":".join([before["chain"], str(before["sequence"]), before["mac"]])
    assert report["run"]["audit"] == link
    content = (tmp_path / "out.csv").read_bytes()
    assert commit["outputs"][0]["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_operation_of_business_records_is_the_tag_of_its_jobs():
    local, remote = keep.jobs()

    assert local.tags["business_operation"] == remote.tags["business_operation"] == "ANONYMISATION"
