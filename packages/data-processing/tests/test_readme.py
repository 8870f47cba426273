import gzip
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from util_services.samples import sample_path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("data-services")


def blocks(language):
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code):
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_there_are_examples_to_run():
    assert len(blocks("python")) == 3
    assert len(commands()) == 7


def commands():
    text = "".join(blocks("console")).replace("\\\n", "")
    return [shlex.split(line.removeprefix("$ ")) for line in text.splitlines()]


def test_the_command_line_examples_run(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "in").mkdir()
    (tmp_path / "home").mkdir()
    sample = sample_path("patients.csv").read_bytes()
    (tmp_path / "in/patients.csv").write_bytes(sample)
    (tmp_path / "in/february.csv").write_bytes(sample)
    (tmp_path / "recipe.yaml").write_text(*blocks("yaml"))
    (tmp_path / "in/more.csv.gz").write_bytes(gzip.compress(sample))

    for name, *arguments in commands():
        answer = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=tmp_path)

        assert name == "data-services"
        assert answer.returncode == 0, answer.stderr
    for output in (
        "patients.parquet",
        "patients.xlsx",
        "patients/_manifest.json",
        "january.parquet",
        "january.parquet.state.json",
        "january.parquet.changes.parquet",
        "january.parquet.quarantine.jsonl",
        "february.parquet",
        "profile.report.html",
    ):
        assert (tmp_path / "out" / output).is_file()
    january, february = (tmp_path / f"out/{month}.parquet" for month in ("january", "february"))
    assert pq.read_table(january).equals(pq.read_table(february))


def test_the_step_of_the_readme_is_found_and_works_in_a_recipe(tmp_path):
    (toml,) = blocks("toml")
    (plugin,) = (code for code in blocks("python") if "plugin.py" in code)
    project = tomllib.loads(toml)["project"]
    package = tmp_path / "clinic_steps"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(plugin)
    metadata = tmp_path / f"clinic_steps-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        f"Requires-Dist: {project['dependencies'][0]}\n"
    )
    ((group, entries),) = project["entry-points"].items()
    ((name, target),) = entries.items()
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    recipe = [{"step": "remove_prefix", "columns": ["id"], "prefix": "P-"}]
    script = (
        "import pandas as pd; from data_processing import clean; "
        f"print(clean(pd.DataFrame({{'id': ['P-1', '2']}}), {recipe})[0]['id'].tolist())"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "['1', '2']\n", done.stderr
