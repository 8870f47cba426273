import os
import shutil
import stat
import subprocess
import sys

import pytest

from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders

TICK_SECONDS = 0.025  # what the stat cache takes a file system's clock to tick in


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def taken(store):
    """Capture a folder, and return what was found once all of it is on disk."""

    def take(root, cache=None, options=None, *, keep=True):
        with store.session() as session:
            found = capture(session, root, cache, options, keep=keep)
            session.flush()
            return found

    return take


@pytest.fixture
def restored(store, tmp_path):
    """Let a folder become a tree, and return what was done."""

    def restore(root, target, *, saved=(), force=False, paths=(), cache=None):
        folder = Folder("data", root, target, tuple(saved), cache=cache, paths=tuple(paths))
        with store.session() as session:
            planned = plan_folders(session, [folder], force=force)
            return restore_folders(planned, tmp_path / "restore.json")[0]

    return restore


@pytest.fixture
def as_nobody_of_importance():
    """Run Python so that permission bits count, which root may ignore."""
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root is let in everywhere, and setpriv is not installed")

    def run(*arguments):
        command = [*(powerless if os.geteuid() == 0 else []), sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


@pytest.fixture
def content():
    """What a folder holds: by path, kind, permission bits, and bytes or target."""
    return content_of


def content_of(root):
    found = {}
    top = os.fsencode(root)
    for above, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(above, name)
            status = os.lstat(path)
            mode = stat.S_IMODE(status.st_mode)
            key = os.path.relpath(path, top)
            if stat.S_ISLNK(status.st_mode):
                found[key] = ("link", None, os.readlink(path))
            elif stat.S_ISDIR(status.st_mode):
                found[key] = ("directory", mode, None)
            else:
                with open(path, "rb") as file:
                    found[key] = ("file", mode, file.read())
    return found
