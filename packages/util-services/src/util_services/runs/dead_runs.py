"""Runs of the command line whose process was killed: nobody else would say that they ended.

Dagster watches over the processes that it starts itself. A run of ``data-services run`` is a
process of the user's, so it is tagged with it, and the next one looks whether it still lives.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

PROCESS_TAG = ".dagster/data_services_process"
PROC = Path("/proc")
AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def this_process() -> str:
    """Return what tells this process from any other: boot, name space, number and start."""
    return f"{_realm()}:{os.getpid()}:{_start_of(os.getpid())}"


def report_dead_runs(instance: dg.DagsterInstance) -> None:
    """Report as failed each run whose process, on this machine, is no more."""
    for run in instance.get_runs(dg.RunsFilter(statuses=AT_WORK)):
        if is_dead(run.tags.get(PROCESS_TAG, "")):
            instance.report_run_failed(run, "The process of this run was killed; run it again.")


def is_dead(process: str) -> bool:
    """Return whether a process that `this_process` named has ended; false where nobody can tell."""
    realm, number, start = [*process.rsplit(":", 2), "", ""][:3]
    if not number.isdecimal() or not realm or realm != _realm():
        return False
    return _start_of(int(number)) != start


def _realm() -> str:
    """Return the name of the boot and of the space in which process numbers count."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(number: int) -> str:
    """Return when a process started, in the kernel's ticks; empty where there is none."""
    try:
        status = (PROC / str(number) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]
