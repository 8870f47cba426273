"""An environment as a user has it: wheels of all members, what they require, and a test runner.

Packages are links into uv's cache, so that it is made in seconds and takes no room.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MEMBERS_REQUIREMENTS = (
    *("--all-packages", "--no-install-workspace"),
    *("--no-default-groups", "--group", "test"),
)


def uv_program() -> str:
    """Return the path of uv; skips a test where there is none."""
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` names itself in UV
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    return uv


def fresh_environment(workspace: Path, folder: Path) -> dict[str, str]:
    """Make a virtual environment in a folder, and return the variables of who works in it.

    Nothing that somebody has configured, for data-services or uv, is among them; HOME is a folder
    beside it.
    """
    uv, place = uv_program(), folder / "environment"
    home = folder / "home"
    home.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATA_SERVICES_", "DAGSTER_HOME", "PYTHON", "XDG_"))
    }
    making = {**kept, "UV_PROJECT_ENVIRONMENT": str(place), "UV_LINK_MODE": "symlink"}
    subprocess.run(
        [uv, "sync", "--quiet", "--frozen", *MEMBERS_REQUIREMENTS],
        cwd=workspace,
        env=making,
        check=True,
    )
    wheels = folder / "wheels"
    subprocess.run(
        [uv, "build", "--quiet", "--all-packages", "--wheel", "--out-dir", wheels],
        cwd=workspace,
        check=True,
    )
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run(
        [*install, "--python", place / "bin/python", *sorted(wheels.glob("*.whl"))],
        env=making,
        check=True,
    )
    path = os.pathsep.join((str(place / "bin"), str(Path(uv).parent), kept["PATH"]))
    return {
        **kept,
        "VIRTUAL_ENV": str(place),
        "PATH": path,
        "HOME": str(home),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": _cache(uv),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


def _cache(uv: str) -> str:
    """Return the folder of uv's cache, which another HOME would lead away from."""
    answer = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True)
    return answer.stdout.strip()
