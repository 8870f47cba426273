import json

import pytest
from click.testing import CliRunner

from util_services.cli.config import config
from util_services.cli.run import run

JOB = "remove_duplicates_job"


@pytest.fixture
def tell(tmp_path, monkeypatch, clean_environment):
    """Return a function that calls a command on an empty root."""
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return lambda command, *arguments: CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("job", "setting", "reason"),
    [
        (JOB, "read_dataset.path=no.csv", "There is no dataset at 'no.csv'; check the path."),
        (
            JOB,
            "nonsense",
            "'--set nonsense' must be of the form OP.KEY=VALUE, such as 'read_dataset.path=in.csv'"
            ".",
        ),
        ("tea", "a.b=c", "There is no job 'tea'; see 'data-services jobs'."),
    ],
)
def test_a_refused_run_is_told_as_json_too(tell, job, setting, reason):
    told = tell(run, job, "--set", setting, "--json")

    assert told.exit_code == 2
    assert told.stderr == f"error: {reason}\n"
    assert json.loads(told.stdout) == {
        "schema": 1,
        "status": "REFUSED",
        "reason": reason,
        "job": job,
    }


@pytest.mark.parametrize(
    ("content", "status", "finding"),
    [
        ("ops: {}", 0, {"schema": 1, "status": "ACCEPTED", "job": JOB}),
        (
            "[]x",
            2,
            {
                "schema": 1,
                "status": "REFUSED",
                "reason": "The run config 'run.yaml' is no YAML in line 1; correct it.",
                "job": JOB,
            },
        ),
    ],
)
def test_a_checked_config_is_told_as_json(tell, tmp_path, content, status, finding):
    (tmp_path / "run.yaml").write_text(content)

    told = tell(config, JOB, "--check", "run.yaml", "--json")

    assert (told.exit_code, json.loads(told.stdout)) == (status, finding)


def test_a_job_without_loggers_of_its_own_is_quiet_on_the_terminal(tell, capfd):
    told = tell(run, "plugin_report_job")

    assert told.stdout.startswith("plugin_report_job is done (run ")
    assert (told.exit_code, told.stderr, capfd.readouterr()) == (0, "", ("", ""))
