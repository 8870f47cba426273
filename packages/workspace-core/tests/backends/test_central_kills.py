"""Commands at a central workspace that end by SIGKILL: the place has the old state or the new."""

import shutil

import pytest

from workspace_core import api

STEP = 11  # of all moments at which a command changes something, every so many are tried
LAST = 5  # and these, for the place has all of it by then


@pytest.fixture
def as_before(alice, central):
    """Bring machine and place back to how they were."""
    kept = alice.folder.parent / "kept"
    alice.write("raw/c.csv", "new\n")
    (alice.folder / "results").mkdir()
    api.add("local-files", "results", str(alice.folder / "results"), str(alice.folder))
    alice.write("results/plot.bin", "plot\n")
    for one in (alice.folder, central):
        shutil.copytree(one, kept / one.name, symlinks=True)

    def bring():
        for one in (alice.folder, central):
            shutil.rmtree(one)
            shutil.copytree(kept / one.name, one, symlinks=True)

    return bring


def test_a_killed_snapshot_is_in_the_place_whole_or_not_at_all(alice, machine, central, as_before):
    total, whole = alice.moments("snapshot", "killed"), set()
    as_before()
    for moment in sorted({*range(1, total, STEP), *range(total - LAST, total)}):
        assert alice.killed_at(moment, "snapshot", "killed")
        carol = machine("carol")
        api.clone(f"central:{central}", str(carol.folder))
        seen = carol.tags()
        whole.add("killed" in seen)
        if "killed" in seen:
            api.restore("killed", str(carol.folder))
            assert carol.read("raw/c.csv") == "new\n"
        shutil.rmtree(carol.folder)

        api.take_snapshot(str(alice.folder), "again")

        assert set(seen) | {"again"} <= set(alice.tags()), moment
        numbers = [one.snapshot_number for one in alice.history()]
        assert len(set(numbers)) == len(numbers), moment
        plots = list((alice.folder / "results").rglob("plot.bin"))
        assert [one.read_text() for one in plots] == ["plot\n"], moment
        assert plots[0].parent.name in ("alice-killed", "alice-again"), moment
        assert api.verify(str(alice.folder)).is_sound, moment
        as_before()
    assert whole == {True, False}


def test_a_killed_attachment_is_gone_on_with(alice, machine, central):
    carol = machine("carol")
    carol.folder = alice.folder.parent  # where the command runs
    target = alice.folder.parent / "new"
    total = carol.moments("clone", f"central:{central}", "new")
    shutil.rmtree(target)
    for moment in (*range(1, total, STEP), total - 1):
        assert carol.killed_at(moment, "clone", f"central:{central}", "new")
        if not target.exists():
            api.clone(f"central:{central}", str(target))
        assert (target / "raw/a.csv").read_text() == "id\na\n"
        assert not target.with_name(".new.cloning").exists()
        shutil.rmtree(target)


def test_a_killed_init_is_gone_on_with(machine, central):
    work = machine("work")
    init = ("init", "study", "--backend", "central", "--at", str(central))
    work.folder.mkdir()
    total = work.moments(*init)
    for moment in (*range(1, total, STEP), *range(total - LAST, total)):
        for one in (work.folder, central):
            shutil.rmtree(one, ignore_errors=True)
        work.folder.mkdir()
        assert work.killed_at(moment, *init)

        done = work.run(*init)

        error = done.stderr
        if done.returncode:  # it was there, here or in the place
            assert "is a workspace already" in error or "There is a workspace at" in error, error
        if "There is a workspace at" in error:
            shutil.rmtree(work.folder)
            api.clone(f"central:{central}", str(work.folder))
        api.take_snapshot(str(work.folder), "first")
        assert work.tags() == ["first"], moment
