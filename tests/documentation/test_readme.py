import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# The shell goes on after a command with "!" in front, even if that was not refused.
REFUSED = re.compile(r"^! (?:.*\\\n)*.*[^\\\n]$", re.MULTILINE)
PAGES_OF_COMMANDS = (
    "keys.md",
    "lineage.md",
    "processing-record.md",
    "pseudonymisation.md",
    "releases.md",
    "texts.md",
    "workspaces.md",
)
BOOT = "python3 -m venv .boot && .boot/bin/pip install -q uv && .boot/bin/"


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.DOTALL)


def readmes(workspace):
    return [workspace / "README.md", *workspace.glob("*/*/README.md")]


def pages(workspace):
    return sorted((*workspace.glob("docs/*.md"), *workspace.glob("docs/tutorials/*.md")))


def test_the_two_commands_install_uv_and_are_what_ci_runs(workspace):
    run, tests = blocks(workspace / "README.md", "sh")[:2]
    checks = (workspace / ".gitea/scripts/check").read_text()

    assert run == f"{BOOT}uv run data-services run remove_duplicates_job\n"
    assert tests == f"{BOOT}uv run --locked pytest --numprocesses auto\n"
    assert "\n    uv run --locked pytest --numprocesses auto || status=$?\n" in checks


def test_python_examples_run(workspace, tmp_path):
    texts = [*readmes(workspace), *pages(workspace)]
    examples = [code for text in texts for code in blocks(text, "python")]

    for example in examples:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", example],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{example}\n{done.stderr}"
    assert examples


@pytest.mark.timeout(900)  # each command is a process
@pytest.mark.parametrize("page", PAGES_OF_COMMANDS)
def test_the_commands_of_a_page_run_from_the_top_to_the_bottom(workspace, tmp_path, page):
    commands = REFUSED.sub(r"\g<0> || false", "".join(blocks(workspace / "docs" / page, "sh")))
    own = {
        name: value
        for name, value in os.environ.items()
        if "DATA_SERVICES" not in name and name != "DAGSTER_HOME"
    }
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=own | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_links_within_the_repository_lead_somewhere(workspace):
    """The pages of the reference are made, and their links checked, where the site is built."""
    texts = [*readmes(workspace), workspace / "CONTRIBUTING.md", *pages(workspace)]

    for page in texts:
        for target in re.findall(r"\]\((?!https?://|#|reference/)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_workflow_steps_only_call_the_scripts_that_ci_calls(workspace):
    yaml = pytest.importorskip("yaml")

    for workflow in workspace.glob(".gitea/workflows/*.yml"):
        jobs = yaml.safe_load(workflow.read_text())["jobs"]
        commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
        assert commands
        assert all(command.startswith(".gitea/scripts/") for command in commands)


def install(folder, toml, modules):
    """Lay a package of the documentation into a folder, as an installer would."""
    project = tomllib.loads(toml)["project"]
    package = folder / project["name"].replace("-", "_")
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name, code in modules.items():
        (package / f"{name}.py").write_text(code)
    metadata = folder / f"{package.name}-{project['version']}.dist-info"
    metadata.mkdir()
    requirements = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        f"{requirements}"
    )
    group, entries = next(iter(project["entry-points"].items()))
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{lines}")


PIPELINES = """
from pathlib import Path

from util_services.plugins import hookimpl


@hookimpl
def register_pipelines():
    return sorted(Path(__file__).parent.glob("*.yaml"))
"""


def test_the_pipeline_of_its_page_runs(workspace, tmp_path):
    (text,) = blocks(workspace / "docs" / "pipelines.md", "yaml")
    entry = 'entry-points.data_services = {mine = "my_pipelines.plugin"}'
    toml = f'[project]\nname = "my-pipelines"\nversion = "1.0"\ndependencies = []\n{entry}'
    install(tmp_path, toml, {"plugin": PIPELINES})
    (tmp_path / "my_pipelines" / "clean_and_group_patients.yaml").write_text(text)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "DATA_SERVICES_ROOT": str(tmp_path)}
    environment["DATA_SERVICES_AUDIT_DIR"] = str(tmp_path / "audit")
    environment["DATA_SERVICES_KEYS"] = str(tmp_path / "keys")
    program = Path(sys.executable).with_name("data-services")
    settings = ["--set", "group.k=10", "--set", "write_dataset.path=out.csv"]

    done = subprocess.run(
        [program, "run", "clean_and_group_patients_job", *settings, "--json"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out.csv.report.json").read_text())
    assert [step["operation"] for step in report["steps"]] == ["clean_data", "k_anonymity"]
    assert report["steps"][1]["configuration"]["k"] == 10


def test_the_package_of_the_contributing_guide_works(workspace, tmp_path):
    toml, *_ = blocks(workspace / "CONTRIBUTING.md", "toml")
    operations, plugin = blocks(workspace / "CONTRIBUTING.md", "python")
    install(tmp_path, toml, {"operations": operations, "plugin": plugin})
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "DATA_SERVICES_ROOT": str(tmp_path)}

    done = subprocess.run(
        [Path(sys.executable).with_name("data-services"), "run", "keep_columns_job", "--json"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    finished = json.loads(done.stdout)
    assert finished["rows"] == 1000
    assert Path(finished["output"]).read_text().startswith("patient_id\n")


def test_the_channel_of_the_readme_delivers_and_keeps_the_rules_for_plugins(workspace, tmp_path):
    readme = workspace / "packages/util-services/README.md"
    (toml,) = (code for code in blocks(readme, "toml") if "clinic-spool" in code)
    modules = {
        re.match(r"# src/clinic_spool/(\w+)\.py", code)[1]: code
        for code in blocks(readme, "python")
        if code.startswith("# src/clinic_spool/")
    }
    install(tmp_path, toml, modules)
    spool = tmp_path / "spool"
    spool.mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "CLINIC_SPOOL": str(spool)}
    program = Path(sys.executable).with_name("data-services")

    sent = subprocess.run(
        [program, "notifications", "test"], env=environment, capture_output=True, text=True
    )
    check = (
        "from util_services.plugins.conformance import check_plugin; check_plugin('clinic-spool')"
    )
    checked = subprocess.run(
        [sys.executable, "-c", check], env=environment, capture_output=True, text=True
    )

    assert (sent.returncode, sent.stdout) == (0, "spool: delivered\n"), sent.stderr
    (file,) = spool.iterdir()
    assert json.loads(file.read_text())["job"] == "notifications_test"
    assert checked.returncode == 0, checked.stderr
