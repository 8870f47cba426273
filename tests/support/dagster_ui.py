"""A real `data-services dev` for a browser to look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(sys.executable).with_name("data-services")
STOP_SECONDS = 60


@contextmanager
def dagster_ui(folder: Path) -> Iterator[str]:
    """Serve the UI on a free port of this machine until the block ends, and give its address.

    Everything is kept in a folder: jobs on local files write below ``root`` in it.
    """
    for name in ("root", "home", "dagster"):
        (folder / name).mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATA_SERVICES_", "XDG_"))}
    process = subprocess.Popen(
        [PROGRAM, "dev", "--port", "0", "--root", folder / "root", "--json"],
        env={**kept, "HOME": str(folder / "home"), "DAGSTER_HOME": str(folder / "dagster")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        assert line, process.communicate(timeout=STOP_SECONDS)[1]
        yield str(json.loads(line)["url"])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=STOP_SECONDS)
