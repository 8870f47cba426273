"""A central workspace in a bucket, behind a network that loses what is asked and answered."""

import pytest
from faulty_network import faulty_network

from workspace_core import api
from workspace_core.sharing.central_errors import OutOfReachError, UnpublishedError
from workspace_core.sharing.errors import SharingError

ALWAYS = float("inf")


@pytest.fixture
def network(moto_server, s3_bucket, monkeypatch):
    with faulty_network(moto_server.endpoint_url) as network:
        monkeypatch.setenv("SELFS3_S3_ENDPOINT_URL", network.endpoint_url)
        monkeypatch.setenv("SELFS3_S3_TIMEOUT_SECONDS", "3")
        monkeypatch.setenv("SELFS3_S3_ATTEMPTS", "2")
        yield network


@pytest.fixture
def place(s3_bucket):
    return f"s3://{s3_bucket}/team/study"


@pytest.fixture
def alice(network, machine, place):
    found = machine("alice")
    api.init(str(found.folder), backend="central", at=place, resource="selfS3")
    found.write("raw/a.csv", "id\n1\n")
    api.add("local-files", "source-data", str(found.folder / "raw"), str(found.folder))
    api.take_snapshot(str(found.folder), "base")
    network.requests.clear()
    return found


def test_a_look_costs_two_requests_and_a_snapshot_a_few(alice, network):
    assert alice.tags() == ["base"]
    looking = len(network.requests)
    network.requests.clear()
    alice.write("raw/a.csv", "id\n2\n")

    api.take_snapshot(str(alice.folder))

    assert looking <= 4  # of the history, and of the tags
    assert len(network.requests) <= 20


@pytest.mark.parametrize("kind", ["lose answer", "cut answer", "busy", "cut request"])
def test_a_change_of_which_the_answer_is_lost_is_recorded_once(
    alice, machine, network, place, kind
):
    fault = network.fail(kind, "PUT .*/records/", times=1)

    api.take_snapshot(str(alice.folder), "second")

    assert fault.times == 0
    bob = machine("bob")
    api.clone(f"central:{place}", str(bob.folder), resource="selfS3")
    assert [one.tags for one in bob.history()] == [("base",), ("second",)]
    assert api.verify(str(bob.folder)).is_sound


@pytest.mark.parametrize("what", ["PUT .*/records/", "PUT .*/packs/"])
def test_a_snapshot_that_the_place_does_not_take_comes_there_with_the_next_command(
    alice, machine, network, place, what
):
    alice.write("raw/a.csv", "id\n2\n")
    fault = network.fail("busy", what, times=ALWAYS)
    with pytest.raises(UnpublishedError, match="the next command brings it there"):
        api.take_snapshot(str(alice.folder), "second")
    fault.times = 0

    api.config(str(alice.folder), "results.dir_template", "snapshots/{TAG}")

    bob = machine("bob")
    api.clone(f"central:{place}", str(bob.folder), resource="selfS3")
    assert bob.tags() == ["base", "second"]
    assert bob.read("raw/a.csv") == "id\n2\n"


def test_an_attachment_that_is_cut_off_leaves_no_half_and_is_gone_on_with(
    alice, machine, network, place
):
    bob = machine("bob")
    fault = network.fail("cut answer", "GET .*/packs/", times=ALWAYS)
    with pytest.raises((SharingError, OSError, ValueError)):
        api.clone(f"central:{place}", str(bob.folder), resource="selfS3")
    assert not bob.folder.exists()
    fault.times = 0

    api.clone(f"central:{place}", str(bob.folder), resource="selfS3")

    assert bob.read("raw/a.csv") == "id\n1\n"
    assert not bob.folder.with_name(".bob.cloning").exists()


def test_credentials_that_have_gone_stale_are_told_in_a_sentence(alice, monkeypatch):
    monkeypatch.setenv("SELFS3_S3_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(OutOfReachError, match="is out of reach"):
        alice.history()
    monkeypatch.delenv("SELFS3_S3_ACCESS_KEY")
    said = alice.refused("snapshot")
    assert "SELFS3" in said or "credential" in said.lower(), said
