import os

import pytest
from dws_program import Dws

from workspace_core import api


class Machine(Dws):
    """A folder that is attached to a workspace, and the program dws in it."""

    def history(self):
        return api.get_snapshot_history(str(self.folder))

    def tags(self):
        return sorted(tag for one in self.history() for tag in one.tags)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a machine by the name of its folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return lambda name: Machine(tmp_path / name, os.environ)  # as it is by then


@pytest.fixture
def central(tmp_path):
    """Where the workspace lives."""
    return tmp_path / "central"


@pytest.fixture
def alice(machine, central):
    """Who has made the workspace, with the snapshot ``base``."""
    found = machine("alice")
    api.init(str(found.folder), name="study", hostname="alice", backend="central", at=str(central))
    for name in ("a", "b"):
        found.write(f"raw/{name}.csv", f"id\n{name}\n")
    api.add("local-files", "source-data", str(found.folder / "raw"), str(found.folder))
    api.take_snapshot(str(found.folder), "base")
    return found


@pytest.fixture
def bob(alice, machine, central):
    """Who is attached to it, too."""
    found = machine("bob")
    api.clone(f"central:{central}", str(found.folder), hostname="bob")
    return found
