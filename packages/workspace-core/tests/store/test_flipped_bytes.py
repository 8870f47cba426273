import random
import shutil

import pytest

from util_services.keys.keyset import Keyset
from workspace_core.errors import DataWorkspacesError
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.tree import Trees
from workspace_core.upkeep.gc import collect
from workspace_core.upkeep.mend import mend
from workspace_core.upkeep.verify import verify

KEYSET = Keyset.generate("store-keys", "workspace-store")


def fill(store, folder):
    """Keep a small tree of every kind of object, and return its files."""
    numbers = random.Random(1)
    (folder / "sub").mkdir()
    (folder / "random").write_bytes(numbers.randbytes(700))
    (folder / "text.csv").write_text("a,b\n1,2\n" * 200)
    (folder / "sub" / "large").write_bytes(numbers.randbytes(70_000) * 30)
    (folder / "empty").touch()
    for number in range(400):
        (folder / "sub" / f"{number:03d}").write_bytes(b"%d" % number)
    with store.session() as session:
        found = capture(session, folder)
        session.flush()
    Pins(store, "w").pin("s", [found.root])
    return found.root, {
        str(path.relative_to(folder)).encode(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_all(folder, keyset, root):
    with Store.open(folder, keyset).session() as session:
        trees = Trees(session)
        return {path: session.read(entry.id) for path, entry in trees.walk(root) if entry.is_file}


def places(file, count):
    """Bytes of a file: the first and last ones, and others spread over it."""
    size = file.stat().st_size
    ends = {*range(0, min(size, 66), 3), *range(max(0, size - 66), size, 3)}
    return sorted(ends | set(random.Random(size).sample(range(size), min(size, count))))


def flip(file, place, bit):
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[place] ^= 1 << bit
    file.write_bytes(content)


@pytest.mark.parametrize("keyset", [None, KEYSET], ids=["plain", "encrypted"])
def test_a_flipped_bit_of_a_pack_gives_the_right_bytes_or_a_named_error_and_is_found(
    tmp_path, folder, keyset
):
    store = Store.create(tmp_path / "store", keyset)
    root, expected = fill(store, folder)
    (pack,) = (store.folder / "packs").iterdir()
    whole = pack.read_bytes()
    wrong, refused = [], 0

    for place in places(pack, 60):
        flip(pack, place, place % 8)
        try:
            if read_all(store.folder, keyset, root) != expected:
                wrong.append(place)
        except DataWorkspacesError as error:
            refused += 1
            assert str(pack) in str(error) or "lacks" in str(error)
        report = verify(Store.open(store.folder, keyset))
        assert not report.is_sound, place
        assert str(pack) in {one.file for one in report.findings}, place
        pack.write_bytes(whole)

    assert wrong == []
    assert refused > 0
    assert verify(Store.open(store.folder, keyset)).findings == []


@pytest.mark.parametrize("name", ["store.json", "generation", "pins/w/s.json"])
def test_a_flipped_bit_of_a_small_file_never_gives_wrong_bytes(tmp_path, store, folder, name):
    root, expected = fill(store, folder)
    file = store.folder / name
    whole = file.read_bytes()

    for place in range(len(whole)):
        flip(file, place, place % 7)
        try:
            assert read_all(store.folder, None, root) == expected
        except DataWorkspacesError as error:
            assert str(error)
        file.write_bytes(whole)


def test_a_flipped_bit_of_a_pin_lets_no_object_go(tmp_path, store, folder):
    root, expected = fill(store, folder)
    file = store.folder / "pins/w/s.json"
    whole = file.read_bytes()

    for place in range(len(whole)):
        flip(file, place, place % 7)
        try:
            collect(Store.open(store.folder), grace_seconds=-10)
        except DataWorkspacesError:
            assert not verify(Store.open(store.folder)).is_sound
        file.write_bytes(whole)
        assert read_all(store.folder, None, root) == expected


def test_a_truncated_or_emptied_pack_is_named(store, folder):
    root, expected = fill(store, folder)
    (pack,) = (store.folder / "packs").iterdir()
    pack.chmod(0o644)
    whole = pack.read_bytes()

    for length in (0, 1, 63, 64, 1000, len(whole) // 2, len(whole) - 1):
        pack.write_bytes(whole[:length])
        report = verify(Store.open(store.folder))
        assert str(pack) in {one.file for one in report.findings}
        try:
            assert read_all(store.folder, None, root) == expected
        except DataWorkspacesError as error:
            assert str(error)


def test_a_second_pack_with_the_same_objects_stands_in_for_a_damaged_one(tmp_path, store, folder):
    root, expected = fill(store, folder)
    (pack,) = (store.folder / "packs").iterdir()
    shutil.copy(pack, pack.with_name("0" * 32 + ".pack"))
    for place in range(100, pack.stat().st_size, 997):
        flip(pack, place, 3)

    assert read_all(store.folder, None, root) == expected
    assert not verify(Store.open(store.folder)).is_sound


def test_a_damaged_table_is_made_anew_from_the_frames(store, folder):
    root, expected = fill(store, folder)
    (pack,) = (store.folder / "packs").iterdir()
    flip(pack, pack.stat().st_size - 60, 1)

    assert read_all(store.folder, None, root) == expected
    (finding,) = verify(Store.open(store.folder)).findings
    assert (finding.kind, finding.file) == ("damaged", str(pack))


@pytest.mark.parametrize("keyset", [None, KEYSET], ids=["plain", "encrypted"])
def test_a_damaged_store_is_mended_by_the_next_snapshot_of_what_is_still_there(
    tmp_path, folder, keyset
):
    store = Store.create(tmp_path / "store", keyset)
    root, expected = fill(store, folder)
    (pack,) = (store.folder / "packs").iterdir()
    for place in range(350, pack.stat().st_size - 40_000, 9973):  # frames, not the table
        flip(pack, place, 3)
    damaged = pack.read_bytes()

    done = mend(Store.open(store.folder, keyset))

    assert done.packs == (pack.name,)
    assert done.saved > 300
    assert done.lost
    assert (store.folder / "damaged" / pack.name).read_bytes() == damaged
    assert {one.kind for one in verify(Store.open(store.folder, keyset)).findings} == {"missing"}
    with Store.open(store.folder, keyset).session() as session:
        assert capture(session, folder).root == root
        session.flush()
    assert verify(Store.open(store.folder, keyset)).findings == []
    assert read_all(store.folder, keyset, root) == expected


def test_mending_a_sound_store_changes_nothing(store, folder):
    fill(store, folder)
    before = {file: file.read_bytes() for file in store.folder.rglob("*") if file.is_file()}

    done = mend(store)

    assert (done.packs, done.saved, done.lost) == ((), 0, ())
    after = {file: file.read_bytes() for file in store.folder.rglob("*") if file.is_file()}
    assert after == before
