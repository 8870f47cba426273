import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from util_services import __version__
from util_services.cli.commands import built_in_commands
from util_services.cli.main import data_services, main
from util_services.errors import ConfigurationError, DatasetError

PROGRAM = Path(sys.executable).with_name("data-services")


def test_the_installed_program_tells_its_version():
    answer = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)

    assert answer.stdout == f"data-services, version {__version__}\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConfigurationError("Too much tea."), 2), (DatasetError("No tea in line 3."), 1)],
)
def test_an_expected_error_is_one_sentence_and_a_status(monkeypatch, capsys, error, status):
    @click.command
    def pour():
        raise error

    monkeypatch.setitem(data_services.commands, "pour", pour)
    monkeypatch.setattr(sys, "argv", ["data-services", "pour"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == status
    assert capsys.readouterr() == ("", f"error: {error}\n")


def test_wrong_usage_ends_with_status_2(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["data-services", "no-such-command"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "No such command 'no-such-command'" in capsys.readouterr().err


@pytest.mark.parametrize("command", built_in_commands().values(), ids=built_in_commands())
def test_the_help_of_every_command_has_an_example(command):
    assert f"Example: data-services {command.name}" in command.help


def test_a_broken_database_of_the_dagster_home_is_one_sentence(tmp_path):
    home = tmp_path / "home"
    (home / "history").mkdir(parents=True)
    (home / "history" / "runs.db").write_bytes(b"no database" * 1000)

    done = subprocess.run(
        [PROGRAM, "run", "remove_duplicates_job"],
        cwd=tmp_path,
        env=os.environ | {"DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: The database of the Dagster home cannot be used (DatabaseError); check the space "
        "and the permissions of DAGSTER_HOME.\n"
    )
