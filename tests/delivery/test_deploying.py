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


def deploy(workspace, *arguments, image):
    return subprocess.run(
        [workspace / ".gitea/scripts/deploy", *arguments],
        env={"PATH": "/usr/bin:/bin", "DATA_SERVICES_IMAGE": image},
        capture_output=True,
        text=True,
    )
