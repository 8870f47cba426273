import io
import os
import pickle
import threading
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from util_services.encryption import files
from util_services.encryption.files import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_BYTES,
    DamagedStagingError,
    ScratchBlocks,
    ScratchFile,
)
from util_services.encryption.keys import StagingKey
from util_services.encryption.paths import EncryptedPath

CANARY = b"Jane-Roe-canary"


@pytest.fixture
def root(tmp_path):
    return EncryptedPath(tmp_path, tmp_path, StagingKey(os.urandom(32)))


def text_of(length):
    return (CANARY * (length // len(CANARY) + 1))[:length]


SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 5_000_001]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_comes_back_and_stands_nowhere(root, size):
    file, text = root / "rows", text_of(size)

    with file.open("wb") as sink:
        assert sink.write(text) == size
        assert sink.tell() == size

    assert file.read_bytes() == text
    assert file.stat().st_size == size
    assert CANARY[:8] not in file.local.read_bytes()
    assert file.local.stat().st_mode & 0o077 == 0


@settings(max_examples=60, deadline=None)
@given(
    writes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3 * CHUNK_BYTES)), max_size=12),
    reads=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2 * CHUNK_BYTES)), max_size=12),
)
def test_a_file_is_written_and_read_at_any_place_like_a_plain_one(tmp_path_factory, writes, reads):
    folder = tmp_path_factory.mktemp("files")
    file = EncryptedPath(folder / "rows", folder, StagingKey(bytes(32)))
    plain = io.BytesIO()
    with file.open("wb") as sink:
        for share, length in writes:
            data = os.urandom(length)
            place = int(share * plain.seek(0, os.SEEK_END))
            for one in (plain, sink):
                one.seek(place)
                one.write(data)

    with file.open_raw() as raw, file.open("rb") as buffered:
        for share, length in reads:
            place = int(share * len(plain.getvalue()))
            wanted = plain.getvalue()[place : place + length]
            for opened in (raw, buffered):
                opened.seek(place)
                assert opened.read(length) == wanted
    assert file.read_bytes() == plain.getvalue()


def test_lines_and_texts_are_read_as_of_a_plain_file(root):
    file = root / "lines"
    file.write_text("ä,1\r\n" * 20_000, encoding="utf-8")

    with file.open("rb") as content:
        assert sum(1 for _ in content) == 20_000
    with file.open(encoding="utf-8", newline="") as content:
        assert content.readline() == "ä,1\r\n"
    assert file.read_text(encoding="utf-8").count("ä") == 20_000


def test_an_archive_is_the_same_as_a_plain_one(root, tmp_path):
    written = []
    for file in (root / "encrypted.zip", tmp_path / "plain.zip"):
        with file.open("wb") as sink, zipfile.ZipFile(sink, "w") as archive:
            info = zipfile.ZipInfo("rows", (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w") as member:
                member.write(text_of(100_000))
        written.append(file.read_bytes())

    assert written[0] == written[1]


def changed(root, change, size=3 * CHUNK_BYTES + 5):
    """Return a file whose encrypted bytes were changed."""
    file = root / "rows"
    file.write_bytes(text_of(size))
    encrypted = bytearray(file.local.read_bytes())
    file.local.write_bytes(bytes(change(encrypted)))
    return file


def chunk(encrypted, number):
    start = HEADER_BYTES + number * SEALED_BYTES
    return encrypted[start : start + SEALED_BYTES]


def flipped(place):
    def change(encrypted):
        encrypted[place] ^= 1
        return encrypted

    return change


CHANGES = {
    "magic": flipped(0),
    "salt": flipped(HEADER_BYTES - 1),
    "nonce": flipped(HEADER_BYTES),
    "text": flipped(HEADER_BYTES + 100),
    "end": flipped(-1),
    "cut between chunks": lambda e: e[: HEADER_BYTES + 2 * SEALED_BYTES],
    "cut within a chunk": lambda e: e[:-3],
    "cut to its header": lambda e: e[:HEADER_BYTES],
    "empty": lambda _: b"",
    "longer": lambda e: e + chunk(e, 0),
    "chunks in another order": lambda e: (
        e[:HEADER_BYTES] + chunk(e, 1) + chunk(e, 0) + chunk(e, 2) + chunk(e, 3)
    ),
    "a chunk left out": lambda e: e[:HEADER_BYTES] + chunk(e, 0) + chunk(e, 2) + chunk(e, 3),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_from_outside_is_noticed(root, change):
    file = changed(root, change)

    with pytest.raises(DamagedStagingError) as damaged:
        file.read_bytes()

    assert str(damaged.value) == (
        "A staged file was cut off or changed from outside; start the run again."
    )
    assert str(pickle.loads(pickle.dumps(damaged.value))) == str(damaged.value)  # noqa: S301


def test_a_file_under_the_name_of_another_is_noticed(root):
    (root / "one").write_bytes(text_of(10))
    (root / "one").local.rename(root.local / "two")

    with pytest.raises(DamagedStagingError):
        (root / "two").read_bytes()


def test_a_chunk_of_another_file_is_noticed(root):
    (root / "other").write_bytes(text_of(3 * CHUNK_BYTES + 5))
    other = (root / "other").local.read_bytes()

    past = HEADER_BYTES + SEALED_BYTES
    file = changed(root, lambda e: e[:HEADER_BYTES] + chunk(other, 0) + e[past:])

    with pytest.raises(DamagedStagingError):
        file.read_bytes()


def test_another_key_opens_nothing(root):
    (root / "rows").write_bytes(text_of(10))
    stranger = EncryptedPath(root.local / "rows", root.root, StagingKey(os.urandom(32)))

    with pytest.raises(DamagedStagingError):
        stranger.read_bytes()


def test_a_file_that_is_still_written_cannot_be_read(root):
    with (root / "rows").open("wb") as sink:
        sink.write(text_of(5 * CHUNK_BYTES))
        with pytest.raises(DamagedStagingError):
            (root / "rows").open("rb")


def test_a_chunk_that_is_written_again_has_another_nonce(root):
    file = root / "rows"
    with file.open("wb") as sink:
        sink.write(text_of(3 * CHUNK_BYTES))
        before = chunk(file.local.read_bytes(), 0)
        sink.seek(0)
        sink.write(CANARY)
        after = chunk(file.local.read_bytes(), 0)

    assert file.read_bytes() == text_of(3 * CHUNK_BYTES)
    assert before[: files.NONCE_BYTES] != after[: files.NONCE_BYTES]


def test_equal_texts_do_not_look_equal(root):
    for name in ("one", "two"):
        (root / name).write_bytes(text_of(100))

    assert (root / "one").local.read_bytes()[-100:] != (root / "two").local.read_bytes()[-100:]


def test_the_path_of_an_encrypted_file_opens_nothing_behind_our_back(root):
    (root / "rows").write_bytes(b"1")

    with pytest.raises(TypeError):
        open(root / "rows")  # noqa: PTH123, SIM115 - what a library would do
    with pytest.raises(ValueError, match="cannot be opened with the mode"):
        (root / "rows").open("ab")


def test_no_text_and_no_pickle_holds_a_key(root):
    secret = root.key.reveal()

    assert secret.hex() not in repr(root) + repr(root.key) + str(vars(type(root.key)))
    assert repr(secret)[2:-1] not in repr(root) + repr(root.key)
    with pytest.raises(TypeError, match="never stored"):
        pickle.dumps(root)


def test_threads_that_share_a_file_read_where_they_sought(root):
    file = root / "rows"
    file.write_bytes(os.urandom(40 * CHUNK_BYTES))
    text = file.read_bytes()
    wrong = []

    def read(opened, seed):
        for number in range(300):
            place = (seed * 7919 + number * 104_729) % (len(text) - 9000)
            opened.seek(place)
            if opened.read(9000) != text[place : place + 9000]:
                wrong.append(place)

    with file.open_raw() as opened:
        threads = [threading.Thread(target=read, args=(opened, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []


def test_scratch_is_written_and_read_at_any_place_by_several_threads(tmp_path):
    blocks = ScratchBlocks(tmp_path / "spill")
    wrong = []
    size = CHUNK_BYTES // 2 + 7  # so that neighbours share a chunk

    def work(opened, seed):
        for number in range(seed, 400, 4):
            opened.seek(number * size)
            opened.write(CANARY + number.to_bytes(4, "big") * ((size - len(CANARY)) // 4))
        for number in range(seed, 400, 4):
            opened.seek(number * size + len(CANARY))
            if opened.read(4) != number.to_bytes(4, "big"):
                wrong.append(number)

    with ScratchFile(blocks) as opened:
        threads = [threading.Thread(target=work, args=(opened, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []
    assert CANARY not in (tmp_path / "spill").read_bytes()
