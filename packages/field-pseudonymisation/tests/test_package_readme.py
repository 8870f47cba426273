import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from util_services.samples import sample_path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("data-services")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code):
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_the_command_line_example_runs(tmp_path, monkeypatch):
    for name, value in (("DATA_SERVICES_ROOT", ""), ("DAGSTER_HOME", "home"), ("HOME", "")):
        monkeypatch.setenv(name, str(tmp_path / value))
    (tmp_path / "in").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "in/patients.csv").write_bytes(sample_path("patients.csv").read_bytes())
    (text,) = blocks("console")
    (line,) = text.replace("\\\n", "").splitlines()

    name, *arguments = shlex.split(line.removeprefix("$ "))
    answer = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=tmp_path)

    assert name == "data-services"
    assert answer.returncode == 0, answer.stderr
    done = pq.read_table(tmp_path / "out/patients.parquet")
    assert "email" not in done.column_names
    assert done["patient_id"][0].as_py().startswith("mac1.")
    assert len(blocks("python")) == 1
