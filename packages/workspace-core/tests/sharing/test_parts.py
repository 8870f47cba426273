"""Parts of a workspace: paths of a resource, some resources, records alone."""

import os
import random

import pytest


@pytest.fixture
def large(alice):
    numbers = random.Random(5)
    for name in ("2023", "2024"):
        (alice.folder / "raw" / name).mkdir()
        for number in range(3):
            content = numbers.randbytes(400_000)
            (alice.folder / "raw" / name / f"{number}.bin").write_bytes(content)
    alice("snapshot", "large")
    alice("push")
    return alice


def test_a_clone_of_a_path_has_that_path_alone(large, somebody, tmp_path, content):
    carol = somebody("carol")

    carol("clone", "study.git", "carol", "--only", "raw/2024", cwd=tmp_path)

    assert sorted(os.listdir(carol.folder / "raw")) == ["2024"]
    assert content(carol.folder / "raw/2024") == content(large.folder / "raw/2024")
    assert carol.is_sound()
    store = carol.folder / ".dataworkspace/store/packs"
    assert sum(one.stat().st_size for one in store.iterdir()) < 1_400_000
    carol("gc", "--grace", "0")
    carol("restore", "large", "raw/2024/1.bin", "--force")
    assert carol.is_sound()


def test_no_snapshot_is_taken_of_a_part_until_the_rest_is_there(large, somebody, tmp_path, content):
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--only", "raw/2024", cwd=tmp_path)
    carol.write("raw/2024/new.csv", "of carol\n")

    assert "dws pull --only raw" in carol.refused("snapshot", "part")
    carol("pull", "--only", "raw")

    assert content(carol.folder / "raw/2023") == content(large.folder / "raw/2023")
    assert carol.read("raw/2024/new.csv") == "of carol\n"
    carol("pull")
    carol("snapshot", "whole")
    carol("push")
    large("pull")
    assert large.read("raw/2024/new.csv") == "of carol\n"
    assert (large.folder / "raw/2023/0.bin").exists()


def test_what_was_not_asked_for_comes_later(large, somebody, tmp_path):
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--only", "code", cwd=tmp_path)
    assert not (carol.folder / "raw").exists()
    assert carol.read("code/model.py").startswith("one")
    assert carol.is_sound()

    carol("pull")

    assert carol.read("raw/a.csv") == "id\na\n"
    assert carol.is_sound()
    assert {one["state"] for one in carol.json("status")} == {"unchanged"}


def test_a_resource_that_is_new_and_was_never_pushed_stays_absent(alice, bob):
    alice.write("more/file", "new\n")
    alice("add", "local-files", "--role", "i", "more")
    alice("snapshot", "second")
    alice("push", "--skip", "more")

    assert bob.json("pull")["left"] == {"more": "its content was not pushed"}
    assert not (bob.folder / "more").exists()
    alice("push")
    bob("pull")
    assert bob.read("more/file") == "new\n"


def test_records_alone_bring_no_content(large, bob):
    large.write("raw/a.csv", "two\n")
    large("snapshot", "second")
    large("push")

    done = bob.json("pull", "--only-workspace")

    assert set(done["received"].values()) == {0}
    assert "second" in bob.tags()
    assert bob.read("raw/a.csv") == "id\na\n"
    assert bob.is_sound()
    bob("pull")
    assert bob.read("raw/a.csv") == "two\n"


def test_content_that_was_skipped_by_a_push_is_told_of_and_comes_with_the_next(alice, bob):
    alice.write("raw/a.csv", "two\n")
    alice.write("code/new.py", "new\n")
    alice("snapshot", "second")
    alice("push", "--skip", "raw")

    said = bob("pull")

    assert "never pushed" in said
    assert bob.read("code/new.py") == "new\n"
    assert bob.read("raw/a.csv") == "id\na\n"
    alice("push")
    bob("pull")
    assert bob.read("raw/a.csv") == "two\n"
    assert bob.is_sound()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pull", "--only", "nothing"), "There is no resource 'nothing'"),
        (("pull", "--only", "raw", "--skip", "code"), "Give --only or --skip"),
        (("push", "--only-workspace", "--skip", "raw"), "Give only one of"),
        (("pull", "--only", "raw/../../etc"), "does not lie in the resource"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_a_sentence(bob, arguments, said):
    assert said in bob.refused(*arguments)


def test_a_further_part_comes_also_if_nobody_has_done_anything_since(alice, somebody, tmp_path):
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--only", "raw/a.csv", cwd=tmp_path)

    carol("pull", "--only", "raw/deep")
    assert carol.read("raw/deep/d/e.csv") == "deep\n"
    assert not (carol.folder / "raw/b.csv").exists()

    carol("pull", "--only", "raw")
    assert carol.read("raw/b.csv") == "id\nb\n"
