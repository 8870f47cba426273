import signal
import time

import dagster as dg
import pytest

from util_services.runs.execute import new_run_id, open_instance, run_job


@dg.resource
def interrupted_resource(_):
    signal.raise_signal(signal.SIGINT)


@dg.op(required_resource_keys={"tea"})
def drink(_):
    raise AssertionError("the run was interrupted before its first step")


@dg.op
def interrupted_op(_):
    signal.raise_signal(signal.SIGTERM)


def job_of(op, **arguments):
    return dg.GraphDefinition(name=f"{op.name}_graph", node_defs=[op]).to_job("tea", **arguments)


@pytest.fixture
def instance(tmp_path):
    """Return an instance that is slow to record that a run is asked to end."""
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with open_instance(tmp_path) as instance:
        record = instance.report_run_canceling

        def record_slowly(*arguments):
            time.sleep(0.3)
            record(*arguments)

        vars(instance)["report_run_canceling"] = record_slowly
        yield instance


def test_a_run_that_is_interrupted_while_it_is_prepared_ends_as_cancelled(instance):
    @dg.logger
    def interrupted_logger(_):  # what Dagster cannot prepare, it calls a failure
        signal.raise_signal(signal.SIGINT)
        raise KeyboardInterrupt

    job = job_of(
        interrupted_op,
        logger_defs={"tea": interrupted_logger},
        config={"loggers": {"tea": {}}},
    )

    finished = run_job(job, {}, new_run_id(), instance)

    assert finished.status == "CANCELED"


@pytest.mark.parametrize(
    "job",
    [job_of(drink, resource_defs={"tea": interrupted_resource}), job_of(interrupted_op)],
    ids=["before the first step", "within a step"],
)
def test_an_interrupted_run_is_never_called_a_failure(instance, job):
    finished = run_job(job, {}, new_run_id(), instance)

    events = {log.dagster_event_type for log in instance.all_logs(finished.run_id)}
    assert finished.status == "CANCELED"
    assert dg.DagsterEventType.RUN_FAILURE not in events
