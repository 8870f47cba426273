"""What nobody needs, and what has to go, is removed from the place of a central workspace."""

import random

import pytest

from workspace_core import api
from workspace_core.backends.shared_content import needed
from workspace_core.errors import ErasedObjectError
from workspace_core.workspace import find_and_load_workspace

SECRET = random.Random(3).randbytes(3_000_000)  # kept in chunks
REASON = "consent withdrawn"


def bytes_of(place):
    packs = sorted((place / "packs").iterdir())
    return b"".join(file.read_bytes() for file in packs)


@pytest.fixture
def shared(alice):
    """Alice has a snapshot with a file of a person, and one after it was removed."""
    (alice.folder / "raw/person.bin").write_bytes(SECRET)
    alice.write("raw/beside.csv", "stays\n")
    alice("snapshot", "with-person")
    (alice.folder / "raw/person.bin").unlink()
    alice("snapshot", "without-person")
    return alice


def test_the_content_of_a_deleted_snapshot_goes_from_the_place(shared, bob, central, content):
    before = len(bytes_of(central))
    shared("delete-snapshot", "with-person")

    first = shared.json("gc", "--remote", "--grace", "0")

    assert first["bytes_freed"] > 2_900_000
    assert len(bytes_of(central)) < before - 2_900_000
    bob.write("raw/bob.csv", "of bob\n")
    bob("snapshot", "bob-1")
    shared("pull")
    for tag in ("base", "without-person", "bob-1"):
        bob("restore", tag)
    assert bob.json("verify")["is_sound"]
    assert shared.json("verify")["is_sound"]


def test_what_is_young_or_of_a_snapshot_stays(shared, central):
    before = bytes_of(central)
    told = shared.json("gc", "--remote", "--grace", "0", "--dry-run")
    shared("gc", "--remote", "--grace", "0")
    shared("delete-snapshot", "with-person")
    shared("gc", "--remote")

    assert told["objects"] == 0
    assert bytes_of(central) == before


def test_nothing_goes_if_another_machine_has_recorded_meanwhile(shared, bob, central):
    workspace = find_and_load_workspace(str(shared.folder))
    with workspace.locked():
        found = needed(workspace)
        assert found.is_current()
        bob.write("raw/bob.csv", "of bob\n")
        bob("snapshot", "bob-1")
        assert not found.is_current()


def test_an_erased_file_is_gone_from_the_place_and_named_on_every_machine(shared, bob, central):
    bob("restore", "with-person", "--only", "raw")
    bob("restore", "without-person", "--only", "raw")

    said = shared("erase", "raw/person.bin", "--reason", REASON)

    assert f"erased here and on {central}" in said
    stored = bytes_of(central) + bytes_of(shared.folder / ".dataworkspace/store")
    for at in range(0, len(SECRET) - 40, 50_000):
        assert SECRET[at : at + 40] not in stored
    verified = shared.json("verify")
    assert verified["is_sound"]
    assert {(one["kind"], one["path"]) for one in verified["findings"]} == {
        ("erased", "person.bin")
    }
    with pytest.raises(ErasedObjectError, match=REASON):
        api.restore("with-person", str(shared.folder), only=["raw"], strict=True)
    bob("erase", "--as-remote")
    assert SECRET[:40] not in bytes_of(bob.folder / ".dataworkspace/store")
    assert REASON in bob("restore", "with-person", "--only", "raw")
    bob("restore", "with-person", "raw/beside.csv")


def test_a_machine_that_has_nothing_of_it_can_erase_it(shared, machine, central):
    carol = machine("carol")
    api.clone(f"central:{central}", str(carol.folder), hostname="carol")

    carol("erase", "raw/person.bin", "--reason", REASON)

    assert SECRET[:40] not in bytes_of(central)
    assert REASON in carol("restore", "with-person", "--only", "raw")


def test_who_is_attached_later_is_told(shared, machine, central):
    shared("erase", "raw/person.bin", "--reason", REASON)
    dora = machine("dora")
    api.clone(f"central:{central}", str(dora.folder), hostname="dora")

    assert REASON in dora("restore", "with-person", "--only", "raw")
    assert dora.json("verify")["is_sound"]
    dora("restore", "with-person", "raw/beside.csv")
