"""Tell how the cost of jobs grows with the rows: whole jobs, file to file, in a group of memory.

    uv run packages/util-services/benchmarks/scaling.py --rows 1000000,10000000,100000000
    uv run packages/util-services/benchmarks/scaling.py --rows 1000000 --jobs k_anonymity

Each job runs as `data-services run` runs it, in a process of its own, with its checks, report and
audit, on a table of eleven columns (`generate.py`). "peak" is the most anonymous and shared memory
of its processes; "read" and "written" are the bytes that it asked the system for, from disk or from
its cache, spilled ones among them. The group of memory needs the right to make control groups
(version 1 or 2); without it the limit is told to the job alone, and the first line says so. Print
rows for docs/scaling.md with `--markdown`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import contest
import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = Path("/sys/fs/cgroup")
KEYSET = "scaling"
CONFIG = "config.json"
RETAINED = {
    name: {"technique": "retain"} for name in ("segment", "income", "score", "visits", "note")
}
JOBS: dict[str, dict[str, Any]] = {
    "remove_duplicates": {},
    "clean_data": {
        "steps": [
            {
                "step": "normalise_text",
                "columns": ["name", "city"],
                "collapse_whitespace": True,
                "case": "lower",
            },
            {
                "step": "fill_missing_values",
                "columns": {
                    "income": {"strategy": "mean", "by": ["segment"]},
                    "visits": {"strategy": "median"},
                    "city": {"strategy": "mode"},
                },
            },
            {"step": "handle_outliers", "columns": {"income": {"action": "cap"}}},
        ]
    },
    "k_anonymity": {
        "k": 5,
        "algorithm": "local",
        "identifiers": ["id", "customer", "name", "email", "note"],
        "quasi_identifiers": ["city", "segment", "visits"],
        "sensitive_attributes": ["income"],
        "insensitive_attributes": ["score", "since"],
        "hierarchies": {"visits": {"kind": "intervals", "widths": [10, 20, 60]}},
    },
    "anonymise_pseudonymise_structured": {
        "keyset": KEYSET,
        "domain": "scaling",
        "rules": {
            "id": {"technique": "hash"},
            "customer": {"technique": "hash"},
            "name": {"technique": "redact"},
            "email": {"technique": "hash"},
            "city": {"technique": "encrypt"},
            "since": {"technique": "date_shift", "entity": "customer"},
            **RETAINED,
        },
    },
}


def run_config(job: str, source: Path, config: dict[str, Any]) -> str:
    """Return the run config of a job."""
    ops = {
        "read_dataset": {"config": {"path": source.name}},
        job: {"config": config},
        "write_dataset": {"config": {"path": "out.parquet", "overwrite": True}},
    }
    return json.dumps({"ops": ops})


def contend(job: str, folder: Path, group: Path | None, cores: int | None) -> None:
    """Be the process that is watched: run a job, and tell what it took."""
    if group is not None:
        (group / "cgroup.procs").write_text(str(os.getpid()))
    if cores is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from util_services.cli.main import data_services

    arguments = ["run", f"{job}_job", "--config", str(folder / CONFIG)]
    began, worked = time.perf_counter(), time.process_time()
    with redirect_stdout(sys.stderr):
        status = data_services(arguments, standalone_mode=False)
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    if status:
        sys.exit(status)
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    counted = dict(line.split(": ") for line in lines)
    (folder / "told.json").write_text(
        json.dumps({"read": int(counted["rchar"]), "written": int(counted["wchar"])})
    )
    print(json.dumps({"seconds": seconds, "processor": processor}))


def environment(folder: Path, memory: str) -> dict[str, str]:
    """Return the settings of the jobs, with places of their own in a folder."""
    (folder / "home").mkdir(exist_ok=True)
    (folder / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return {
        "DAGSTER_HOME": str(folder / "home"),
        "DATA_SERVICES_ROOT": str(folder),
        "DATA_SERVICES_AUDIT_DIR": str(folder / "audit"),
        "DATA_SERVICES_KEYS": str(folder / "keys"),
        "DATA_SERVICES_LOG_DIR": str(folder / "logs"),
        "DATA_SERVICES_MEMORY_LIMIT": memory,
    }


def make_keyset() -> None:
    """Make the keyset that pseudonyms are made with."""
    from click.testing import CliRunner

    from util_services.cli.main import data_services

    made = CliRunner().invoke(data_services, ["keys", "create", KEYSET])
    if made.exit_code:
        raise RuntimeError(made.output)


@contextmanager
def group_of(memory: str) -> Iterator[Path | None]:
    """Give a control group with a limit of memory, None where none can be made."""
    from util_services.engines.memory import memory_ceiling

    is_first = (GROUPS / "memory").is_dir()
    parent = GROUPS / "memory" if is_first else GROUPS
    group = parent / f"data-services-scaling-{os.getpid()}"
    try:
        group.mkdir()
        limit = "memory.limit_in_bytes" if is_first else "memory.max"
        (group / limit).write_text(str(memory_ceiling(memory)))
    except OSError as error:
        print(
            f"No group of memory could be made ({error.strerror}); the job alone knows the limit."
        )
        yield None
        return
    try:
        yield group
    finally:
        group.rmdir()


def measured(
    job: str, folder: Path, group: Path | None, memory: str, cores: int | None = None
) -> tuple[contest.Effort, dict[str, int]]:
    """Return what a job took that runs with the config in a folder."""
    command = [sys.executable, __file__, "--contender", job, folder]
    command += ["--group", group] if group is not None else []
    command += ["--cores", cores] if cores is not None else []
    effort = contest.watch(command, environment(folder, memory))
    return effort, json.loads((folder / "told.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1000000")
    parser.add_argument("--jobs", default=",".join(JOBS), help="which are measured")
    parser.add_argument("--memory", default="4GB", help="what the group may use")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--markdown", action="store_true", help="print rows of a table")
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--group", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        job, folder = options.contender
        contend(job, Path(folder), options.group, options.cores)
        return
    shape = (
        "| `{job}` | {rows:,} | {s:.1f} | {cpu:.1f} | {mb:.0f} | {read:.0f} | {written:.0f} |"
        if options.markdown
        else "{job:34} {rows:>12,} rows {s:8.1f} s {cpu:8.1f} s of processors  peak {mb:6.0f} MB  "
        "read {read:7.0f} MB  written {written:7.0f} MB"
    )
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as place,
        group_of(options.memory) as group,
    ):
        folder = Path(place)
        os.environ.update(environment(folder, options.memory))
        make_keyset()
        for rows in map(int, options.rows.split(",")):
            source = folder / "source.parquet"
            generate.generate(rows, source)
            print(f"{rows:,} rows: {source.stat().st_size / 1e6:.0f} MB", flush=True)
            for job in options.jobs.split(","):
                (folder / CONFIG).write_text(run_config(job, source, JOBS[job]))
                effort, told = measured(job, folder, group, options.memory)
                line = shape.format(
                    job=job,
                    rows=rows,
                    s=effort.inside,
                    cpu=effort.busy,
                    mb=effort.megabytes,
                    read=told["read"] / 1e6,
                    written=told["written"] / 1e6,
                )
                print(line, flush=True)


if __name__ == "__main__":
    main()
