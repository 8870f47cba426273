import os
import subprocess
import sys

import dagster as dg
import pytest

from util_services.runs.dead_runs import (
    PROCESS_TAG,
    is_dead,
    is_over,
    process_tag,
    report_dead_runs,
    this_process,
)


def test_a_living_process_is_not_dead():
    assert not is_dead(this_process())


def test_a_process_that_ended_is_dead_also_if_its_number_is_taken_again():
    program = "from util_services.runs.dead_runs import this_process; print(this_process())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert is_dead(ended.stdout.strip())
    realm, number, start = this_process().rsplit(":", 2)
    assert number == str(os.getpid())
    assert is_dead(f"{realm}:{number}:{int(start) - 1}")


@pytest.mark.parametrize("process", ["", "::", "elsewhere:1:2", "elsewhere:one:2"])
def test_of_a_process_elsewhere_nobody_can_tell(process):
    assert not is_dead(process)


def test_a_process_that_its_parent_has_not_asked_after_is_dead():
    program = "from util_services.runs.dead_runs import this_process; print(this_process())"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as ended:
        process = ended.stdout.read().decode().strip()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

        assert is_dead(process)


@dg.op
def drink():
    """Do nothing."""


@dg.job
def tea():
    drink()


@pytest.fixture
def ended_process():
    program = "from util_services.runs.dead_runs import this_process; print(this_process())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return ended.stdout.strip()


def test_a_run_whose_process_is_no_more_is_over_and_reported(ended_process):
    run_id = "0e6c1f7a-54a5-4f0e-9d1d-3f1a86f0c0de"
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {PROCESS_TAG: f"{run_id} {ended_process}"}
        instance.create_run_for_job(tea, run_id=run_id, tags=tags)
        assert is_over(instance, run_id)

        report_dead_runs(instance)

        assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE
        assert is_over(instance, "of another instance") is None


def test_a_run_is_not_dead_for_the_tags_of_the_run_before(ended_process):
    with dg.DagsterInstance.ephemeral() as instance:
        inherited = {PROCESS_TAG: f"the-run-before {ended_process}"}
        run = instance.create_run_for_job(tea, tags=inherited)

        report_dead_runs(instance)
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.NOT_STARTED

        instance.add_run_tags(run.run_id, process_tag(run.run_id))
        assert is_over(instance, run.run_id) is False
