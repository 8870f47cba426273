"""Runs whose process was killed: nobody else may ever say that they ended.

Dagster does not watch over all processes that execute runs: one of ``data-services run`` is a
process of the user's, for instance. So a run is tagged with its process, and the next run looks
whether it still lives.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

PROCESS_TAG = ".dagster/data_services_process"
PROC = Path("/proc")
ENDED = frozenset({"Z", "X"})  # waiting for the parent to ask how
AT_WORK = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def this_process() -> str:
    """Return what tells this process from any other: boot, name space, number and start."""
    return f"{_realm()}:{os.getpid()}:{_start_of(os.getpid())}"


def process_tag(run_id: str) -> dict[str, str]:
    """Return the tag that says that a run is executed by this process.

    It names the run too, for a re-execution inherits the tags of the run before.
    """
    return {PROCESS_TAG: f"{run_id} {this_process()}"}


def report_dead_runs(instance: dg.DagsterInstance) -> None:
    """Report as failed each run whose process, on this machine, is no more."""
    for run in instance.get_runs(dg.RunsFilter(statuses=AT_WORK)):
        if is_dead(process_of(run)):
            instance.report_run_failed(run, "The process of this run was killed; run it again.")


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool | None:
    """Return whether a run has ended, its process killed perhaps; None for one that is unknown."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return None
    return run.is_finished or is_dead(process_of(run))


def is_dead(process: str) -> bool:
    """Return whether a process that `this_process` named has ended; false where nobody can tell."""
    realm, number, start = [*process.rsplit(":", 2), "", ""][:3]
    if not number.isdecimal() or not realm or realm != _realm():
        return False
    return _start_of(int(number)) != start


def process_of(run: dg.DagsterRun) -> str:
    """Return the process that executes a run, empty where none is known."""
    run_id, _, process = run.tags.get(PROCESS_TAG, "").partition(" ")
    return process if run_id == run.run_id else ""


def _realm() -> str:
    """Return the name of the boot and of the space in which process numbers count."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(number: int) -> str:
    """Return when a process started, in the kernel's ticks; empty where it is no more."""
    try:
        status = (PROC / str(number) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *others = status.rpartition(")")[2].split()
    return "" if state in ENDED else others[18]
