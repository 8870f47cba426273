"""What becomes of a push, a pull and a collection when the network or the store misbehaves."""

import os
import random
import secrets

import pytest

from util_services.errors import StorageError
from workspace_core.sharing.collecting import collect_there
from workspace_core.sharing.errors import DamagedRemoteError, SharingError
from workspace_core.sharing.places import Address
from workspace_core.sharing.receive import Receiving
from workspace_core.sharing.remote import Remote
from workspace_core.sharing.send import send
from workspace_core.store.store import Store
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders
from workspace_core.upkeep.verify import verify

ALWAYS = float("inf")
UP, DOWN = r"PUT .*/packs/", r"GET .*/packs/"


@pytest.fixture
def address(bucket):
    return Address.checked(f"s3://{bucket}/team/study")


@pytest.fixture
def root(folder, taken):
    numbers = random.Random(1)
    for number in range(40):
        (folder / f"f{number}").write_bytes(numbers.randbytes(20_000))
    (folder / "large").write_bytes(numbers.randbytes(3_000_000))
    return taken(folder).root


@pytest.fixture
def push(store, address, root, tmp_path):
    def send_all():
        remote = Remote.create(address.open(), tmp_path / "cache", store)
        with store.session() as session:
            return send(session, remote, [root], tmp_path / "outgoing")

    return send_all


@pytest.fixture
def pull(address, root, tmp_path):
    other = Store.create(tmp_path / "other")

    def receive():
        remote = Remote.open(address.open(), tmp_path / "cache-2")
        with other.session() as session:
            receiving = Receiving(session, remote)
            receiving.trees([root])
            return receiving.finish()

    receive.store = other
    return receive


@pytest.fixture
def is_whole(pull, root, folder, content, tmp_path):
    def check():
        back = tmp_path / "back"
        back.mkdir(exist_ok=True)
        with pull.store.session() as session:
            restore_folders(plan_folders(session, [Folder("x", back, root)]), tmp_path / "journal")
        return content(back) == content(folder)

    return check


@pytest.mark.parametrize("kind", ["busy", "cut request", "hang"])
def test_a_pack_that_is_cut_off_on_its_way_up_is_sent_by_the_next_push(
    kind, network, push, pull, is_whole, monkeypatch, tmp_path
):
    monkeypatch.setenv("S3_TIMEOUT_SECONDS", "0.7")
    fault = network.fail(kind, UP, times=ALWAYS)

    with pytest.raises(StorageError) as refused:
        push()
    assert "\n" not in str(refused.value)
    assert os.listdir(tmp_path / "outgoing") == []
    fault.times = 0
    push()

    assert pull().lacking == set()
    assert is_whole()


@pytest.mark.parametrize("kind", ["busy", "cut answer", "short answer", "hang", "denied"])
def test_a_pack_that_is_cut_off_on_its_way_down_is_gone_on_with(
    kind, network, push, pull, is_whole, monkeypatch
):
    push()
    monkeypatch.setenv("S3_TIMEOUT_SECONDS", "0.7")
    fault = network.fail(kind, DOWN, times=ALWAYS, skip=1)

    with pytest.raises((StorageError, SharingError)) as refused:
        pull()
    assert "\n" not in str(refused.value)
    assert verify(pull.store).is_sound
    fault.times = 0

    assert pull().lacking == set()
    assert is_whole()


def test_a_burst_of_5xx_is_outlasted(network, push, pull, is_whole):
    for method in ("PUT", "GET"):
        network.fail("busy", method, times=2)
        network.fail("busy", method, times=2, skip=2)

    push()

    assert pull().lacking == set()
    assert is_whole()


def test_bytes_that_were_changed_on_their_way_are_never_taken_over(network, push, pull, is_whole):
    push()
    fault = network.fail("other bytes", DOWN, times=ALWAYS, skip=1)

    with pytest.raises(DamagedRemoteError):
        pull()

    assert verify(pull.store).is_sound
    fault.times = 0
    pull()
    assert is_whole()


def test_an_etag_that_is_a_lie_changes_nothing(network, push, pull, is_whole):
    network.fail("other etag", "PUT|GET|HEAD", times=ALWAYS)

    push()
    assert push().packs == 0
    pull()

    assert is_whole()


def test_credentials_that_have_expired_are_told_of_and_never_shown(
    network, push, pull, monkeypatch
):
    push()
    secret = secrets.token_hex(20)
    monkeypatch.setenv("S3_SECRET_KEY", secret)
    network.fail("denied", "PUT|GET", times=ALWAYS)

    for command in (push, pull):
        with pytest.raises(StorageError, match=r"ExpiredToken|denies") as refused:
            command()
        assert secret not in str(refused.value)


@pytest.mark.parametrize("step", [r"PUT .*/packs/", r"PUT .*/let-go/", "DELETE .*/packs/", "GET"])
def test_a_collection_that_is_cut_off_loses_nothing_and_is_gone_on_with(
    step, network, store, address, folder, taken, pull, root, is_whole, tmp_path
):
    expected = (folder / "large").read_bytes()
    (folder / "large").write_bytes(random.Random(2).randbytes(3_000_000))
    remote = Remote.create(address.open(), tmp_path / "cache", store)
    other = taken(folder).root
    with store.session() as session:
        send(session, remote, [root, other], tmp_path / "outgoing")
    (folder / "large").write_bytes(expected)
    fault = network.fail("cut request" if step != "GET" else "cut answer", step, times=ALWAYS)

    def collect():
        there = Remote.open(address.open(), tmp_path / "cache-3")
        with pull.store.session() as session:
            return collect_there(
                *(session, there, [root], tmp_path / "outgoing-3"),
                grace_seconds=0,
                is_current=lambda: True,
            )

    with pytest.raises((StorageError, SharingError)):
        collect()
    fault.times = 0
    done = collect()

    assert done.objects_kept > 40
    assert collect().packs_removed == 0
    assert pull().lacking == set()
    assert is_whole()
