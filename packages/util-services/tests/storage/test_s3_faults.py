"""What becomes of an object when the network or the store fails in the midst of it."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import boto3
import pytest
from faulty_network import faulty_network

from util_services.errors import StorageError
from util_services.storage import S3Settings, S3Storage, s3_claims

PART = 5 << 20
LARGE = PART * 3 + 17
SMALL = 300_000
DATA = r"PUT /[^ ]*tea\.bin( |\?|$)"  # and not its claim


@pytest.fixture(params=["s3", "rgw"])
def bucket(request):
    return request.getfixturevalue(f"{request.param}_bucket")


@pytest.fixture
def settings(bucket):
    return S3Settings.from_environment("selfS3")


@pytest.fixture
def network(settings):
    with faulty_network(settings.endpoint_url) as network:
        yield network


@pytest.fixture
def storage(settings, network):
    return S3Storage(
        replace(settings, endpoint_url=network.endpoint_url, timeout_seconds=0.7, attempts=2),
        part_bytes=PART,
    )


@pytest.fixture
def direct(settings):
    """A client that no fault strikes."""
    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        region_name="us-east-1",
    )
    yield client
    client.close()


def keys(direct, bucket):
    return [item["Key"] for item in direct.list_objects_v2(Bucket=bucket).get("Contents", [])]


def uploads(direct, bucket):
    return direct.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def content(direct, bucket):
    return direct.get_object(Bucket=bucket, Key="out/tea.bin")["Body"].read()


def refusal(action, *arguments, **options):
    with pytest.raises(StorageError) as refused:
        action(*arguments, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


SENT = {"small": (SMALL, DATA), "large": (LARGE, DATA + r".*partNumber=2")}


@pytest.mark.parametrize("kind", ["busy", "cut request", "hang", "lose answer"])
@pytest.mark.parametrize("size", SENT)
def test_a_fault_that_passes_is_survived(storage, network, direct, bucket, make_file, kind, size):
    bytes_, pattern = SENT[size]
    sent = os.urandom(bytes_)
    network.fail(kind, pattern, times=1)

    storage.publish(make_file(sent), storage.resolve("out/tea.bin"), overwrite=False)

    assert content(direct, bucket) == sent
    assert keys(direct, bucket) == ["out/tea.bin"]
    assert uploads(direct, bucket) == []
    assert network.faults[0].times == 0


def test_a_store_that_is_busy_twice_is_asked_a_third_time(
    settings, network, make_file, direct, bucket
):
    storage = S3Storage(replace(settings, endpoint_url=network.endpoint_url))
    network.fail("busy", DATA, times=2)

    storage.publish(make_file(b"tea"), storage.resolve("out/tea.bin"), overwrite=False)

    assert content(direct, bucket) == b"tea"
    assert [line.split("?")[0] for line in network.requests].count(
        f"PUT /{bucket}/out/tea.bin"
    ) == 3


@pytest.mark.parametrize("kind", ["busy", "cut request", "hang"])
@pytest.mark.parametrize("size", SENT)
@pytest.mark.parametrize("former", [None, b"former"])
def test_a_fault_that_stays_leaves_the_place_as_it_was(
    storage, network, direct, bucket, make_file, kind, size, former
):
    bytes_, pattern = SENT[size]
    if former:
        direct.put_object(Bucket=bucket, Key="out/tea.bin", Body=former)
    network.fail(kind, pattern, times=99)
    file = make_file(bytes(bytes_))
    began = time.monotonic()

    message = refusal(storage.publish, file, storage.resolve("out/tea.bin"), overwrite=True)

    assert time.monotonic() - began < 50  # a single answer is waited for 60 s by default
    assert message.startswith(("The S3 store at 127.0.0.1:", "The S3 store answered SlowDown to "))
    assert keys(direct, bucket) == (["out/tea.bin"] if former else [])
    assert not former or content(direct, bucket) == former
    assert uploads(direct, bucket) == []
    assert file.exists()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("size", "commit"), [(SMALL, DATA), (LARGE, r"POST .*uploadId=")])
def test_a_commit_whose_answer_is_lost_is_our_own_success(
    storage, network, direct, bucket, make_file, times, overwrite, size, commit
):
    sent = os.urandom(size)
    network.fail("lose answer", commit, times=times)

    storage.publish(make_file(sent), storage.resolve("out/tea.bin"), overwrite=overwrite)

    assert content(direct, bucket) == sent
    assert keys(direct, bucket) == ["out/tea.bin"]
    assert uploads(direct, bucket) == []


def test_an_object_that_another_made_meanwhile_is_no_success_of_ours(
    storage, network, direct, bucket, make_file
):
    location = storage.resolve("out/tea.bin")

    with (
        storage.claim(location, exclusive=True) as claim,
        claim.prepare(make_file(b"ours"), overwrite=False) as commit,
    ):
        direct.put_object(Bucket=bucket, Key="out/tea.bin", Body=b"theirs")
        network.fail("busy", DATA)
        assert "already exists" in refusal(commit)

    assert content(direct, bucket) == b"theirs"


def test_an_object_that_appears_while_parts_are_sent_is_not_replaced(
    storage, direct, bucket, make_file
):
    location = storage.resolve("out/tea.bin")

    with (
        storage.claim(location, exclusive=True) as claim,
        claim.prepare(make_file(bytes(LARGE)), overwrite=False) as commit,
    ):
        direct.put_object(Bucket=bucket, Key="out/tea.bin", Body=b"theirs")
        assert "already exists" in refusal(commit)

    assert content(direct, bucket) == b"theirs"
    assert uploads(direct, bucket) == []


def test_a_lost_answer_to_a_claim_is_no_claim_of_somebody_else(storage, network, make_file):
    network.fail("lose answer", r"PUT .*\.publishing", times=1)

    storage.publish(make_file(b"x"), storage.resolve("out/tea.bin"), overwrite=False)


@pytest.mark.parametrize("kind", ["cut answer", "busy", "hang", "lose answer"])
def test_a_download_survives_what_passes(storage, network, direct, bucket, tmp_path, kind):
    sent = os.urandom(SMALL)
    direct.put_object(Bucket=bucket, Key="in/tea.bin", Body=sent)
    location = storage.resolve("in/tea.bin")
    network.fail(kind, "GET ", times=1)
    network.fail(kind, "GET ", times=1, skip=1)

    with storage.open(location) as file:
        assert file.read() == sent
    assert storage.fetch(location, tmp_path / "copy").read_bytes() == sent


@pytest.mark.parametrize("kind", ["cut answer", "busy", "hang"])
def test_a_download_that_fails_leaves_no_file(storage, network, direct, bucket, tmp_path, kind):
    direct.put_object(Bucket=bucket, Key="in/tea.bin", Body=bytes(SMALL))
    location = storage.resolve("in/tea.bin")
    folder = tmp_path / "folder"
    folder.mkdir()
    network.fail(kind, "GET ", times=99)

    assert refusal(storage.fetch, location, folder).endswith(".")
    assert list(folder.iterdir()) == []
    with storage.open(location) as file:
        assert refusal(file.read).endswith(".")


def test_ranges_of_two_states_of_an_object_are_never_mixed(storage, direct, bucket):
    direct.put_object(Bucket=bucket, Key="in/tea.bin", Body=b"a" * SMALL)

    with storage.open(storage.resolve("in/tea.bin")) as file:
        file.read(10)
        direct.put_object(Bucket=bucket, Key="in/tea.bin", Body=b"b" * SMALL)
        file.seek(SMALL - 10)
        assert refusal(file.read).endswith("changed while it was read; read it again.")


PUBLISHER = """
import sys
from pathlib import Path
from util_services.storage import S3Settings, S3Storage
storage = S3Storage(S3Settings.from_environment("selfS3"), part_bytes=5 << 20)
file = Path(sys.argv[1])
storage.publish(file, storage.resolve("out/tea.bin"), overwrite=sys.argv[2] == "overwrite")
"""


@pytest.mark.parametrize("mode", ["new", "overwrite"])
@pytest.mark.parametrize("halt", [r"PUT .*partNumber=2", r"POST .*uploadId=", r"POST .*uploads"])
def test_what_a_killed_publisher_left_goes_with_the_next_one(
    network, direct, bucket, settings, make_file, tmp_path, halt, mode, monkeypatch
):
    file = make_file(bytes(LARGE))
    network.fail("hang", halt, times=99)
    environment = os.environ | {"SELFS3_S3_ENDPOINT_URL": network.endpoint_url}
    process = subprocess.Popen([sys.executable, "-c", PUBLISHER, str(file), mode], env=environment)
    try:
        while not any("tea.bin?" in line and "publishing" not in line for line in network.requests):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert keys(direct, bucket) == ["out/tea.bin.publishing"]

    monkeypatch.setattr(s3_claims, "WAIT_SECONDS", 0.0)  # the dead hold no claim
    storage = S3Storage(settings, part_bytes=PART)
    storage.publish(make_file(b"next"), storage.resolve("out/tea.bin"), overwrite=False)

    assert keys(direct, bucket) == ["out/tea.bin"]
    assert content(direct, bucket) == b"next"
    assert uploads(direct, bucket) == []


def test_the_claim_of_a_living_process_is_respected(
    storage, direct, bucket, make_file, monkeypatch
):
    monkeypatch.setattr(s3_claims, "WAIT_SECONDS", 0.5)
    location = storage.resolve("out/tea.bin")

    with storage.claim(location, exclusive=True):
        message = refusal(storage.publish, make_file(b"x"), location, overwrite=True)

    assert message == (
        f"Another run is publishing 's3://{bucket}/out/tea.bin' (claim 's3://{bucket}/out/tea.bin"
        ".publishing'); wait for its end and start this one again."
    )
    assert keys(direct, bucket) == []


def test_a_claim_that_nobody_renews_expires_and_its_holder_knows(
    storage, settings, direct, bucket, make_file, monkeypatch
):
    """The holder stands still, as under SIGSTOP: its claim is taken, and it does not commit."""
    location = storage.resolve("out/tea.bin")
    with (
        storage.claim(location, exclusive=False) as claim,
        claim.prepare(make_file(bytes(LARGE)), overwrite=True) as commit,
    ):
        monkeypatch.setattr(s3_claims, "LEASE_SECONDS", 1.0)
        time.sleep(2.5)
        other = S3Storage(settings)
        other.publish(make_file(b"other"), location, overwrite=False)
        assert "lost its claim" in refusal(commit)

    assert content(direct, bucket) == b"other"
    assert keys(direct, bucket) == ["out/tea.bin"]
    assert uploads(direct, bucket) == []


def test_a_claim_is_renewed_for_as_long_as_it_is_held(
    storage, settings, direct, bucket, make_file, monkeypatch
):
    monkeypatch.setattr(s3_claims, "LEASE_SECONDS", 9.0)
    monkeypatch.setattr(s3_claims, "WAIT_SECONDS", 12.0)
    location = storage.resolve("out/tea.bin")

    with storage.claim(location, exclusive=True) as claim:
        other = S3Storage(settings)
        assert "Another run" in refusal(other.publish, make_file(b"x"), location, overwrite=False)
        with claim.prepare(make_file(b"ours"), overwrite=False) as commit:
            commit()

    assert content(direct, bucket) == b"ours"


def test_of_many_who_find_a_dead_claim_one_takes_it(settings, direct, bucket, make_file):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, env=os.environ.copy()
    )
    assert process.stdout.readline() == b"held\n"
    process.kill()
    process.wait()
    process.stdout.close()
    holders, most, start = [], [], threading.Barrier(4)

    def publish():
        storage = S3Storage(settings)
        location = storage.resolve("out/tea.bin")
        storage.fingerprint(location)
        start.wait()
        with storage.claim(location, exclusive=True):
            holders.append(1)
            most.append(len(holders))
            time.sleep(0.2)
            holders.pop()

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1, 1, 1, 1]
    assert keys(direct, bucket) == []


HOLDER = """
import time
from util_services.storage import S3Settings, S3Storage
storage = S3Storage(S3Settings.from_environment("selfS3"))
with storage.claim(storage.resolve("out/tea.bin"), exclusive=True):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_file_that_is_no_claim_is_left_alone(storage, direct, bucket, make_file, monkeypatch):
    monkeypatch.setattr(s3_claims, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(s3_claims, "LEASE_SECONDS", -1.0)
    direct.put_object(Bucket=bucket, Key="out/tea.bin.publishing", Body=b"somebody's")

    assert "Another run" in refusal(
        storage.publish, make_file(b"x"), storage.resolve("out/tea.bin"), overwrite=True
    )
    assert keys(direct, bucket) == ["out/tea.bin.publishing"]
