import json
import subprocess
import sys
from pathlib import Path

import pytest

RANDOM_KILLS = 8
PROGRAM = Path(__file__).with_name("killing.py")


@pytest.mark.parametrize(
    ("operation", "least_steps"), [("restore", 25), ("snapshot", 5), ("collect", 5), ("erase", 6)]
)
def test_a_kill_at_any_step_leaves_the_old_or_the_new_state_and_needs_no_repair(
    tmp_path, operation, least_steps
):
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path, operation, str(RANDOM_KILLS)],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    counted = json.loads(done.stdout)
    assert counted["steps"] >= least_steps
    assert counted["kills"] >= counted["steps"]
