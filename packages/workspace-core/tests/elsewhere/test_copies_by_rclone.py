"""Folders that are copies of what rclone reaches: real rclone, and remotes of several kinds."""

import itertools
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from rclone_s3 import rclone_program, rclone_s3

from workspace_core import api
from workspace_core.errors import ConfigurationError, LocalChangesError
from workspace_core.resources.errors import EditedTreeError
from workspace_core.sharing.errors import RemoteError

if rclone_program() is None:
    pytest.skip("rclone is not installed", allow_module_level=True)


@pytest.fixture
def config(tmp_path):
    """A configuration of rclone, whose remote is a folder of this machine."""
    (tmp_path / "far").mkdir()
    file = tmp_path / "rclone.conf"
    file.write_text(f"[far]\ntype = alias\nremote = {tmp_path / 'far'}\n")
    return str(file)


@pytest.fixture
def far(config, tmp_path):
    """What the remote has."""
    (tmp_path / "far/deep").mkdir()
    (tmp_path / "far/a.csv").write_text("one")
    (tmp_path / "far/deep/b.bin").write_bytes(bytes(range(256)))
    return tmp_path / "far"


@pytest.fixture
def add(work, config):
    """Add the remote as the resource ``data``."""

    def add_it(remote="far:", config=config, **options):
        place = (remote, f"{work}/data")
        api.add("rclone", "source-data", place, work, config=config, **options)

    return add_it


def files_in(folder):
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def test_what_the_remote_has_is_brought_when_it_is_added(work, far, add):
    add()

    assert files_in(f"{work}/data") == files_in(far)
    assert [one.local_path for one in api.get_resource_info(work)] == [f"{work}/data"]


@pytest.mark.parametrize("options", [{}, {"compute_hash": True}, {"size_only": True}])
def test_a_restore_brings_every_byte_back(work, far, add, options):
    """WS-03: copies by rclone were never restored; WS-05: edits of the same size were not seen."""
    add(**options)
    before = files_in(f"{work}/data")
    api.take_snapshot(work, "first")
    with open(f"{work}/data/a.csv", "w") as file:
        file.write("ONE")
    os.unlink(f"{work}/data/deep/b.bin")
    assert [one.state for one in api.status(work)] == ["changed"]
    api.take_snapshot(work, "second")

    assert api.restore("first", work) == 1

    assert files_in(f"{work}/data") == before


@pytest.mark.parametrize(
    ("mode", "left"), [("copy", ["a.csv", "deep/b.bin", "mine"]), ("sync", ["a.csv"])]
)
def test_a_pull_brings_what_the_remote_has_and_keeps_or_removes_the_rest_by_the_mode(
    work, far, add, mode, left
):
    add(master="remote", sync_mode=mode)
    (far / "a.csv").write_text("two, longer")
    (far / "deep/b.bin").unlink()
    with open(f"{work}/data/mine", "w") as file:
        file.write("mine")
    api.take_snapshot(work, "first")  # so that what is here is safe

    pulled = api.pull(work)

    assert pulled.from_elsewhere == ("data",)
    found = files_in(f"{work}/data")
    assert sorted(found) == left
    assert found["a.csv"] == b"two, longer"


def test_a_pull_brings_nothing_if_the_remote_does_not_lead(work, far, add):
    add()
    (far / "a.csv").write_text("two, longer")

    with pytest.raises(Exception, match="has no remote for its records"):
        api.pull(work)

    assert files_in(f"{work}/data")["a.csv"] == b"one"


@pytest.mark.parametrize("mode", ["copy", "sync"])
def test_a_tree_that_was_edited_is_never_overwritten(work, far, add, mode):
    add(master="remote", sync_mode=mode)
    api.take_snapshot(work, "first")
    with open(f"{work}/data/a.csv", "w") as file:
        file.write("my edit")
    with open(f"{work}/data/new", "w") as file:
        file.write("mine, too")
    (far / "a.csv").write_text("theirs, longer")
    (far / "deep/b.bin").write_text("theirs")
    before = files_in(f"{work}/data")

    with pytest.raises(EditedTreeError, match=r"in no snapshot: 'a.csv'; .*'dws pull --force'"):
        api.pull(work)
    assert files_in(f"{work}/data") == before

    pulled = api.pull(work, force=True)

    found = files_in(f"{work}/data")
    assert found["a.csv"] == b"theirs, longer"
    (rescue,) = pulled.rescues
    api.take_snapshot(work, "second")
    api.restore(rescue.hashval, work)
    assert files_in(f"{work}/data") == before


def test_edits_of_the_same_size_and_time_are_never_overwritten(work, far, add):
    add(master="remote", size_only=True)
    api.take_snapshot(work, "first")
    status = os.stat(f"{work}/data/a.csv")
    with open(f"{work}/data/a.csv", "w") as file:
        file.write("ONE")
    os.utime(f"{work}/data/a.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
    (far / "a.csv").write_text("other")

    with pytest.raises(EditedTreeError):
        api.pull(work)


def test_new_files_that_are_in_no_snapshot_stay_in_either_mode(work, far, add):
    add(master="remote", sync_mode="sync")
    with open(f"{work}/data/new", "w") as file:
        file.write("mine")

    api.pull(work)

    assert files_in(f"{work}/data")["new"] == b"mine"


def test_what_came_from_the_remote_may_give_way_to_what_it_has_next(work, far, add):
    add(master="remote", sync_mode="sync")
    for content in ("two, longer", "three, longer still"):
        (far / "a.csv").write_text(content)
        api.pull(work)
        assert files_in(f"{work}/data")["a.csv"] == content.encode()
    (far / "a.csv").unlink()

    api.pull(work)

    assert sorted(files_in(f"{work}/data")) == ["deep/b.bin"]


def test_what_is_here_already_is_not_transferred_again(work, far, add, monkeypatch, tmp_path):
    add(master="remote")
    log = tmp_path / "log"
    monkeypatch.setenv("RCLONE_LOG_FILE", str(log))
    monkeypatch.setenv("RCLONE_LOG_LEVEL", "INFO")
    (far / "a.csv").write_text("two, longer")

    api.pull(work)

    copied = [line for line in log.read_text().splitlines() if ": Copied (" in line]
    assert len(copied) == 1
    assert "a.csv" in copied[0]


@pytest.mark.parametrize(
    ("mode", "left"), [("copy", ["a.csv", "deep/b.bin", "old"]), ("sync", ["a.csv", "deep/b.bin"])]
)
def test_a_push_sends_what_is_here_if_that_leads(work, config, tmp_path, far, add, mode, left):
    os.rename(far, f"{work}/data")
    far.mkdir()
    (far / "old").write_text("old")
    add(master="local", sync_mode=mode)
    assert sorted(files_in(far)) == ["old"]

    pushed = api.push(work)

    assert pushed.elsewhere == ("data",)
    assert sorted(files_in(far)) == left
    assert sorted(files_in(f"{work}/data")) == ["a.csv", "deep/b.bin"]


def test_nothing_of_git_or_of_a_workspace_is_sent(work, far, add):
    os.makedirs(f"{work}/data/deep/.git")
    os.makedirs(f"{work}/data/.dws-restore")
    for name in ("deep/.git/config", ".dws-restore/x", "mine"):
        with open(f"{work}/data/{name}", "w") as file:
            file.write("x")
    add(master="local")

    api.push(work)

    assert {"mine"} == files_in(far).keys() - {"a.csv", "deep/b.bin"}


def rclone(config, *words, given=b""):
    """Change a remote as somebody else does."""
    subprocess.run(
        [rclone_program(), "--config", config, *words], input=given, check=True, capture_output=True
    )


@contextmanager
def served(protocol, folder):
    """Serve a folder by rclone; give a configuration with the remote ``far``."""
    password = secrets.token_hex(10)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(folder / "serve.log", "wb") as log:
        process = subprocess.Popen(
            [rclone_program(), "serve", protocol, "--addr", f"127.0.0.1:{port}",
             "--config", str(folder / "none.conf"), str(folder / "far")],
            env={"HOME": str(folder), "RCLONE_USER": "me", "RCLONE_PASS": password},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            end = time.monotonic() + 20
            while time.monotonic() < end:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            hidden = subprocess.run(
                [rclone_program(), "obscure", password], capture_output=True, text=True, check=True
            ).stdout.strip()
            file = folder / "served.conf"
            file.write_text(
                f"[far]\ntype = {protocol}\nurl = http://127.0.0.1:{port}\nvendor = rclone\n"
                f"user = me\npass = {hidden}\n"
            )
            yield str(file)
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(params=["alias", "webdav", "s3"])
def any_remote(request, far, config, tmp_path):
    """A remote of each kind: its address, and a configuration that has it."""
    if request.param == "alias":
        yield "far:", config
    elif request.param == "webdav":
        with served("webdav", tmp_path) as served_config:
            yield "far:", served_config
    else:
        (tmp_path / "server").mkdir()
        with rclone_s3(tmp_path / "server") as server:
            os.rename(far, tmp_path / "server/buckets/bucket")
            os.symlink(tmp_path / "server/buckets/bucket", far)
            file = tmp_path / "s3.conf"
            file.write_text(
                f"[far]\ntype = s3\nprovider = Rclone\nendpoint = {server.endpoint_url}\n"
                f"access_key_id = {server.access_key}\nsecret_access_key = {server.secret_key}\n"
            )
            yield "far:bucket", str(file)


def test_remotes_of_every_kind_are_brought_snapshotted_and_restored(work, far, add, any_remote):
    remote, config = any_remote
    name = "größe & 'quotes' [1]"
    (far / name).write_text("ü")
    add(remote, config, master="remote", sync_mode="sync")
    before = files_in(f"{work}/data")
    assert before == files_in(f"{far}/")
    api.take_snapshot(work, "first")
    separator = "" if remote.endswith(":") else "/"
    rclone(config, "rcat", f"{remote}{separator}a.csv", given=b"two, longer")
    rclone(config, "deletefile", f"{remote}{separator}{name}")

    api.pull(work)

    assert files_in(f"{work}/data") == {
        "a.csv": b"two, longer",
        "deep/b.bin": before["deep/b.bin"],
    }
    api.take_snapshot(work, "second")
    api.restore("first", work)
    assert files_in(f"{work}/data") == before


def test_names_that_are_odd_come_and_go_as_they_are(work, far, add):
    odd = [b"new\nline", b"-dash", b" ", b"\xff\xfe", "␀".encode(), b"n" * 255]
    for name in odd:
        with open(os.path.join(os.fsencode(far), name), "wb") as file:
            file.write(name)
    add(master="remote", sync_mode="sync")
    assert files_in(f"{work}/data") == files_in(far)

    api.pull(work)

    assert files_in(f"{work}/data") == files_in(far)


@pytest.mark.parametrize(
    "remote",
    ["far", "--config=/x:y", ":sftp,ssh=touch x:/", "far,x=y:z", ":local:/etc", "far:a\nb"],
)
def test_what_is_no_remote_of_the_configuration_is_refused(work, add, remote):
    with pytest.raises(ConfigurationError, match="it is REMOTE:PATH"):
        add(remote)
    assert not os.path.exists(f"{work}/data")


def test_a_remote_that_is_not_there_is_one_sentence_and_leaves_nothing(work, add, far):
    with pytest.raises(RemoteError, match=r"nowhere.*didn't find section in config file"):
        add("nowhere:")
    with pytest.raises(RemoteError, match="directory not found"):
        add("far:none")
    assert not os.path.exists(f"{work}/data")
    assert api.get_resource_info(work) == []


def test_a_missing_rclone_is_one_sentence(work, far, add, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(RemoteError, match="the program rclone is not installed"):
        add()


def test_a_remote_out_of_reach_changes_nothing(work, far, add, config):
    add(master="remote")
    with open(config, "w") as file:
        file.write("[far]\ntype = webdav\nurl = http://127.0.0.1:9\n")
    before = files_in(f"{work}/data")

    with pytest.raises(RemoteError, match="connection refused"):
        api.pull(work)

    assert files_in(f"{work}/data") == before
    assert [one.state for one in api.status(work)] == ["new"]


def test_a_folder_that_holds_edits_is_not_overwritten_when_a_remote_is_added(work, far, add):
    os.mkdir(f"{work}/data")
    with open(f"{work}/data/a.csv", "w") as file:
        file.write("mine, and in no snapshot")

    with pytest.raises(LocalChangesError):
        add()
    assert files_in(f"{work}/data") == {"a.csv": b"mine, and in no snapshot"}


KILLED = """
import os, signal, sys
at, work = int(sys.argv[1]), sys.argv[2]
seen = 0

def watch(event, arguments):
    global seen
    if event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "subprocess.Popen"}:
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

from workspace_core import api
sys.addaudithook(watch)
api.pull(work)
"""


def test_a_pull_that_was_killed_leaves_the_old_or_the_new_and_is_gone_on_with(work, far, add):
    add(master="remote", sync_mode="sync")
    api.take_snapshot(work, "first")
    old = files_in(f"{work}/data")
    (far / "a.csv").write_text("two, longer")
    (far / "deep/b.bin").unlink()
    (far / "new").write_text("new")
    new = files_in(far)

    for moment in itertools.count(1, 4):
        done = subprocess.run([sys.executable, "-c", KILLED, str(moment), work])
        if done.returncode == 0:
            break
        subprocess.run(["dws", "--batch", "gc"], cwd=work, check=True, capture_output=True)
        assert files_in(f"{work}/data") in (old, new)
        api.restore("first", work, force=True)

    assert moment > 4
    assert files_in(f"{work}/data") == new
    assert api.verify(work).is_sound
