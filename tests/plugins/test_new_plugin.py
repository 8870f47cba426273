"""``data-services plugin new``: what it makes is built, installed and used for real."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_environment import fresh_environment, uv_program

PROGRAM = Path(sys.executable).with_name("data-services")
LONGEST = "abcdefghij-klmnopqrst-uvwxyzab"
STEPS = [{"step": "clinic_tools_remove_prefix", "columns": ["ward"], "prefix": "w-"}]
RULES = {"name": {"technique": "clinic_tools_initials"}, "ward": {"technique": "retain"}}


def new(name, folder, *options):
    return subprocess.run(
        [PROGRAM, "plugin", "new", name, "--folder", folder, *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    answer = new("clinic-tools", folder, "--json")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["folder"] == str(folder / "clinic-tools")
    return folder / "clinic-tools"


@pytest.fixture(scope="module")
def in_fresh(made, workspace, tmp_path_factory):
    """Return a function that runs a program where the wheel of the package is installed."""
    folder = tmp_path_factory.mktemp("fresh")
    environment = fresh_environment(workspace, folder)

    def run(*command, cwd=made):
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    uv = uv_program()
    assert run(uv, "build", "--quiet", "--wheel", "--out-dir", folder / "own").returncode == 0
    (wheel,) = (folder / "own").glob("*.whl")
    installed = run(uv, "pip", "install", "--quiet", wheel)
    assert installed.returncode == 0, installed.stderr
    return run


def test_it_loads_at_once_with_a_job_a_step_and_a_technique(in_fresh):
    shown = json.loads(in_fresh("data-services", "plugins", "--json", "--strict").stdout)

    (own,) = (one for one in shown["plugins"] if one["distribution"] == "clinic-tools")
    hooks = {"register_ops": 1, "register_jobs": 2, "register_steps": 1, "register_techniques": 1}
    assert own["hooks"] == hooks
    assert shown["failures"] == []


def test_its_own_tests_pass_the_check_of_the_contract_among_them(in_fresh):
    answer = in_fresh("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert answer.returncode == 0, answer.stdout
    assert "6 passed" in answer.stdout


def test_its_job_step_and_technique_work_on_a_file(in_fresh, tmp_path):
    (tmp_path / "in.csv").write_text("name,ward\nAnn Lee,w-north\nBo Ray,\n,w-south\nCy,w-w-x\n")
    runs = {
        "clinic_tools_keep_complete": {"columns": ["ward"]},
        "clean_data": {"steps": STEPS},
        "anonymise_pseudonymise_structured": {"rules": RULES},
    }
    source = "in.csv"
    for number, (operation, config) in enumerate(runs.items()):
        ops = {
            "read_dataset": {"config": {"path": source}},
            operation: {"config": config},
            "write_dataset": {"config": {"path": f"{number}.csv"}},
        }
        (tmp_path / "config.yaml").write_text(json.dumps({"ops": ops}))
        command = ("data-services", "run", f"{operation}_job", "--config", "config.yaml")
        answer = in_fresh(*command, cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
        source = f"{number}.csv"

    assert (tmp_path / "2.csv").read_text() == "name,ward\nAL,north\n,south\nC,w-x\n"


def test_its_files_are_in_form_however_short_or_long_the_name(tmp_path):
    names = ("ab", LONGEST)
    for name in names:
        assert new(name, tmp_path).returncode == 0

    for check in (["format", "--check"], ["check"]):
        answer = subprocess.run(
            ["ruff", *check, "--no-cache", *names], cwd=tmp_path, capture_output=True, text=True
        )
        assert answer.returncode == 0, answer.stdout
    assert [path for path in tmp_path.rglob("*") if "PACKAGE" in path.name] == []
    assert os.access(tmp_path / "ab/check", os.X_OK)


def test_its_workflow_keeps_the_rules_for_workflows(made, workspace):
    workflow = made / ".gitea/workflows/checks.yml"
    for check in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow],
        ["zizmor", "--offline", "--quiet", workflow],
        ["shellcheck", made / "check"],
        [workspace / ".gitea/scripts/actionlint", workflow],
    ):
        answer = subprocess.run(check, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_its_licence_is_the_projects_own(made, workspace):
    assert (made / "LICENSE").read_bytes() == (workspace / "LICENSE").read_bytes()


def test_a_name_that_cannot_be_is_refused_in_a_sentence(tmp_path):
    answer = new("../up", tmp_path)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("error: A package cannot be called '../up': use 2 to 30 ")
    assert list(tmp_path.iterdir()) == []
