"""An error that nobody foresaw may quote a cell, so that nothing but its class is ever told."""

import dagster as dg
import pytest

from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation

CANARY = "Jane-Roe-canary"


class StumbleConfig(dg.Config):
    """How to stumble."""

    loudly: bool = True


@operation()
def stumble(dataset: Dataset, config: StumbleConfig) -> Outcome:
    """Fail as author code may: with an error whose text and cause quote a cell."""
    (row,) = dataset.engine.rows(dataset.scan())
    try:
        int(row["name"])
    except ValueError as error:
        raise LookupError(row["name"]) from error
    raise AssertionError("a name is no number")


@pytest.mark.parametrize("job", stumble.jobs()[:1])
def test_the_text_of_an_unexpected_error_is_withheld(machine, job, capfd):
    machine.put("in.csv", f"name\n{CANARY}\n".encode())
    paths = {"read_dataset": "in.csv", "write_dataset": "out.csv"}
    config = {"ops": {op: {"config": {"path": path}} for op, path in paths.items()}}

    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)

    (failed,) = [event for event in result.all_events if event.is_step_failure]
    description = failed.step_failure_data.user_failure_data.description
    assert description.startswith(
        "The step stopped on an unexpected LookupError in test_unexpected"
    )
    assert description.endswith("Report this as a defect.")
    assert machine.mentions(CANARY, but=["root/in.csv"]) == set()
    assert machine.outputs() == ["root/in.csv"]
    assert not [text for text in capfd.readouterr() if CANARY in text]
