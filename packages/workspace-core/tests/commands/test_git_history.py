"""The git backend: metadata are files in git, committed by a few processes, whatever happens."""

import json
import os
import subprocess
import time

import pytest

METADATA = ".dataworkspace"
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")


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
    assert "All is recorded, but not committed; the next command tries again" in done.stderr
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
    """It has neither store nor folders of local files; both can be told, and all comes back."""
    dws("snapshot", "first")
    copy = workspace.parent / "copy"
    dws.git("clone", "--quiet", workspace, copy)
    dws.folder = copy
    assert "There is no store at" in dws.refused("status")
    (copy / "raw").mkdir()

    dws("config", "store", workspace / ".dataworkspace/store")
    assert "raw (source-data, file): missing" in dws("status")
    assert "'raw' is not on this machine yet" in dws.refused("snapshot")
    dws("config", "--resource", "raw", "my_local_path", copy / "raw")
    dws("restore", "first")

    assert (copy / "raw/a.csv").read_text() == "id\n1\n"
    assert dws("verify")


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
