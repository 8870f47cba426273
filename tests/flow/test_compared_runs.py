"""Two runs of an instance are compared by their ids, as the Dagster UI shows them."""

import json

import pytest

from data_processing.jobs import convert_format_job, validate_data_job

CONTENT = b"a,b\n1,x\n2,y\n"


@pytest.fixture
def run(machine, monkeypatch):
    """Return a function that runs a job and gives the id of the run."""
    for name, value in machine.variables.items():
        monkeypatch.setenv(name, value)

    def execute(output, *, job=convert_format_job, **reading):
        ops = {
            "read_dataset": {"config": {"path": "in.csv", **reading}},
            "write_dataset": {"config": {"path": output, "overwrite": True}},
        }
        if job is validate_data_job:
            rule = {"rule": "unique", "columns": ["b"]}
            ops["validate_data"] = {"config": {"rules": [rule]}}
        with machine.instance() as instance:
            return job.execute_in_process(
                {"ops": ops}, instance=instance, raise_on_error=False
            ).run_id

    machine.put("in.csv", CONTENT)
    return execute


def test_runs_are_compared_by_whole_and_by_short_ids(machine, run):
    first = run("one.parquet")
    machine.put("in.csv", CONTENT + b"3,z\n")
    second = run("two.parquet")

    said = machine.run("compare", first, second[:8], "--json")

    assert said.returncode == 0, said.stderr
    found = {(one["part"], one["key"]): one for one in json.loads(said.stdout)["differences"]}
    rows = found["rows", "out"]
    assert (rows["first"], rows["second"]) == (2, 3)


def test_a_run_is_compared_with_a_report_and_a_run_that_failed_by_what_it_left(machine, run):
    first = run("one.csv")
    machine.put("in.csv", CONTENT + b"3,y\n")
    failed = run("two.csv", job=validate_data_job)

    said = machine.run("compare", machine.root / "one.csv.report.json", failed, "--json")

    assert said.returncode == 0, said.stderr
    parts = {one["part"] for one in json.loads(said.stdout)["differences"]}
    assert "outcome" in parts
    assert first != failed


def test_what_cannot_be_compared_is_refused_in_a_sentence(machine, run):
    kept, gone = run("kept.csv"), run("once.csv")
    later = run("once.csv")

    none = run("none.csv", max_bytes=1, compression="gz")
    for named, sentence in {
        "no-such": "'no-such' is neither a file nor the id of a run",
        "0badc0de": "No run of this Dagster instance has the id '0badc0de'",
        gone: f"is of the later run {later}",
        none: f"The run {none} has published no report",
    }.items():
        said = machine.run("compare", kept, named)

        assert said.returncode == 2
        assert sentence in said.stderr
        assert (said.stdout, said.stderr.count("\n")) == ("", 1)
