import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dataframe_anonymisation.config import HierarchyConfig
from util_services.samples import sample_path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("data-services")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def commands():
    text = "".join(blocks("console")).replace("\\\n", "")
    return [shlex.split(line.removeprefix("$ ")) for line in text.splitlines()]


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code):
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_there_are_examples_to_run():
    assert len(blocks("python")) == 3
    assert len(blocks("yaml")) == 1
    assert len(commands()) == 4


def test_the_hierarchies_of_the_examples_are_accepted():
    (declared,) = map(yaml.safe_load, blocks("yaml"))

    kinds = [HierarchyConfig(**one).kind for one in declared["hierarchies"].values()]

    assert kinds == ["intervals", "mask", "date", "rounding", "file", "mapping", "suppression"]


def test_the_command_line_examples_run(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "in").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "in/patients.csv").write_bytes(sample_path("patients.csv").read_bytes())

    for name, *arguments in commands():
        answer = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=tmp_path)

        assert name == "data-services"
        assert answer.returncode == 0, answer.stderr
    for output in ("patients.parquet", "counts.csv"):
        assert (tmp_path / "out" / output).is_file()
    for output in ("patients.parquet", "risk", "verified", "counts.csv"):
        assert (tmp_path / "out" / f"{output}.report.html").is_file()
