"""A file that is erased on purpose is gone for all who share the workspace, and stays gone."""

import os
import random

import pytest

from workspace_core.store.identity import content_id, id_text

SECRET = random.Random(11).randbytes(3_000_000)  # kept in chunks
REASON = "consent withdrawn"


@pytest.fixture
def shared(alice):
    """Alice has pushed a snapshot with a file that has to go."""
    (alice.folder / "raw/person.bin").write_bytes(SECRET)
    alice.write("raw/beside.csv", "stays\n")
    alice("snapshot", "with-person")
    alice("push")
    return alice


def on_the_remote(place):
    return b"".join(file.read_bytes() for file in sorted((place / "data/packs").iterdir()))


def erased(one):
    (one.folder / "raw/person.bin").unlink()
    one("snapshot", "without-person")
    return one("erase", "raw/person.bin", "--reason", REASON)


def test_an_erased_file_is_gone_here_and_on_the_remote_and_is_named(shared, tmp_path):
    assert SECRET[100_000:100_040] in on_the_remote(tmp_path)

    said = erased(shared)

    assert "raw: person.bin" in said
    assert f"1 content of 1 snapshot erased here and on {tmp_path / 'data'}" in said
    packs = shared.folder / ".dataworkspace/store/packs"
    stored = b"".join(file.read_bytes() for file in packs.iterdir())
    for at in range(0, len(SECRET) - 40, 50_000):
        assert SECRET[at : at + 40] not in on_the_remote(tmp_path) + stored
    (finding,) = shared.json("verify")["findings"]
    assert (finding["kind"], finding["path"]) == ("erased", "person.bin")
    assert REASON in finding["what"]
    assert REASON in shared("restore", "with-person", "--only", "raw")


def test_whoever_clones_later_is_told_and_gets_all_else(shared, somebody, tmp_path, content):
    erased(shared)
    shared("push")
    carol = somebody("carol")

    carol("clone", "study.git", "carol", cwd=tmp_path)

    assert content(carol.folder / "raw") == content(shared.folder / "raw")
    assert carol.is_sound()
    (finding,) = carol.json("verify")["findings"]
    assert (finding["kind"], finding["path"]) == ("erased", "person.bin")
    assert REASON in carol("restore", "with-person", "--only", "raw")


def test_who_has_it_still_is_told_and_no_push_of_theirs_brings_it_back(shared, bob, tmp_path):
    assert (bob.folder / "raw/person.bin").read_bytes() == SECRET
    erased(shared)
    shared("push")

    said = bob("pull")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bob-1")
    bob("push", "--verify")

    assert "1 content that others have erased on purpose is still here" in said
    assert not (bob.folder / "raw/person.bin").exists()
    assert SECRET[100_000:100_040] not in on_the_remote(tmp_path)
    assert "raw: person.bin" in bob("erase", "--as-remote", "--dry-run")
    bob("erase", "--as-remote")
    (finding,) = bob.json("verify")["findings"]
    assert finding["kind"] == "erased"
    assert bob.json("pull")["received"]["erased_there"] == 0
    shared("pull")
    assert shared.read("raw/b.csv") == "of bob\n"
    assert shared.is_sound()


def test_what_another_file_shares_with_it_stays(shared, somebody, tmp_path):
    (shared.folder / "raw/other.bin").write_bytes(SECRET + b"and more")
    shared("snapshot", "both")
    shared("push")

    erased(shared)
    shared("push")
    carol = somebody("carol")
    carol("clone", "study.git", "carol", cwd=tmp_path)

    assert (carol.folder / "raw/other.bin").read_bytes() == SECRET + b"and more"
    assert shared.is_sound()


def test_a_dry_run_erases_nothing(shared, tmp_path):
    (shared.folder / "raw/person.bin").unlink()
    shared("snapshot", "without-person")
    before = on_the_remote(tmp_path)

    done = shared.json("erase", "raw/person.bin", "--reason", REASON, "--dry-run")

    assert done["objects"] == [id_text(content_id(SECRET))]
    assert {one["path"] for one in done["places"]} == {"person.bin"}
    assert on_the_remote(tmp_path) == before
    assert shared.json("verify")["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("raw/person.bin", "--reason", REASON), "is still there"),
        (("raw/nothing", "--reason", REASON), "No snapshot that is here has 'raw/nothing'"),
        (("raw", "--reason", REASON), "RESOURCE/PATH"),
        (("raw/person.bin", "--reason", " \n"), "Say why it is erased"),
        (("raw/../../x", "--reason", REASON), "does not lie in the resource"),
    ],
)
def test_what_cannot_be_erased_is_refused_in_a_sentence(shared, tmp_path, arguments, said):
    before = on_the_remote(tmp_path)

    assert said in shared.refused("erase", *arguments)

    assert on_the_remote(tmp_path) == before
    assert shared.json("verify")["findings"] == []


def test_an_erasure_that_was_cut_off_is_finished_by_the_same_command(shared, tmp_path):
    (shared.folder / "raw/person.bin").unlink()
    shared("snapshot", "without-person")
    for moment in range(1, 40):
        command = ("erase", "raw/person.bin", "--reason", REASON)
        if not shared.killed_at(moment * 7, *command):
            break
    else:
        pytest.fail("it was never allowed to end")

    assert SECRET[100_000:100_040] not in on_the_remote(tmp_path)
    assert shared.is_sound()
    (finding,) = shared.json("verify")["findings"]
    assert finding["kind"] == "erased"
    assert os.listdir(tmp_path / "data/erased")


@pytest.fixture
def without_person(shared):
    """Who has gone on, and erased the file."""
    (shared.folder / "raw/person.bin").unlink()
    shared.write("raw/beside.csv", "two\n")
    shared.write("code/model.py", "two\n")
    shared("snapshot", "without-person")
    shared("erase", "raw/person.bin", "--reason", REASON)
    shared("push")
    return shared


def test_a_restore_brings_all_that_is_left_and_names_what_was_erased(without_person, bob):
    would = without_person("restore", "with-person", "--dry-run")
    assert without_person.read("raw/beside.csv") == "two\n"

    said = without_person("restore", "with-person")

    for told in (would, said):
        assert f"x person.bin was erased on purpose ({REASON})" in told
        assert "1 file cannot come back" in told
    assert without_person.read("raw/beside.csv") == "stays\n"
    assert without_person.read("code/model.py") == "one\n\n\n\n\ntwo\n"
    assert not (without_person.folder / "raw/person.bin").exists()
    without_person("snapshot", "back")
    without_person("push")
    bob("pull")
    assert bob.read("raw/beside.csv") == "stays\n"


def test_what_stands_in_the_place_of_an_erased_file_stays(without_person):
    without_person.write("raw/person.bin/inside", "new, and in no snapshot\n")

    done = without_person.json("restore", "with-person", "--force")

    raw = done["resources"]["raw"]
    assert raw["erased"] == [{"path": "person.bin", "reason": REASON}]
    assert without_person.read("raw/person.bin/inside") == "new, and in no snapshot\n"
    assert without_person.read("raw/beside.csv") == "stays\n"


@pytest.mark.parametrize("how", [("raw/person.bin",), ("--strict",), ("--strict", "--dry-run")])
def test_an_erased_file_that_was_asked_for_is_refused_and_nothing_changes(without_person, how):
    said = without_person.refused("restore", "with-person", *how)

    assert f"'raw: person.bin' was erased on purpose ({REASON})" in said
    assert without_person.read("raw/beside.csv") == "two\n"


def test_others_get_all_that_is_left_of_a_newest_snapshot_that_was_erased_in_part(
    shared, bob, somebody, tmp_path
):
    """The file went from its folder, and no snapshot was taken since."""
    shared.write("raw/beside.csv", "two\n")
    shared("snapshot", "newest")
    (shared.folder / "raw/person.bin").unlink()
    shared("erase", "raw/person.bin", "--reason", REASON)
    shared("push")
    carol, dora = somebody("carol"), somebody("dora")

    cloned = carol.run("clone", "study.git", "carol", cwd=tmp_path)
    dora("clone", "study.git", "dora", "--store", tmp_path / "store-of-dora", cwd=tmp_path)
    bob("pull")

    assert f"'raw: person.bin' was erased on purpose ({REASON})" in cloned.stderr

    for one in (bob, carol, dora):
        assert one.read("raw/beside.csv") == "two\n"
        assert one.read("raw/a.csv") == "id\na\n"
    assert not (carol.folder / "raw/person.bin").exists()
    carol.write("raw/b.csv", "of carol\n")
    carol("snapshot", "carol-1")
    carol("push")
    shared("pull")
    assert shared.read("raw/b.csv") == "of carol\n"
