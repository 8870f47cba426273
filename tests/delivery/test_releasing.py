"""A release, from fragments to a tag and a package in a real index."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile

import pytest

# Does what it is asked to, and if that is the verb kills who asked.
KILLED = """\
#!/usr/bin/env bash
{program} "$@" || exit
for word; do [ "$word" != {verb} ] || kill -9 $PPID; done
"""
TOKEN = {"UV_PUBLISH_TOKEN": "any"}  # the index of the tests takes all


@pytest.fixture(autouse=True)
def uv():
    """The program, as `uv run` names it."""
    found = os.environ.get("UV") or shutil.which("uv")
    if found is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")


@pytest.fixture
def index(tmp_path):
    """A package index that takes uploads and never replaces a file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "index"
    folder.mkdir()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)),
            *("-P", ".", "-a", ".", "--disable-fallback", str(folder)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=60).close()  # noqa: S310
            break
        except OSError:
            time.sleep(0.1)
    yield url, folder
    server.terminate()
    server.wait()


@pytest.fixture
def released(checkout, tmp_path):
    """A checkout with a remote and one fragment of each kind."""
    checkout.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    checkout.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    checkout.write("packages/ground/changelog.d/stones.added.md", "Stones that\nhold.\n")
    checkout.write("packages/ground/changelog.d/mud.fixed.md", "No mud any more.\n")
    checkout.write("packages/ground/changelog.d/order.internal.md", "Tidied.\n")
    locked = checkout.run("uv", "lock", "--quiet")
    assert locked.returncode == 0, locked.stderr
    checkout.commit()
    return checkout


@pytest.fixture
def merged(released):
    """The same, once a release is prepared and merged."""
    prepared = released.run("release", "prepare", "ground", "patch")
    assert prepared.returncode == 0, prepared.stderr
    released.git("push", "--quiet", "origin", "HEAD:main")
    return released


def test_preparing_makes_the_version_and_its_changelog_of_the_fragments(released):
    done = released.run("release", "prepare", "ground", "patch")

    assert done.stdout == "ground 0.1.1 is committed; open a pull request for it.\n", done.stderr
    changelog = (released.root / "packages/ground/CHANGELOG.md").read_text()
    head, title, rest = changelog.partition("\n## 0.1.1 (")
    assert head == "# Changelog\n\n<!-- the newest release comes first -->\n"
    assert title
    assert rest.partition("\n")[2] == (
        "\n### Added\n\n- Stones that\n  hold.\n\n### Fixed\n\n- No mud any more.\n"
    )
    left = [file.name for file in (released.root / "packages/ground/changelog.d").iterdir()]
    assert left == [".gitignore"]
    assert released.git("log", "-1", "--format=%s") == "release: ground 0.1.1"
    assert released.git("status", "--porcelain") == ""


def test_a_release_that_is_prepared_is_not_raised_again(released):
    first = released.run("release", "prepare", "ground", "patch")
    head = released.git("rev-parse", "HEAD")

    again = released.run("release", "prepare", "ground", "patch")

    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert released.git("rev-parse", "HEAD") == head


def test_a_member_of_which_nothing_is_told_is_not_released(released):
    head = released.git("rev-parse", "HEAD")

    done = released.run("release", "prepare", "shed", "patch")

    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing in packages/shed/changelog.d tells what is new in shed" in done.stderr
    assert released.git("rev-parse", "HEAD") == head
    assert released.git("status", "--porcelain") == ""


def test_a_version_that_siblings_shut_out_is_not_prepared(released):
    head = released.git("rev-parse", "HEAD")

    done = released.run("release", "prepare", "ground", "minor")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-2:] == [
        f"{name}: it needs 'ground>=0.1,<0.2', and ground is 0.2.0 here; widen the bound in "
        f"packages/{name}/pyproject.toml."
        for name in ("shed", "walls")
    ]
    assert released.git("rev-parse", "HEAD") == head
    assert released.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "command", ["git clone", "uv version", "uv lock", "git commit", "git fetch"]
)
def test_a_kill_while_a_release_is_prepared_leaves_the_checkout_as_it_was(
    released, tmp_path, command
):
    head, (name, verb) = released.git("rev-parse", "HEAD"), command.split()
    folder = tmp_path / "bin"
    folder.mkdir()
    program = os.environ["UV"] if name == "uv" and "UV" in os.environ else shutil.which(name)
    (folder / name).write_text(KILLED.format(verb=verb, program=program))
    (folder / name).chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    killed = released.run("release", "prepare", "ground", "patch", **path)

    assert killed.returncode == -signal.SIGKILL
    assert released.git("rev-parse", "HEAD") == head
    assert released.git("status", "--porcelain") == ""
    again = released.run("release", "prepare", "ground", "patch")
    assert again.stdout == "ground 0.1.1 is committed; open a pull request for it.\n"


def test_publishing_uploads_and_tags_once(merged, index):
    url, folder = index

    first = merged.run("release", "publish", "ground", url, **TOKEN)
    second = merged.run("release", "publish", "ground", url, **TOKEN)

    told = "ground 0.1.1 is published, and its tag is ground-v0.1.1.\n"
    assert (first.stdout, second.stdout) == (told, told), first.stderr + second.stderr
    assert sorted(file.name for file in folder.iterdir()) == [
        "ground-0.1.1-py3-none-any.whl",
        "ground-0.1.1.tar.gz",
    ]
    remote = merged.git("ls-remote", "--tags", "origin")
    assert "refs/tags/ground-v0.1.1" in remote
    with zipfile.ZipFile(folder / "ground-0.1.1-py3-none-any.whl") as wheel:
        assert "ground/plugin.py" in wheel.namelist()


def test_a_version_that_exists_is_never_replaced(merged, index):
    url, folder = index
    merged.run("release", "publish", "ground", url, **TOKEN)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    merged.commit(packages__ground__src__ground__more="")
    merged.git("push", "--quiet", "origin", "HEAD:main")

    done = merged.run("release", "publish", "ground", url, **TOKEN)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "release: ground-v0.1.1 is another commit; a version is released once, so raise it by "
        "'prepare'."
    )
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_checkout_with_changes_is_not_released(merged, index):
    merged.write("packages/ground/src/ground/more.py", "")

    done = merged.run("release", "publish", "ground", index[0])

    assert done.returncode == 1
    assert done.stderr == "release: the checkout has changes; commit or remove them first.\n"


def test_a_run_that_died_before_its_tag_is_finished_by_the_next(merged, index):
    url, _ = index
    merged.run("release", "publish", "ground", url, **TOKEN)
    merged.git("tag", "--delete", "ground-v0.1.1")
    merged.git("push", "--quiet", "--delete", "origin", "refs/tags/ground-v0.1.1")

    done = merged.run("release", "publish", "ground", url, **TOKEN)

    assert done.returncode == 0, done.stderr
    assert "refs/tags/ground-v0.1.1" in merged.git("ls-remote", "--tags", "origin")


def test_a_commit_that_nobody_merged_is_not_published(released, index):
    url, folder = index
    released.run("release", "prepare", "ground", "patch")

    done = released.run("release", "publish", "ground", url, **TOKEN)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "release: the commit that is checked out is not on main of 'origin'; merge it first.\n"
    )
    assert list(folder.iterdir()) == []


def test_a_version_without_a_changelog_is_not_published(released, index):
    url, folder = index
    released.git("push", "--quiet", "origin", "HEAD:main")

    done = released.run("release", "publish", "ground", url, **TOKEN)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "release: packages/ground/CHANGELOG.md has no section on 0.1.0; make it by 'prepare'.\n"
    )
    assert list(folder.iterdir()) == []


def test_a_version_that_somebody_else_has_released_is_not_uploaded(merged, index):
    url, folder = index
    merged.git("tag", "ground-v0.1.1", "HEAD~1")
    merged.git("push", "--quiet", "origin", "refs/tags/ground-v0.1.1")
    merged.git("tag", "--delete", "ground-v0.1.1")

    done = merged.run("release", "publish", "ground", url, **TOKEN)

    assert (done.returncode, done.stdout) == (1, "")
    assert "release: ground-v0.1.1 is another commit" in done.stderr
    assert list(folder.iterdir()) == []
