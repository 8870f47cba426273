"""What nobody needs on a remote goes, beside whoever pushes and pulls at the same time."""

import os
import random

import pytest

from workspace_core.sharing.collecting import collect_there
from workspace_core.sharing.errors import DamagedRemoteError
from workspace_core.sharing.notes import LetGo
from workspace_core.sharing.places import Address
from workspace_core.sharing.receive import Receiving
from workspace_core.sharing.remote import Remote
from workspace_core.sharing.send import send
from workspace_core.store.store import Store
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders

FILES, SIZE = 60, 10_000
HOUR = 3600.0


@pytest.fixture
def address(tmp_path):
    return Address.checked(str(tmp_path / "remote"))


@pytest.fixture
def collected(store, address, tmp_path):
    """Collect the garbage of the remote."""

    def collect(roots, *, grace=HOUR, is_current=lambda: True, of=store, **options):
        remote = Remote.open(address.open(), tmp_path / "cache-of-collector")
        with of.session() as session:
            return collect_there(
                *(session, remote, roots, tmp_path / "outgoing-of-collector"),
                grace_seconds=grace,
                is_current=is_current,
                **options,
            )

    return collect


@pytest.fixture
def sent(store, address, tmp_path):
    def send_all(*roots, of=store, cache="cache"):
        remote = Remote.create(address.open(), tmp_path / cache, of)
        with of.session() as session:
            return send(session, remote, roots, tmp_path / "outgoing")

    return send_all


@pytest.fixture
def comes_back(address, tmp_path, content):
    """Return whether a tree comes back from the remote, to a machine that has nothing."""
    numbers = iter(range(100))

    def come(root, expected):
        place = tmp_path / f"elsewhere-{next(numbers)}"
        other = Store.create(place / "store")
        remote = Remote.open(address.open(), place / "cache")
        with other.session() as session:
            receiving = Receiving(session, remote)
            receiving.trees([root])
            received = receiving.finish()
            if received.lacking:
                return False
            (place / "back").mkdir()
            restore_folders(
                plan_folders(session, [Folder("x", place / "back", root)]), place / "journal"
            )
        return content(place / "back") == expected

    return come


def fill(folder, seed, files=FILES):
    numbers = random.Random(seed)
    for number in range(files):
        (folder / f"d{number % 3}").mkdir(exist_ok=True)
        (folder / f"d{number % 3}/f{number}").write_bytes(numbers.randbytes(SIZE))
    (folder / "large").write_bytes(numbers.randbytes(3_000_000))


def packs(address):
    folder = os.path.join(address.text, "packs")
    return {one: os.path.getsize(os.path.join(folder, one)) for one in os.listdir(folder)}


def aged(address, seconds):
    """Let all that is on the remote have come there so long ago."""
    for above, _, files in os.walk(address.text):
        for one in files:
            file = os.path.join(above, one)
            then = os.stat(file).st_mtime - seconds
            os.utime(file, (then, then))


def test_what_no_snapshot_needs_goes_in_two_steps_and_the_rest_stays(
    folder, taken, sent, collected, address, comes_back, content
):
    fill(folder, 1)
    first = taken(folder).root
    fill(folder, 2, files=30)
    second, expected = taken(folder).root, content(folder)
    sent(first, second)
    before = sum(packs(address).values())
    aged(address, 2 * HOUR)

    one = collected([second])
    waiting = sum(packs(address).values())
    aged(address, 2 * HOUR)
    two = collected([second])

    assert one.bytes_freed == 0
    assert one.bytes_waiting == before
    assert waiting > before
    assert two.bytes_freed == before
    garbage = 30 * SIZE + 3_000_000
    assert before - sum(packs(address).values()) >= 0.95 * garbage
    assert comes_back(second, expected)
    assert os.listdir(os.path.join(address.text, "let-go")) == []
    again = collected([second])
    assert (again.objects, again.packs_let_go, again.packs_removed) == (0, 0, 0)


def test_what_is_young_stays_for_whoever_is_about_to_publish_it(folder, taken, sent, collected):
    fill(folder, 1)
    sent(taken(folder).root)

    assert collected([]).packs_let_go == 0


def test_a_dry_run_changes_nothing_and_tells_the_same(folder, taken, sent, collected, address):
    fill(folder, 1)
    sent(taken(folder).root)
    aged(address, 2 * HOUR)
    before = sorted(os.walk(address.text))

    told = collected([], dry_run=True)
    assert sorted(os.walk(address.text)) == before
    done = collected([])

    assert (told.objects, told.bytes_waiting) == (done.objects, done.bytes_waiting)
    assert told.bytes_waiting > 3_000_000


def test_a_push_sends_again_what_is_let_go_of(
    folder, taken, sent, collected, address, comes_back, content
):
    """Content that is there as garbage is not relied on, so that its snapshot can be published."""
    fill(folder, 1)
    root, expected = taken(folder).root, content(folder)
    sent(root)
    aged(address, 2 * HOUR)
    collected([])

    assert sent(root).objects > FILES
    aged(address, 2 * HOUR)
    collected([root])

    assert comes_back(root, expected)


def test_a_push_that_has_looked_before_notices_that_it_may_not_rely_on_what_it_found(
    folder, store, taken, sent, collected, address, tmp_path
):
    fill(folder, 1)
    root = taken(folder).root
    sent(root)
    aged(address, 2 * HOUR)
    pushing = Remote.create(address.open(), tmp_path / "cache", store)
    relied_on = pushing.usable()
    with store.session() as session:
        assert send(session, pushing, [root], tmp_path / "outgoing").packs == 0

    collected([])
    pushing.look()

    assert not relied_on <= pushing.usable()
    with store.session() as session:
        assert send(session, pushing, [root], tmp_path / "outgoing").packs == 1


def test_what_was_published_after_all_is_saved_from_a_pack_that_is_due(
    folder, taken, sent, collected, address, comes_back, content
):
    """As if a push had stood still between its last look and the publication of its records."""
    fill(folder, 1)
    root, expected = taken(folder).root, content(folder)
    sent(root)
    aged(address, 2 * HOUR)
    collected([])
    aged(address, 2 * HOUR)

    done = collected([root])

    assert done.packs_removed == 1
    assert done.packs_written == 1
    assert comes_back(root, expected)


def test_what_was_let_go_of_can_be_read_for_as_long_as_it_is_there(
    folder, taken, sent, collected, address, comes_back, content
):
    fill(folder, 1)
    root, expected = taken(folder).root, content(folder)
    sent(root)
    aged(address, 2 * HOUR)

    collected([])

    assert comes_back(root, expected)


def test_nothing_is_removed_if_somebody_has_published_meanwhile(
    folder, taken, sent, collected, address
):
    fill(folder, 1)
    sent(taken(folder).root)
    aged(address, 2 * HOUR)
    collected([])
    aged(address, 2 * HOUR)
    before = packs(address)

    assert collected([], is_current=lambda: False).packs_removed == 0
    assert packs(address) == before


def test_two_who_collect_at_once_lose_nothing(
    folder, store, taken, sent, address, comes_back, content, tmp_path
):
    """Each of them holds one copy for garbage, as the other one has it in another pack."""
    fill(folder, 1)
    root, expected = taken(folder).root, content(folder)
    remotes = [Remote.create(address.open(), tmp_path / name, store) for name in ("one", "two")]
    with store.session() as session:
        for number, remote in enumerate(remotes):
            send(session, remote, [root], tmp_path / f"outgoing-{number}")
    assert len(packs(address)) == 2
    names = sorted(packs(address))
    for name in names:  # let go of by two who did not see each other
        remotes[0].note(LetGo(frozenset([name])))
    aged(address, 2 * HOUR)

    for remote in remotes:
        with store.session() as session:
            collect_there(
                *(session, remote, [root], tmp_path / "outgoing"),
                grace_seconds=HOUR,
                is_current=lambda: True,
            )

    assert not set(names) & packs(address).keys()
    assert comes_back(root, expected)


def test_what_was_sent_twice_is_kept_once_and_a_sound_copy_never_goes_for_a_damaged_one(
    folder, store, taken, address, collected, comes_back, content, tmp_path
):
    fill(folder, 1)
    root, expected = taken(folder).root, content(folder)
    remotes = [Remote.create(address.open(), tmp_path / name, store) for name in ("one", "two")]
    with store.session() as session:
        for number, remote in enumerate(remotes):
            send(session, remote, [root], tmp_path / f"outgoing-{number}")
    last = max(packs(address))  # the one that is relied on
    file = os.path.join(address.text, "packs", last)
    os.chmod(file, 0o644)
    with open(file, "r+b") as pack:
        pack.seek(100_000)
        pack.write(b"damaged")
    aged(address, 2 * HOUR)

    for _ in range(4):
        collected([root])
        aged(address, 2 * HOUR)

    assert sum(packs(address).values()) < 1.5 * (FILES * SIZE + 3_000_000)
    assert comes_back(root, expected)


def test_nothing_goes_while_something_that_is_needed_is_damaged(
    folder, taken, sent, collected, address, comes_back, content
):
    fill(folder, 1)
    first, expected = taken(folder).root, content(folder)
    sent(first)
    (damaged,) = packs(address)
    fill(folder, 2)
    sent(taken(folder).root)
    file = os.path.join(address.text, "packs", damaged)
    os.chmod(file, 0o644)
    with open(file, "r+b") as pack:
        pack.seek(-10, os.SEEK_END)
        pack.write(b"x")
    aged(address, 2 * HOUR)
    before = packs(address)

    with pytest.raises(DamagedRemoteError, match="dws push --verify"):
        collected([first])

    assert packs(address) == before
    sent(first, cache="of-somebody-else")  # as that sentence says
    aged(address, 2 * HOUR)
    for _ in range(2):
        collected([first])
        aged(address, 2 * HOUR)
    assert not before.keys() & packs(address).keys()
    assert comes_back(first, expected)


def test_a_collector_who_has_nothing_of_it_judges_by_what_is_there(
    folder, taken, sent, collected, address, comes_back, content, tmp_path
):
    fill(folder, 1)
    first, expected = taken(folder).root, content(folder)
    fill(folder, 2)
    sent(first, taken(folder).root)
    aged(address, 2 * HOUR)
    empty = Store.create(tmp_path / "empty")

    for _ in range(2):
        collected([first], of=empty)
        aged(address, 2 * HOUR)

    assert comes_back(first, expected)
    assert sum(packs(address).values()) < 1.05 * (FILES * SIZE + 3_000_000)
    with empty.session() as session:
        assert not session.has(first)


def test_many_small_packs_become_one(folder, taken, sent, collected, address):
    for number in range(20):
        (folder / "file").write_text(str(number))
        sent(root := taken(folder).root)
    aged(address, 2 * HOUR)

    collected([root])
    aged(address, 2 * HOUR)
    collected([root])

    assert len(packs(address)) == 1


def test_a_pull_goes_on_when_the_pack_that_it_reads_has_gone(
    folder, taken, sent, collected, address, tmp_path
):
    fill(folder, 1)
    first = taken(folder).root
    fill(folder, 2)
    sent(first, taken(folder).root)
    other = Store.create(tmp_path / "other")
    pulling = Remote.open(address.open(), tmp_path / "cache-of-other")

    collected([first], grace=0)

    with other.session() as session:
        receiving = Receiving(session, pulling)
        receiving.trees([first])
        assert receiving.finish().lacking == set()
