"""The tutorials, one for each kind of person, work word for word from the top to the bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_environment import fresh_environment

# The shell goes on after a command with "!" in front, even if that was not refused.
REFUSED = re.compile(r"^! (?:.*\\\n)*.*[^\\\n]$", re.MULTILINE)
NAME = {"NAME": "A newcomer", "EMAIL": "newcomer@example.org"}
GIT = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in NAME.items()
}


@pytest.fixture(scope="module")
def environment(workspace, tmp_path_factory):
    """The variables of a newcomer: all members as wheels, and the tools of the clone."""
    variables = fresh_environment(workspace, tmp_path_factory.mktemp("newcomer"))
    tools = str(Path(sys.executable).parent)
    return variables | GIT | {"PATH": os.pathsep.join((variables["PATH"], tools))}


@pytest.mark.timeout(900)  # each command is a process
@pytest.mark.parametrize("name", ["operator", "steward", "data-scientist", "plugin"])
def test_a_tutorial_works_word_for_word(workspace, environment, tmp_path, name):
    remote, folder = tmp_path / "remote.git", tmp_path / "empty"
    subprocess.run(["git", "init", "--quiet", "--bare", remote], check=True)
    folder.mkdir()
    page = (workspace / f"docs/tutorials/{name}.md").read_text()
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    own = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "REMOTE": str(remote)}

    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", REFUSED.sub(r"\g<0> || false", commands)],
        cwd=folder,
        env=environment | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    if name == "plugin":
        branches = ["git", "-C", remote, "log", "--format=%s", "main..digits"]
        log = subprocess.run(branches, capture_output=True, text=True, check=True).stdout
        assert log == "feat: keep the digits of texts\n"
