"""A release, from fragments to a tag and a package in a real index."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile

import pytest

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
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1).close()  # noqa: S310
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


def test_publishing_uploads_and_tags_once(released, index):
    url, folder = index

    first = released.run("release", "publish", "ground", url, **TOKEN)
    second = released.run("release", "publish", "ground", url, **TOKEN)

    told = "ground 0.1.0 is published, and its tag is ground-v0.1.0.\n"
    assert (first.stdout, second.stdout) == (told, told), first.stderr + second.stderr
    assert sorted(file.name for file in folder.iterdir()) == [
        "ground-0.1.0-py3-none-any.whl",
        "ground-0.1.0.tar.gz",
    ]
    remote = released.git("ls-remote", "--tags", "origin")
    assert "refs/tags/ground-v0.1.0" in remote
    with zipfile.ZipFile(folder / "ground-0.1.0-py3-none-any.whl") as wheel:
        assert "ground/plugin.py" in wheel.namelist()


def test_a_version_that_exists_is_never_replaced(released, index):
    url, folder = index
    released.run("release", "publish", "ground", url, **TOKEN)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    released.commit(packages__ground__src__ground__more="")

    done = released.run("release", "publish", "ground", url, **TOKEN)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "release: ground-v0.1.0 is another commit; a version is released once, so raise it by "
        "'prepare'."
    )
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_checkout_with_changes_is_not_released(released, index):
    released.write("packages/ground/src/ground/more.py", "")

    done = released.run("release", "publish", "ground", index[0])

    assert done.returncode == 1
    assert done.stderr == "release: the checkout has changes; commit or remove them first.\n"


def test_a_run_that_died_before_its_tag_is_finished_by_the_next(released, index):
    url, _ = index
    released.run("release", "publish", "ground", url, **TOKEN)
    released.git("tag", "--delete", "ground-v0.1.0")
    released.git("push", "--quiet", "--delete", "origin", "refs/tags/ground-v0.1.0")

    done = released.run("release", "publish", "ground", url, **TOKEN)

    assert done.returncode == 0, done.stderr
    assert "refs/tags/ground-v0.1.0" in released.git("ls-remote", "--tags", "origin")
