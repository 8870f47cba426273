"""What somebody has mistyped is said, and nothing else is done in its place."""

import json

import pytest

from workspace_core.sharing.rclone_program import run_rclone

SECRET = "wJalrXUtnFEMI"  # noqa: S105 - of nobody


def test_a_name_of_a_machine_that_config_would_refuse_makes_no_clone(alice, somebody, tmp_path):
    carol = somebody("carol")

    said = carol.refused("clone", "study.git", "carol", "--hostname", "../carol", cwd=tmp_path)

    assert "'../carol'" in said
    assert not carol.folder.exists()


@pytest.mark.parametrize("path", ["raw/nosuch", "raw/deep/nosuch.csv", "raw/a.csv/below"])
def test_a_path_that_no_snapshot_has_is_no_part_of_a_clone(alice, somebody, tmp_path, path):
    carol = somebody("carol")

    said = carol.refused("clone", "study.git", "carol", "--only", path, cwd=tmp_path)

    assert f"No snapshot has '{path}'" in said
    assert not carol.folder.exists()


def test_a_path_that_no_snapshot_has_is_not_pulled(alice, somebody, tmp_path):
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--only", "raw/a.csv", cwd=tmp_path)

    assert "No snapshot has 'raw/nosuch'" in carol.refused("pull", "--only", "raw/nosuch")

    carol("pull", "--only", "raw/deep")
    assert carol.read("raw/deep/d/e.csv") == "deep\n"


def test_a_path_that_only_an_older_snapshot_has_is_one(alice, somebody, tmp_path):
    (alice.folder / "raw/b.csv").unlink()
    alice("snapshot", "without-b")
    alice("push")
    carol = somebody("carol")

    carol("clone", "study.git", "carol", "--only", "raw/b.csv", cwd=tmp_path)

    assert not (carol.folder / "raw/b.csv").exists()


def test_a_place_for_a_resource_that_there_is_not_is_refused(alice, somebody, tmp_path):
    carol, place = somebody("carol"), f"rwa={tmp_path / 'elsewhere'}"

    assert "'rwa'" in carol.refused("clone", "study.git", "carol", "--place", place, cwd=tmp_path)
    assert "'rwa'" in alice.refused("pull", "--place", place)

    assert not carol.folder.exists()


def test_both_sides_cannot_be_chosen_at_once(alice):
    assert "--ours or --theirs" in alice.refused("pull", "--ours", "--theirs", code=2)


def test_a_remote_that_is_a_folder_is_the_same_from_everywhere(alice, tmp_path):
    alice("config", "remote", "../moved")
    alice("push", cwd=alice.folder / "raw/deep")

    assert (tmp_path / "moved/packs").is_dir()
    assert not (alice.folder / "raw/moved").exists()


@pytest.mark.parametrize(
    "address",
    [
        f"s3://AKIA:{SECRET}@hospital-study/beds",
        f"rclone::s3,provider=Other,secret_access_key={SECRET}:bucket/p",
        f"https://somebody:{SECRET}@example.org/data",
    ],
)
def test_a_secret_in_what_is_no_address_is_not_repeated(alice, address):
    for words in (
        ("publish", "../other.git", "--data", address),
        ("config", "remote", address),
        ("config", "local_remote", address),
        ("clone", "../study.git", "../carol", "--data", address),
    ):
        done = alice.run(*words)
        assert done.returncode == 1, done
        assert SECRET not in done.stdout + done.stderr
    assert SECRET not in alice.git("log", "--patch", "--all")


def test_a_secret_in_what_rclone_is_to_copy_is_not_repeated(alice):
    address = f":s3,access_key_id=AKIA,secret_access_key={SECRET}:bucket"

    assert SECRET not in alice.refused("add", "rclone", "--role", "s", address, "copies")


def test_a_pull_tells_which_resources_others_have_removed(alice, bob):
    alice("resource", "remove", "raw")
    alice("push")

    assert bob.json("pull")["removed"] == ["raw"]
    assert bob.read("raw/a.csv") == "id\na\n"
    assert bob.json("pull")["removed"] == []


def test_a_pull_tells_of_no_removal_where_a_resource_was_renamed(alice, bob):
    alice("resource", "rename", "raw", "wards")
    alice("push")

    assert bob.json("pull")["removed"] == []


def test_rclone_gives_up_before_people_do_and_they_may_say_otherwise(monkeypatch):
    monkeypatch.delenv("RCLONE_LOW_LEVEL_RETRIES", raising=False)
    asked = ("rc", "--loopback", "options/get")

    assert json.loads(run_rclone("here", *asked))["main"]["LowLevelRetries"] == 3

    monkeypatch.setenv("RCLONE_LOW_LEVEL_RETRIES", "7")
    assert json.loads(run_rclone("here", *asked))["main"]["LowLevelRetries"] == 7
