"""How much memory a run may use: what is set, else what the container or the machine has.

DuckDB looks for the limit of a container too, but at one place of several, and takes 80 % of it; it
overshoots its own limit, and it is not alone in the process. So the local engine works it out and
gives DuckDB a share that leaves room for Arrow, pandas and the rest of the run.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

DUCKDB_SHARE = 0.6  # of what the run may use
SIZE_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(KB|MB|GB|TB)", re.IGNORECASE)
UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
ROOT = Path("/")
GROUPS = Path("proc/self/cgroup")
MOUNT = Path("sys/fs/cgroup")
PAUSES_SECONDS = (0.01, 0.1, 0.5, 1.0, 2.0)


def memory_ceiling(setting: str | None, root: Path = ROOT) -> int:
    """Return the bytes of memory that a run may use.

    It is the setting where there is one, else the least limit of the control groups (version 1 or
    2) that this process is in, else the memory of the machine.

    Args:
        setting: a size such as ``1500MB``.
        root: where the file systems that tell of control groups begin.

    Raises:
        ConfigurationError: if the setting is no size.
    """
    if setting is not None:
        return _size(setting)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_group_limits(root)])


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, more: int, limit: int) -> Iterator[None]:
    """Let DuckDB take so many bytes more than it holds now, and no more than a limit.

    A writer that several threads feed holds back whatever comes out of turn, and takes what memory
    it may for that: the more, the more rows there are.
    """
    found = connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
    connection.execute(f"SET memory_limit = '{min(int(found[0][0]) + more, limit)}B'")
    try:
        yield
    finally:
        _allow(connection, limit)


def _allow(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    """Let DuckDB take so many bytes again, once the threads of what has failed let it go on."""
    import duckdb

    for pause in PAUSES_SECONDS:
        try:
            connection.execute(f"SET memory_limit = '{limit}B'")
        except duckdb.OutOfMemoryException:
            time.sleep(pause)
        else:
            return
    connection.execute(f"SET memory_limit = '{limit}B'")


def _size(setting: str) -> int:
    match = SIZE_PATTERN.fullmatch(setting.strip())
    size = float(match[1]) * UNITS[match[2].upper()] if match else 0
    if size < 1:
        raise ConfigurationError(
            "DATA_SERVICES_MEMORY_LIMIT must be a size such as '1500MB' or '4GB'."
        )
    return int(size)


def _group_limits(root: Path) -> list[int]:
    """Return the limits of the groups that this process is in, and of the groups around them.

    A container may see its group by the path that it has on the host, where nothing is mounted;
    then its own limit stands at the top of what is mounted.
    """
    limits = []
    for line in _lines(root / GROUPS):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            top, name = root / MOUNT, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / MOUNT / "memory", "memory.limit_in_bytes"
        else:
            continue
        inner = top / path.lstrip("/")
        folders = [top, *(f for f in (inner, *inner.parents) if f.is_relative_to(top))]
        found = [line for folder in folders for line in _lines(folder / name)]
        limits += [int(text) for text in found if text.isdecimal() and int(text) > 0]
    return limits


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
