"""Two people, a git repository and a folder for content: what one does, the other gets."""

import json
import random
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core import api

PROGRAM = Path(sys.executable).with_name("dws")


def test_a_clone_has_all_files_and_snapshots_and_is_clean(alice, bob, content):
    assert content(bob.folder / "raw") == content(alice.folder / "raw")
    assert content(bob.folder / "code") == content(alice.folder / "code")
    assert bob.tags() == ["base"]
    assert bob.git("status", "--porcelain") == ""
    assert bob.is_sound()
    assert {one["state"] for one in bob.json("status")} == {"unchanged"}


def test_disjoint_work_of_both_merges_and_reaches_both(alice, bob, content):
    """WS-17, WS-26: data, resources, snapshots and tags of two people are brought together."""
    bob.write("raw/b.csv", "of bob\n")
    bob.write("code/bob.py", "bob\n")
    bob.write("bobs/file", "new\n")
    bob("add", "local-files", "--role", "i", "bobs")
    bob("snapshot", "bob-1")
    bob("push")
    alice.write("raw/a.csv", "of alice\n")
    alice.write("alices/file", "new\n")
    alice("add", "local-files", "--role", "i", "alices")
    alice("snapshot", "alice-1")

    alice("pull")
    alice("push")
    bob("pull")

    for one in (alice, bob):
        assert one.read("raw/a.csv") == "of alice\n"
        assert one.read("raw/b.csv") == "of bob\n"
        assert one.read("bobs/file") == one.read("alices/file") == "new\n"
        assert one.read("code/bob.py") == "bob\n"
        assert one.tags() == ["alice-1", "base", "bob-1"]
        assert one.git("status", "--porcelain") == ""
        assert one.is_sound()
        assert {resource["state"] for resource in one.json("status")} == {"unchanged"}
    assert content(alice.folder / "raw") == content(bob.folder / "raw")
    bob("restore", "alice-1", "--only", "raw")
    assert bob.read("raw/b.csv") == "id\nb\n"


def test_a_push_that_lost_the_race_says_so_and_nothing_is_lost(alice, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bob-1")
    bob("push")
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alice-1")

    said = alice.refused("push")

    assert "Somebody else has pushed" in said
    assert "run 'dws pull'" in said
    assert alice.tags() == ["alice-1", "base"]
    assert alice.read("raw/a.csv") == "of alice\n"
    alice("pull")
    alice("push")


def test_work_that_is_in_no_snapshot_survives_a_pull(alice, bob):
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alice-1")
    alice("push")
    bob.write("raw/b.csv", "in no snapshot\n")

    bob("pull")

    assert bob.read("raw/a.csv") == "of alice\n"
    assert bob.read("raw/b.csv") == "in no snapshot\n"
    (raw,) = [one for one in bob.json("status") if one["name"] == "raw"]
    assert [one["path"] for one in raw["changes"]] == ["b.csv"]


def test_a_conflict_is_named_by_resource_and_file_and_changes_nothing(alice, bob, content):
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alice-1")
    alice("push")
    bob.write("raw/a.csv", "of bob\n")
    bob("snapshot", "bob-1")
    before, head = content(bob.folder / "raw"), bob.git("rev-parse", "HEAD")

    said = bob.refused("pull")

    assert "'raw: a.csv'" in said
    assert "--ours" in said
    assert "--theirs" in said
    assert content(bob.folder / "raw") == before
    assert bob.git("rev-parse", "HEAD") == head
    assert bob.tags() == ["base", "bob-1"]


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_conflict_is_resolved_and_both_versions_stay_in_snapshots(alice, bob, side):
    alice.write("raw/a.csv", "of alice\n")
    alice.write("raw/b.csv", "of alice, too\n")
    alice("snapshot", "alice-1")
    alice("push")
    bob.write("raw/a.csv", "of bob\n")

    bob("pull", f"--{side}")
    bob("push")
    alice("pull")

    expected = {"ours": "of bob\n", "theirs": "of alice\n"}[side]
    assert bob.read("raw/a.csv") == alice.read("raw/a.csv") == expected
    assert bob.read("raw/b.csv") == "of alice, too\n"
    kept = set()
    for one in bob.json("log"):
        bob("restore", one["hash"], "raw/a.csv", "--force")
        kept.add(bob.read("raw/a.csv"))
    assert {"of bob\n", "of alice\n", "id\na\n"} <= kept


def test_lines_of_code_that_both_have_changed_are_merged_by_git(alice, bob):
    alice.write("code/model.py", "one of alice\n\n\n\n\ntwo\n")
    alice("snapshot", "alice-1")
    alice("push")
    bob.write("code/model.py", "one\n\n\n\n\ntwo of bob\n")
    bob("snapshot", "bob-1")

    bob("pull")

    assert bob.read("code/model.py") == "one of alice\n\n\n\n\ntwo of bob\n"
    assert {one["state"] for one in bob.json("status")} == {"unchanged"}


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_conflict_in_code_is_named_and_resolved(alice, bob, side):
    alice.write("code/model.py", "of alice\n")
    alice("snapshot", "alice-1")
    alice("push")
    bob.write("code/model.py", "of bob\n")
    bob("snapshot", "bob-1")

    assert "'code: model.py'" in bob.refused("pull")
    bob("pull", f"--{side}")

    expected = {"ours": "of bob\n", "theirs": "of alice\n"}[side]
    assert bob.read("code/model.py") == expected
    assert bob.git("status", "--porcelain") == ""


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_tag_that_both_have_moved_is_a_conflict(alice, bob, side):
    alice.write("raw/a.csv", "of alice\n")
    taken = alice.json("snapshot")
    alice("tag", "set", "best", taken["hash"])
    alice("push")
    bob("tag", "set", "best", "base")

    assert "'tag best'" in bob.refused("pull")
    bob("pull", f"--{side}")

    (best,) = [one for one in bob.json("log") if "best" in one["tags"]]
    assert (best["hash"] == taken["hash"]) == (side == "theirs")


def test_parameters_that_both_have_set_are_merged_field_by_field(alice, bob):
    alice("config", "results.move_exclude_files", '["ONE"]')
    alice("push")
    bob("config", "results.dir_template", "snapshots/{TAG}")

    bob("pull")

    found = {one["name"]: one["value"] for one in bob.json("config")}
    assert found["results.move_exclude_files"] == ["ONE"]
    assert found["results.dir_template"] == "snapshots/{TAG}"


def test_a_snapshot_that_was_deleted_on_one_side_goes_on_the_other(alice, bob):
    alice.write("raw/a.csv", "two\n")
    alice("snapshot", "second")
    alice("push")
    bob("pull")
    alice("delete-snapshot", "second")
    alice("push")

    bob("pull")

    assert bob.tags() == ["base"]
    assert bob.is_sound()


def test_results_of_others_come_to_their_folders(alice, bob):
    alice.write("results/results.json", json.dumps({"metrics": {"accuracy": 0.9}}))
    alice("snapshot", "run-1")
    alice("push")

    bob("pull")

    assert json.loads(bob.read("results/snapshots/alice-run-1/results.json"))["metrics"]
    assert bob.json("report", "results", "--snapshot", "run-1")


def test_results_outside_of_git_come_to_their_folders_too(alice, somebody, tmp_path):
    alice.write("numbers/README.md", "stays\n")
    alice("add", "local-files", "--role", "r", "numbers")
    alice.write("numbers/plot.bin", "plot\n")
    alice("snapshot", "run-1")
    alice("push")
    bob = somebody("bob")

    bob("clone", "study.git", "bob", cwd=tmp_path)

    assert bob.read("numbers/snapshots/alice-run-1/plot.bin") == "plot\n"


def test_a_restore_is_not_undone_by_a_pull_of_something_else(alice, bob):
    bob.write("raw/a.csv", "two\n")
    bob("snapshot", "second")
    bob("push")
    bob("restore", "base", "--only", "raw")
    alice("pull")
    alice.write("code/new.py", "new\n")
    alice("snapshot", "third")
    alice("push")

    bob("pull", "--skip", "raw")
    assert bob.read("raw/a.csv") == "id\na\n"
    assert bob.read("code/new.py") == "new\n"


def test_a_second_pull_and_a_second_push_have_nothing_to_do(alice, bob):
    alice.write("raw/a.csv", "two\n")
    alice("snapshot", "second")
    alice("push")

    assert alice.json("push")["sent"] == {"bytes": 0, "objects": 0, "packs": 0}
    bob("pull")
    again = bob.json("pull")

    assert again["snapshots"] == again["resources"] == []
    assert again["received"]["objects"] == 0


@pytest.mark.parametrize("how", ["--rebase", "--no-rebase"])
def test_a_workspace_that_plain_git_has_merged_stays_restorable(alice, bob, content, how):
    """WS-19: records are unions of files; content comes with the next pull."""
    alice.write("raw/a.csv", "of alice\n")
    alice("snapshot", "alice-1")
    alice("push")
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bob-1")
    bob.git("pull", "--quiet", how, "--no-edit", "origin", "master")

    bob("pull")

    assert bob.tags() == ["alice-1", "base", "bob-1"]
    bob("restore", "alice-1", "--only", "raw", "--force")
    assert content(bob.folder / "raw") == content(alice.folder / "raw")
    bob("restore", "bob-1", "--only", "raw")
    assert bob.read("raw/b.csv") == "of bob\n"
    assert bob.is_sound()


def test_history_that_plain_git_has_squashed_keeps_its_content(alice, somebody, tmp_path):
    """WS-19, also when the garbage of the remote is collected afterwards."""
    for number in range(3):
        alice.write("raw/a.csv", f"{number}\n")
        alice("snapshot", f"s{number}")
    alice("push")
    alice.git("reset", "--quiet", "--soft", "HEAD~2")
    alice.git("commit", "--quiet", "-m", "all in one")
    alice.git("push", "--quiet", "--force", "origin", "HEAD")

    alice("gc", "--remote", "--grace", "0")
    carol = somebody("carol")
    carol("clone", "study.git", "carol", cwd=tmp_path)

    assert carol.tags() == ["base", "s0", "s1", "s2"]
    for number in range(3):
        carol("restore", f"s{number}", "--only", "raw")
        assert carol.read("raw/a.csv") == f"{number}\n"
    assert carol.is_sound()


def test_content_that_only_another_branch_records_stays_on_the_remote(alice, somebody, tmp_path):
    alice.git("switch", "--quiet", "--create", "aside")
    alice.write("raw/a.csv", "aside\n")
    alice("snapshot", "aside")
    alice("push")
    alice.git("switch", "--quiet", "master")
    carol, dora = somebody("carol"), somebody("dora")
    carol("clone", "study.git", "carol", cwd=tmp_path)
    assert carol.tags() == ["base"]

    carol("gc", "--remote", "--grace", "0")

    dora("clone", "study.git", "dora", cwd=tmp_path)
    dora.git("switch", "--quiet", "aside")
    dora("pull")
    assert dora.read("raw/a.csv") == "aside\n"


def test_what_other_workspaces_keep_on_a_remote_is_not_judged(alice, bob, somebody, tmp_path):
    other = somebody("other")
    other.folder.mkdir()
    other("init", "other")
    other.write("theirs/file", "theirs\n")
    other("add", "local-files", "--role", "s", "theirs")
    other("snapshot", "first")
    other("publish", "../other.git", "--data", tmp_path / "data")

    said = alice.refused("gc", "--remote", "--grace", "0")
    assert "is also that of the workspaces" in said
    identity = said.split("workspaces ")[1][:8]
    assert "gc --remote --let-go" in said
    alice("gc", "--remote", "--grace", "0", "--let-go", identity)

    assert alice("gc", "--remote", "--grace", "0")
    bob("pull")
    assert bob.is_sound()


def test_content_of_a_shared_store_is_not_transferred(alice, somebody, tmp_path):
    store = tmp_path / "alice/.dataworkspace/store"
    carol = somebody("carol")

    done = json.loads(
        carol("clone", "study.git", "carol", "--store", store, "--json", cwd=tmp_path)
    )

    assert done["received"]["objects"] == 0
    assert carol.read("raw/a.csv") == "id\na\n"


def test_the_python_interface_does_the_same(alice, tmp_path):
    alice.write("raw/a.csv", "two\n")
    alice("snapshot", "second")

    assert api.push(str(alice.folder)).sent.objects > 0
    cloned = api.clone(str(tmp_path / "study.git"), str(tmp_path / "carol"), hostname="carol")
    alice.write("raw/a.csv", "three\n")
    alice("snapshot", "third")
    api.push(str(alice.folder))
    pulled = api.pull(str(tmp_path / "carol"))

    assert cloned.left == {}
    assert [one.tags for one in api.get_snapshot_history(str(tmp_path / "carol"))][-1] == ("third",)
    assert pulled.resources == ("raw",)
    assert (tmp_path / "carol/raw/a.csv").read_text() == "three\n"


def test_a_remote_that_is_gone_is_named_and_the_push_can_be_repeated(alice, tmp_path):
    alice.write("raw/a.csv", "two\n")
    alice("snapshot", "second")
    shutil.rmtree(tmp_path / "data")

    alice("push")  # a folder is made again, with all that snapshots need

    shutil.rmtree(alice.folder.parent / "study.git")
    assert "git fetch" in alice.refused("push")


def test_what_git_ignores_in_a_folder_of_the_workspace_comes_too(alice, bob, content):
    alice.write("code/.gitignore", "*.bin\n")
    (alice.folder / "code/weights.bin").write_bytes(b"\0\xff" * 50)
    (alice.folder / "code/tool.sh").write_text("x")
    (alice.folder / "code/tool.sh").chmod(0o700)
    (alice.folder / "code/empty").mkdir()
    alice("snapshot", "weights")
    alice("push")
    bob.write("code/bob.py", "of bob\n")
    bob("snapshot", "bob-1")

    bob("pull")
    bob("push")
    alice("pull")

    assert content(bob.folder / "code") == content(alice.folder / "code")
    assert (bob.folder / "code/weights.bin").read_bytes() == b"\0\xff" * 50
    assert (alice.folder / "code/bob.py").exists()
    assert {one["state"] for one in bob.json("status")} == {"unchanged"}


def test_a_repository_that_is_a_resource_is_pushed_cloned_and_pulled(alice, somebody, tmp_path):
    def git(*arguments, cwd):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(
            ["git", *identity, *map(str, arguments)], cwd=cwd, check=True, env=alice.environment
        )

    git("init", "--quiet", "--bare", "--initial-branch=main", tmp_path / "tools.git", cwd=tmp_path)
    git("clone", "--quiet", tmp_path / "tools.git", alice.folder / "tools", cwd=tmp_path)
    alice.write("tools/a.py", "a\n")
    git("checkout", "--quiet", "-B", "main", cwd=alice.folder / "tools")
    alice("add", "git", "--role", "c", "tools")
    alice("snapshot", "tools")
    alice("push")
    carol = somebody("carol")

    carol("clone", "study.git", "carol", cwd=tmp_path)
    assert carol.read("tools/a.py") == "a\n"
    carol.write("tools/c.py", "of carol\n")
    carol("snapshot", "carol-1")
    carol("push")
    alice.write("tools/b.py", "of alice\n")
    alice("snapshot", "alice-1")
    alice("pull")
    alice("push")
    carol("pull")

    for one in (alice, carol):
        assert sorted(p.name for p in (one.folder / "tools").glob("*.py")) == [
            "a.py",
            "b.py",
            "c.py",
        ]
        assert {found["state"] for found in one.json("status")} == {"unchanged"}


@pytest.mark.parametrize("command", ["push", "pull"])
def test_a_full_disk_is_named_and_the_command_goes_on_once_there_is_space(alice, bob, command):
    (alice.folder / "raw/large").write_bytes(random.Random(1).randbytes(4_000_000))
    alice("snapshot", "large")
    if command == "pull":
        alice("push")
    one = alice if command == "push" else bob

    done = subprocess.run(
        ["prlimit", "--fsize=1000000", PROGRAM, "--batch", command],
        cwd=one.folder,
        env=one.environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("error: Writing"), done.stderr
    assert done.stderr.count("\n") == 1
    assert one.is_sound()
    one(command)
    bob("pull")
    assert (bob.folder / "raw/large").read_bytes() == (alice.folder / "raw/large").read_bytes()


def test_a_password_in_an_address_is_never_shown(alice):
    secret = secrets.token_hex(8)
    alice.git("config", "remote.origin.url", f"http://me:{secret}@127.0.0.1:1/study.git")

    for command in ("push", "pull"):
        assert secret not in alice.refused(command)
