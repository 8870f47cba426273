"""A publication or a clone that fails leaves nothing, or says what it has left."""

import json
import os
import subprocess

import pytest


@pytest.fixture
def unpublished(somebody):
    """Who has a workspace that nobody else knows of."""
    dora = somebody("dora")
    dora.folder.mkdir()
    dora("init", "study", "--hostname", "dora")
    dora.write("raw/a.csv", "id\n1\n")
    dora("add", "local-files", "--role", "s", "raw")
    dora("snapshot", "base")
    return dora


def state(one):
    return (
        one.read(".dataworkspace/config.json"),
        one.json("config"),
        one.git("config", "--list", "--local"),
        one.git("for-each-ref"),
        one.git("status", "--porcelain"),
        sorted(os.listdir(one.folder.parent)),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("../new/study.git", "--data", "rclone:nosuchremote:data"), "nosuchremote"),
        (("../new/study.git", "--data", "s3://nosuchbucket/data"), "S3"),
        (("../new/study.git", "--data", "https://example.org/data"), "is no place for data"),
        (("../new/study.git", "--data", "raw"), "a place of its own"),
        (("../new/study.git", "--data", ".dataworkspace/store"), "a place of its own"),
        ((".", "--data", "../data"), "cannot be published to itself"),
        (("../new/study.git",), "no remote for its content"),
        (("http://127.0.0.1:1/study.git", "--data", "../data"), "git fetch"),
        (("../plain", "--data", "../data"), "git fetch"),
        (("../new/study.git", "--data", "../data", "--skip", "rwa"), "rwa"),
    ],
)
def test_a_publication_that_fails_leaves_the_workspace_as_it_was(unpublished, words, said):
    unpublished.write("../plain/file", "of somebody\n")
    unpublished("status")
    before = state(unpublished)

    assert said in unpublished.refused("publish", *words)

    assert state(unpublished) == before
    assert "no remote" in unpublished.refused("push")
    unpublished("publish", "../new/study.git", "--data", "../data")


def test_a_publication_elsewhere_that_fails_stays_with_the_former_place(alice, bob, tmp_path):
    before = state(alice)

    alice.refused("publish", "../other/study.git", "--data", "rclone:nosuchremote:data")

    assert state(alice) == before
    alice.write("raw/a.csv", "two\n")
    alice("snapshot", "second")
    alice("push")
    bob("pull")
    assert bob.read("raw/a.csv") == "two\n"


def test_a_publication_that_fails_at_its_end_is_taken_back(unpublished, tmp_path):
    """The records are refused after the content was sent."""
    unpublished.git("init", "--quiet", "--bare", "--initial-branch=master", tmp_path / "full.git")
    hook = tmp_path / "full.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no more space\nexit 1\n")
    hook.chmod(0o755)
    before = state(unpublished)[:3]

    assert "no more space" in unpublished.refused("publish", "../full.git", "--data", "../data")

    assert state(unpublished)[:3] == before
    hook.unlink()
    done = unpublished.json("publish", "../full.git", "--data", "../data")
    assert done["sent"]["objects"] == 0


def test_a_repository_with_a_history_of_its_own_is_refused(unpublished, alice, tmp_path):
    said = unpublished.refused("publish", "../study.git", "--data", "../data-of-dora")

    assert "a history of its own" in said
    assert "remote.origin" not in unpublished.git("config", "--list", "--local")


def test_a_working_copy_is_no_place_to_push_to_and_that_is_one_sentence(unpublished, tmp_path):
    subprocess.run(
        ["git", "clone", "--quiet", unpublished.folder, tmp_path / "copy"],
        check=True,
        env=unpublished.environment,
    )

    said = unpublished.refused("publish", "../copy", "--data", "../data")

    assert (
        f"The repository '{tmp_path / 'copy'}' is a working copy with the branch 'master'" in said
    )
    assert "publish to a bare one" in said
    assert len(said) < 300 + len(str(tmp_path))


def test_a_clone_for_which_nothing_has_come_leaves_nothing(alice, somebody, tmp_path):
    carol = somebody("carol")
    before = sorted(os.listdir(tmp_path))

    carol.refused(
        *("clone", "study.git", "carol", "--data", "rclone:nosuchremote:data"), cwd=tmp_path
    )
    carol.refused("clone", "nosuch.git", "carol", cwd=tmp_path)

    assert sorted(os.listdir(tmp_path)) == before


def test_a_clone_that_was_cut_off_says_what_has_come_and_goes_on(alice, somebody, tmp_path):
    """With what it is told this time, and not with what was wrong the time before."""
    carol, dora = somebody("carol"), somebody("dora")
    last = carol.moments("clone", "study.git", "carol")
    wrong = ("--data", "rclone:nosuchremote:data")
    assert dora.killed_at(last - 5, "clone", "study.git", "dora", "--hostname", "typo")
    begun = tmp_path / ".dora.cloning"
    assert begun.is_dir()

    said = dora.refused("clone", "study.git", "dora", *wrong, cwd=tmp_path)

    assert f"What has come is in '{begun}'" in said
    options = ("--hostname", "dora", "--json")
    done = json.loads(dora("clone", "study.git", "dora", *options, cwd=tmp_path))
    assert done["received"]["objects"] == 0
    assert dora.read("raw/a.csv") == "id\na\n"
    assert not begun.exists()
    values = {one["name"]: one["value"] for one in dora.json("config")}
    assert (values["hostname"], values["local_remote"]) == ("dora", None)


def test_a_clone_that_was_cut_off_begins_anew_with_another_store(alice, somebody, tmp_path):
    carol, dora = somebody("carol"), somebody("dora")
    last = carol.moments("clone", "study.git", "carol")
    assert dora.killed_at(last - 5, "clone", "study.git", "dora")

    dora("clone", "study.git", "dora", "--store", "../store-of-dora", cwd=tmp_path)

    assert not (dora.folder / ".dataworkspace/store").exists()
    assert dora.is_sound()


def test_pulled_snapshots_are_told_of_in_the_order_in_which_they_were_taken(alice, bob):
    for number in range(8):
        alice.write("raw/a.csv", f"{number}\n")
        alice("snapshot", f"s{number}")
    alice("push")

    said = bob("pull")

    told = [line.partition("(")[2].partition(")")[0] for line in said.splitlines()]
    assert [one for one in told if one] == [f"s{number}" for number in range(8)]
