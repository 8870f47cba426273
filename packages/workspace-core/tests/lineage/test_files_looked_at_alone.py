"""A file that is looked at alone is what it is when its resource is looked at as a whole."""

import os
import time

import pytest

from workspace_core import api
from workspace_core.lineage import ResourceRef
from workspace_core.lineage.state import MOST_ALONE, PresentState, SnapshotState
from workspace_core.trees.stat_cache import FINE_TICK_NANOSECONDS


@pytest.fixture
def odd(study):
    """A study with files of all kinds, which somebody has looked at."""
    for path in ("raw/deep/er/c.csv", "raw/ü -x", "raw/.git/config", "results/snapshots/x"):
        study.write(path, path)
    os.symlink("a.csv", study.path("raw/link"))
    os.symlink("deep", study.path("raw/way"))
    os.symlink("nowhere", study.path("raw/dangling"))
    last = max(file.lstat().st_ctime_ns for file in (study.folder / "raw").rglob("*"))
    while time.time_ns() <= last + FINE_TICK_NANOSECONDS:  # a change would not show until then
        pass
    for name in ("raw", "results"):
        PresentState(study.workspace()).resource(name)
    study.write("raw/b.csv", "changed")
    study.write("raw/new.csv", "new")
    (study.folder / "raw/deep/gone").touch()
    return study


ASKED = (
    "a.csv", "b.csv", "new.csv", "link", "way", "dangling", "deep", "deep/er/c.csv", "ü -x",
    "way/er/c.csv", "link/a", ".git/config", "deep/nothing", "snapshots/x", "deep/gone",
)  # fmt: skip


@pytest.mark.parametrize("name", ["raw", "results"])
def test_it_is_the_same_alone_and_among_all(odd, name):
    whole = PresentState(odd.workspace())
    files = whole.resource(name).files
    refs = [ResourceRef(name, path) for path in ASKED]

    alone = [PresentState(odd.workspace()).content(ref) for ref in refs]

    assert alone == [files.get(path) for path in ASKED]
    assert [whole.content(ref) for ref in refs] == alone
    for ref in refs:
        assert PresentState(odd.workspace()).certificate(ref) == whole.certificate(ref)


def test_a_file_that_is_known_takes_no_look_at_the_others(odd):
    state = PresentState(odd.workspace())
    os.mkfifo(odd.path("raw/fifo"))
    (odd.folder / "raw/deep").chmod(0o000)
    try:
        found = state.certificate(ResourceRef("raw", "a.csv"))
    finally:
        (odd.folder / "raw/deep").chmod(0o755)

    assert (found.kind, found.size) == ("file", 1)
    assert state._found == {}


def test_many_files_are_looked_at_together(odd, monkeypatch):
    monkeypatch.setattr("workspace_core.lineage.state.MOST_ALONE", 2)
    state = PresentState(odd.workspace())

    for path in ("a.csv", "ü -x"):
        state.content(ResourceRef("raw", path))
    assert state._found == {}
    assert state.content(ResourceRef("raw", "deep/er/c.csv")) is not None

    assert list(state._found) == ["raw"]
    assert MOST_ALONE > 2


def test_sizes_are_told_of_files_and_folders(odd):
    now = PresentState(odd.workspace())
    api.take_snapshot(str(odd.folder), tag="then")
    workspace = odd.workspace()
    then = SnapshotState(workspace, workspace.get_snapshot_by_tag_or_hash("then"))

    for state in (now, then):
        assert state.certificate(ResourceRef("raw", "new.csv")).size == len("new")
        assert state.certificate(ResourceRef("raw", "deep")).size == len("raw/deep/er/c.csv")
