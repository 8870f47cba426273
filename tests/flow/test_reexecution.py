"""A run cannot be continued from a failed step, for its staging went with it; it says so.

Dagster's re-execution from failure leaves out the steps that succeeded, in a run of its own.
"""

import dagster as dg
import pytest
from dagster import ReexecutionOptions, execute_job, reconstructable
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import get_reexecution_strategy

from data_services import repository

SENTENCE = (
    "The staging of this run is gone, so it cannot be continued from a failed step; start the run "
    "from the beginning."
)
CONTENT = b"id,city\n1,Ulm\n2,Bonn\n1,Ulm\n"
EXECUTORS = {"in_process": {}, "multiprocess": {"multiprocess": {"max_concurrent": 1}}}


def remove_duplicates_job():
    return repository.defs.resolve_job_def("remove_duplicates_job")


def failures(result):
    return {
        event.step_key: event.step_failure_data.user_failure_data.description
        for event in result.get_step_failure_events()
    }


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_run_that_is_continued_from_a_failed_step_says_to_start_anew(
    machine, run_config, executor
):
    machine.put("in.csv", CONTENT)
    stranger = machine.root / machine.put("out.csv.report.json", b"somebody else's")
    config = run_config()
    if EXECUTORS[executor]:
        config["execution"] = {"config": EXECUTORS[executor]}
    job = reconstructable(remove_duplicates_job)

    with dg.DagsterInstance.get() as instance:
        with execute_job(job, instance, run_config=config) as first:
            assert list(failures(first)) == ["write_dataset"]
        stranger.unlink()

        options = ReexecutionOptions.from_failure(first.run_id, instance)
        with execute_job(job, instance, run_config=config, reexecution_options=options) as again:
            assert again.run_id != first.run_id
            assert failures(again) == {"write_dataset": SENTENCE}

        with execute_job(job, instance, run_config=config) as anew:
            assert anew.success
    assert machine.get("out.csv") == b"id,city\n1,Ulm\n2,Bonn\n"
    assert machine.get("in.csv") == CONTENT
    assert not list(machine.folder.rglob("*data-services-staging*"))


def test_what_dagster_retries_on_its_own_starts_from_the_beginning():
    job = remove_duplicates_job()

    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job, tags=job.run_tags)

        assert get_reexecution_strategy(run, instance) is ReexecutionStrategy.ALL_STEPS
