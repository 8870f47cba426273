"""What the script of the deployment refuses; tests/deployment runs its steps for real."""

import subprocess

import pytest


@pytest.mark.parametrize("arguments", [(), ("undo",), ("build", "push")])
def test_a_step_that_is_none_is_refused_with_the_steps_that_there_are(workspace, arguments):
    done = deploy(workspace, *arguments, image="host.org/owner/name")

    assert (done.returncode, done.stdout) == (2, "")
    assert ".gitea/scripts/deploy verify " in done.stderr


def test_an_image_without_a_name_is_refused(workspace):
    done = deploy(workspace, "build", image="")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "deploy: DATA_SERVICES_IMAGE must say what the image is called: HOST/OWNER/NAME.\n"
    )


def test_logs_that_could_not_be_read_are_no_logs_without_errors(workspace, tmp_path):
    (tmp_path / "uv").write_text("#!/bin/sh\ncat\n")  # a verification that finds nothing wrong
    (tmp_path / "uv").chmod(0o755)
    command = {"DATA_SERVICES_PLATFORM_LOGS": "echo a line; false; echo no more"}

    done = deploy(workspace, "verify", image="host.org/owner/name", folder=tmp_path, **command)

    assert (done.returncode, done.stdout) == (1, "a line\n")
    assert done.stderr == (
        "deploy: the command of DATA_SERVICES_PLATFORM_LOGS failed (1); what it has not printed "
        "was not searched.\n"
    )


def deploy(workspace, *arguments, image, folder="/usr/local/bin", **variables):
    return subprocess.run(
        [workspace / ".gitea/scripts/deploy", *arguments],
        env={"PATH": f"{folder}:/usr/bin:/bin", "DATA_SERVICES_IMAGE": image, **variables},
        capture_output=True,
        text=True,
    )
