"""Remotes of each kind: real servers and programs, counted requests, faults on the way."""

import json
import os
import random
import secrets
import subprocess
import sys
import uuid
from pathlib import Path

import boto3
import pytest

from util_services.keys.keyset import Keyset
from util_services.storage import S3Settings
from workspace_core.errors import ConfigurationError, StoreKeyError
from workspace_core.sharing.errors import DamagedRemoteError, RemoteError
from workspace_core.sharing.places import Address
from workspace_core.sharing.receive import Receiving
from workspace_core.sharing.remote import Remote
from workspace_core.sharing.send import send
from workspace_core.store.chunking import FILES as CUT_FILES
from workspace_core.store.frames import encoded_list
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders
from workspace_core.trees.tree import Trees

FILES = 400


@pytest.fixture
def rclone_remote(tmp_path, monkeypatch):
    """A remote of rclone's configuration: a folder, as rclone sees it."""
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    monkeypatch.setenv("RCLONE_CONFIG_SHELF_TYPE", "alias")
    monkeypatch.setenv("RCLONE_CONFIG_SHELF_REMOTE", str(tmp_path / "shelf"))
    (tmp_path / "shelf").mkdir()
    return "rclone:shelf:team/study"


@pytest.fixture(params=["folder", "s3", "rclone"])
def address(request, tmp_path):
    if request.param == "folder":
        return Address.checked(str(tmp_path / "remote"))
    if request.param == "s3":
        return Address.checked(f"s3://{request.getfixturevalue('bucket')}/team/study")
    return Address.checked(request.getfixturevalue("rclone_remote"))


def fill(folder, files=FILES, seed=1):
    numbers = random.Random(seed)
    for number in range(files):
        file = folder / f"d{number % 20}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(numbers.randbytes(numbers.randint(0, 2000)))
    (folder / "large").write_bytes(numbers.randbytes(3_000_000))
    (folder / "link").symlink_to("large")


def send_all(store, address, root, place):
    remote = Remote.create(address.open(), place / "cache", store)
    with store.session() as session:
        return send(session, remote, [root], place / "outgoing")


def receive_all(store, address, root, place):
    remote = Remote.open(address.open(), place / "cache-2")
    with store.session() as session:
        receiving = Receiving(session, remote)
        receiving.trees([root])
        return receiving.finish()


def restored(store, root, folder, place):
    folder.mkdir()
    with store.session() as session:
        restore_folders(plan_folders(session, [Folder("x", folder, root)]), place / "journal")


def objects_in(bucket):
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT_URL"],
        aws_access_key_id=os.environ["S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_SECRET_KEY"],
    )
    return client.list_objects_v2(Bucket=bucket).get("Contents", [])


def test_a_tree_goes_there_and_comes_back_byte_for_byte(
    address, store, folder, taken, content, tmp_path
):
    fill(folder)
    root = taken(folder).root

    sent = send_all(store, address, root, tmp_path)
    other = Store.create(tmp_path / "other")
    received = receive_all(other, address, root, tmp_path)
    restored(other, root, tmp_path / "back", tmp_path)

    assert content(tmp_path / "back") == content(folder)
    assert received.objects == sent.objects
    assert received.lacking == set()
    assert send_all(store, address, root, tmp_path).packs == 0
    assert not any((tmp_path / "outgoing").iterdir())


def test_thousands_of_small_files_take_a_few_objects_and_requests(
    bucket, network, store, folder, taken, tmp_path
):
    fill(folder, files=3000)
    root = taken(folder).root
    address = Address.checked(f"s3://{bucket}/team/study")

    send_all(store, address, root, tmp_path)
    pushed = len(network.requests)
    receive_all(Store.create(tmp_path / "other"), address, root, tmp_path)
    pulled = len(network.requests) - pushed

    network.requests.clear()
    assert len(objects_in(bucket)) <= 3
    assert pushed <= 6
    assert pulled <= 8


def test_a_change_sends_only_itself(bucket, network, store, folder, taken, tmp_path):
    fill(folder)
    address = Address.checked(f"s3://{bucket}/team/study")
    send_all(store, address, taken(folder).root, tmp_path)
    (folder / "d1/f1").write_text("changed")

    sent = send_all(store, address, taken(folder).root, tmp_path)

    assert sent.objects == 3  # the file, its directory and the one above
    assert sent.bytes_sent < 4000


def test_a_path_alone_is_received_with_what_leads_to_it(
    bucket, network, store, folder, taken, tmp_path
):
    fill(folder)
    (folder / "large-2").write_bytes(random.Random(2).randbytes(5_000_000))
    root = taken(folder).root
    address = Address.checked(f"s3://{bucket}/team/study")
    send_all(store, address, root, tmp_path)
    other = Store.create(tmp_path / "other")

    remote = Remote.open(address.open(), tmp_path / "cache-2")
    with other.session() as session:
        receiving = Receiving(session, remote)
        objects = receiving.path(root, b"d3")
        received = receiving.finish()
        assert all(session.has(one) for one in objects)

    assert received.objects == len(objects)
    assert received.bytes_read < 2_500_000


@pytest.mark.parametrize("kind", ["busy", "cut answer", "lose answer", "cut request"])
def test_faults_on_the_way_are_survived(
    kind, bucket, network, store, folder, taken, content, tmp_path
):
    fill(folder)
    root = taken(folder).root
    address = Address.checked(f"s3://{bucket}/team/study")
    for method in ("PUT", "GET"):
        network.fail(kind, method, times=1, skip=1)

    send_all(store, address, root, tmp_path)
    other = Store.create(tmp_path / "other")
    receive_all(other, address, root, tmp_path)
    restored(other, root, tmp_path / "back", tmp_path)

    assert content(tmp_path / "back") == content(folder)


def test_a_store_that_stays_away_is_named_and_the_next_push_goes_on(
    bucket, network, store, folder, taken, tmp_path
):
    from util_services.errors import StorageError

    fill(folder)
    root = taken(folder).root
    address = Address.checked(f"s3://{bucket}/team/study")
    fault = network.fail("busy", "PUT .*pack", times=float("inf"))

    with pytest.raises(StorageError, match="S3 store"):
        send_all(store, address, root, tmp_path)
    fault.times = 0

    assert send_all(store, address, root, tmp_path).packs == 1
    assert not any((tmp_path / "outgoing").iterdir())


def test_a_bucket_that_is_not_allowed_is_not_touched(bucket, network, monkeypatch, store, tmp_path):
    from util_services.errors import StorageError

    monkeypatch.setenv("S3_ALLOWED_BUCKETS", "other")

    with pytest.raises(StorageError, match="S3_ALLOWED_BUCKETS"):
        Remote.create(Address.checked(f"s3://{bucket}/team").open(), tmp_path, store)

    assert network.requests == []


def test_ceph_takes_and_gives_back_and_stale_credentials_are_told_of(
    rgw_server, monkeypatch, store, folder, taken, content, tmp_path
):
    from util_services.errors import StorageError

    fill(folder, files=50)
    root = taken(folder).root
    name = f"remote-{uuid.uuid4().hex[:12]}"
    for setting, value in {
        "ENDPOINT_URL": rgw_server.endpoint_url,
        "ACCESS_KEY": rgw_server.access_key,
        "SECRET_KEY": rgw_server.secret_key,
        "BUCKET": name,
    }.items():
        monkeypatch.setenv(f"S3_{setting}", value)
    S3Settings.from_environment().client().create_bucket(Bucket=name)
    address = Address.checked(f"s3://{name}/team")

    send_all(store, address, root, tmp_path)
    other = Store.create(tmp_path / "other")
    receive_all(other, address, root, tmp_path)
    restored(other, root, tmp_path / "back", tmp_path)
    assert content(tmp_path / "back") == content(folder)
    assert not address.open().create("remote.json", b"another")

    stale = secrets.token_hex(20)
    monkeypatch.setenv("S3_SECRET_KEY", stale)
    with pytest.raises(StorageError, match="denies ListObjectsV2") as refused:
        receive_all(other, address, root, tmp_path)
    assert stale not in str(refused.value)


def test_an_encrypted_store_has_an_encrypted_remote(monkeypatch, folder, content, tmp_path):
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    create = ("keys", "create", "shared", "--purpose", "workspace-store")
    program = Path(sys.executable).with_name("data-services")
    subprocess.run([program, *create], check=True, capture_output=True)
    keyset = Keyset.load("shared")
    secret = b"a text that is easily found again " * 20
    (folder / "secret.txt").write_bytes(secret)
    store = Store.create(tmp_path / "store", keyset)
    with store.session() as session:
        root = capture(session, folder).root
        session.flush()
    address = Address.checked(str(tmp_path / "remote"))

    send_all(store, address, root, tmp_path)
    plain = Store.create(tmp_path / "other")
    receive_all(plain, address, root, tmp_path)
    restored(plain, root, tmp_path / "back", tmp_path)

    assert content(tmp_path / "back") == content(folder)
    (pack,) = (tmp_path / "remote/packs").iterdir()
    assert secret[:34] not in pack.read_bytes()
    assert root not in pack.read_bytes()
    Remote.create(Address.checked(str(tmp_path / "open")).open(), tmp_path / "cache", plain)
    with pytest.raises(StoreKeyError, match="nothing was sent there"):
        send_all(store, Address.checked(str(tmp_path / "open")), root, tmp_path)


def flipped(file, at):
    content = bytearray(file.read_bytes())
    content[at] ^= 0x10
    file.chmod(0o644)
    file.write_bytes(content)


def test_a_flipped_byte_is_never_taken_over_and_is_sent_again(
    store, folder, taken, content, tmp_path
):
    """Each byte of a pack in its turn: right content, or an error that names the pack."""
    (folder / "a").write_bytes(b"some text " * 9)
    (folder / "b").write_bytes(random.Random(3).randbytes(300))
    root = taken(folder).root
    address = Address.checked(str(tmp_path / "remote"))
    send_all(store, address, root, tmp_path)
    (pack,) = (tmp_path / "remote/packs").iterdir()
    whole = pack.read_bytes()

    outcomes = set()
    for at in range(0, len(whole), 7):
        pack.chmod(0o644)
        pack.write_bytes(whole)
        flipped(pack, at)
        other = Store.create(tmp_path / f"other-{at}")
        try:
            received = receive_all(other, address, root, tmp_path / f"place-{at}")
        except DamagedRemoteError as error:
            assert pack.name in str(error)
            outcomes.add("refused")
            continue
        if received.lacking:
            outcomes.add("lacking")
            continue
        restored(other, root, tmp_path / f"back-{at}", tmp_path / f"place-{at}")
        assert content(tmp_path / f"back-{at}") == content(folder)
        outcomes.add("right")
    assert outcomes >= {"refused", "lacking"}


def test_what_is_damaged_there_is_sent_again_by_a_push_that_verifies(
    store, folder, taken, content, tmp_path
):
    fill(folder)
    root = taken(folder).root
    address = Address.checked(str(tmp_path / "remote"))
    send_all(store, address, root, tmp_path)
    (pack,) = (tmp_path / "remote/packs").iterdir()
    flipped(pack, pack.stat().st_size // 2)
    other = Store.create(tmp_path / "other")
    with pytest.raises(DamagedRemoteError, match="dws push --verify"):
        receive_all(other, address, root, tmp_path)

    remote = Remote.open(address.open(), tmp_path / "cache")
    assert remote.distrust_damaged() == [pack.name]
    with store.session() as session:
        assert send(session, remote, [root], tmp_path / "outgoing").objects == 1
    receive_all(other, address, root, tmp_path)
    restored(other, root, tmp_path / "back", tmp_path)

    assert content(tmp_path / "back") == content(folder)


def test_a_damaged_table_is_noticed_also_by_who_knows_it_from_before(
    store, folder, taken, content, tmp_path
):
    fill(folder)
    root = taken(folder).root
    address = Address.checked(str(tmp_path / "remote"))
    send_all(store, address, root, tmp_path)
    (pack,) = (tmp_path / "remote/packs").iterdir()
    flipped(pack, pack.stat().st_size - 100)
    assert send_all(store, address, root, tmp_path).packs == 0

    remote = Remote.create(address.open(), tmp_path / "cache", store)
    assert remote.distrust_damaged() == [pack.name]
    with store.session() as session:
        assert send(session, remote, [root], tmp_path / "outgoing").packs == 1
    other = Store.create(tmp_path / "other")

    assert receive_all(other, address, root, tmp_path).lacking == set()


def test_a_large_file_whose_list_is_a_lie_is_refused(store, folder, taken, tmp_path):
    """A list of chunks is checked by itself; that it is the one of that file shows at its end."""
    (folder / "large").write_bytes(random.Random(4).randbytes(3_000_000))
    root = taken(folder).root
    address = Address.checked(str(tmp_path / "remote"))
    liar = Store.create(tmp_path / "liar")
    with store.session() as source, liar.session() as session:
        large = Trees(source).find(root, b"large").id
        chunks = source.chunks(large)
        for _, chunk in chunks:
            session.put(source.read(chunk))
        session.put(source.read(root))
        session.add(*encoded_list(large, 3_000_000, reversed(chunks), CUT_FILES))
        session.flush()
    send_all(liar, address, root, tmp_path)

    with pytest.raises(DamagedRemoteError, match="is not its chunks"):
        receive_all(Store.create(tmp_path / "other"), address, root, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "rclone::sftp,ssh='touch /tmp/x':data",
        "rclone:remote,ssh='touch /tmp/x':data",
        "rclone:-v:data",
        "rclone:remote",
        "s3://",
        "s3://UPPER/x",
        "ftp://host/x",
        "",
    ],
)
def test_an_address_that_could_start_a_program_or_is_none_is_refused(text):
    with pytest.raises(ConfigurationError):
        Address.checked(text)


def test_a_remote_where_nothing_was_pushed_is_named(tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(RemoteError, match="nothing was ever pushed there"):
        Remote.open(Address.checked(str(tmp_path / "empty")).open(), tmp_path / "cache")


def test_two_who_make_a_remote_at_once_make_one(tmp_path, store):
    address = Address.checked(str(tmp_path / "remote"))
    code = (
        "import sys; from pathlib import Path; from workspace_core.sharing.places import Address;"
        "from workspace_core.sharing.remote import Remote; from workspace_core.store.store import "
        "Store; print(Remote.create(Address.checked(sys.argv[1]).open(), Path(sys.argv[2]), "
        "Store.open(Path(sys.argv[3]))).settings.id)"
    )
    command = [sys.executable, "-c", code, address.text, tmp_path / "c", store.folder]

    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    assert len({one.communicate()[0] for one in running}) == 1
    assert json.loads(Path(address.text, "remote.json").read_text())["id"]


def test_a_place_lists_and_removes_and_keeps_what_is_being_written(address, tmp_path):
    place = address.open()
    (tmp_path / "file").write_bytes(b"a pack")
    place.put("packs/a.pack", tmp_path / "file")
    place.create("notes/b.json", b"{}")

    listing = place.everything()
    place.remove("packs/a.pack")
    place.remove("packs/never.pack")
    place.sweep(listing.now - 60)

    assert {name: one.size for name, one in listing.files.items()} == {
        "packs/a.pack": 6,
        "notes/b.json": 2,
    }
    assert all(abs(listing.now - one.changed) < 120 for one in listing.files.values())
    assert place.everything().files.keys() == {"notes/b.json"}


def test_what_a_killed_push_has_left_in_a_folder_is_swept_once_it_is_old(tmp_path):
    place = Address.checked(str(tmp_path / "remote")).open()
    place.create("packs/a.pack", b"whole")
    left = tmp_path / "remote/packs/.b.pack.0123456789ab.tmp"
    left.write_bytes(b"half")
    now = place.everything().now

    place.sweep(now - 60)
    assert left.exists()
    place.sweep(now + 60)

    assert not left.exists()
    assert place.everything().files.keys() == {"packs/a.pack"}


def test_an_upload_in_parts_that_was_never_ended_is_given_up(bucket):
    place = Address.checked(f"s3://{bucket}/team/study").open()
    client = S3Settings.from_environment().client()
    client.create_multipart_upload(Bucket=bucket, Key="team/study/packs/x.pack")
    assert client.list_multipart_uploads(Bucket=bucket)["Uploads"]

    place.sweep(place.everything().now)  # moto says of each that it was begun in 2010

    assert not client.list_multipart_uploads(Bucket=bucket).get("Uploads")
