import os
import random
import time

import pytest

from workspace_core.errors import (
    DamagedFileError,
    ErasedObjectError,
    MissingObjectsError,
    WorkspaceBusyError,
)
from workspace_core.store.identity import content_id
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.tree import Trees
from workspace_core.upkeep.erase import erase
from workspace_core.upkeep.gc import collect
from workspace_core.upkeep.verify import verify

SOON = -10.0  # seconds of grace: what was written a moment ago counts as old


@pytest.fixture
def pins(store):
    return Pins(store, "w")


def stored_bytes(store):
    return sum(file.stat().st_size for file in (store.folder / "packs").iterdir())


def fill(folder, seed, count=50):
    numbers = random.Random(seed)
    for number in range(count):
        (folder / f"{number}").write_bytes(numbers.randbytes(10_000))


def test_what_no_pin_leads_to_goes_and_everything_else_stays(
    folder, store, pins, taken, restored, content
):
    fill(folder, 1)
    pins.pin("first", [taken(folder).root])
    before = stored_bytes(store)
    expected, root = content(folder), taken(folder).root
    fill(folder, 2)
    (folder / "0").write_bytes(b"")
    taken(folder)

    done = collect(store, grace_seconds=SOON)

    assert done.objects > 49
    assert stored_bytes(store) <= before * 1.05
    for file in folder.iterdir():
        file.unlink()
    restored(folder, root, force=True)
    assert content(folder) == expected
    assert verify(store).findings == []


def test_a_pack_of_which_half_is_needed_is_written_anew(folder, store, pins, taken):
    fill(folder, 1)
    taken(folder)
    for number in range(25):
        (folder / f"{number}").unlink()
    pins.pin("half", [taken(folder).root])

    done = collect(store, grace_seconds=SOON)

    assert done.packs_written == 1
    assert done.bytes_freed >= 0.95 * 25 * 10_000
    assert verify(store).findings == []


def test_a_dry_run_changes_nothing_and_tells_the_same(folder, store, pins, taken):
    fill(folder, 1)
    taken(folder)
    before = {file: file.read_bytes() for file in store.folder.rglob("*") if file.is_file()}

    told = collect(store, dry_run=True, grace_seconds=SOON)
    after = {file: file.read_bytes() for file in store.folder.rglob("*") if file.is_file()}
    done = collect(store, grace_seconds=SOON)

    assert before == after
    assert (told.objects, told.packs_removed) == (done.objects, done.packs_removed)
    assert stored_bytes(store) == 0


def test_young_packs_stay_for_a_grace_period(folder, store, taken):
    fill(folder, 1)
    taken(folder)
    before = stored_bytes(store)

    assert collect(store).objects == 0
    assert stored_bytes(store) == before


def test_garbage_is_not_collected_while_somebody_works_with_the_store(folder, store):
    other = Store.open(store.folder)
    with other.session() as session:
        one = session.put(b"as yet in no tree")
        session.flush()
        with pytest.raises(WorkspaceBusyError, match="The store is in use by"):
            collect(store, grace_seconds=SOON, wait_seconds=0.1)
        assert session.read(one) == b"as yet in no tree"


def test_pins_of_other_workspaces_count(folder, store, pins, taken, restored):
    fill(folder, 1)
    root = taken(folder).root
    Pins(store, "another").pin("theirs", [root])

    collect(store, grace_seconds=SOON)

    assert verify(store).findings == []
    (folder / "0").unlink()
    restored(folder, root, force=True)
    assert (folder / "0").stat().st_size == 10_000


def test_nothing_is_collected_while_something_needed_is_missing_or_damaged(
    folder, store, pins, taken
):
    fill(folder, 1)
    pins.pin("first", [taken(folder).root])
    fill(folder, 2)
    taken(folder)
    pins.pin("lost", [content_id(b"not there")])
    before = sorted(os.listdir(store.folder / "packs"))

    with pytest.raises(MissingObjectsError):
        collect(store, grace_seconds=SOON)
    assert sorted(os.listdir(store.folder / "packs")) == before
    (store.folder / "pins/w/lost.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="names no format"):
        collect(store, grace_seconds=SOON)
    assert sorted(os.listdir(store.folder / "packs")) == before


def test_many_small_packs_become_one(folder, store, pins, taken):
    for number in range(20):
        (folder / f"{number}").write_text(str(number))
        pins.pin(f"s{number}", [taken(folder).root])
    assert len(os.listdir(store.folder / "packs")) == 20

    collect(store, grace_seconds=SOON)

    assert len(os.listdir(store.folder / "packs")) == 1
    assert verify(store).findings == []


def test_a_sound_object_is_not_given_up_for_a_damaged_one_in_another_pack(
    folder, store, pins, taken, tmp_path
):
    fill(folder, 1)
    root = taken(folder).root
    (sound,) = (store.folder / "packs").iterdir()
    other = Store.create(tmp_path / "other")
    with other.session() as session:
        capture(session, folder)
        for number in range(40):
            session.put(random.Random(number).randbytes(20_001))
        session.flush()
    pins.pin("s", [root])
    (mixed,) = (other.folder / "packs").iterdir()
    mixed = mixed.rename(sound.with_name("f" * 32 + ".pack"))  # as two writers at once would
    content = bytearray(sound.read_bytes())
    content[5000] ^= 1
    sound.chmod(0o644)
    sound.write_bytes(content)

    collect(Store.open(store.folder), grace_seconds=SOON)

    with Store.open(store.folder).session() as session:
        trees = Trees(session)
        assert sum(len(session.read(entry.id)) for _, entry in trees.walk(root)) == 500_000


def test_a_stat_cache_from_before_a_collection_is_not_believed(folder, store, pins, taken):
    fill(folder, 1, count=3)
    time.sleep(0.025)
    found = taken(folder)

    collect(store, grace_seconds=SOON)  # no pin: all of it goes

    again = taken(folder, found.cache)
    pins.pin("now", [again.root])
    assert again.read_files == 3
    assert verify(store).findings == []


def test_an_erased_file_is_gone_from_every_pack_and_named_by_restore_and_verify(
    folder, store, pins, taken, restored, content
):
    fill(folder, 1, count=5)
    (folder / "person").write_bytes(random.Random(9).randbytes(3_000_000))
    secret = (folder / "person").read_bytes()
    root = taken(folder).root
    pins.pin("s", [root])
    person = content_id(secret)
    (folder / "person").unlink()
    before = content(folder)

    erase(store, [person], "asked for by the person")

    stored = b"".join(file.read_bytes() for file in (store.folder / "packs").iterdir())
    assert secret[100_000:100_050] not in stored
    (finding,) = verify(store).findings
    assert (finding.kind, finding.path, finding.pins) == ("erased", "person", ("s",))
    assert "asked for by the person" in finding.what
    assert restored(folder, root, force=True).plan.erased == (
        (b"person", "asked for by the person"),
    )
    assert content(folder) == before
    with pytest.raises(
        ErasedObjectError, match=r"was erased on purpose \(asked for by the person\)"
    ):
        restored(folder, root, paths=[b"person"], force=True)
    collect(store, grace_seconds=SOON)
    with store.session() as session:
        trees = Trees(session)
        kept = [session.read(e.id) for path, e in trees.walk(root) if path != b"person"]
    assert len(kept) == 5


def test_what_an_erased_file_shares_with_another_stays_there(folder, store, pins, taken, restored):
    common = random.Random(3).randbytes(4_000_000)
    (folder / "kept").write_bytes(common)
    (folder / "erased").write_bytes(common + b"and a name")
    root = taken(folder).root
    pins.pin("s", [root])

    erase(store, [content_id(common + b"and a name")], "why")

    (folder / "kept").unlink()
    restored(folder, root, paths=[b"kept"], force=True)
    assert (folder / "kept").read_bytes() == common
