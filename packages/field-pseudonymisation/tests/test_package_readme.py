import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from field_pseudonymisation.detectors.catalogue import built_in_detectors
from util_services.samples import sample_path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("data-services")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code):
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, value in (("DATA_SERVICES_ROOT", ""), ("DAGSTER_HOME", "home"), ("HOME", "")):
        monkeypatch.setenv(name, str(tmp_path / value))
    (tmp_path / "in/letters").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "in/patients.csv").write_bytes(sample_path("patients.csv").read_bytes())
    (tmp_path / "in/letters/1.txt").write_text("Write to ann@example.org.")
    return tmp_path


def run(folder, *arguments):
    answer = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=folder)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("text", "output"),
    [*zip(blocks("console"), ("patients.parquet", "letters.parquet"), strict=True)],
)
def test_the_command_line_examples_run(folder, monkeypatch, text, output):
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(folder / "keys"))
    if "keys create clinic" not in text:  # as an example before it does
        run(folder, "keys", "create", "clinic")
    for line in text.replace("\\\n", "").splitlines():
        name, *arguments = shlex.split(line.removeprefix("$ "))
        assert name == "data-services"
        run(folder, *arguments)

    done = pq.read_table(folder / "out" / output)
    if output == "patients.parquet":
        assert "email" not in done.column_names
        assert done["patient_id"][0].as_py().startswith("mac1.")
    else:
        assert done["text"][0].as_py().startswith("Write to EMAIL(")


def test_all_detectors_are_in_the_table():
    lines = [line for line in README.splitlines() if line.startswith("| `")]
    named = {name for line in lines for name in re.findall(r"`([a-z0-9_]+)`", line)}

    assert {one.name for one in built_in_detectors()} <= named
    assert {one.entity for one in built_in_detectors()} <= named
