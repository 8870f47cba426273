"""What a dry run tells of a release before all rows are read, and that it lets nothing out."""

import pytest
from click.testing import CliRunner
from releasing_deployment import POLICY

from util_services.cli.run import run


@pytest.fixture
def tried(deployment):
    """Return the lines that a dry run of a release tells, without the first and the last."""

    def call(**config):
        given = {"policy": "policy.yaml", "requester": "bob", **config}
        settings = [f"release_gate.{name}={value}" for name, value in given.items()]
        settings += ["read_dataset.path=in.csv", "write_dataset.path=out.csv"]
        options = [part for one in settings for part in ("--set", one)]
        done = CliRunner().invoke(run, ["release_gate_job", "--dry-run", *options])
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        assert deployment.outputs() == []
        assert deployment.decisions() == []
        first, rows, *lines, last = done.stdout.splitlines()
        assert first == "release_gate_job would read in.csv and publish out.csv."
        assert rows == "Of the first 20 rows:"
        assert last == "Nothing was published."
        return lines

    return call


def test_what_is_tested_on_all_rows_is_named(tried):
    assert tried() == [
        "  1. release_gate: 20 rows in, 20 out",
        "     warning: tested on all rows only: 'personal_data', 'privacy_models', 'pseudonyms'",
    ]


def test_what_would_be_refused_whatever_the_rows_are_is_told(tried, deployment):
    columns = POLICY["columns"] | {"age": "sensitive"}
    deployment.sign({**POLICY, "columns": columns, "approval": "required"})

    assert tried(requester="eve")[1:] == [
        "     warning: refused: asked for by one of 'released_by' (asked for by 'eve')",
        "     warning: refused: just the columns of the policy ('age' not in the data)",
        "     warning: refused until a second person approves it",
        "     warning: tested on all rows only: 'personal_data', 'privacy_models', 'pseudonyms'",
    ]
