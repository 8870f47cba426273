import io
import sys
from pathlib import Path

import pytest

from util_services.deployment.logs import MAX_FOUND, search_log
from util_services.errors import ConfigurationError

# As PostgreSQL, SQLite, Dagster and Python write them, beside lines that are in order.
LINES = [
    (b"2026-11-20 08:00:00 +0000 - dagster.daemon - INFO - Instance is configured", None),
    (b"ModuleNotFoundError: No module named 'pandas'", "ModuleNotFoundError"),
    (b"ImportError: cannot import name 'x' from 'y'", "ImportError"),
    (b'psycopg2.errors.UndefinedColumn: column "x": patient 4711', "UndefinedColumn"),
    (b"sqlite3.OperationalError: no such table: runs", "no such table"),
    (b"errors.DagsterInvalidConfigError: Error in config", "DagsterInvalidConfigError"),
    (b"DagsterUserCodeUnreachableError: Could not reach user code server", None),
    (b"ERROR - clinic-tools 1.0 is left out: Importing 'clinic_tools' raised", "is left out"),
    (b"ImportError: libpq.so.5: cannot open shared object file", "ImportError"),
    (b"\xff\xfe no text at all \x00", None),
]  # fmt: skip


def test_errors_of_dependencies_and_schemas_are_found_with_their_line(tmp_path):
    log = tmp_path / "daemon.log"
    log.write_bytes(b"\n".join(line for line, _ in LINES))

    found = search_log(log)

    assert [(one.line, one.error) for one in found] == [
        (number, error) for number, (_, error) in enumerate(LINES, start=1) if error
    ]
    assert str(found[0]) == f"{log}:2: ModuleNotFoundError"
    assert "4711" not in "".join(map(str, found))


def test_a_log_is_searched_no_further_than_it_helps(tmp_path):
    log = tmp_path / "long.log"
    log.write_text("ImportError\n" * 1000)

    assert len(search_log(log)) == MAX_FOUND


def test_the_standard_input_is_a_log_too(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fine\nUndefinedTable\n")))

    assert [str(one) for one in search_log(Path("-"))] == ["standard input:2: UndefinedTable"]


def test_a_log_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot be read \(FileNotFoundError\)"):
        search_log(tmp_path / "absent.log")
