"""Remotes that no honest workspace has made: refused in a sentence, and nothing is written."""

import json
import os
import subprocess
import uuid

import pytest

from workspace_core.sharing.errors import ForeignRemoteError
from workspace_core.sharing.records import check_names, check_records

METADATA = ".dataworkspace"


@pytest.fixture
def hostile(alice, tmp_path):
    """Put a file of one's own into the repository that others clone and pull."""

    def commit(path, content, *, link=False):
        place = tmp_path / f"hostile-{uuid.uuid4().hex}"
        alice.git("clone", "--quiet", tmp_path / "study.git", place)
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        if link:
            file.symlink_to(content)
        else:
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        git = ["git", "-C", place, "-c", "user.name=m", "-c", "user.email=m@m"]
        subprocess.run([*git, "add", "--all", "--force", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "evil"], check=True)
        subprocess.run([*git, "push", "--quiet"], check=True)

    return commit


def resource(name, **changes):
    return {
        "schema": 1,
        "added": "2026-01-01T00:00:00.000000+00:00",
        "name": name,
        "resource_type": "file",
        "role": "source-data",
        "global_local_path": "evil",
        **changes,
    }


CASES = {
    "parameters of the machine": (f"{METADATA}/local/params.json", {"schema": 1}, "one machine"),
    "a store": (f"{METADATA}/store/store.json", {"schema": 1}, "one machine"),
    "another name inside": (f"{METADATA}/resources/x.json", resource("../../x"), "another name"),
    "a tag that is none": (f"{METADATA}/tags/-x.json", {"schema": 1, "snapshot": "0" * 64}, "none"),
    "a snapshot under another name": (
        f"{METADATA}/snapshots/{'0' * 64}.json",
        {"schema": 1, "hash": "0" * 64},
        "not sound",
    ),
    "a folder above": (
        f"{METADATA}/resources/x.json",
        resource("x", resource_type="git-subdirectory", relative_path="../x"),
        "does not lie in the workspace",
    ),
    "git's own folder": (
        f"{METADATA}/resources/x.json",
        resource("x", resource_type="git-subdirectory", relative_path=".git/hooks"),
        "does not lie in the workspace",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_records_that_lead_astray_are_refused(case):
    path, content, said = CASES[case]
    inside = path.removeprefix(f"{METADATA}/")
    config = json.dumps({"schema": 1, "workspace_id": "w", "global_params": {}}).encode()

    def check():
        check_names({inside: "100644"})
        check_records({"config.json": config, inside: json.dumps(content).encode()}, "w")

    with pytest.raises(ForeignRemoteError, match=said):
        check()


@pytest.mark.parametrize("command", ["clone", "pull"])
def test_a_remote_with_such_a_record_changes_nothing_here(
    command, bob, somebody, hostile, tmp_path
):
    path, content, said = CASES["another name inside"]
    hostile(path, content)
    before = bob.git("rev-parse", "HEAD")

    if command == "pull":
        assert said in bob.refused("pull")
        assert bob.git("rev-parse", "HEAD") == before
        assert bob.is_sound()
    else:
        carol = somebody("carol")
        assert said in carol.refused("clone", "study.git", "carol", cwd=tmp_path)
        assert not carol.folder.exists()
        assert not (tmp_path / ".carol.cloning").exists()


def test_a_link_among_the_records_is_refused(hostile, bob, tmp_path):
    hostile(f"{METADATA}/resources/x.json", "/etc/passwd", link=True)

    assert "never links" in bob.refused("pull")


def test_a_folder_that_a_link_leads_out_is_not_filled(hostile, somebody, tmp_path):
    (tmp_path / "victim").mkdir()
    hostile("raw", str(tmp_path / "victim"), link=True)
    carol = somebody("carol")

    done = carol.run("clone", "study.git", "carol", cwd=tmp_path)

    assert "leads" in done.stderr
    assert os.listdir(tmp_path / "victim") == []


def test_another_workspace_is_not_merged(alice, bob, somebody, tmp_path):
    other = somebody("other")
    other.folder.mkdir()
    other("init", "other")
    other("publish", "../other.git", "--data", "../other-data")
    bob.git("config", "remote.origin.url", tmp_path / "other.git")

    assert "another workspace" in bob.refused("pull")


def test_a_format_of_a_newer_release_is_refused(hostile, bob):
    config = json.loads(bob.read(f"{METADATA}/config.json"))
    hostile(f"{METADATA}/config.json", {**config, "schema": 99})

    assert "upgrade workspace-core" in bob.refused("pull")


@pytest.mark.parametrize("address", ["ext::sh -c touch% pwned", "--upload-pack=touch pwned", ""])
def test_an_address_that_would_start_a_program_is_refused(somebody, tmp_path, address):
    carol = somebody("carol")

    done = carol.run("clone", "--", address, "carol", cwd=tmp_path)

    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pwned").exists()
    assert not carol.folder.exists()


def test_a_clone_on_the_same_host_touches_nothing_of_the_first(alice, somebody, tmp_path, content):
    """WS-20: a folder outside of the workspace is the first one's."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("of alice\n")
    alice("add", "local-files", "--role", "s", outside)
    alice("snapshot", "second")
    alice("push")
    (outside / "new").write_text("in no snapshot\n")
    before = content(outside)
    carol, dora = somebody("carol"), somebody("dora")

    done = carol.run("clone", "study.git", "carol", cwd=tmp_path)
    place = f"outside={tmp_path / 'elsewhere'}"
    dora("clone", "study.git", "dora", "--place", place, cwd=tmp_path)

    assert content(outside) == before
    assert done.returncode == 0
    assert "--place outside=FOLDER" in done.stderr
    assert (tmp_path / "elsewhere/file").read_text() == "of alice\n"
    assert {one["state"] for one in dora.json("status")} == {"unchanged"}


def test_a_clone_that_fails_leaves_nothing(alice, somebody, tmp_path):
    """WS-21."""
    carol = somebody("carol")
    before = sorted(os.listdir(tmp_path))

    carol.refused("clone", "study.git", "carol", "--only", "nothing", cwd=tmp_path)
    carol.refused("clone", "nowhere.git", "carol", cwd=tmp_path)

    assert sorted(os.listdir(tmp_path)) == before
    carol.folder.mkdir()
    (carol.folder / "mine").write_text("x")
    assert "There is something" in carol.refused("clone", "study.git", "carol", cwd=tmp_path)


def test_no_file_is_removed_because_an_origin_calls_it_a_lock_of_git(alice, tmp_path):
    precious = alice.folder / "code/uv.lock"
    precious.write_text("version = 1\n")
    alice("snapshot", "locked")
    os.utime(precious, (0, 0))
    hook = tmp_path / "study.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\necho \"Unable to create '{precious}': File exists.\" >&2\nexit 1\n"
    )
    hook.chmod(0o755)

    said = alice.refused("push")

    assert "File exists" in said
    assert precious.read_text() == "version = 1\n"
