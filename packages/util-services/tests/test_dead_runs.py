import os
import subprocess
import sys

import pytest

from util_services.runs.dead_runs import is_dead, this_process


def test_a_living_process_is_not_dead():
    assert not is_dead(this_process())


def test_a_process_that_ended_is_dead_also_if_its_number_is_taken_again():
    program = "from util_services.runs.dead_runs import this_process; print(this_process())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert is_dead(ended.stdout.strip())
    realm, number, start = this_process().rsplit(":", 2)
    assert number == str(os.getpid())
    assert is_dead(f"{realm}:{number}:{int(start) - 1}")


@pytest.mark.parametrize("process", ["", "::", "elsewhere:1:2", "elsewhere:one:2"])
def test_of_a_process_elsewhere_nobody_can_tell(process):
    assert not is_dead(process)
