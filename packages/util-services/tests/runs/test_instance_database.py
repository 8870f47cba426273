import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from util_services.runs.execute import open_instance
from util_services.runs.instance_database import DatabaseLostError, UnusableDatabaseError

VARIABLE = "DAGSTER_POSTGRES_URL"
BY_VARIABLE = f"storage:\n  postgres:\n    postgres_url:\n      env: {VARIABLE}\n"
UNREACHABLE = "postgresql+psycopg2://ada:s3cr3t@127.0.0.1:1/runs"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "dagster.yaml").write_text(BY_VARIABLE)
    return tmp_path


def refusal(home):
    with pytest.raises(UnusableDatabaseError) as caught, open_instance(home):
        pass
    return str(caught.value)


def command(home, address, *words):
    """Run the program, with all that it says on stderr."""
    program = Path(sys.executable).parent / "data-services"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "DAGSTER_HOME": str(home)}
    if address is not None:
        environment[VARIABLE] = address
    return subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, check=False
    )


def test_a_database_out_of_reach_is_named_without_its_password(home, monkeypatch):
    monkeypatch.setenv(VARIABLE, UNREACHABLE)

    assert refusal(home) == (
        "The PostgreSQL database 'runs' at 127.0.0.1, in which Dagster keeps its runs, cannot be "
        "connected to (OperationalError); check that it is up and lets this user in, or correct "
        "'DAGSTER_POSTGRES_URL'."
    )


def test_a_database_that_the_settings_themselves_name_is_corrected_there(tmp_path):
    database = "{username: ada, password: s3cr3t, hostname: 127.0.0.1, db_name: runs, port: 1}"
    settings = tmp_path / "dagster.yaml"
    settings.write_text(f"storage:\n  postgres:\n    postgres_db: {database}\n")

    sentence = refusal(tmp_path)

    assert "'runs' at 127.0.0.1" in sentence or "'postgresql+psycopg2://'" in sentence
    assert str(settings) in sentence
    assert "s3cr3t" not in sentence


def test_a_variable_that_is_not_set_is_named(home, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    assert refusal(home) == (
        f"'{VARIABLE}' is not set, and '{home}/dagster.yaml' takes from there which database "
        "Dagster keeps its runs in; set it to "
        "postgresql+psycopg2://USER:PASSWORD@HOST:5432/DATABASE, or to what that file asks for."
    )


@pytest.mark.parametrize("address", ["garbage s3cr3t", "mysql://ada:s3cr3t@db/runs", "postgresql"])
def test_an_address_of_no_postgresql_database_is_refused_unquoted(home, monkeypatch, address):
    monkeypatch.setenv(VARIABLE, address)

    assert refusal(home) == (
        f"'{VARIABLE}' holds no address of a PostgreSQL database; write "
        "postgresql+psycopg2://USER:PASSWORD@HOST:5432/DATABASE there, with reserved characters "
        "percent-encoded."
    )


def test_settings_that_dagster_does_not_understand_are_named(tmp_path):
    (tmp_path / "dagster.yaml").write_text("storage: {nonsense: s3cr3t}\n")

    sentence = refusal(tmp_path)

    assert f"'{tmp_path}/dagster.yaml' is not what Dagster understands" in sentence
    assert "s3cr3t" not in sentence


def shut(server, database):
    """Let nobody into a database any more, and end the connections to it."""
    admin = create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false'))
        ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(ended, {"name": database})
    admin.dispose()


def test_a_database_that_goes_away_meanwhile_is_told_as_lost(
    home, monkeypatch, postgres_server, postgres_url
):
    database = postgres_url.rpartition("/")[2]
    monkeypatch.setenv(VARIABLE, postgres_url)
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0.0)

    def use():
        with open_instance(home) as instance:
            shut(postgres_server, database)
            instance.get_runs()

    with pytest.raises(DatabaseLostError, match=f"database '{database}' at 127.0.0.1, in which"):
        use()


def test_a_database_in_which_no_table_can_be_made_is_told_as_such(
    home, monkeypatch, postgres_server, postgres_url
):
    database, password = postgres_url.rpartition("/")[2], secrets.token_hex(16)
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {database} LOGIN PASSWORD '{password}'"))
        connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
    monkeypatch.setenv(
        VARIABLE,
        f"postgresql+psycopg2://{database}:{password}@127.0.0.1:{postgres_server.port}/{database}",
    )

    try:
        assert refusal(home) == (
            f"The PostgreSQL database '{database}' at 127.0.0.1 cannot be prepared for Dagster's "
            "runs (ProgrammingError); check that this user may make and use tables there."
        )
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP ROLE {database}"))
        admin.dispose()


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (("run", "health_check_job"), None),
        (("metrics",), UNREACHABLE),
        (("dev", "--port", "0"), UNREACHABLE),
    ],
)
def test_commands_refuse_a_database_that_cannot_be_used_in_one_line(home, words, address):
    answer = command(home, address, *words)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1
    assert VARIABLE in answer.stderr
    assert "s3cr3t" not in answer.stderr


def test_our_warnings_are_shown_once_and_attempts_of_dagster_not_at_all(home):
    script = (
        "import logging, sys; from util_services.cli import main\n"
        "import dagster_postgres.utils as utils, sqlalchemy.exc as errors, click\n"
        "@main.data_services.command('probe')\n"
        "def probe():\n"
        "    attempts = iter([errors.DatabaseError('', None, Exception()), None])\n"
        "    def connect():\n"
        "        if (error := next(attempts)) is not None: raise error\n"
        "    utils.retry_pg_connection_fn(connect, retry_wait=0.0)\n"
        "    logging.getLogger('util_services.audit').warning('ours')\n"
        "    logging.getLogger('other').warning('theirs')\n"
        "sys.argv = ['data-services', 'probe']; main.main()\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert answer.stderr.splitlines() == ["warning: ours", "warning: theirs"]
