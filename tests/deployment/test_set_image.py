"""The tag in a manifest on a bare git remote, of images in a real registry."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from git_http import served
from git_remote import PERSON

PROGRAM = Path(sys.executable).with_name("data-services")
NAME = "data-services/data-services"
LABEL = "org.opencontainers.image.revision"
OLD, NEW, NEWER = (hashlib.sha1(word).hexdigest() for word in (b"old", b"new", b"newer"))  # noqa: S324
MANIFEST = """\
# Who touches this file: people, and the deployment.
deployments:
  - name: other
    image: {{repository: "{host}/other/other", tag: keep-me}}
  - name: data-services   # ours
    image:
        repository: {host}/{name}
        tag:   {tag}   # set by the deployment
        pullPolicy: IfNotPresent

    port: 4000
"""
KILLED_AFTER_GIT = """\
#!/usr/bin/env bash
count=$(($(cat {count}) + 1)); echo $count > {count}
{git} "$@"; status=$?
[ $count = {step} ] && kill -9 $PPID
exit $status
"""
# Lets somebody else push in between, so many times.
OVERTAKING_GIT = """\
#!/usr/bin/env bash
if [[ " $* " == *" push "* ]] && [ "$(cat {count})" -gt 0 ]; then
    echo $(($(cat {count}) - 1)) > {count}
    other=$({git} -C {remote} commit-tree -p main -m other 'main^{{tree}}')
    {git} -C {remote} update-ref refs/heads/main "$other"
fi
exec {git} "$@"
"""
NOTING_GIT = """\
#!/usr/bin/env bash
echo "$PPID $$" > {processes}
exec {git} "$@"
"""


@pytest.fixture(scope="module")
def images(open_registry):
    """The registry with images of three commits, and one that belongs to none of them."""
    for commit in (OLD, NEW, NEWER):
        open_registry.put(NAME, commit, {LABEL: commit})
    open_registry.put(NAME, "1.10", {LABEL: NEW})
    open_registry.put(NAME, NEW[::-1], {LABEL: NEW})
    open_registry.put(NAME, OLD[::-1], {})
    return open_registry


@pytest.fixture
def manifest(images):
    """Return a function that gives the text of the manifest with a tag."""
    return lambda tag: MANIFEST.format(host=images.host, name=NAME, tag=tag)


@pytest.fixture
def deployed(remote, manifest):
    """A remote whose manifest names the old image."""
    remote.write(manifest(OLD))
    return remote


@pytest.fixture
def set_new(deployed, tmp_path):
    """Return a function that sets the new tag, perhaps with another program in place of git."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = [PROGRAM, "deployment", "set-image", "--remote", deployed.path, "--tag", NEW]

    def run(shim=None, **names):
        path = os.environ["PATH"]
        if shim is not None:
            (folder / "git").write_text(shim.format(git=shutil.which("git"), **names))
            (folder / "git").chmod(0o755)
            path = f"{folder}{os.pathsep}{path}"
        return subprocess.run(
            command, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60
        )

    return run


def test_only_the_tag_changes_by_one_commit_that_says_what_was_deployed(
    deployed, deployment, manifest, images
):
    answer = deployment("set-image", "--remote", deployed.path, "--tag", NEW, "--json")

    assert answer.returncode == 0, answer.stderr
    assert deployed.read() == manifest(f'"{NEW}"')
    assert deployed.commits() == 2
    change = json.loads(answer.stdout)
    image = f"{images.host}/{NAME}:{NEW}"
    assert change == {
        "schema": 1,
        "image": image,
        "digest": change["digest"],
        "revision": NEW,
        "before": OLD,
        "commit": deployed.head(),
        "is_changed": True,
    }
    assert deployed.git("log", "-1", "--format=%an <%ae>%n%B", "main").rstrip() == (
        "data-services deployment <deployment@data-services.invalid>\n"
        f"deploy data-services {NEW}\n\n"
        f"Image: {image}\nImage-Digest: {change['digest']}\nTag-Before: {OLD}"
    )
    assert deployed.git("diff", "--name-only", "main~", "main").split() == ["values.yaml"]


def test_the_digest_is_that_of_the_registry(deployed, deployment, images):
    digest = images.put(NAME, "2.0", {"anything": "else"})

    answer = deployment("set-image", "--remote", deployed.path, "--tag", "2.0", "--json")

    assert json.loads(answer.stdout)["digest"] == digest


def test_a_tag_that_is_set_already_makes_no_commit(deployed, deployment):
    before = deployed.head()

    answer = deployment("set-image", "--remote", deployed.path, "--tag", OLD)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith(f"{OLD} already.\n")
    assert deployed.head() == before


def test_a_version_that_looks_like_a_number_stays_a_text(deployed, deployment):
    answer = deployment("set-image", "--remote", deployed.path, "--tag", "1.10")

    assert answer.returncode == 0, answer.stderr
    image = yaml.safe_load(deployed.read())["deployments"][1]["image"]
    assert image["tag"] == "1.10"


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("f" * 40, "The registry has no image {image}; push it first, or name another tag."),
        (
            NEW[::-1],
            f"The image {{image}} was not built from the commit in its tag, but from {NEW}; push "
            "the right image.",
        ),
        (
            OLD[::-1],
            "The image {image} was not built from the commit in its tag, but from none that it "
            "names; push the right image.",
        ),
        (
            "latest",
            "The tag 'latest' names another image tomorrow; name the commit or the version.",
        ),
        ("a b", "'a b' is no tag of an image; name the commit or the version."),
    ],
)
def test_an_image_that_is_not_there_or_another_is_refused(
    deployed, deployment, images, tag, sentence
):
    before = deployed.head()

    answer = deployment("set-image", "--remote", deployed.path, "--tag", tag)

    image = f"{images.host}/{NAME}:{tag}"
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == f"error: {sentence.format(image=image)}\n"
    assert deployed.head() == before


def test_a_registry_out_of_reach_is_refused(remote, deployment):
    remote.write("image: {repository: '127.0.0.1:1/a/b', tag: x}\n")

    answer = deployment("set-image", "--remote", remote.path, "--tag", NEW, "--key", "image.tag")

    assert answer.returncode == 2
    assert answer.stderr.startswith("error: The registry 127.0.0.1:1 does not answer (")
    assert remote.commits() == 1


@pytest.mark.parametrize("kind", ["password_registry", "token_registry"])
def test_a_registry_with_credentials_shows_its_images_to_those_who_have_them(
    request, remote, deployment, manifest, kind
):
    registry = request.getfixturevalue(kind)
    for tag in (OLD, NEW):
        registry.put(NAME, tag, {LABEL: tag})
    remote.write(MANIFEST.format(host=registry.host, name=NAME, tag=OLD))
    command = ("set-image", "--remote", remote.path, "--tag", NEW)
    right = {
        "DATA_SERVICES_REGISTRY_USER": registry.user,
        "DATA_SERVICES_REGISTRY_PASSWORD": registry.password,
    }

    nobody = deployment(*command)
    stranger = deployment(*command, **right | {"DATA_SERVICES_REGISTRY_PASSWORD": "hunter2"})
    half = deployment(*command, DATA_SERVICES_REGISTRY_USER="deployer")
    absent = deployment(*command[:-1], "f" * 40, **right)
    known = deployment(*command, **right)

    for refused in (nobody, stranger):
        assert refused.returncode == 2
        assert refused.stderr == (
            f"error: The registry {registry.host} refuses to show {NAME} (401); set "
            "DATA_SERVICES_REGISTRY_USER and DATA_SERVICES_REGISTRY_PASSWORD.\n"
        )
    assert (half.returncode, absent.returncode) == (2, 2)
    assert "belong together" in half.stderr
    assert "has no image" in absent.stderr
    assert known.returncode == 0, known.stderr
    assert registry.password not in known.stdout + known.stderr + remote.git("log", "-p", "main")


def test_an_image_for_several_machines_is_known_by_any_of_them(deployed, deployment, images):
    from docker_registry import INDEX
    from docker_registry import MANIFEST as ONE

    digest = images.put(NAME, "one-machine", {LABEL: NEWER})
    size = 1
    images.put_manifest(
        NAME,
        NEWER,
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {
                    "mediaType": ONE, "digest": digest, "size": size,
                    "platform": {"os": "linux", "architecture": "arm64"},
                }
            ],
        },
    )  # fmt: skip

    answer = deployment("set-image", "--remote", deployed.path, "--tag", NEWER)

    assert answer.returncode == 0, answer.stderr
    assert NEWER in deployed.read()


def test_rolling_back_leads_to_the_tag_before_and_never_forward_again(
    deployed, deployment, manifest
):
    for tag in (NEW, NEWER):
        assert deployment("set-image", "--remote", deployed.path, "--tag", tag).returncode == 0

    first = deployment("rollback", "--remote", deployed.path)
    assert first.returncode == 0, first.stderr
    assert deployed.read() == manifest(f'"{NEW}"')
    assert deployed.git("log", "-1", "--format=%s", "main") == f"roll data-services back to {NEW}\n"

    second = deployment("rollback", "--remote", deployed.path)
    assert second.returncode == 0, second.stderr
    assert deployed.read() == manifest(f'"{OLD}"')

    third = deployment("rollback", "--remote", deployed.path)
    assert third.returncode == 2
    assert third.stderr == (
        "error: 'values.yaml' has named no other image before; name a tag with 'set-image --tag'.\n"
    )


def test_rolling_back_from_a_tag_goes_one_step_however_often_it_is_run(
    deployed, deployment, manifest
):
    for tag in (NEW, NEWER):
        assert deployment("set-image", "--remote", deployed.path, "--tag", tag).returncode == 0

    answers = [
        deployment("rollback", "--remote", deployed.path, "--from", NEWER, "--json")
        for _ in range(2)
    ]

    assert [answer.returncode for answer in answers] == [0, 0], answers[1].stderr
    first, second = (json.loads(answer.stdout) for answer in answers)
    assert (first["is_changed"], second["is_changed"]) == (True, False)
    assert first["image"] == second["image"]
    assert deployed.read() == manifest(f'"{NEW}"')


def test_before_the_first_deployment_there_is_nothing_to_roll_back_to(remote, deployment, manifest):
    remote.write(manifest('""'))
    assert deployment("set-image", "--remote", remote.path, "--tag", NEW).returncode == 0

    answer = deployment("rollback", "--remote", remote.path, "--from", NEW)

    assert answer.returncode == 2
    assert "has named no other image before" in answer.stderr
    assert NEW in remote.read()


def test_rolling_back_is_setting_the_older_tag(deployed, deployment, manifest):
    assert deployment("set-image", "--remote", deployed.path, "--tag", NEW).returncode == 0

    answer = deployment("set-image", "--remote", deployed.path, "--tag", OLD)

    assert answer.returncode == 0, answer.stderr
    assert deployed.read() == manifest(f'"{OLD}"')


def test_a_kill_after_any_step_leaves_the_old_manifest_or_the_new_and_running_again_finishes(
    deployed, set_new, manifest, tmp_path
):
    start, count = deployed.head(), tmp_path / "count"
    killed = step = 0
    while killed == step:
        deployed.git("update-ref", "refs/heads/main", start)
        step += 1
        count.write_text("0")

        done = set_new(KILLED_AFTER_GIT, count=count, step=step)

        killed += done.returncode == -signal.SIGKILL
        assert deployed.read() in {manifest(OLD), manifest(f'"{NEW}"')}
        again = set_new()
        assert again.returncode == 0, again.stderr
        assert deployed.read() == manifest(f'"{NEW}"')
        assert deployed.commits() == 2
    assert killed > 8, done.stderr


@pytest.mark.parametrize("answer", [0, 1])
def test_a_kill_while_the_remote_takes_the_commit_leaves_a_whole_manifest(
    deployed, set_new, manifest, tmp_path, answer
):
    hook, processes = deployed.path / "hooks" / "pre-receive", tmp_path / "processes"
    hook.write_text(f"#!/bin/sh\nkill -9 $(cat {processes})\nsleep 0.2\nexit {answer}\n")
    hook.chmod(0o755)

    done = set_new(NOTING_GIT, processes=processes)

    assert done.returncode == -signal.SIGKILL
    hook.unlink()
    again = set_new()
    assert again.returncode == 0, again.stderr
    assert deployed.read() == manifest(f'"{NEW}"')
    assert deployed.commits() == 2


def test_deployments_at_once_lose_no_change_of_each_other(remote, deployment, manifest):
    remote.write(manifest(OLD))
    other = ("--key", "deployments.other.image.tag")
    answers = []

    def deploy(*arguments):
        answers.append(deployment("set-image", "--remote", remote.path, *arguments))

    images_of = manifest(OLD).replace("other/other", NAME)
    remote.write(images_of)
    threads = [
        threading.Thread(target=deploy, args=("--tag", NEW)),
        threading.Thread(target=deploy, args=("--tag", NEWER, *other)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.returncode for answer in answers] == [0, 0], answers
    images = [item["image"]["tag"] for item in yaml.safe_load(remote.read())["deployments"]]
    assert images == [NEWER, NEW]


def test_a_branch_that_many_others_change_meanwhile_is_tried_again(
    deployed, set_new, manifest, tmp_path, monkeypatch
):
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)
    count = tmp_path / "count"
    count.write_text("7")

    done = set_new(OVERTAKING_GIT, count=count, remote=deployed.path)

    assert done.returncode == 0, done.stderr
    assert deployed.read() == manifest(f'"{NEW}"')
    assert deployed.commits() == 9


def test_a_remote_that_takes_no_commit_is_told_with_its_reason(deployed, deployment, manifest):
    hook = deployed.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'changes need a review' >&2\nexit 1\n")
    hook.chmod(0o755)

    answer = deployment("set-image", "--remote", deployed.path, "--tag", NEW)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert "does not take the commit: git push failed: remote: changes need a review" in (
        answer.stderr
    )
    assert answer.stderr.count("\n") == 1
    assert deployed.read() == manifest(OLD)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--remote", "http://[::1"], "'http://[::1' is no address of a git remote."),
        (["--branch", "production"], "The branch 'production' of "),
        (["--branch", "--force"], "'--force' is no name of a branch."),
        (["--file", "other.yaml"], "The branch 'main' has no file 'other.yaml'"),
        (["--file", "../values.yaml"], "'../values.yaml' is no path within the repository"),
        (["--file", "link.yaml"], "The branch 'main' has no file 'link.yaml'"),
        (["--key", "deployments.absent.image.tag"], "The manifest has no 'absent'"),
        (["--key", "deployments"], "'deployments' in the manifest is no single value"),
        (["--file", "note.yaml", "--key", "tag"], "'--key tag' must lead to the tag of an image"),
        (["--key", "deployments.data-services.image"], "is no single value"),
    ],
)
def test_what_cannot_be_meant_is_refused(deployed, deployment, options, sentence):
    deployed.link("link.yaml", "/etc/hostname")
    deployed.write("tag: x\n", "note.yaml")
    before = deployed.head()

    answer = deployment("set-image", "--remote", deployed.path, "--tag", NEW, *options)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert sentence in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert deployed.head() == before


def test_a_remote_that_asks_for_a_token_gets_it_and_nobody_else_does(
    deployed, deployment, manifest
):
    token = secrets.token_urlsafe(24)
    variable = "DATA_SERVICES_MANIFEST_TOKEN"

    with served(deployed.path, token) as url:
        command = ("set-image", "--tag", NEW)
        place = {"DATA_SERVICES_MANIFEST_REMOTE": url}
        nobody = deployment(*command, **place)
        stranger = deployment(*command, **place, **{variable: "another-token"})
        known = deployment(*command, **place, **{variable: token, "GIT_TRACE_CURL": "1"})

    assert (nobody.returncode, stranger.returncode) == (2, 2)
    assert "cannot be read: git clone failed:" in stranger.stderr
    assert known.returncode == 0, known.stderr
    assert deployed.read() == manifest(f'"{NEW}"')
    for answer in (stranger, known):
        told = answer.stdout + answer.stderr
        assert token not in told
        assert base64.b64encode(f"token:{token}".encode()).decode() not in told


def test_a_token_is_not_sent_in_the_open(deployment):
    answer = deployment(
        *("set-image", "--remote", "http://gitea.example.org/ops/deployments.git", "--tag", NEW),
        DATA_SERVICES_MANIFEST_TOKEN="hunter2",  # noqa: S106 - of nobody
    )

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: The token would travel to 'gitea.example.org' in the open; name the remote by "
        "https.\n"
    )


def test_a_remote_that_is_none_is_refused_without_its_credentials(deployment):
    answer = deployment(
        "set-image", "--remote", "https://me:hunter2@127.0.0.1:1/a.git", "--tag", NEW
    )

    assert answer.returncode == 2
    assert "hunter2" not in answer.stderr
    assert "cannot be read: git clone failed:" in answer.stderr


def test_nothing_is_left_behind_in_the_folder_for_temporary_files(deployed, deployment, tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()

    for tag in (NEW, "f" * 40):
        deployment("set-image", "--remote", deployed.path, "--tag", tag, TMPDIR=str(folder))

    assert list(folder.iterdir()) == []
