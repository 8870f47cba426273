"""Run a job in a process that is killed, as by the kernel, when it changes a workspace for the nth
time; without a number, say how often it does.
"""

import os
import signal
import sys

import dagster as dg

from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink"}


class NoConfig(dg.Config):
    """Nothing."""

    word: str = ""


@operation()
def keep_rows(dataset: Dataset, config: NoConfig) -> Outcome:
    """Keep all rows."""
    return Outcome(dataset.scan())


def main(moment, source, target):
    seen, root = 0, os.environ["DATA_SERVICES_ROOT"]

    def watch(event, arguments):
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int)
        writes = writes and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        named = [one for one in arguments[:2] if isinstance(one, str | os.PathLike)]
        if (event in CHANGES or writes) and any(os.fspath(one).startswith(root) for one in named):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    job, _ = keep_rows.jobs()
    ops = {
        "read_dataset": {"config": {"path": source}},
        "write_dataset": {"config": {"path": target}},
    }
    from util_services.runs.execute import new_run_id, open_instance, run_job

    with open_instance(dg_home()) as instance:
        sys.addaudithook(watch)
        done = run_job(job, {"ops": ops}, new_run_id(), instance)
        print(seen, done.status, done.reason)  # noqa: T201 - its answer


def dg_home():
    from pathlib import Path

    return Path(os.environ["DAGSTER_HOME"])


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
