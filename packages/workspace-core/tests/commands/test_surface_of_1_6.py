"""Command lines of dataworkspaces 1.6 are understood: each command, argument and option of it.

Source: ``dws COMMAND --help`` of ``dataworkspaces`` 1.6.0 (PyPI).
"""

import click
import pytest

from workspace_core.cli.main import dws

GIT_FAT = ("remote", "user", "port", "attributes")
SURFACE = {
    "": ["-b", "--batch", "--verbose"],
    "init": [
        *("NAME", "--hostname", "--create-resources", "--scratch-directory"),
        *(f"--git-fat-{one}" for one in GIT_FAT),
        "--git-lfs-attributes",
    ],
    "add": ["--workspace-dir"],
    "add local-files": [
        *("PATH", "--role", "--name", "--compute-hash", "--export", "-e", "--imported"),
    ],
    "add git": [
        *("PATH", "--role", "--name", "--branch", "--read-only", "-r", "--export", "-e"),
        "--imported",
    ],
    "snapshot": ["TAG", "--message", "-m", "--workspace-dir"],
    "restore": ["SNAPSHOT", "--only", "--leave", "--strict", "--workspace-dir"],
    "delete-snapshot": ["SNAPSHOT", "--no-include-resources", "--workspace-dir"],
    "diff": ["BEFORE", "AFTER", "--workspace-dir"],
    "status": ["--history", "--limit", "--workspace-dir"],
    "report": ["--workspace-dir"],
    "report status": [],
    "report history": ["--limit"],
    "report results": ["--snapshot", "--resource"],
    "push": ["--only", "--skip", "--only-workspace", "--workspace-dir"],
    "pull": ["--only", "--skip", "--only-workspace", "--workspace-dir"],
    "publish": ["ORIGIN", "--skip", "--workspace-dir"],
    "clone": ["ORIGIN", "FOLDER", "--hostname"],
    "config": ["NAME", "VALUE", "--resource", "--workspace-dir"],
    "deploy": ["--workspace-dir"],
    "deploy build": [],
    "deploy run": [],
    "version": [],
}


@pytest.mark.parametrize("words", SURFACE)
def test_a_command_takes_what_it_took(words):
    command, context = dws, click.Context(dws)
    for word in words.split():
        assert isinstance(command, click.Group)
        command = command.get_command(context, word)
        assert command is not None, words

    known = set()
    for one in command.params:
        is_argument = isinstance(one, click.Argument)
        known |= {one.name.upper()} if is_argument else {*one.opts, *one.secondary_opts}
    assert set(SURFACE[words]) <= known
