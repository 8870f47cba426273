import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys

import pytest

from workspace_core.errors import RestoreError, StoreWriteError
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.upkeep.verify import verify


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def at_most(monkeypatch):
    """Let files grow to a size and no further."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def keep(store, folder):
    with store.session() as session:
        capture(session, folder)
        session.flush()


def test_a_full_disk_ends_a_capture_with_a_sentence_and_leaves_the_store_as_it_was(
    small_disk, folder
):
    store = Store.create(small_disk / "store")
    with store.session() as session:
        kept = session.put(b"kept")
        session.flush()
    (folder / "large").write_bytes(random.Random(1).randbytes(6 << 20))

    with pytest.raises(StoreWriteError, match="No space left on device; nothing was recorded"):
        keep(store, folder)

    assert list((store.folder / "incoming").iterdir()) == []
    assert len(list((store.folder / "packs").iterdir())) == 1
    assert verify(store).findings == []
    (folder / "large").write_bytes(b"now it fits")
    with store.session() as session:
        capture(session, folder)
        session.flush()
        assert session.read(kept) == b"kept"


def test_a_full_disk_ends_a_restore_with_the_folder_as_it_was(
    small_disk, taken, content, tmp_path, restored
):
    root = small_disk / "data"
    root.mkdir()
    for number in range(8):
        (root / f"{number}").write_bytes(random.Random(number).randbytes(300_000))
    old = taken(root).root
    for number in range(8):
        (root / f"{number}").write_bytes(random.Random(number + 10).randbytes(300_000))
    new = taken(root).root
    before = content(root)

    with pytest.raises(RestoreError, match="No space left on device"):
        restored(root, old, saved=[new, old])

    assert content(root) == before
    shutil.move(root / "7", tmp_path / "7")
    shutil.move(root / "6", tmp_path / "6")
    shutil.move(root / "5", tmp_path / "5")
    shutil.move(root / "4", tmp_path / "4")


def test_a_write_error_ends_a_capture_and_nothing_of_it_stays(at_most, store, folder):
    (folder / "large").write_bytes(random.Random(1).randbytes(5 << 20))

    at_most(1 << 20)
    with pytest.raises(StoreWriteError, match="File too large; nothing was recorded"):
        keep(store, folder)

    assert list((store.folder / "incoming").iterdir()) == []
    assert list((store.folder / "packs").iterdir()) == []


def test_a_write_error_ends_a_restore_with_the_folder_as_it_was(
    at_most, folder, taken, content, restored
):
    (folder / "large").write_bytes(random.Random(1).randbytes(3 << 20))
    (folder / "small").write_text("old")
    old = taken(folder).root
    (folder / "large").write_bytes(b"new")
    (folder / "small").write_text("new")
    new = taken(folder).root
    before = content(folder)

    at_most(1 << 20)
    with pytest.raises(RestoreError, match="File too large; all that had been changed"):
        restored(folder, old, saved=[new, old])

    assert content(folder) == before


RESTORE = """
import sys
from pathlib import Path
from workspace_core.store.store import Store
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders
store = Store.open(Path(sys.argv[1]))
with store.session() as session:
    folder = Folder("data", Path(sys.argv[2]), bytes.fromhex(sys.argv[3]))
    restore_folders(plan_folders(session, [folder], force=True), Path(sys.argv[4]))
"""


def test_directories_that_their_owner_may_not_write_are_restored_all_the_same(
    folder, taken, as_nobody_of_importance, tmp_path, store, content
):
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_text("old")
    (folder / "gone" / "below").mkdir(parents=True)
    (folder / "gone" / "below" / "file").write_text("old")
    for name in ("closed", "gone/below", "gone"):
        (folder / name).chmod(0o555)
    old, expected = taken(folder).root, content(folder)
    (folder / "closed" / "file").write_text("new")
    shutil.rmtree(folder / "gone")
    (folder / "added").mkdir()
    (folder / "added" / "file").write_text("new")
    (folder / "added").chmod(0o500)
    new, changed = taken(folder).root, content(folder)

    for root, wanted in ((old, expected), (new, changed), (old, expected)):
        arguments = (store.folder, folder, root.hex(), tmp_path / "journal")
        done = as_nobody_of_importance("-c", RESTORE, *arguments)
        assert done.returncode == 0, done.stderr
        assert content(folder) == wanted


def test_a_restore_that_fails_half_way_is_undone_in_all_folders(
    tmp_path, taken, as_nobody_of_importance, store, content
):
    roots = {}
    for text in ("old", "new"):
        for name in ("first", "second"):
            (tmp_path / name / "theirs").mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "mine").write_text(text)
            (tmp_path / name / "theirs" / "file").write_text(text)
            roots[name, text] = taken(tmp_path / name).root.hex()
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory to somebody else")
    os.chown(tmp_path / "second" / "theirs", 4321, 4321)
    before = content(tmp_path / "first"), content(tmp_path / "second")

    done = as_nobody_of_importance(
        "-c",
        RESTORE.replace("[folder]", "[folder, second]").replace(
            "    restore_folders",
            "    second = Folder('b', Path(sys.argv[5]), bytes.fromhex(sys.argv[6]))\n"
            "    restore_folders",
        ),
        *(store.folder, tmp_path / "first", roots["first", "old"], tmp_path / "journal"),
        *(tmp_path / "second", roots["second", "old"]),
    )

    assert "Permission denied; all that had been changed was changed back." in done.stderr
    assert (content(tmp_path / "first"), content(tmp_path / "second")) == before


CAPTURE_AND_RESTORE = """
import sys
from pathlib import Path
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders
home = Path(sys.argv[1])
store = Store.open(home / "store")
with store.session() as session:
    root = capture(session, home / "data").root
    session.flush()
    Pins(store, "w").pin("s", [root])
(home / "data" / "file").write_text("changed")
with store.session() as session:
    folder = Folder("data", home / "data", root)
    restore_folders(plan_folders(session, [folder], force=True), home / "journal")
"""


def test_nothing_gets_its_name_before_it_is_on_disk(tmp_path, store, folder):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    (folder / "file").write_text("as it was")
    trace = tmp_path / "trace"
    calls = "openat,fsync,syncfs,rename,renameat,renameat2,write,pwrite64,close"
    program = [sys.executable, "-c", CAPTURE_AND_RESTORE, tmp_path]
    subprocess.run(
        ["strace", "-f", "-y", "-o", trace, "-e", f"trace={calls}", *program],
        check=True,
        capture_output=True,
    )

    unsynced, renamed = set(), []
    for line in trace.read_text().splitlines():
        call = line.split(None, 1)[1]
        if written := re.match(r"p?write(?:64)?\(\d+<([^>]*)>", call):
            unsynced.add(written[1])
        elif synced := re.match(r"fsync\(\d+<([^>]*)>", call):
            unsynced.discard(synced[1])
        elif call.startswith("syncfs("):
            unsynced.clear()
        elif moved := re.match(r"rename\w*\((.*)\)\s+= 0", call):
            source = re.findall(r'"([^"]*)"', moved[1])[0]
            renamed.append(source)
            assert source not in unsynced, call

    names = {name.rsplit("/", 1)[-1] for name in renamed}
    assert any(name.endswith(".pack") for name in names)
    assert any(name.startswith(".journal") for name in names)
    assert "0" in names  # the staged file
