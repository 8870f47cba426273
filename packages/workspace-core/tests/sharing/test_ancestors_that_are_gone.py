"""What others have done is neither hidden nor taken back by snapshots that are not there any more,
nor by resources that a pull has left out."""

import shutil

import pytest

from workspace_core import api
from workspace_core.commands.merging import plan_merging
from workspace_core.sharing.history import History
from workspace_core.sharing.partial import Selection
from workspace_core.snapshots.deleted import DeletedSnapshot
from workspace_core.snapshots.metadata import SnapshotMetadata
from workspace_core.store.identity import id_text
from workspace_core.trees.tree import Trees
from workspace_core.workspace import find_and_load_workspace


def test_who_has_deleted_a_snapshot_gets_the_work_of_others_and_takes_none_back(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    alice.write("raw/a.csv", "a mistake\n")
    alice("snapshot", "mistake")
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alices")
    alice("delete-snapshot", "mistake")

    alice("pull")
    alice("snapshot", "both")
    alice("push")
    bob("pull")

    for one in (alice, bob):
        assert (one.read("raw/a.csv"), one.read("raw/b.csv")) == ("of alice\n", "of bob\n")


def test_who_has_deleted_the_newest_snapshot_stands_where_it_stood(alice, bob):
    """Else the resource would be taken to have come from whatever is the newest now."""
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    alice("pull", "--only-workspace")  # so that bob's snapshot is the newest one here
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alices")
    alice("delete-snapshot", "alices")

    alice("pull")

    assert (alice.read("raw/a.csv"), alice.read("raw/b.csv")) == ("of alice\n", "of bob\n")


def test_a_deleted_snapshot_that_both_have_come_from_is_no_conflict(alice, bob):
    """What was common stays common, as long as its directories are there."""
    alice.write("raw/a.csv", "1\n")
    alice("snapshot", "common")
    alice("push")
    bob("pull")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    alice.write("raw/a.csv", "2\n")
    alice("snapshot", "alices")
    alice("delete-snapshot", "common")

    alice("pull")

    assert (alice.read("raw/a.csv"), alice.read("raw/b.csv")) == ("2\n", "of bob\n")


def test_a_deleted_snapshot_is_known_by_the_name_that_its_resource_has_now(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    for content in ("a mistake\n", "of alice\n"):
        alice.write("raw/a.csv", content)
        alice("snapshot", content.replace(" ", "-").strip())
    alice("delete-snapshot", "a-mistake")
    alice("resource", "rename", "raw", "wards")

    alice("pull")

    assert (alice.read("raw/a.csv"), alice.read("raw/b.csv")) == ("of alice\n", "of bob\n")


def test_a_record_of_a_deletion_that_leads_astray_is_refused(alice, bob):
    alice("snapshot", "second")
    alice("delete-snapshot", "second")
    (file,) = (alice.folder / ".dataworkspace/deleted").iterdir()
    file.write_text(file.read_text().replace('"raw"', '"../raw"'))
    alice("push")

    assert "that is no name of one" in bob.refused("pull")


def test_snapshots_of_a_resource_that_was_not_pulled_do_not_hide_those_of_others(
    alice, bob, somebody, tmp_path
):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    alice("pull", "--skip", "raw")
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alices")

    assert "'raw'" in alice.refused("push")
    alice("pull", "--only", "raw")
    alice("push")

    carol = somebody("carol")
    carol("clone", "study.git", "carol", cwd=tmp_path)
    for one in (alice, carol):
        assert (one.read("raw/a.csv"), one.read("raw/b.csv")) == ("of alice\n", "of bob\n")


def test_a_push_does_not_count_as_having_brought_what_was_left_out(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    alice("pull", "--only-workspace")
    alice("push")

    alice("pull")

    assert alice.read("raw/b.csv") == "of bob\n"


def test_content_that_others_have_not_pushed_yet_keeps_nobody_from_pushing(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push", "--skip", "raw")
    alice("pull")
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alices")

    alice("push")


def test_a_restore_stays_after_a_push(alice):
    alice.write("raw/a.csv", "2\n")
    alice("snapshot", "second")
    alice("restore", "base")
    alice("push")

    alice("pull")

    assert alice.read("raw/a.csv") == "id\na\n"


def test_what_a_killed_pull_has_merged_is_recorded_by_the_next_one(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    bob("push")
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alices")
    moments = _copied(alice, "rehearsal").moments("pull")

    for moment in range(moments - 1, 0, -1):  # from the end to where it is merged, and no more
        copy = _copied(alice, f"killed-{moment}")
        assert copy.killed_at(moment, "pull")
        is_merged = copy.read("raw/b.csv") == "of bob\n"
        if not is_merged or len(copy.json("log")) < 4:
            break
    copy("pull")

    merged, *_ = copy.json("log")
    assert merged["message"] == "Merge of what others have done"
    assert copy.read("raw/b.csv") == "of bob\n"
    assert copy("status").count("unchanged") == 3


def _copied(person, name):
    folder = person.folder.with_name(name)
    shutil.copytree(person.folder, folder, symlinks=True)
    return type(person)(folder, person.environment)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A workspace of one resource, whose snapshots come from each other as it is told."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "study/raw").mkdir(parents=True)
    api.init(str(tmp_path / "study"))
    api.add("local-files", "source-data", str(tmp_path / "study/raw"), str(tmp_path / "study"))
    return _Study(find_and_load_workspace(str(tmp_path / "study"), batch=True))


class _Study:
    def __init__(self, workspace):
        self.workspace = workspace

    def stands_at(self, *snapshots, **files):
        for name, content in files.items():
            (self.workspace.folder / "raw" / name).write_text(content)
        if snapshots:
            first, *rest = (one.hashval for one in snapshots)
            self.workspace.note_at("raw", first, rest)

    def snapshot(self, *parents, **files):
        self.stands_at(*parents, **files)
        return self.workspace.snapshot()

    def meets(self, theirs):
        """Return what files are to become, and what is in conflict."""
        known = self.workspace.list_snapshots()
        with self.workspace.store_session() as session:
            plan = plan_merging(self.workspace, session, known, [theirs], Selection.of(), None)
            (due,) = plan.due
            trees = Trees(session)
            entries = trees.entries(due.folder.target)
            found = {one.name.decode(): session.read(one.id).decode() for one in entries}
        return found, plan.conflicts


def test_what_was_taken_back_since_both_have_merged_the_same_stays_so(study):
    base = study.snapshot(f="0", g="0")
    left = study.snapshot(base, f="1", g="0")
    right = study.snapshot(base, f="0", g="1")
    ours = study.snapshot(left, right, f="1", g="1")
    theirs = study.snapshot(right, left, f="1", g="1")

    study.stands_at(ours, f="0")

    assert study.meets(theirs) == ({"f": "0", "g": "1"}, [])


def test_two_answers_to_one_conflict_are_a_conflict(study):
    base = study.snapshot(f="0")
    left = study.snapshot(base, f="1")
    right = study.snapshot(base, f="2")
    ours = study.snapshot(left, right, f="1")
    theirs = study.snapshot(right, left, f="2")

    study.stands_at(ours, f="1")

    assert study.meets(theirs) == ({"f": "1"}, ["raw: f"])


def _taken(number, *parents):
    return SnapshotMetadata.new(
        message="",
        hostname="a",
        timestamp=f"2026-01-01T00:00:{number:02}+00:00",
        relative_destination_path="",
        restore_hashes={"raw": None},
        compare_hashes={"raw": id_text(bytes([number]) * 32)},
        snapshot_number=number,
        more={"parents": {"raw": [one.hashval for one in parents]}},
    )


def test_a_snapshot_comes_from_what_its_deleted_parent_came_from():
    first = _taken(1)
    other = _taken(2, first)
    mistake = _taken(3, first)
    last = _taken(4, mistake)

    found = History("raw", [first, other, last], [DeletedSnapshot.of(mistake)])

    assert found.ancestors([last.hashval]) == {one.hashval for one in (first, mistake, last)}
    assert found.common([last.hashval], [other.hashval]) == [first.hashval]


def test_a_snapshot_of_whose_parent_nothing_is_known_comes_from_none():
    """As after deletions by releases that kept no more of a snapshot than its number."""
    first = _taken(1)
    last = _taken(4, _taken(3, first))

    assert History("raw", [first, last]).ancestors([last.hashval]) >= {last.hashval}
    assert History("raw", [first, last]).common([last.hashval], [first.hashval]) == []


def test_a_deleted_snapshot_whose_tree_is_gone_gives_way_to_what_it_came_from():
    first = _taken(1)
    common = _taken(2, first)
    ours, theirs = _taken(3, common), _taken(4, common)

    found = History("raw", [first, ours, theirs], [DeletedSnapshot.of(common)])

    both = [ours.hashval], [theirs.hashval]
    assert found.common(*both) == [common.hashval]
    assert found.common(*both, is_there=lambda _: False) == [first.hashval]


def test_what_is_kept_of_a_deleted_snapshot_goes_to_its_file_and_back():
    taken = _taken(2, _taken(1))
    kept = DeletedSnapshot.of(taken)

    assert DeletedSnapshot.from_dict(taken.hashval, kept.to_dict()) == kept
    earlier = DeletedSnapshot.from_dict(taken.hashval, {"schema": 1, "snapshot_number": 2})
    assert earlier.to_dict() == {"schema": 1, "snapshot_number": 2}
