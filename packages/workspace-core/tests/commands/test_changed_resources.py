"""Removing, renaming and swapping resources: every older snapshot stays of use."""

import json
import os
import shutil

import pytest


@pytest.fixture
def taken(dws, workspace):
    """A workspace with two snapshots of its data."""
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")
    return workspace


def difference(dws, name, *snapshots):
    """What a resource is in a comparison, and the paths that differ."""
    (found,) = [one for one in dws.json("diff", *snapshots)["resources"] if one["name"] == name]
    return found["state"], [one["path"] for one in found["changes"]]


def test_a_renamed_resource_is_known_in_older_snapshots_by_its_new_name(dws, taken):
    hashes = [one["hash"] for one in dws.json("log")]
    content = [one["content_id"] for one in dws.json("log")]

    dws("resource", "rename", "raw", "measurements")

    assert [one["hash"] for one in dws.json("log")] == hashes
    assert [one["content_id"] for one in dws.json("log")] == content
    assert difference(dws, "measurements", "first", "second") == ("different", ["a.csv"])
    assert difference(dws, "measurements", "second") == ("same", [])
    assert "'raw' is called 'measurements' now" in dws.refused("restore", "first", "--only", "raw")
    dws("restore", "first", "--only", "measurements")
    assert (taken / "raw/a.csv").read_text() == "id\n1\n"
    assert dws.git("status", "--porcelain") == ""
    dws("verify")


def test_a_rename_can_be_taken_back(dws, taken):
    dws("resource", "rename", "raw", "measurements")
    dws("snapshot", "third")

    dws("resource", "rename", "measurements", "raw")

    assert difference(dws, "raw", "first", "third") == ("different", ["a.csv"])
    assert "raw.json" in os.listdir(taken / ".dataworkspace/resources")
    assert "measurements.json" not in os.listdir(taken / ".dataworkspace/resources")
    dws("restore", "first", "--only", "raw")
    assert (taken / "raw/a.csv").read_text() == "id\n1\n"


def test_a_former_name_is_nobody_elses(dws, taken):
    (taken / "new").mkdir()
    dws("resource", "rename", "raw", "measurements")

    said = dws.refused("add", "local-files", "--role", "s", "--name", "raw", "new")

    assert "The resource 'measurements' was called 'raw' before" in said


def test_a_name_that_snapshots_know_is_not_given_to_another_resource(dws, taken):
    dws("resource", "remove", "raw")

    assert "go by the name 'raw'" in dws.refused("resource", "rename", "code", "raw")


@pytest.mark.parametrize("moment", range(1, 40, 2))
def test_a_rename_that_was_killed_is_finished_or_has_not_begun(dws, taken, moment):
    was_killed = dws.killed_at(moment, "resource", "rename", "raw", "measurements")

    dws("tag", "set", "after", "first")

    names = [one["name"] for one in dws.json("status")]
    assert sorted(names) in (["code", "measurements", "results"], ["code", "raw", "results"])
    name = next(one for one in names if one in ("raw", "measurements"))
    assert was_killed or name == "measurements"
    dws("restore", "first", "--only", name)
    assert (taken / "raw/a.csv").read_text() == "id\n1\n"


def test_a_removed_resource_is_left_alone_and_can_be_brought_back(dws, taken):
    dws("resource", "remove", "raw")

    assert [one["name"] for one in dws.json("status")] == ["code", "results"]
    assert (taken / "raw/a.csv").read_text() == "id\n2\n"
    assert difference(dws, "raw", "first", "second") == ("different", ["a.csv"])
    left = dws.json("restore", "first")["left"]
    assert "'dws resource bring-back raw' makes it a resource again" in left["raw"]
    assert (taken / "raw/a.csv").read_text() == "id\n2\n"

    dws("resource", "bring-back", "raw")
    dws("restore", "first")

    assert (taken / "raw/a.csv").read_text() == "id\n1\n"
    assert dws.git("status", "--porcelain") == ""


def test_what_was_removed_does_not_come_back_over_another_resource(dws, taken):
    dws("resource", "remove", "raw")
    dws("add", "local-files", "--role", "s", "--name", "other", "raw")

    assert "overlaps with" in dws.refused("resource", "bring-back", "raw")


def test_a_swapped_source_is_other_data_under_the_same_name(dws, taken, content):
    elsewhere = taken.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.csv").write_text("id\n3\n")
    before = content(taken / "code")
    record = json.loads((taken / ".dataworkspace/resources/raw.json").read_text())

    dws("resource", "swap", "raw", elsewhere)
    dws("snapshot", "third")

    after = json.loads((taken / ".dataworkspace/resources/raw.json").read_text())
    assert after == record | {"global_local_path": str(elsewhere)}
    assert content(taken / "code") == before
    assert (taken / "raw/a.csv").read_text() == "id\n2\n"
    assert difference(dws, "raw", "second", "third") == ("different", ["a.csv", "b.csv"])


def test_what_was_swapped_comes_back_by_a_snapshot_or_by_another_swap(dws, taken):
    elsewhere = taken.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.csv").write_text("id\n3\n")
    dws("resource", "swap", "raw", elsewhere)
    dws("restore", "first", "--only", "raw")
    assert (elsewhere / "b.csv").read_text() == "id\n3\n"  # it is in no snapshot
    dws("snapshot", "third")
    (elsewhere / "a.csv").unlink()
    dws("snapshot", "third-alone")

    dws("restore", "first", "--only", "raw")
    assert sorted(os.listdir(elsewhere)) == ["a.csv"]
    dws("restore", "third-alone", "--only", "raw")
    assert sorted(os.listdir(elsewhere)) == ["b.csv"]
    dws("resource", "swap", "raw", "raw")

    assert dws.json("status")[-1]["local_path"] == str(taken / "raw")
    dws("restore", "first", "--only", "raw")
    assert (taken / "raw/a.csv").read_text() == "id\n1\n"


def test_flags_of_a_resource_survive_its_swap(dws, taken):
    dws("config", "--resource", "raw", "imported", "true")
    shutil.copytree(taken / "raw", taken / "newer")

    dws("resource", "swap", "raw", "newer")

    values = {one["name"]: one["value"] for one in dws.json("config", "--resource", "raw")}
    assert (values["imported"], values["global_local_path"]) == (True, "newer")
    assert "/newer/" in (taken / ".gitignore").read_text()


def test_another_copy_follows_a_rename_with_what_was_changed_since(dws, taken):
    dws("publish", "../study.git", "--data", "../study.data")
    dws("clone", "../study.git", "../colleague", "--hostname", "desk")
    there = taken.parent / "colleague"
    dws("resource", "rename", "raw", "measurements")
    (taken / "raw/a.csv").write_text("id\n3\n")
    dws("snapshot", "third")
    dws("push")

    dws("pull", cwd=there)

    assert (there / "raw/a.csv").read_text() == "id\n3\n"
    names = json.loads(dws("status", "--json", cwd=there))
    assert {(one["name"], one["state"]) for one in names} == {
        ("code", "unchanged"),
        ("measurements", "unchanged"),
        ("results", "unchanged"),
    }
    dws("restore", "first", "--only", "measurements", cwd=there)
    assert (there / "raw/a.csv").read_text() == "id\n1\n"


def test_a_rename_meets_work_under_the_former_name(dws, taken):
    dws("publish", "../study.git", "--data", "../study.data")
    dws("clone", "../study.git", "../colleague", "--hostname", "desk")
    there = taken.parent / "colleague"
    dws("resource", "rename", "raw", "measurements")
    dws("snapshot", "renamed")
    dws("push")
    (there / "raw/new.csv").write_text("id\n9\n")
    dws("snapshot", "added", cwd=there)

    dws("pull", cwd=there)
    dws("push", cwd=there)
    dws("pull")

    assert (taken / "raw/new.csv").read_text() == "id\n9\n"
    assert [one["name"] for one in dws.json("status")] == ["code", "results", "measurements"]


def test_a_clone_beside_the_current_folder_has_the_resources_of_the_workspace(dws, taken):
    dws("publish", "../study.git", "--data", "../study.data")

    dws("clone", "../study.git", "../colleague", "--hostname", "desk")

    assert (taken.parent / "colleague/raw/a.csv").read_text() == "id\n2\n"


@pytest.mark.parametrize("place", ["newer", "../elsewhere"])
def test_a_swap_never_leads_another_copy_to_a_folder_elsewhere(dws, taken, place):
    """Others get the data, in their own folder; what they do there is no business of anybody's."""
    dws("publish", "../study.git", "--data", "../study.data")
    dws("clone", "../study.git", "../colleague", "--hostname", "desk")
    there, elsewhere = taken.parent / "colleague", taken / place
    elsewhere.mkdir()
    (elsewhere / "b.csv").write_text("id\n3\n")
    dws("resource", "swap", "raw", place)
    dws("snapshot", "swapped")
    dws("push")

    dws("pull", cwd=there)

    found = {one["name"]: one for one in json.loads(dws("status", "--json", cwd=there))}
    here = found["raw"]["local_path"]
    assert os.path.realpath(here).startswith(f"{there}/")
    assert os.listdir(here) == ["b.csv"]
    assert found["raw"]["state"] == "unchanged"
    dws("restore", "first", "--only", "raw", cwd=there)
    assert os.listdir(here) == ["a.csv"]
    assert os.listdir(elsewhere) == ["b.csv"]


def test_two_names_for_one_resource_are_a_conflict(dws, taken):
    dws("publish", "../study.git", "--data", "../study.data")
    dws("clone", "../study.git", "../colleague", "--hostname", "desk")
    there = taken.parent / "colleague"
    dws("resource", "rename", "raw", "mine")
    dws("push")
    dws("resource", "rename", "raw", "theirs", cwd=there)

    said = dws.run("pull", cwd=there)
    assert said.returncode == 1
    assert "resource theirs: also called mine" in said.stderr
    dws("pull", "--theirs", cwd=there)

    names = [one["name"] for one in json.loads(dws("status", "--json", cwd=there))]
    assert sorted(names) == ["code", "mine", "results"]
    dws("restore", "first", "--only", "mine", cwd=there)
    assert (there / "raw/a.csv").read_text() == "id\n1\n"
