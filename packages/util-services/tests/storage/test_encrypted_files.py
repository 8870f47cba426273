"""Encrypted files are published as plain ones, and fetched into encrypted ones."""

import os
from pathlib import Path

import pytest

from util_services.encryption.keys import StagingKey
from util_services.encryption.paths import EncryptedPath
from util_services.errors import StorageError
from util_services.storage.moves import open_unnamed

CONTENT = b"Jane-Roe-canary\n" * 500_000  # 8 MB
PART = 5 << 20


@pytest.fixture
def encrypted(tmp_path):
    """Return a function that makes an encrypted file with a content."""
    folder = tmp_path / "staging"
    folder.mkdir()
    key = StagingKey(os.urandom(32))

    def make(content, name="output"):
        file = EncryptedPath(folder / name, folder, key)
        file.write_bytes(content)
        return file

    return make


@pytest.mark.parametrize("part_bytes", [PART, 2 * len(CONTENT)], ids=["parts", "one request"])
def test_what_is_published_is_plain(storage, encrypted, part_bytes):
    storage.part_bytes = part_bytes
    location = storage.resolve("out/rows")

    storage.publish(encrypted(CONTENT), location, overwrite=False)
    with storage.open(location) as published:
        assert published.read() == CONTENT
    with pytest.raises(StorageError, match="already exists"):
        storage.publish(encrypted(b"other"), location, overwrite=False)
    storage.publish(encrypted(CONTENT[:-1]), location, overwrite=True)
    with storage.open(location) as published:
        assert published.read() == CONTENT[:-1]


def test_what_is_fetched_is_encrypted(storage, encrypted, put):
    location = put("in/rows", CONTENT)
    target = encrypted(b"", "source-0")

    fetched = storage.fetch(location, target)

    assert fetched.read_bytes() == CONTENT
    if storage.kind == "s3":
        assert fetched == target
        assert CONTENT[:15] not in target.local.read_bytes()
        assert [file.name for file in target.local.parent.iterdir()] == ["source-0"]


def test_the_unseen_copy_of_an_encrypted_file_has_no_name(local_storage, encrypted):
    storage, location = local_storage, local_storage.resolve("rows")

    with (
        storage.claim(location, exclusive=True) as claim,
        claim.prepare(encrypted(CONTENT), overwrite=False) as commit,
    ):
        assert [f for f in storage.root.rglob("*") if ".publishing-" not in f.name] == []
        commit()

    assert [file.name for file in storage.root.iterdir()] == ["rows"]
    assert (storage.root / "rows").stat().st_mode & 0o777 == 0o644


def test_not_every_file_system_knows_files_without_names(tmp_path):
    os.close(open_unnamed(tmp_path))

    assert open_unnamed(Path("/proc/self")) is None
