import base64
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from util_services.errors import ConfigurationError, StorageError
from util_services.flow.run_keys import KEY_FOLDER, SHARED_MEMORY, RunKeys, is_in_memory
from util_services.flow.staging import FORGOTTEN_SECONDS, StagingGoneError
from util_services.flow.staging_area import StagingArea

RUN = "0e6c1f7a-54a5-4f0e-9d1d-3f1a86f0c0de"
HOLDER = """
import sys, time
from pathlib import Path
from util_services.flow.run_keys import RunKeys
RunKeys(None, (Path(sys.argv[1]),)).create(sys.argv[2])
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder():
    """A folder of this test alone, in memory."""
    place = SHARED_MEMORY / f"{KEY_FOLDER}-test-{uuid.uuid4()}"
    yield place
    for file in place.glob("*"):
        file.unlink()
    if place.exists():
        place.rmdir()


@pytest.fixture
def keys(folder):
    return RunKeys(None, (folder,))


def test_a_key_is_private_and_found_by_later_steps(keys, folder):
    key = keys.create(RUN)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / RUN).stat().st_mode) == 0o600
    assert keys.find(RUN).for_file("rows", b"salt") == key.for_file("rows", b"salt")
    keys.remove(RUN)
    assert keys.find(RUN) is None
    assert not folder.exists()


def test_no_two_runs_have_one_key_nor_one_run_twice(keys):
    made = [keys.create(run).for_file("rows", b"") for run in (RUN, str(uuid.uuid4()), RUN)]

    assert len(set(made)) == 3


def test_a_key_of_a_deployment_is_derived_anew_everywhere_and_stored_nowhere(
    clean_environment, monkeypatch, tmp_path
):
    secret = base64.b64encode(os.urandom(32)).decode()
    (tmp_path / "secret").write_text(secret + "\n")
    monkeypatch.setenv("DATA_SERVICES_STAGING_KEY", secret)
    one = RunKeys.from_environment()
    monkeypatch.delenv("DATA_SERVICES_STAGING_KEY")
    monkeypatch.setenv("DATA_SERVICES_STAGING_KEY_FILE", str(tmp_path / "secret"))
    two = RunKeys.from_environment()

    made = one.create(RUN).for_file("rows", b"")

    assert one.are_derived
    assert two.find(RUN).for_file("rows", b"") == made
    assert two.find(str(uuid.uuid4())).for_file("rows", b"") != made
    assert not list(SHARED_MEMORY.glob(f"{KEY_FOLDER}-*/{RUN}"))


@pytest.mark.parametrize(
    "value", ["hunter2-hunter2", base64.b64encode(bytes(31)).decode(), "ä" * 50]
)
def test_a_secret_that_is_none_is_refused_without_being_shown(
    clean_environment, monkeypatch, value
):
    monkeypatch.setenv("DATA_SERVICES_STAGING_KEY", value)

    with pytest.raises(ConfigurationError) as refused:
        RunKeys.from_environment()

    assert str(refused.value) == (
        "DATA_SERVICES_STAGING_KEY must hold 32 random bytes or more in Base64; make them with "
        "'openssl rand -base64 32'."
    )


def test_a_file_of_a_secret_that_is_missing_is_told(clean_environment, monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_SERVICES_STAGING_KEY_FILE", str(tmp_path / "absent"))

    with pytest.raises(ConfigurationError, match=r"^DATA_SERVICES_STAGING_KEY_FILE names a file"):
        RunKeys.from_environment()


@pytest.fixture
def disk(request):
    """A folder of the checkout, which is not in memory as temporary ones may be."""
    with tempfile.TemporaryDirectory(dir=request.config.cache.mkdir("disk")) as made:
        yield Path(made)


def test_a_key_is_never_put_on_a_disk(folder, disk):
    RunKeys(None, (folder,)).check()
    assert not folder.exists(), "a check makes nothing"
    assert is_in_memory(SHARED_MEMORY)
    assert not is_in_memory(disk)
    assert not is_in_memory(disk / "absent")

    with pytest.raises(StorageError) as refused:
        RunKeys(None, (disk / "keys",)).check()

    assert str(refused.value) == (
        "There is no file system in memory for the key of encrypted staging; mount a tmpfs at "
        "/dev/shm, or set DATA_SERVICES_STAGING_KEY."
    )
    assert not (disk / "keys").exists()


def test_a_folder_that_others_can_enter_or_that_is_a_link_is_not_used(folder, tmp_path):
    folder.mkdir(mode=0o755)
    with pytest.raises(StorageError, match="no file system in memory"):
        RunKeys(None, (folder,)).check()
    folder.rmdir()

    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="no file system in memory"):
        RunKeys(None, (folder,)).check()
    folder.unlink()


def test_a_sweep_spares_the_key_of_a_living_process(keys, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), RUN], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"held\n"

        keys.sweep(lambda _: True, FORGOTTEN_SECONDS)
        assert (folder / RUN).exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    keys.sweep(lambda _: False, FORGOTTEN_SECONDS)
    keys.sweep(lambda _: None, FORGOTTEN_SECONDS)
    assert (folder / RUN).exists()

    keys.sweep(lambda _: True, FORGOTTEN_SECONDS)
    assert not folder.exists()


def test_a_sweep_removes_the_key_of_a_run_that_nobody_knows_once_it_was_left_alone(keys, folder):
    folder.mkdir(mode=0o700)
    for name in (RUN, "precious"):
        (folder / name).write_bytes(bytes(32))
        old = time.time() - FORGOTTEN_SECONDS - 10
        os.utime(folder / name, (old, old))

    keys.sweep(lambda _: None, FORGOTTEN_SECONDS)

    assert [file.name for file in folder.iterdir()] == ["precious"]


def test_a_run_whose_key_is_gone_cannot_go_on(keys, tmp_path):
    area = StagingArea(tmp_path / "data-services-staging", keys)
    with area.first_step(RUN) as staging:
        staging.file("rows").write_bytes(b"Jane Roe")
    keys.remove(RUN)

    with pytest.raises(StagingGoneError), area.next_step(RUN):
        pass

    assert not area.base.exists()


def test_a_step_that_is_run_again_begins_with_another_key(keys, tmp_path):
    area = StagingArea(tmp_path / "data-services-staging", keys)
    found = []
    for _ in range(2):
        with area.first_step(RUN) as staging:
            staging.file("rows").write_bytes(b"Jane Roe")
            found.append(staging.file("rows").key.for_file("rows", b""))
        with area.next_step(RUN) as staging:
            assert staging.file("rows").read_bytes() == b"Jane Roe"

    assert found[0] != found[1]
    area.remove(RUN)
    assert not area.base.exists()
    assert keys.find(RUN) is None
