"""Work that was killed is closed by the next writer on its machine, and keeps nothing for ever."""

import os
import subprocess
import sys

import jsonschema
import pytest

from util_services.audit.record import WorkRecord
from util_services.audit.recording import recorded
from util_services.audit.retention import prune
from util_services.audit.writer import writer

KILLED = """
import os, signal
from util_services.audit import WorkRecord, record, recorded
record(WorkRecord("tea").after("success"))
with recorded(WorkRecord("tea", user="ada", run_id=RUN_ID)):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def kill(in_environment):
    """Return a function that lets a process be killed in the middle of recorded work."""

    def kill_one(run_id=None):
        program = KILLED.replace("RUN_ID", repr(run_id))
        subprocess.run([sys.executable, "-c", program], check=False)

    return kill_one


def work(audit):
    return [record for record in audit.records() if record["kind"] == "work"]


def test_the_beginning_of_work_names_its_process(audit, in_environment, record_schema):
    with recorded(WorkRecord("tea")):
        pass

    before, after = work(audit)
    assert (before["process"]["number"], before["host"]) == (os.getpid(), os.uname().nodename)
    assert "process" not in after
    jsonschema.Draft202012Validator(record_schema).validate(before)


def test_the_next_writer_closes_what_a_killed_process_has_left(audit, kill, record_schema):
    kill()
    [(_, left)] = audit.verify().open.items()
    assert left.is_interrupted

    audit.write(1)

    before, after = (record for record in work(audit) if record["work"] == left.work)
    assert (after["phase"], after["outcome"], after["user"]) == ("after", "interrupted", "ada")
    assert "process" in before
    jsonschema.Draft202012Validator(record_schema).validate(after)
    assert audit.verify().open == {}
    assert audit.verify().is_whole


def test_work_of_a_living_process_and_of_a_run_is_left_open(audit, kill):
    kill(run_id="a run")
    with recorded(WorkRecord("tea")):
        writer().close()
        audit.write(1)
        assert len(audit.verify().open) == 2


def test_a_retention_closes_interrupted_work_and_names_what_holds_it_back(audit, kill):
    kill(run_id="a run")
    chosen = audit.writer()
    with recorded(WorkRecord("tea")):
        writer().close()
        pruned = prune(chosen, [audit.key], -1)
        [held] = pruned.held_by

    assert (held.action, held.begun["process"]["number"]) == ("tea", os.getpid())
    assert pruned.to_dict()["held_by"][0]["work"] == held.work
    assert len([one for one in work(audit) if one.get("outcome") == "interrupted"]) == 1


@pytest.mark.parametrize("is_known", [True, False])
def test_a_run_that_dagster_does_not_know_is_closed_by_a_retention(audit, kill, is_known):
    entry = """
from util_services.audit import WorkRecord, record
record(WorkRecord("run", work="r-1", run_id="r-1"))
"""
    subprocess.run([sys.executable, "-c", entry], check=True)

    prune(audit.writer(), [audit.key], 30, unknown_runs=[] if is_known else ["r-1"])

    assert len(audit.verify().open) == is_known
