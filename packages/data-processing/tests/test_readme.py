import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from util_services.samples import sample_path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("data-services")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code):
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_there_are_examples_to_run():
    assert len(blocks("python")) == 1
    assert len(blocks("console")) == 1


def test_the_command_line_example_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "in").mkdir()
    (tmp_path / "home").mkdir()
    shutil.copy(sample_path("patients.csv"), tmp_path / "in")
    name, *arguments = shlex.split(blocks("console")[0].removeprefix("$ ").replace("\\\n", ""))

    answer = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=tmp_path)

    assert name == "data-services"
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "patients.parquet").exists()
