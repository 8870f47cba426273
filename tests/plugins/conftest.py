"""Builds the packages below `packages/` and installs each into a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent / "packages"
OFFLINE = ["--quiet", "--offline", "--no-cache", "--no-deps"]  # uv builds uv_build packages itself
PROGRAM = Path(sys.executable).with_name("data-services")


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Return a function that installs packages and gives the environment which sees them.

    Only these, util-services and the code location take part, whatever else is installed.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    folders = {}

    def install(*names):
        for name in names:
            if name not in folders:
                folders[name] = tmp_path_factory.mktemp(name)
                place = ["--python", sys.executable, "--target", str(folders[name])]
                subprocess.run(
                    [uv, "pip", "install", *OFFLINE, *place, str(PACKAGES / name)], check=True
                )
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(folders[name]) for name in names),
            "DATA_SERVICES_PLUGINS": ",".join(("data-services", *names)),
            "DAGSTER_HOME": str(tmp_path_factory.mktemp("dagster-home")),
        }

    return install


@pytest.fixture(scope="session")
def run(installed):
    """Return a function that runs a program with packages installed."""

    def run_with(packages, *command, **variables):
        return subprocess.run(
            [str(part) for part in command],
            env={**installed(*packages), **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run_with


@pytest.fixture(scope="session")
def data_services(run):
    """Return a function that runs `data-services` with packages installed."""

    def run_with(packages, *arguments, **variables):
        return run(packages, PROGRAM, *arguments, **variables)

    return run_with
