"""Several processes on one keyset, and processes that are killed at work."""

import json
import secrets
import signal
import subprocess
import sys
import time

import pytest

from util_services.keys import Keyset, KeysetInfo
from util_services.keys.errors import BusyKeysetError
from util_services.keys.leaks import is_shown
from util_services.keys.providers.folder import ALL
from util_services.storage.locks import locked

ROTATE = """
import sys
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.providers.file import FileProvider
provider = FileProvider.from_environment()
for _ in range(int(sys.argv[1])):
    provider.update("demo", KeysetInfo.rotated)
"""
LOOK = """
import sys
from util_services.keys.providers.file import FileProvider
provider = FileProvider.from_environment()
seen = 0
while seen < int(sys.argv[1]):
    assert "demo" in provider.names()
    assert provider.describe("demo").revision >= seen
    seen = len(provider.load("demo").keys)
"""
CREATE = """
import sys
from util_services.keys import Keyset
from util_services.keys.errors import KeysetExistsError
from util_services.keys.providers.file import FileProvider
try:
    FileProvider.from_environment().create(Keyset.generate("demo"))
except KeysetExistsError:
    sys.exit(7)
"""
DIE_AT = """
import os, pathlib, signal, sys
from util_services.keys import KeysetInfo
from util_services.keys.providers.file import FileProvider
from util_services.storage import private
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "writing":
    os.fsync = die
elif sys.argv[1] == "naming":
    pathlib.Path.replace = die
else:
    private._overwrite = die
FileProvider.from_environment().update("demo", lambda info: info.destroyed(info.keys[1].id))
"""


def start(program, *arguments):
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)])


def test_eight_processes_that_rotate_and_read_at_once_lose_no_change(files):
    files.create(Keyset.generate("demo"))
    rotations, writers = 6, 6

    processes = [start(ROTATE, rotations) for _ in range(writers)]
    processes += [start(LOOK, writers * rotations + 1) for _ in range(2)]

    assert [process.wait(120) for process in processes] == [0] * 8
    info = files.describe("demo")
    assert info.revision == len(info.keys) == writers * rotations + 1
    assert len(files.load("demo").materials) == len(info.keys)
    assert [one.name for one in files.folder.iterdir()] == ["demo.json"]


def test_of_eight_processes_that_make_one_keyset_one_does(files):
    processes = [start(CREATE) for _ in range(8)]

    assert sorted(process.wait(120) for process in processes) == [0, *[7] * 7]


@pytest.mark.parametrize(
    ("moment", "state"), [("writing", "active"), ("naming", "active"), ("overwriting", "destroyed")]
)
def test_a_process_killed_at_any_moment_leaves_the_keyset_as_it_was_or_as_it_is_to_be(
    files, moment, state
):
    files.create(Keyset.generate("demo"))
    files.update("demo", KeysetInfo.rotated)
    before = files.load("demo")
    doomed = before.info.keys[1].id

    assert start(DIE_AT, moment).wait(120) == -signal.SIGKILL

    assert files.describe("demo").key(doomed).state == state
    assert files.load("demo").primary.subkey("a") == before.primary.subkey("a")
    if state == "active":
        files.update("demo", lambda info: info.destroyed(doomed))
    else:
        files.update("demo", KeysetInfo.rotated)
    written = b"".join(file.read_bytes() for file in files.folder.iterdir())
    assert not is_shown(before.materials[doomed], written)
    assert [one.name for one in files.folder.iterdir()] == ["demo.json"]


def test_a_process_killed_at_random_never_harms_a_keyset(files):
    files.create(Keyset.generate("demo"))
    for _ in range(6):
        process = start(ROTATE, 100_000)
        revision = files.describe("demo").revision
        while files.describe("demo").revision == revision:
            time.sleep(0.005)
        time.sleep(secrets.randbelow(50) / 1000)
        process.kill()
        process.wait()
        info = files.describe("demo")
        assert len(files.load("demo").materials) == len(info.keys) == info.revision

    files.update("demo", KeysetInfo.rotated)
    assert [one.name for one in files.folder.iterdir()] == ["demo.json"]


def test_a_keyset_that_is_locked_for_too_long_is_one_sentence(files, monkeypatch):
    monkeypatch.setattr("util_services.keys.providers.folder.LOCK_SECONDS", 0.0)
    files.create(Keyset.generate("demo"))

    with (
        locked(files.folder / ".demo.lock"),
        pytest.raises(BusyKeysetError, match="has been changing the keyset 'demo' for too long"),
    ):
        files.update("demo", KeysetInfo.rotated)


def test_keysets_are_made_one_after_another_since_each_is_compared_with_all(files, monkeypatch):
    monkeypatch.setattr("util_services.keys.providers.folder.LOCK_SECONDS", 0.0)
    files.create(Keyset.generate("demo"))

    with (
        locked(files.folder / f".{ALL}.lock"),
        pytest.raises(BusyKeysetError, match="changing the keyset 'other'"),
    ):
        files.create(Keyset.generate("other"))


def test_a_disk_that_is_full_changes_nothing(files):
    files.create(Keyset.generate("demo"))
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from util_services.cli.main import main;"
        "sys.argv = ['data-services', 'keys', 'rotate', 'demo']; main()"
    )
    without_bytecode = [sys.executable, "-B", "-c", program]  # the limit would cut that too

    done = subprocess.run(without_bytecode, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert "(File too large)" in sentence
    assert json.loads((files.folder / "demo.json").read_text())["revision"] == 1
    assert [one.name for one in files.folder.iterdir()] == ["demo.json"]
