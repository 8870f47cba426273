"""The git backend: metadata are files in git, committed by a few processes, whatever happens."""

import json
import os
import re
import secrets
import shutil
import subprocess
import time

import pytest

METADATA = ".dataworkspace"
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")


def made(folder):
    folder.mkdir()
    return folder


def instance_of(folder):
    """What a store knows the workspace in a folder by."""
    return json.loads((folder / METADATA / "local/params.json").read_bytes())["instance_id"]


def commits(dws):
    return dws.git("log", "--format=%s").splitlines()


def test_each_command_commits_what_it_changes_and_nothing_else(dws, workspace):
    (workspace / "mine.txt").write_text("of the user")
    (workspace / "staged.txt").write_text("staged by the user")
    dws.git("add", "staged.txt")

    dws("snapshot", "first")
    dws("config", "results.move_exclude_files", '["NOTES"]')
    dws("tag", "set", "best", "first")
    dws("delete-snapshot", "first")

    assert dws.git("status", "--porcelain") == "A  staged.txt\n?? mine.txt\n"
    assert [line.split()[0] for line in commits(dws)[:4]] == ["Delete", "Move", "Set", "Snapshot"]


def test_every_resource_snapshot_and_tag_is_a_file_of_its_own(dws, workspace):
    taken = dws.json("snapshot", "first")

    files = dws.git("ls-files", METADATA).splitlines()

    assert files == [
        f"{METADATA}/.gitignore",
        f"{METADATA}/config.json",
        f"{METADATA}/resources/code.json",
        f"{METADATA}/resources/raw.json",
        f"{METADATA}/resources/results.json",
        f"{METADATA}/snapshots/{taken['hash']}.json",
        f"{METADATA}/tags/first.json",
    ]


def test_what_belongs_to_this_machine_is_not_committed(dws, workspace):
    elsewhere = workspace.parent / "elsewhere"
    elsewhere.mkdir()

    dws("config", "hostname", "other-host")
    dws("config", "--resource", "raw", "my_local_path", elsewhere)

    assert dws.git("status", "--porcelain", METADATA) == ""
    shown = dws.git("log", "-p", "--all", "--", METADATA)
    assert "other-host" not in shown
    assert str(elsewhere) not in shown


def test_disjoint_work_on_two_branches_merges_without_conflict(dws, workspace):
    """WS-17 and WS-26: resources, snapshots and tags are unions of files."""
    dws("snapshot", "base")
    dws.git("checkout", "--quiet", "-b", "other")
    (workspace / "theirs").mkdir()
    dws("add", "local-files", "--role", "s", "theirs")
    dws("snapshot", "other-work")
    (workspace / ".gitignore").write_text("/raw/\n")
    dws.git(*IDENTITY, "commit", "--quiet", "-am", "x")
    dws.git("checkout", "--quiet", "master")
    (workspace / "ours").mkdir()
    dws("add", "git", "--role", "i", "ours")
    dws("snapshot", "our-work")

    dws.git(*IDENTITY, "merge", "--quiet", "--no-edit", "other")

    assert sorted(tag for one in dws.json("log") for tag in one["tags"]) == [
        "base",
        "other-work",
        "our-work",
    ]
    names = [one["name"] for one in dws.json("report", "status")]
    assert {"ours", "theirs"} <= set(names)


@pytest.mark.parametrize("left_behind", ["branch", "tag", "detached"])
def test_garbage_is_not_what_a_snapshot_of_another_branch_needs(dws, workspace, left_behind):
    data = workspace / "raw/a.csv"
    dws("snapshot", "first")
    dws.git("checkout", "--quiet", "--detach")
    data.write_bytes(b"of another branch" * 999)
    dws("snapshot", "second")
    commit = dws.git("rev-parse", "HEAD").strip()
    if left_behind != "detached":
        dws.git(left_behind, "other")
    dws("restore", "first")
    dws.git("checkout", "--quiet", "master")
    assert [one["tags"] for one in dws.json("log")] == [["first"]]

    dws("gc", "--grace", "0")
    dws.git("checkout", "--quiet", commit)
    dws("restore", "second")

    assert data.read_bytes() == b"of another branch" * 999
    assert dws.json("verify")["is_sound"]


def test_garbage_is_what_no_history_has_any_more(dws, workspace):
    dws("snapshot", "first")
    dws.git("checkout", "--quiet", "-b", "other")
    (workspace / "raw/a.csv").write_bytes(os.urandom(100_000))
    dws("snapshot", "second")
    dws("restore", "first")
    dws.git("checkout", "--quiet", "master")
    dws.git("branch", "--quiet", "-D", "other")

    assert dws.json("gc", "--grace", "0")["bytes_freed"] == 0
    dws.git("reflog", "expire", "--expire=now", "--all")
    assert dws.json("gc", "--grace", "0")["bytes_freed"] > 99_000


def test_a_snapshot_that_another_copy_has_deleted_is_garbage(dws, workspace):
    (workspace / "raw/a.csv").write_bytes(os.urandom(100_000))
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")
    copy = workspace.parent / "copy"
    dws.git("clone", "--quiet", workspace, copy)
    dws.git("checkout", "--quiet", "-b", "theirs", cwd=copy)
    dws("config", "store", workspace / ".dataworkspace/store", cwd=copy)
    dws("delete-snapshot", "first", "--workspace-dir", copy)
    shutil.rmtree(workspace / ".dataworkspace/store/pins" / instance_of(copy))
    dws.git("pull", "--quiet", "--ff-only", copy, "theirs")

    assert dws.json("gc", "--grace", "0")["bytes_freed"] > 99_000


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "refs/heads/master.lock"])
def test_a_lock_that_a_killed_git_has_left_is_removed(dws, workspace, lock):
    (workspace / ".git" / lock).touch()
    (workspace / METADATA / "local/git-at-work").touch()

    dws("snapshot", "first")

    assert not (workspace / ".git" / lock).exists()
    assert commits(dws)[0].startswith("Snapshot first")
    assert dws.git("status", "--porcelain") == ""


def test_a_lock_of_long_ago_is_removed(dws, workspace):
    lock = workspace / ".git/index.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)

    dws("snapshot", "first")

    assert commits(dws)[0].startswith("Snapshot first")


def test_a_lock_of_somebody_else_is_waited_for_and_never_removed(dws, workspace):
    lock = workspace / ".git/index.lock"
    lock.touch()

    done = dws.run("--lock-timeout", "0.3", "snapshot", "first")

    assert done.returncode == 0
    assert "All is recorded, but not committed, and the next command tries again: " in done.stderr
    assert lock.exists()
    lock.unlink()
    dws("snapshot", "second")
    assert dws.git("status", "--porcelain") == ""
    assert len(dws.json("log")) == 2


def test_a_git_at_work_is_waited_for(dws, workspace):
    dws.git("config", "user.name", "a")
    dws.git("config", "user.email", "a@b")
    go = workspace.parent / "go"
    editor = workspace.parent / "editor"
    waiting = f"while [ ! -e '{go}' ]; do sleep 0.05; done"
    editor.write_text(f'#!/bin/sh\n{waiting}\necho mine > "$1"\n')
    editor.chmod(0o755)
    with (workspace / ".gitignore").open("a") as file:
        file.write("# mine\n")
    mine = subprocess.Popen(
        ["git", "-c", f"core.editor={editor}", "commit", "--quiet", "--all"],
        cwd=workspace,
        env=dws.environment,
    )
    taken = None
    try:
        while not (workspace / ".git/index.lock").exists() and mine.poll() is None:
            time.sleep(0.01)
        (workspace / METADATA / "local/git-at-work").touch()  # as if we had been killed before
        taken = dws.start("snapshot", "first")
        time.sleep(1)
        assert taken.poll() is None
    finally:
        go.touch()
        mine.wait()
        said = taken.communicate() if taken else None

    assert (mine.returncode, taken.returncode) == (0, 0), said
    assert commits(dws)[1] == "mine"


def test_commits_need_no_identity_hook_or_signature(dws, workspace):
    hook = workspace / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    dws.git("config", "user.useConfigOnly", "true")
    dws.git("config", "commit.gpgSign", "true")
    dws.git("config", "gpg.program", "/bin/false")

    dws("snapshot", "first")

    assert dws.git("status", "--porcelain") == ""
    assert dws.git("log", "-1", "--format=%an").startswith("dws on ")


def test_a_merge_in_progress_keeps_nobody_from_taking_snapshots(dws, workspace):
    dws("snapshot", "first")
    dws.git("checkout", "--quiet", "-b", "other", "HEAD~1")
    (workspace / "code").mkdir(exist_ok=True)
    (workspace / "code/model.py").write_text("theirs\n")
    dws("snapshot", "second")
    dws.git("checkout", "--quiet", "master")
    merging = subprocess.run(
        ["git", *IDENTITY, "merge", "--no-commit", "other"],
        cwd=workspace,
        env=dws.environment,
        capture_output=True,
    )
    assert merging.returncode or (workspace / ".git/MERGE_HEAD").exists()

    done = dws.run("snapshot", "third")

    assert done.returncode == 0
    assert "not committed" in done.stderr
    assert "third" in dws.json("log")[0]["tags"]


def test_git_variables_of_a_hook_do_not_lead_astray(dws, workspace):
    other = workspace.parent / "other"
    other.mkdir()
    dws.git("init", "--quiet", cwd=other)
    dws.environment |= {"GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": str(other / "index")}

    dws("snapshot", "first")

    del dws.environment["GIT_DIR"], dws.environment["GIT_INDEX_FILE"]
    assert dws.git("status", "--porcelain") == ""


def test_without_git_everything_is_kept_and_committed_later(dws, tmp_path):
    (dws.folder / "raw").mkdir()
    (dws.folder / "raw/a").write_text("1")
    path = dws.environment["PATH"]
    dws.environment["PATH"] = str(tmp_path / "nothing")

    said = dws.run("init").stderr
    dws("add", "local-files", "--role", "s", "raw")
    dws("snapshot", "first")
    dws.environment["PATH"] = path
    (dws.folder / "raw/a").write_text("2")
    dws("snapshot", "second")
    dws("restore", "first")

    assert "The program git cannot be started; install it" in said
    assert (dws.folder / "raw/a").read_text() == "1"
    assert dws.git("status", "--porcelain") == ""


def test_a_workspace_in_a_folder_that_lost_its_repository_stays_apart(dws, workspace):
    """A repository around the workspace gets nothing of it."""
    dws.git("init", "--quiet", cwd=workspace.parent)
    (workspace / ".git").rename(workspace.parent / "gone")

    dws("snapshot", "first")

    assert (workspace / ".git").is_dir()
    assert dws.git("ls-files", cwd=workspace.parent) == ""


def test_an_existing_repository_is_joined(dws):
    dws.git("init", "--quiet", "-b", "trunk")
    (dws.folder / "README").write_text("mine")
    dws.git("add", "README")
    dws.git(*IDENTITY, "commit", "--quiet", "-m", "mine")

    dws("init", "study")

    assert commits(dws) == ["Initialise the workspace study", "mine"]
    branch = dws.json("config", "dws_git_branch")
    assert branch["value"] == "trunk"


def test_a_repository_beside_the_workspace_is_committed_too(dws, workspace):
    remote, code = workspace.parent / "remote.git", workspace.parent / "library"
    dws.git("init", "--quiet", "--bare", remote)
    dws.git("clone", "--quiet", remote, code)
    (code / "lib.py").write_text("1\n")
    dws("add", "git", "--role", "code", "--name", "library", code)

    taken = dws.json("snapshot", "first")

    assert dws.git("status", "--porcelain", cwd=code) == ""
    assert dws.git("log", "--format=%s", cwd=code) == "Snapshot of the workspace study\n"
    assert taken["resources"]["library"] == {"branch": "master", "commit": None}


@pytest.mark.parametrize(
    ("address", "recorded"),
    [
        ("https://ada:{secret}@git.invalid/x.git", "https://git.invalid/x.git"),
        ("https://{secret}@git.invalid/x.git", "https://git.invalid/x.git"),
        ("https://ada:{secret}@{secret}@git.invalid/x.git", "https://git.invalid/x.git"),
        ("ssh://git:{secret}@git.invalid:22/x.git", "ssh://git@git.invalid:22/x.git"),
        ("git@git.invalid:x@y/z.git", "git@git.invalid:x@y/z.git"),
    ],
)
def test_passwords_in_the_address_of_a_remote_are_recorded_nowhere(
    dws, workspace, address, recorded
):
    secret, code = secrets.token_hex(16), workspace.parent / "library"
    dws.git("init", "--quiet", code)
    dws.git("remote", "add", "origin", address.format(secret=secret), cwd=code)

    dws("add", "git", "--role", "code", code)
    dws("snapshot", "first")

    record = json.loads((workspace / ".dataworkspace/resources/library.json").read_bytes())
    assert record["remote_origin_url"] == recorded
    assert secret not in dws.git("log", "--patch", "--all")
    for file in (one for one in workspace.rglob("*") if one.is_file()):
        assert secret.encode() not in file.read_bytes(), file


def test_a_read_only_repository_is_never_committed(dws, workspace):
    remote, code = workspace.parent / "remote.git", workspace.parent / "library"
    dws.git("init", "--quiet", "--bare", remote)
    dws.git("clone", "--quiet", remote, code)
    (code / "lib.py").write_text("1\n")
    dws("add", "git", "--role", "code", "--read-only", "--name", "library", code)

    dws("snapshot", "first")

    assert dws.git("status", "--porcelain", cwd=code) == "?? lib.py\n"


def test_a_repository_on_another_branch_is_refused(dws, workspace):
    code = workspace.parent / "library"
    dws.git("init", "--quiet", code)
    dws.git("remote", "add", "origin", "https://git.invalid/x.git", cwd=code)
    dws("add", "git", "--role", "code", code)
    dws.git("checkout", "--quiet", "-b", "trial", cwd=code)

    error = dws.refused("snapshot", "first")

    assert "'library' is on the branch 'trial' and not on 'master'" in error
    dws("config", "--resource", "library", "branch", "trial")
    dws("snapshot", "first")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("https://example.org/x.git", "is the address of a repository"),
        ("git@example.org:x.git", "is the address of a repository"),
        ("../outside", "neither a git repository nor a folder of the workspace"),
        ("missing", "is no folder"),
        (".git", "belongs to git or to a workspace itself"),
        (".dataworkspace/store", "belongs to git or to a workspace itself"),
        (".", "holds the workspace itself"),
        ("code", "overlaps with"),
    ],
)
def test_what_cannot_be_a_git_resource_is_refused(dws, workspace, path, reason):
    (workspace.parent / "outside").mkdir()

    assert reason in dws.refused("add", "git", "--role", "c", "--name", "new", path)
    assert not (workspace / METADATA / "resources/new.json").exists()


def test_records_are_sorted_a_field_a_line(dws, workspace):
    dws("snapshot", "first")

    for file in (workspace / METADATA).glob("*/*.json"):
        record = json.loads(file.read_text())
        assert file.read_text() == json.dumps(record, indent=2, sort_keys=True) + "\n"


def test_a_copy_that_git_alone_has_made_can_be_put_to_use(dws, workspace):
    """It has no store and no folder that git ignores; a store is named, and all comes back."""
    dws("snapshot", "first")
    copy = workspace.parent / "copy"
    dws.git("clone", "--quiet", workspace, copy)
    dws.folder = copy
    assert "name the folder of the store that keeps the snapshots: dws config store DIR" in (
        dws.refused("restore", "first")
    )
    assert "dws clone ADDRESS" in dws.refused("verify")

    dws("config", "store", workspace / ".dataworkspace/store")
    assert "raw (source-data, file): missing" in dws("status")
    dws("restore", "first")

    assert (copy / "raw/a.csv").read_text() == "id\n1\n"
    assert [one["state"] for one in dws.json("status")] == ["unchanged"] * 3
    dws("snapshot", "second")
    assert dws("verify")


def test_a_copy_that_git_alone_has_made_tells_its_status_without_a_store(dws, workspace):
    (workspace / "results/README.md").write_text("what this is\n")
    dws("snapshot", "first")
    copy = workspace.parent / "copy"
    dws.git("clone", "--quiet", workspace, copy)
    dws.folder = copy

    before = {one["name"]: (one["state"], one["reason"]) for one in dws.json("status")}
    (copy / "code/model.py").write_text("print(2)\n")
    after = {one["name"]: (one["state"], one["reason"]) for one in dws.json("status")}

    assert before["code"] == ("unchanged", None)
    assert before["results"] == ("unchanged", None)
    assert before["raw"][0] == "missing"
    assert re.search(r"dws restore [0-9a-f]{8} --only raw", before["raw"][1])
    assert after["code"][0] == "changed"
    assert "name the store that has it: dws config store DIR" in after["code"][1]
    assert not (copy / ".dataworkspace/store").exists()


def test_a_copy_takes_no_store_that_has_nothing_of_its_snapshots(dws, workspace):
    dws("snapshot", "first")
    copy, other = workspace.parent / "copy", workspace.parent / "other"
    dws("init", "--store", workspace.parent / "shared", cwd=made(other))
    dws.git("clone", "--quiet", workspace, copy)
    dws.folder = copy

    assert "keeps none of the snapshots" in dws.refused("config", "store", other.parent / "shared")

    dws("config", "store", workspace / ".dataworkspace/store")
    dws("restore", "first")


def test_a_copy_wants_to_be_told_of_folders_elsewhere(dws, workspace):
    elsewhere, copy = workspace.parent / "elsewhere", workspace.parent / "copy"
    shutil.copytree(workspace / "raw", elsewhere)
    dws("add", "local-files", "--role", "s", elsewhere)
    dws("snapshot", "first")
    dws.git("clone", "--quiet", workspace, copy)
    dws.folder = copy
    dws("config", "store", workspace / ".dataworkspace/store")
    (copy / "mine").mkdir()

    error = dws.refused("restore", "first")

    assert "dws config --resource elsewhere my_local_path DIR" in error
    dws("config", "--resource", "elsewhere", "my_local_path", copy / "mine")
    dws("restore", "first")
    assert (copy / "mine/a.csv").read_text() == "id\n1\n"


def test_a_folder_may_have_any_name(dws):
    dws.folder = dws.folder / "a #1? %41"
    dws.folder.mkdir()
    dws("init")

    assert dws("status", "--workspace-dir", dws.folder, cwd="/")


def test_a_folder_that_git_ignores_keeps_nothing_from_being_committed(dws, workspace):
    (workspace / ".gitignore").write_text("/raw/\n/code/\n")
    dws.git(*IDENTITY, "commit", "--quiet", "--all", "-m", "mine")

    done = dws.run("snapshot", "first")

    assert done.stderr == ""
    assert commits(dws)[0].startswith("Snapshot first")
    assert dws.git("status", "--porcelain") == ""
    (workspace / "code/model.py").unlink()
    dws("restore", "first")
    assert (workspace / "code/model.py").read_text() == "print(1)\n"
