"""Several machines at one workspace that lives in a place: what each sees, and who wins."""

import errno
import json
import os
import shutil

import pytest

from workspace_core import api
from workspace_core.errors import (
    ConfigurationError,
    FormatVersionError,
    NotSupportedError,
    WorkspaceBusyError,
)
from workspace_core.sharing.central_errors import (
    DamagedRecordsError,
    LostRecordsError,
    OutOfReachError,
    SimultaneousChangeError,
    UnpublishedError,
)
from workspace_core.sharing.errors import ForeignRemoteError, MergeConflictError
from workspace_core.workspace import find_and_load_workspace


def snapshot(who, tag=None):
    return api.take_snapshot(str(who.folder), tag)


def newest(central):
    return max((central / "records").iterdir())


def test_who_is_attached_has_the_content_and_sees_at_once_what_others_record(alice, bob):
    assert bob.read("raw/a.csv") == "id\na\n"
    assert {one.state for one in api.status(str(bob.folder))} == {"unchanged"}

    bob.write("raw/a.csv", "of bob\n")
    snapshot(bob, "bob-1")
    api.config(str(bob.folder), "results.dir_template", "snapshots/{TAG}")

    assert alice.tags() == ["base", "bob-1"]
    assert api.config(str(alice.folder))["results.dir_template"] == "snapshots/{TAG}"
    api.restore("bob-1", str(alice.folder))
    assert alice.read("raw/a.csv") == "of bob\n"
    api.delete_snapshot("bob-1", str(alice.folder))
    assert bob.tags() == ["base"]


def test_snapshots_of_two_machines_at_the_same_moment_are_both_recorded(alice, bob):
    alice.write("raw/a.csv", "of alice\n")
    bob.write("raw/b.csv", "of bob\n")
    running = [one.start("snapshot", f"by-{one.folder.name}") for one in (alice, bob)]
    said = [one.communicate() for one in running]

    assert [one.returncode for one in running] == [0, 0], said
    assert alice.tags() == bob.tags() == ["base", "by-alice", "by-bob"]
    numbers = [one.snapshot_number for one in alice.history()]
    assert len(set(numbers)) == 3
    for who in (alice, bob):
        api.restore("by-bob", str(who.folder), force=True)
        assert (who.read("raw/a.csv"), who.read("raw/b.csv")) == ("id\na\n", "of bob\n")
        assert api.verify(str(who.folder)).is_sound


def test_who_is_slower_to_give_a_tag_is_told_and_nothing_is_lost(alice, bob):
    base = alice.history()[0].hashval
    slow = find_and_load_workspace(str(bob.folder))
    with slow.locked():
        other = snapshot(alice, "other")
        api_of_alice = find_and_load_workspace(str(alice.folder))
        api_of_alice.move_tag_to_snapshot(other, "best")
        slow.catalogue.tag("best", base)
        with pytest.raises(SimultaneousChangeError, match="'tag best'"):
            slow.save("Move tag best")

    for who in (alice, bob):
        tags = {one.hashval: one.tags for one in who.history()}
        assert tags == {base: ("base",), other: ("best", "other")}


def test_disjoint_changes_of_records_at_the_same_moment_are_united(alice, bob):
    slow = find_and_load_workspace(str(bob.folder))
    with slow.locked():
        api.config(str(alice.folder), "scratch_directory", "tmp")
        slow.set_global_param("results.dir_template", "snapshots/{TAG}")
        slow.save("Set results.dir_template")

    for who in (alice, bob):
        found = api.config(str(who.folder))
        assert found["scratch_directory"] == "tmp"
        assert found["results.dir_template"] == "snapshots/{TAG}"


def test_a_number_is_not_reused_by_another_machine(alice, bob):
    snapshot(alice, "second")
    api.delete_snapshot("second", str(alice.folder))

    snapshot(bob, "third")

    assert [one.snapshot_number for one in alice.history()] == [1, 3]


def test_a_pull_unites_what_both_have_made_of_a_resource(alice, bob):
    alice.write("raw/a.csv", "of alice\n")
    snapshot(alice, "alice-1")
    bob.write("raw/b.csv", "of bob\n")
    snapshot(bob, "bob-1")

    done = api.pull(str(bob.folder))
    assert done.resources == ("raw",)
    assert done.merge is not None
    assert api.pull(str(alice.folder)).merge is None

    for who in (alice, bob):
        assert (who.read("raw/a.csv"), who.read("raw/b.csv")) == ("of alice\n", "of bob\n")
        assert api.pull(str(who.folder)).resources == ()
    api.restore("base", str(bob.folder))
    assert api.pull(str(bob.folder)).resources == ()  # what was restored stays until there is news
    assert bob.read("raw/b.csv") == "id\nb\n"


def test_what_was_restored_here_is_not_undone_by_a_pull_without_news(alice):
    alice.write("raw/a.csv", "of alice\n")
    snapshot(alice, "alice-1")
    api.restore("base", str(alice.folder))

    assert api.pull(str(alice.folder)).resources == ()

    assert alice.read("raw/a.csv") == "id\na\n"


def test_what_others_would_refuse_is_not_published(alice, bob):
    notes = alice.folder / ".dataworkspace/notes\x07"
    notes.write_text("{}")

    with pytest.raises(ConfigurationError, match="was not put there by dws"):
        snapshot(alice, "x")
    assert bob.tags() == ["base"]
    notes.unlink()
    snapshot(alice, "x")
    assert bob.tags() == ["base", "x"]


def test_what_both_have_changed_is_named_and_chosen(alice, bob):
    for who in (alice, bob):
        who.write("raw/a.csv", f"of {who.folder.name}\n")
        snapshot(who, f"by-{who.folder.name}")

    with pytest.raises(MergeConflictError, match=r"raw: a\.csv"):
        api.pull(str(alice.folder))
    assert alice.read("raw/a.csv") == "of alice\n"
    api.pull(str(alice.folder), choice="theirs")
    assert alice.read("raw/a.csv") == "of bob\n"
    api.restore("by-alice", str(alice.folder))
    assert alice.read("raw/a.csv") == "of alice\n"


def test_a_resource_that_another_machine_has_added_comes_with_a_pull(alice, bob):
    bob.write("more/c.csv", "c\n")
    api.add("local-files", "intermediate-data", str(bob.folder / "more"), str(bob.folder))
    snapshot(bob, "more")
    workspace = find_and_load_workspace(str(alice.folder))
    assert workspace.get_resources_that_need_to_be_cloned() == ["more"]

    done = api.pull(str(alice.folder))

    assert (done.brought, alice.read("more/c.csv")) == (("more",), "c\n")


def test_a_part_of_a_resource_may_be_attached_and_content_is_fetched_when_it_is_needed(
    alice, machine, central
):
    large = os.urandom(3_000_000)
    (alice.folder / "raw/large").write_bytes(large)
    snapshot(alice, "large")
    carol = machine("carol")

    done = api.clone(f"central:{central}", str(carol.folder), only=["raw/a.csv"])

    assert done.received.bytes_read < 2_000_000  # what is read ahead
    assert sorted(os.listdir(carol.folder / "raw")) == ["a.csv"]
    api.pull(str(carol.folder), only=["raw"])
    assert (carol.folder / "raw/large").read_bytes() == large
    assert api.collect_garbage(str(carol.folder), grace_seconds=0).bytes_freed > 2_900_000
    (carol.folder / "raw/large").unlink()
    api.restore("large", str(carol.folder))  # which the store here does not have any more
    assert (carol.folder / "raw/large").read_bytes() == large


# Places that are not as they should be


def test_a_place_out_of_reach_is_told_in_a_sentence_and_may_have_moved(alice, central):
    moved = central.with_name("moved")
    central.rename(moved)
    before = sorted(alice.folder.rglob("*"))

    for words in (("status",), ("log",), ("snapshot", "x"), ("push",), ("pull",)):
        said = alice.refused(*words)
        assert f"'{central}'" in said
        assert "dws config place PLACE" in said
    assert [one for one in sorted(alice.folder.rglob("*")) if one.name != "lock"] == [
        one for one in before if one.name != "lock"
    ]

    assert "does not live at" in alice.refused("config", "place", str(alice.folder.parent))
    alice("config", "place", str(moved))
    snapshot(alice, "x")
    assert alice.tags() == ["base", "x"]


def test_an_empty_folder_where_the_place_was_mounted_is_no_new_workspace(alice, central):
    shutil.rmtree(central)
    central.mkdir()

    with pytest.raises(LostRecordsError, match="perhaps it is not mounted"):
        snapshot(alice, "x")
    assert list(central.iterdir()) == []


def test_a_place_that_fails_at_the_end_is_made_up_for_by_the_next_command(alice, bob, central):
    if os.geteuid() == 0:
        blocked = central / "records"
        kept = blocked.rename(central / "aside")
        blocked.touch()  # no folder, so that nothing can be read or made there
        with pytest.raises((UnpublishedError, OutOfReachError)):
            find_and_load_workspace(str(alice.folder), refresh=False).change_param(
                "scratch_directory", "tmp"
            )
        blocked.unlink()
        kept.rename(blocked)
    workspace = find_and_load_workspace(str(alice.folder))
    with workspace.locked():
        workspace.set_global_param("scratch_directory", "tmp")
        workspace._write_config()  # and the command ends here

    snapshot(alice, "x")

    assert api.config(str(bob.folder))["scratch_directory"] == "tmp"


@pytest.mark.parametrize(
    ("path", "record", "error"),
    [
        ("resources/../../x.json", {}, ForeignRemoteError),
        ("local/params.json", {"schema": 1}, ForeignRemoteError),
        ("config.json/below.json", {"schema": 1}, ForeignRemoteError),
        (f"more/{'x' * 256}", {}, ForeignRemoteError),
        ("snapshots/x.json", {"schema": 1}, ForeignRemoteError),
        ("tags/best.json", {"schema": 1, "snapshot": "../x"}, ForeignRemoteError),
        ("resources/evil.json", {"schema": 1, "name": "other"}, ForeignRemoteError),
        ("resources/new.json", {"schema": 99, "name": "new"}, FormatVersionError),
    ],
)
def test_records_that_no_workspace_has_put_there_are_refused(
    alice, bob, central, path, record, error
):
    snapshot(alice, "more")
    file = newest(central)
    content = json.loads(file.read_bytes())
    content["changes"][path] = json.dumps(record)
    file.write_text(json.dumps(content))
    before = {one: one.read_bytes() for one in bob.folder.rglob("*") if one.is_file()}

    with pytest.raises(error):
        bob.history()

    after = {one: one.read_bytes() for one in bob.folder.rglob("*") if one.is_file()}
    assert {k for k in after if k.name != "lock"} == {k for k in before if k.name != "lock"}
    assert not (bob.folder.parent / "x.json").exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"schema": 99}, FormatVersionError),
        ({"previous": "0" * 64}, DamagedRecordsError),
        ({"revision": 77}, DamagedRecordsError),
        ({"changes": None}, DamagedRecordsError),
        ({"workspace_id": "another"}, LostRecordsError),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_revision_that_does_not_follow_is_refused_and_found_by_verify(
    alice, bob, central, change, error
):
    snapshot(alice, "more")
    file = newest(central)
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **change}))

    with pytest.raises(error):
        bob.history()


def test_verify_finds_what_is_damaged_in_the_place_and_push_mends_it(alice, bob, central):
    bob.write("raw/new", "of bob\n")
    snapshot(bob)
    (pack,) = [one for one in (central / "packs").iterdir() if b"of bob" in one.read_bytes()]
    content = bytearray(pack.read_bytes())
    content[content.index(b"of bob") + 1] ^= 1
    pack.write_bytes(content)

    found = api.verify(str(alice.folder))
    assert not found.is_sound
    assert {one.file for one in found.findings} == {str(pack)}
    assert api.push(str(bob.folder), verify=True).sent.objects > 0
    api.restore(bob.history()[-1].hashval, str(alice.folder))
    assert alice.read("raw/new") == "of bob\n"


def test_a_folder_where_two_writers_cannot_be_told_apart_is_refused(
    alice, machine, central, monkeypatch
):
    def refuse(*_, **__):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)

    with pytest.raises(NotSupportedError, match="makes no hard links"):
        api.init(str(machine("x").folder), backend="central", at=f"{central}-2")
    with pytest.raises(NotSupportedError, match="makes no hard links"):
        snapshot(alice)


# Making and attaching


def test_there_is_one_workspace_in_a_place(alice, machine, central):
    other = machine("other").folder

    with pytest.raises(ConfigurationError, match="dws clone central:"):
        api.init(str(other), backend="central", at=str(central))
    assert list(other.iterdir()) == []


def test_of_two_who_make_a_workspace_in_one_place_at_once_one_is_refused(machine, central):
    both = [machine("one"), machine("two")]
    for one in both:
        one.folder.mkdir()
    running = [one.start("init", "--backend", "central", "--at", central) for one in both]
    said = [one.communicate()[1] for one in running]

    assert sorted(one.returncode for one in running) == [0, 1], said
    (winner,) = [one for one, run in zip(both, running, strict=True) if run.returncode == 0]
    (loser,) = [one for one in both if one is not winner]
    assert list(loser.folder.iterdir()) == []
    winner("status")


@pytest.mark.parametrize(
    ("at", "error"),
    [
        (None, "name it: --at PLACE"),
        ("rclone:disk:study", "does not tell two writers apart"),
        ("ftp://host/x", "is no place for data"),
        ("s3://X", "names no bucket"),
        ("inside", "lie one in the other"),
        ("/nowhere/at/all", "is out of reach"),
    ],
)
def test_a_place_where_no_workspace_can_live_is_refused(machine, at, error):
    folder = machine("work").folder
    where = str(folder / at) if at == "inside" else at

    with pytest.raises((ConfigurationError, OutOfReachError), match=error):
        api.init(str(folder), backend="central", at=where)
    assert list(folder.iterdir()) == []


def test_a_store_that_replaces_what_it_is_told_not_to_is_refused(machine, rclone_bucket):
    folder = machine("work").folder

    with pytest.raises(NotSupportedError, match="replaces objects that it is told not to"):
        api.init(
            str(folder), backend="central", at=f"s3://{rclone_bucket}/study", resource="selfS3"
        )
    assert list(folder.iterdir()) == []


def test_the_place_itself_is_no_folder_to_work_in(alice, central, machine):
    with pytest.raises(ConfigurationError, match="dws clone central:"):
        find_and_load_workspace(f"central:{central}")
    empty = machine("empty").folder
    empty.mkdir()
    with pytest.raises(ConfigurationError, match="No workspace lives at"):
        api.clone(f"central:{empty}", str(machine("x").folder))
    with pytest.raises(NotSupportedError, match="dws clone"):
        api.publish("../study.git", str(alice.folder))


def test_a_reader_waits_for_no_other_command(alice):
    workspace = find_and_load_workspace(str(alice.folder))
    with workspace.locked():
        reader = find_and_load_workspace(str(alice.folder))
        assert [one.tags for one in reader.list_snapshots()] == [("base",)]
        reader.wait_for_locks(0)
        with pytest.raises(WorkspaceBusyError), reader.locked():
            pass


def test_who_has_deleted_a_snapshot_of_its_own_gets_the_work_of_others(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alices")
    alice("delete-snapshot", "alices")

    alice("pull")
    alice("snapshot", "both")
    bob("pull")

    for one in (alice, bob):
        assert (one.read("raw/a.csv"), one.read("raw/b.csv")) == ("of alice\n", "of bob\n")


def test_one_pull_brings_what_all_others_have_done(alice, bob, machine, central):
    carol = machine("carol")
    api.clone(f"central:{central}", str(carol.folder), hostname="carol")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    carol.write("raw/c.csv", "of carol\n")
    carol("snapshot", "carols")
    alice.write("raw/a.csv", "of alice\n")

    assert alice.json("pull")["resources"] == ["raw"]

    found = [alice.read(f"raw/{name}.csv") for name in "abc"]
    assert found == ["of alice\n", "of bob\n", "of carol\n"]
    assert alice.json("pull")["resources"] == []


def test_a_conflict_with_one_of_several_is_told_with_what_was_done_before(
    alice, bob, machine, central
):
    carol = machine("carol")
    api.clone(f"central:{central}", str(carol.folder), hostname="carol")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")
    carol.write("raw/a.csv", "of carol\n")
    carol("snapshot", "carols")
    carol.write("raw/b.csv", "of carol, too\n")
    alice.write("raw/c.csv", "of alice\n")
    alice("pull")

    said = carol.refused("pull")

    assert "'raw: b.csv'" in said
    carol("pull", "--ours")
    found = [carol.read(f"raw/{name}.csv") for name in "abc"]
    assert found == ["of carol\n", "of carol, too\n", "of alice\n"]


def test_a_restore_is_not_undone_by_what_others_do_next(alice, bob):
    alice.write("raw/a.csv", "2\n")
    alice("snapshot", "second")
    alice("restore", "base")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bobs")  # from the base, too

    alice("pull")
    alice("pull")

    assert (alice.read("raw/a.csv"), alice.read("raw/b.csv")) == ("id\na\n", "of bob\n")
