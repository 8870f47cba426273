import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.keys.keyset import Keyset
from workspace_core.errors import (
    DamagedFileError,
    FormatVersionError,
    MissingObjectsError,
    NoStoreError,
    StoreKeyError,
)
from workspace_core.store.chunking import FILES, Cutting, cut, cut_stream
from workspace_core.store.identity import content_id, id_text, parse_id
from workspace_core.store.store import Store

# From the test vectors that the authors of BLAKE3 publish: no input, and the bytes 0 … 250, 0 … of
# 1,024 in all.
BLAKE3_OF_NOTHING = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
BLAKE3_OF_1024 = "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"


def packs(store):
    return sorted((store.folder / "packs").iterdir())


def size_of(store):
    return sum(file.stat().st_size for file in packs(store))


def test_ids_are_the_published_hashes():
    counted = bytes(number % 251 for number in range(1024))

    assert id_text(content_id(b"")) == f"blake3:{BLAKE3_OF_NOTHING}"
    assert id_text(content_id(counted)) == f"blake3:{BLAKE3_OF_1024}"
    assert parse_id(id_text(content_id(b""))) == content_id(b"")


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_what_is_put_is_read_back_by_another_opening(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("store")
    with Store.create(folder).session() as session:
        ids = [session.put(content) for content in contents]
        session.flush()

    with Store.open(folder).session() as session:
        assert [session.read(one) for one in ids] == contents
        assert [session.size(one) for one in ids] == [len(content) for content in contents]


@pytest.mark.parametrize("size", [FILES.from_size - 1, FILES.from_size, 5_000_001])
def test_contents_of_any_size_come_back_whole_and_in_part(store, size):
    content = random.Random(size).randbytes(size)
    with store.session() as session:
        one = session.put(content)
        session.flush()

        assert one == content_id(content)
        assert session.read(one) == content
        assert session.read_range(one, 70_000, size - 3) == content[70_000 : size - 3]


def test_equal_contents_are_kept_once(store):
    with store.session() as session:
        first = session.put(b"the same" * 1000)
        session.flush()
    before = size_of(store)
    with store.session() as session:
        second = session.put(b"the same" * 1000)
        session.flush()

    assert (first, before) == (second, size_of(store))


def test_a_megabyte_inserted_into_a_hundred_adds_little(store):
    large = random.Random(1).randbytes(100 << 20)
    with store.session() as session:
        session.put(large)
        session.flush()
    before = size_of(store)
    changed = large[: 40 << 20] + random.Random(2).randbytes(1 << 20) + large[40 << 20 :]

    with store.session() as session:
        session.put(changed)
        session.flush()

    assert size_of(store) - before <= 2_500_000


def test_csv_shrinks_to_two_fifths_at_most(store):
    numbers = random.Random(3)
    rows = (
        f"{n},{numbers.randint(1, 9999)},ward {n % 7},{numbers.random():.3f}" for n in range(40_000)
    )
    csv = "\n".join(rows).encode()
    with store.session() as session:
        session.put(csv)
        session.flush()

    assert size_of(store) <= 0.4 * len(csv)


@given(st.integers(0, 400_000), st.integers(1, 7))
def test_a_stream_is_cut_like_its_whole(size, windows):
    content = random.Random(size).randbytes(size)
    cutting = Cutting(0, 2 << 10, 8 << 10, 32 << 10)
    at = 0

    def read(_length):
        nonlocal at
        piece = content[at : at + max(40_000, size // windows)]
        at += len(piece)
        return piece

    streamed = [bytes(chunk) for chunk in cut_stream(read, cutting)]

    assert streamed == [bytes(chunk) for chunk in cut(memoryview(content), cutting)]
    assert b"".join(streamed) == content


def test_cut_points_stay_where_they_are():
    """They are what stores deduplicate by; recorded with pyfastcdc 0.3.1."""
    content = random.Random(42).randbytes(4 << 20)

    assert [len(chunk) for chunk in cut(memoryview(content), FILES)] == CUTS_OF_SEED_42


def test_what_is_not_flushed_is_given_up(store):
    with store.session() as session:
        one = session.put(b"never to be seen")

    with store.session() as session:
        assert not session.has(one)
        with pytest.raises(MissingObjectsError, match="lacks 1 object"):
            session.read(one)
    assert list((store.folder / "incoming").iterdir()) == []


def test_a_reader_finds_what_another_one_has_flushed_meanwhile(store):
    other = Store.open(store.folder)
    with other.session() as reading, store.session() as writing:
        reading.put(b"mine")
        reading.flush()
        one = writing.put(b"new")
        writing.flush()

        assert reading.read(one) == b"new"
        assert reading.missing([one]) == []


def test_a_new_store_is_for_its_owner_alone(store):
    assert store.folder.stat().st_mode & 0o7777 == 0o700


def test_leavings_of_dead_writers_are_swept_when_nobody_writes(store):
    (store.folder / "incoming" / "left.pack").write_bytes(b"half a pack")

    with store.session():
        assert list((store.folder / "incoming").iterdir()) == []


def test_an_encrypted_store_shows_neither_contents_nor_ids(tmp_path):
    keyset = Keyset.generate("store-keys", "workspace-store")
    secret = b"Jane Doe, born 1970, diabetes " * 200
    store = Store.create(tmp_path / "store", keyset)
    with store.session() as session:
        one = session.put(secret)
        session.flush()
    stored = b"".join(file.read_bytes() for file in packs(store))

    assert b"diabetes" not in stored
    assert one not in stored
    with Store.open(tmp_path / "store", keyset).session() as session:
        assert session.read(one) == secret


def test_an_encrypted_store_opens_with_its_keys_alone(tmp_path):
    keyset = Keyset.generate("store-keys", "workspace-store")
    Store.create(tmp_path / "store", keyset)
    Store.create(tmp_path / "plain")

    with pytest.raises(StoreKeyError, match="not 'others'"):
        Store.open(tmp_path / "store", Keyset.generate("others", "workspace-store"))
    with pytest.raises(StoreKeyError, match="needs one for workspace-store"):
        Store.open(tmp_path / "store", Keyset.generate("store-keys", "pseudonymisation"))
    with pytest.raises(StoreKeyError, match="is not encrypted"):
        Store.open(tmp_path / "plain", keyset)


def test_packs_of_rotated_keys_are_read_on(tmp_path):
    keyset = Keyset.generate("store-keys", "workspace-store")
    store = Store.create(tmp_path / "store", keyset)
    with store.session() as session:
        old = session.put(b"before the rotation")
        session.flush()

    rotated = keyset.changed(lambda info: info.rotated())
    with Store.open(tmp_path / "store", rotated).session() as session:
        new = session.put(b"after it")
        session.flush()
        assert (session.read(old), session.read(new)) == (b"before the rotation", b"after it")


def test_what_was_kept_under_a_destroyed_key_is_lost_and_named_and_the_rest_is_not(tmp_path):
    keyset = Keyset.generate("store-keys", "workspace-store")
    store = Store.create(tmp_path / "store", keyset)
    with store.session() as session:
        old = session.put(b"before the rotation")
        session.flush()
    rotated = keyset.changed(lambda info: info.rotated())
    destroyed = rotated.changed(lambda info: info.destroyed(keyset.primary.id))

    with Store.open(tmp_path / "store", destroyed).session() as session:
        new = session.put(b"after it")
        session.flush()
        assert session.read(new) == b"after it"
        with pytest.raises(DamagedFileError, match=r"\.pack' is damaged \(its key cannot be used"):
            session.read(old)


def test_a_missing_store_and_one_of_a_newer_release_are_refused(tmp_path, store):
    with pytest.raises(NoStoreError, match="There is no store at"):
        Store.open(tmp_path / "nowhere")

    settings = store.folder / "store.json"
    settings.write_text(settings.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(
        FormatVersionError, match="has format 2, and this release reads formats up to 1"
    ):
        Store.open(store.folder)


def test_reading_needs_no_right_to_write(store, as_nobody_of_importance):
    with store.session() as session:
        one = session.put(b"kept")
        session.flush()
    for path in [store.folder, *store.folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    program = (
        "import sys; from pathlib import Path; from workspace_core.store.store import Store;"
        "s = Store.open(Path(sys.argv[1])).session();"
        "print(s.__enter__().read(bytes.fromhex(sys.argv[2])).decode())"
    )

    assert as_nobody_of_importance("-c", program, store.folder, one.hex()).stdout == "kept\n"


CUTS_OF_SEED_42 = [
    85543,
    394535,
    268196,
    300382,
    293123,
    503651,
    380969,
    481336,
    179900,
    358949,
    947720,
]
