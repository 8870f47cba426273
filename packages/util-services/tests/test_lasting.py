import subprocess
import sys

import pytest

KEEP = "from util_services.lasting import keep_for_good; keep_for_good()"
TELL = "import gc; print(gc.get_freeze_count() > 0)"
USE_DUCKDB = "import duckdb; print(duckdb.connect().execute('SELECT 42').fetchone()[0])"


@pytest.mark.parametrize(
    ("steps", "said"),
    [((KEEP, TELL, USE_DUCKDB), "True\n42\n"), ((USE_DUCKDB, KEEP, TELL), "42\nFalse\n")],
    ids=["before DuckDB is loaded", "not afterwards"],
)
def test_what_lasts_is_exempted_and_no_leak_of_duckdb_is_told(steps, said):
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(steps)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


@pytest.mark.parametrize(("use", "said"), [("", "True\n"), (USE_DUCKDB, "42\nFalse\n")])
def test_at_the_end_what_lasts_is_looked_at_only_for_duckdb(use, said):
    last = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0))"

    done = subprocess.run(
        [sys.executable, "-c", "\n".join((last, KEEP, use))], capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
