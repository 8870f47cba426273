"""What one person has restored goes on from there for all, like any other change of theirs."""

import json

import pytest


@pytest.fixture
def both_at_second(alice, bob):
    """Alice and Bob, who have the snapshots ``base`` and ``second``, and stand at the latter."""
    alice.write("raw/a.csv", "two\n")
    alice.write("raw/new.csv", "two\n")
    alice.write("code/model.py", "two\n")
    alice("snapshot", "second")
    alice("push")
    bob("pull")
    return alice, bob


def test_others_go_forward_to_what_was_restored_and_snapshotted(both_at_second, content):
    alice, bob = both_at_second
    alice("restore", "base")
    (alice.folder / "raw/new.csv").unlink(missing_ok=True)
    alice("snapshot", "back")
    alice("push")

    pulled = bob.json("pull")

    assert pulled["merge"] is None
    assert sorted(pulled["resources"]) == ["code", "raw"]
    assert bob.read("raw/a.csv") == "id\na\n"
    assert not (bob.folder / "raw/new.csv").exists()
    assert bob.read("code/model.py") == "one\n\n\n\n\ntwo\n"
    for one in ("raw", "code"):
        assert content(bob.folder / one) == content(alice.folder / one)
    assert bob.tags() == ["back", "base", "second"]
    assert {one["state"] for one in bob.json("status")} == {"unchanged"}
    bob("restore", "second", "--only", "raw")
    assert bob.read("raw/new.csv") == "two\n"
    assert bob.is_sound()
    assert alice.json("pull")["resources"] == []


def test_what_was_restored_meets_the_work_of_others_file_by_file(both_at_second):
    alice, bob = both_at_second
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bob-1")
    bob("push")
    alice("restore", "base", "--only", "raw")
    alice("snapshot", "back")

    alice("pull")
    alice("push")
    bob("pull")

    for one in (alice, bob):
        assert one.read("raw/a.csv") == "id\na\n"
        assert one.read("raw/b.csv") == "of bob\n"
        assert one.tags() == ["back", "base", "bob-1", "second"]


def test_what_was_restored_and_changed_by_others_is_a_conflict(both_at_second):
    alice, bob = both_at_second
    alice("restore", "base", "--only", "raw")
    alice("snapshot", "back")
    alice("push")
    bob.write("raw/a.csv", "three\n")

    assert "'raw: a.csv'" in bob.refused("pull")

    assert bob.read("raw/a.csv") == "three\n"
    bob("pull", "--theirs")
    assert bob.read("raw/a.csv") == "id\na\n"


def test_what_was_restored_stays_when_others_have_done_something_else(both_at_second):
    """As a change does that is in no snapshot, and the next snapshot has it."""
    alice, bob = both_at_second
    alice("restore", "base", "--only", "raw")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bob-1")
    bob("push")

    alice("pull")

    assert alice.read("raw/a.csv") == "id\na\n"
    assert alice.read("raw/b.csv") == "of bob\n"
    alice("snapshot", "back")
    alice("push")
    bob("pull")
    assert bob.read("raw/a.csv") == "id\na\n"
    assert bob.read("raw/b.csv") == "of bob\n"


def test_who_has_only_looked_at_a_snapshot_goes_on_as_before(both_at_second):
    alice, bob = both_at_second
    alice("restore", "base", "--only", "raw")
    alice("restore", "second", "--only", "raw")
    taken = alice.json("snapshot", "third")

    (second,) = [one["hash"] for one in alice.json("log") if "second" in one["tags"]]
    record = alice.folder / f".dataworkspace/snapshots/{taken['hash']}.json"
    assert json.loads(record.read_bytes())["parents"]["raw"] == [second]
    alice("push")
    bob("pull")
    assert bob.read("raw/a.csv") == "two\n"


def test_a_forced_restore_goes_on_from_what_it_has_replaced(both_at_second):
    alice, bob = both_at_second
    alice.write("raw/a.csv", "in no snapshot\n")
    rescue = alice.json("restore", "base", "--only", "raw", "--force")["rescue"]
    alice("snapshot", "back")
    alice("push")

    bob("pull")

    assert bob.read("raw/a.csv") == "id\na\n"
    bob("restore", rescue, "raw/a.csv")
    assert bob.read("raw/a.csv") == "in no snapshot\n"


@pytest.fixture
def anna_and_ben(somebody, tmp_path):
    """Two who are attached to a place, where the snapshots are ``base`` and ``second``."""
    anna, ben = somebody("anna"), somebody("ben")
    anna.folder.mkdir()
    anna("init", "study", "--hostname", "anna", "--backend", "central", "--at", tmp_path / "place")
    anna.write("raw/a.csv", "one\n")
    anna.write("raw/b.csv", "one\n")
    anna("add", "local-files", "--role", "s", "raw")
    anna("snapshot", "base")
    anna.write("raw/a.csv", "two\n")
    anna("snapshot", "second")
    ben("clone", f"central:{tmp_path / 'place'}", "ben", "--hostname", "ben", cwd=tmp_path)
    return anna, ben


def test_others_in_a_central_workspace_go_forward_to_it_too(anna_and_ben):
    anna, ben = anna_and_ben
    anna("restore", "base")
    assert anna.json("pull")["resources"] == []
    anna("snapshot", "back")

    ben("pull")

    assert ben.read("raw/a.csv") == "one\n"
    assert anna.json("pull")["resources"] == []
    assert anna.read("raw/a.csv") == "one\n"


def test_work_of_others_that_was_only_looked_at_is_merged_all_the_same(anna_and_ben):
    anna, ben = anna_and_ben
    ben.write("raw/b.csv", "of ben\n")
    ben("snapshot", "of-ben")
    anna.write("raw/a.csv", "of anna\n")
    anna("snapshot", "of-anna")
    anna("restore", "of-ben", "--only", "raw")
    anna("restore", "of-anna", "--only", "raw")

    anna("pull")

    assert anna.read("raw/a.csv") == "of anna\n"
    assert anna.read("raw/b.csv") == "of ben\n"
