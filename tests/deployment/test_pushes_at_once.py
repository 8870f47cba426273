"""Two pushes to main whose deployments overtake each other, with a registry and a git remote."""

import hashlib
import os
import shutil
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest
from git_remote import NOBODY, Checkout
from http_sink import HttpSink

PROGRAM = Path(sys.executable).with_name("data-services")
NAME = "data-services/data-services"
LABEL = "org.opencontainers.image.revision"
KEY = "deployments.data-services.image.tag"
# `uv run --no-sync data-services …` in a checkout whose environment is that of the tests.
UV = f'#!/bin/sh\nshift 3\nexec {PROGRAM} "$@"\n'


@pytest.fixture
def checkout(workspace, tmp_path, open_registry):
    """A checkout whose registry has an image of each commit that `push` makes."""
    made = Checkout(tmp_path / "sources")
    made.git("remote", "add", "origin", made.root)
    shutil.copytree(workspace / ".gitea/scripts", made.root / ".gitea/scripts")
    location = made.root / "code-locations/data-services"
    location.mkdir(parents=True)
    shutil.copy(workspace / "code-locations/data-services/pyproject.toml", location)

    def push():
        (made.root / "file").write_text(os.urandom(8).hex())
        commit = made.commit()
        open_registry.put(NAME, commit, {LABEL: commit})
        return commit

    made.push = push
    return made


@pytest.fixture
def deploy(clean_environment, checkout, remote, open_registry, tmp_path):
    """Return a function that runs a step of the deployment for a commit."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").write_text(UV)
    (tmp_path / "bin/uv").chmod(0o755)
    remote.write(
        "deployments:\n  - name: data-services\n"
        f"    image: {{repository: '{open_registry.host}/{NAME}', tag: ''}}\n"
    )
    settings = {
        "DATA_SERVICES_IMAGE": f"{open_registry.host}/{NAME}",
        "DATA_SERVICES_MANIFEST_REMOTE": str(remote.path),
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }

    def run(step, commit, root=checkout.root, **variables):
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=root, check=True)
        return subprocess.run(
            [root / ".gitea/scripts/deploy", step],
            env=os.environ | NOBODY | settings | variables,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_the_later_of_two_pushes_stays_whichever_comes_last(checkout, deploy, remote):
    first, second = checkout.push(), checkout.push()
    assert deploy("manifest", second).returncode == 0

    late = deploy("manifest", first)

    assert (late.returncode, late.stdout) == (1, "")
    assert late.stderr.startswith(
        f"deploy: the manifest names {second}, which does not come before this commit: "
    )
    assert second in remote.read()
    assert deploy("manifest", second).returncode == 0  # once more


def test_a_commit_that_the_checkout_has_not_seen_yet_counts_as_later(
    checkout, deploy, remote, tmp_path
):
    first = checkout.push()
    before = checkout.cloned(tmp_path / "before").root
    second = checkout.push()
    assert deploy("manifest", second).returncode == 0

    late = deploy("manifest", first, before)

    assert late.returncode == 1
    assert second in remote.read()


def test_each_push_replaces_the_ones_before_and_a_release_too(
    checkout, deploy, deployment, remote, open_registry
):
    first = checkout.push()
    assert deploy("manifest", first).returncode == 0
    second = checkout.push()
    assert deploy("manifest", second).returncode == 0
    checkout.git("tag", "data-services-v1.0.0")
    open_registry.put(NAME, "1.0.0", {LABEL: second})
    released = deployment("set-image", "--remote", remote.path, "--tag", "1.0.0")
    assert released.returncode == 0, released.stderr

    third, late = checkout.push(), deploy("manifest", first)

    assert late.returncode == 1
    assert deploy("manifest", third).returncode == 0
    assert third in remote.read()


def test_a_push_that_others_replaced_rolls_nothing_back(checkout, deploy, remote):
    first, second = checkout.push(), checkout.push()
    assert deploy("manifest", second).returncode == 0
    platform = HttpSink([HTTPStatus.NOT_FOUND] * 9)  # no platform, and nothing to wait for
    platform.start()

    try:
        done = deploy(
            "rollback", first, DATA_SERVICES_PLATFORM_URL=f"http://127.0.0.1:{platform.port}"
        )
    finally:
        platform.stop()

    assert done.stdout == f"there is nothing to roll back, it runs {second}\n"
    assert second in remote.read()


@pytest.mark.parametrize("step", ["manifest", "reload", "verify", "rollback"])
def test_a_step_that_does_not_know_its_tag_asks_nobody_anything(checkout, deploy, tmp_path, step):
    commit = checkout.push()
    (tmp_path / "bin/uv").write_text(f"#!/bin/sh\ntouch {tmp_path / 'asked'}\n")

    done = deploy(step, commit, DATA_SERVICES_IMAGE_PLUGINS="/no/such/file")

    assert done.returncode != 0
    assert done.stderr == "image: there is no requirements file '/no/such/file'.\n"
    assert not (tmp_path / "asked").exists()


def test_the_manifest_says_what_it_names(checkout, deploy, deployment, remote, open_registry):
    ask = ("current", "--remote", remote.path)
    commit = checkout.push()

    nothing = deployment(*ask)
    deploy("manifest", commit)
    something = deployment(*ask)

    assert (nothing.returncode, nothing.stdout) == (0, "no image yet\n")
    assert (something.returncode, something.stdout) == (
        0,
        f"{open_registry.host}/{NAME}:{commit}\n",
    )


def test_a_tag_replaces_only_the_one_that_it_is_said_to_replace(
    checkout, deploy, deployment, remote
):
    first, second = checkout.push(), checkout.push()
    deploy("manifest", first)
    other = hashlib.sha1(b"another").hexdigest()  # noqa: S324
    command = ("set-image", "--remote", remote.path, "--tag", second)

    refused = deployment(*command, "--from", other)
    nothing = deployment(*command, "--from", "")
    done = deployment(*command, "--from", first)
    again = deployment(*command, "--from", first)

    assert (refused.returncode, refused.stdout, nothing.returncode) == (2, "", 2)
    assert refused.stderr == (
        f"error: The manifest names the tag '{first}' and not '{other}'; somebody else has "
        "deployed meanwhile, so look at it again.\n"
    )
    assert (done.returncode, again.returncode) == (0, 0)
    assert second in remote.read()
