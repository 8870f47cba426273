import errno
import os
import stat
from pathlib import Path

import pytest

from util_services.encryption.secret import Secret
from util_services.errors import StorageError
from util_services.storage import private
from util_services.storage.private import (
    NameTakenError,
    NotPrivateError,
    WriteError,
    make_private_folder,
    read_handed_over,
    read_private,
    read_unchangeable,
    replace_and_overwrite,
    require_private_folder,
    require_unchangeable_folder,
    sweep_unfinished,
    write_whole,
)

CONTENT = Secret(b"content")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    return tmp_path / "private"


@pytest.fixture
def file(folder):
    write_whole(folder / "file", CONTENT, replace=False)
    return folder / "file"


def test_what_is_written_is_for_its_owner_alone_whatever_the_umask(folder):
    former = os.umask(0o777)
    try:
        write_whole(folder / "file", CONTENT, replace=False)
        write_whole(folder / "public", CONTENT, replace=False, mode=private.READABLE)
    finally:
        os.umask(former)

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes == {"file": 0o600, "public": 0o644}
    assert read_private(folder / "file") == CONTENT


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_a_file_that_others_can_reach_is_refused(file, mode):
    file.chmod(mode)

    for read, rule, afterwards in (
        (
            read_private,
            "keys are for their owner alone",
            "replace the keys that others may have read",
        ),
        (
            read_handed_over,
            "a passphrase is for its owner alone",
            "change it if others may have read it",
        ),
    ):
        with pytest.raises(NotPrivateError) as refused:
            read(file)
        assert str(refused.value) == (
            f"'{file}' is open to others (mode {mode:04o}), and {rule}; run 'chmod 600' on it as "
            f"its owner, and {afterwards}."
        )


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_file_that_only_its_owner_can_reach_is_read(file, mode):
    file.chmod(mode)

    assert read_private(file) == CONTENT


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o770, 0o755])
def test_a_folder_that_others_can_enter_is_refused(folder, mode):
    folder.chmod(mode)

    with pytest.raises(NotPrivateError, match=f"is open to others \\(mode {mode:04o}\\)"):
        require_private_folder(folder)
    with pytest.raises(NotPrivateError):
        make_private_folder(folder)


@pytest.fixture
def of_another_user(folder, file):
    """A folder and a file that belong to somebody else; only root can give some away."""
    if os.geteuid() != 0:
        return Path("/etc"), Path("/etc/passwd"), 0
    for one in (folder, file):
        os.chown(one, 12345, -1)
    return folder, file, 12345


def test_what_belongs_to_another_user_is_refused(of_another_user):
    folder, file, owner = of_another_user

    for use in (lambda: read_private(file), lambda: require_private_folder(folder)):
        with pytest.raises(NotPrivateError) as refused:
            use()
        assert f"belongs to another user (uid {owner})" in str(refused.value)
        assert f"have root run 'chown {os.geteuid()}' on it" in str(refused.value)
        assert "chmod" not in str(refused.value)


def test_what_belongs_to_neither_us_nor_root_is_not_trusted(of_another_user, monkeypatch):
    folder, file, _ = of_another_user
    monkeypatch.setattr(private, "ROOT", -1)

    for use in (lambda: read_unchangeable(file), lambda: require_unchangeable_folder(folder)):
        with pytest.raises(NotPrivateError, match="belongs to another user"):
            use()


def test_links_are_refused(folder, file, tmp_path):
    (folder / "link").symlink_to(file)
    (tmp_path / "linked").symlink_to(folder)

    with pytest.raises(NotPrivateError, match="; name the file itself, or put it in"):
        read_private(folder / "link")
    with pytest.raises(NotPrivateError, match="is a link; name a folder of your own"):
        require_private_folder(tmp_path / "linked")


def test_what_is_no_file_is_refused_at_once(folder):
    os.mkfifo(folder / "pipe", 0o600)

    with pytest.raises(StorageError, match="is no file"):
        read_private(folder / "pipe")
    with pytest.raises(StorageError, match="is no file"):
        read_private(folder)
    with pytest.raises(StorageError, match="cannot be read \\(No such file or directory\\)"):
        read_private(folder / "absent")


def test_a_file_that_is_too_large_for_a_key_is_refused(folder):
    write_whole(folder / "file", Secret(bytes(private.MAX_BYTES + 1)), replace=False)

    with pytest.raises(StorageError, match="has more than 1 MB"):
        read_private(folder / "file")


def test_a_secret_may_be_handed_over_in_a_pipe():
    reading, writing = os.pipe()
    os.write(writing, b"handed over")
    os.close(writing)

    try:
        assert read_handed_over(Path(f"/dev/fd/{reading}")).reveal() == b"handed over"
    finally:
        os.close(reading)


def test_nothing_is_replaced_unless_asked_for(file):
    with pytest.raises(NameTakenError, match="exists already"):
        write_whole(file, Secret(b"other"), replace=False)
    assert read_private(file) == CONTENT

    write_whole(file, Secret(b"other"), replace=True)
    assert read_private(file).reveal() == b"other"
    assert [one.name for one in file.parent.iterdir()] == ["file"]


def test_a_disk_that_is_full_leaves_what_was_there(file, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(WriteError) as failed:
        write_whole(file, Secret(b"other"), replace=True)

    assert str(failed.value) == (
        f"'{file}' cannot be written (No space left on device); nothing was changed. Give it space "
        "and permission, or name another place."
    )
    assert read_private(file) == CONTENT
    assert [one.name for one in file.parent.iterdir()] == ["file"]


def test_a_name_that_may_be_lost_in_a_power_cut_is_told_as_such(file, monkeypatch):
    sync = os.fsync

    def broken_folder(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", broken_folder)

    with pytest.raises(WriteError, match="was written, and a power cut may undo that"):
        write_whole(file, Secret(b"other"), replace=True)

    assert read_private(file).reveal() == b"other"


def test_what_is_replaced_for_good_is_overwritten_where_it_lay(file):
    with file.open("rb") as former:
        replace_and_overwrite(file, Secret(b"other"))

        assert former.read() == bytes(len(CONTENT))
    assert read_private(file).reveal() == b"other"


def test_what_killed_writers_left_is_overwritten_and_removed(file):
    left = file.with_name(".file.0123456789abcdef.writing")
    left.write_bytes(b"half a key")
    other = file.with_name(".file2.0123456789abcdef.writing")
    other.write_bytes(b"of another file")

    with left.open("rb") as opened:
        sweep_unfinished(file)

        assert opened.read() == bytes(len(b"half a key"))
    assert not left.exists()
    assert other.exists()


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_what_is_trusted_and_others_can_change_is_refused(tmp_path, mode):
    file = tmp_path / "trusted"
    file.write_bytes(b"trusted")
    file.chmod(mode)

    with pytest.raises(NotPrivateError, match="can be changed by others"):
        read_unchangeable(file)


def test_what_is_trusted_may_be_read_by_all_and_be_a_link(tmp_path):
    file = tmp_path / "trusted"
    file.write_bytes(b"trusted")
    file.chmod(0o644)
    (tmp_path / "link").symlink_to(file)

    assert read_unchangeable(tmp_path / "link") == b"trusted"


def test_a_folder_whose_content_is_trusted_and_others_can_change_is_refused(tmp_path):
    tmp_path.chmod(0o777)

    with pytest.raises(NotPrivateError, match="can be changed by others \\(mode 0777\\)"):
        require_unchangeable_folder(tmp_path)


def test_what_is_mounted_for_reading_alone_is_trusted_whatever_its_mode(tmp_path, monkeypatch):
    file = tmp_path / "trusted"
    file.write_bytes(b"trusted")
    file.chmod(0o666)
    state = os.statvfs(tmp_path)
    mounted = os.statvfs_result((*tuple(state)[:8], state.f_flag | os.ST_RDONLY, *tuple(state)[9:]))

    monkeypatch.setattr(os, "fstatvfs", lambda _: mounted)

    assert read_unchangeable(file) == b"trusted"
