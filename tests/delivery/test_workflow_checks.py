"""The scripts that a pull request's workflow calls, run as it would run them."""

import os
import shutil
import subprocess

import pytest
import yaml


def test_workflows_call_only_scripts_that_exist(workspace):
    for file in (workspace / ".gitea/workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    script = workspace / step["run"].split()[0]
                    assert os.access(script, os.X_OK), step["run"]


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")
def test_a_mistake_in_a_workflow_is_found(workspace, tmp_path):
    workflow = tmp_path / "workflows" / "bad.yml"
    workflow.parent.mkdir()
    workflow.write_text(
        "name: bad\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
        "    steps:\n      - run: echo ${{ github.evnt }}\n"
    )

    done = subprocess.run(
        [workspace / ".gitea/scripts/actionlint", workflow],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert 'property "evnt" is not defined' in done.stderr


@pytest.mark.timeout(900)
def test_a_member_passes_by_itself(workspace):
    if (os.environ.get("UV") or shutil.which("uv")) is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")

    done = subprocess.run(
        [workspace / ".gitea/scripts/check-member", "data-services"],
        cwd=workspace,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_a_requirement_that_nobody_declares_is_found(workspace, tmp_path):
    package = tmp_path / "careless"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("import a_package_that_nobody_declares\n")

    done = subprocess.run(
        ["python3", workspace / ".gitea/scripts/import_all.py", "careless"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "No module named 'a_package_that_nobody_declares'" in done.stderr
