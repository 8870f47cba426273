"""What docs/partitions.md shows is done: its file makes a job, its commands run a partition."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from util_services.partitions.file import NUMBERS, WATCH_KEYS
from util_services.partitions.scheme import KINDS

PLUGIN = """
from pathlib import Path

from util_services.plugins import hookimpl


@hookimpl
def register_partitions():
    return sorted(Path(__file__).parent.glob("*.yaml"))
"""
NAME = "visits_by_day"


def block(page, language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return found


@pytest.fixture
def page(workspace):
    return (workspace / "docs/partitions.md").read_text()


def test_the_file_of_the_page_makes_a_job_that_its_commands_run(page, tmp_path):
    package = tmp_path / "my_partitions"
    package.mkdir()
    (package / "plugin.py").write_text(PLUGIN)
    (package / f"{NAME}.yaml").write_text(block(page, "yaml"))
    info = tmp_path / "my_partitions-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: my-partitions\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[data_services]\nmine = my_partitions.plugin\n")
    source = tmp_path / "in" / "visits" / "2026-01-02.csv"
    source.parent.mkdir(parents=True)
    source.write_text("visit_id,ward\n1,a\n1,a\n2,b\n")
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATA_SERVICES_ROOT": str(tmp_path),
        "DATA_SERVICES_AUDIT_DIR": str(tmp_path / "audit"),
        "DATA_SERVICES_STRICT": "true",
        "DAGSTER_HOME": str(tmp_path / "home"),
    }
    (tmp_path / "home").mkdir()
    commands = block(page, "sh").splitlines()

    for command in commands:
        done = subprocess.run(
            shlex.split(command), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    out = tmp_path / "out" / "visits" / "2026-01-02.csv"
    assert out.read_text() == "visit_id,ward\n1,a\n2,b\n"
    assert len(commands) == 3


def test_the_page_names_each_scheme_and_each_key_of_watch(page):
    shown = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))

    assert {*KINDS, *WATCH_KEYS, *NUMBERS} <= shown
