"""What holds for every storage, tried on a folder and on a real S3 server."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from util_services.errors import StorageError
from util_services.storage.patterns import Pattern

HOSTILE = {
    "empty": "",
    "blank": "  ",
    "control": "in\x07.csv",
    "newline": "in\n.csv",
    "nul": "in\0.csv",
    "delete": "in\x7f.csv",
    "line separator": "in\u2028.csv",
    "lone surrogate": "in\ud800.csv",
    "parent": "../in.csv",
    "hidden parent": "a/../../in.csv",
}


@pytest.mark.parametrize("path", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_path_is_refused_in_one_line(storage, path):
    with pytest.raises(StorageError) as refused:
        storage.resolve(path)

    assert "\n" not in str(refused.value)
    assert str(refused.value).isprintable()


def test_two_ways_to_write_an_address_are_one_location(storage):
    location = storage.resolve("in/tea.csv")

    assert storage.resolve(str(location)) == location
    assert location.name == "tea.csv"
    assert str(location.beside(".report.json")).endswith("in/tea.csv.report.json")


def test_what_is_absent_has_no_fingerprint(storage):
    assert storage.fingerprint(storage.resolve("in/absent.csv")) is None


def test_a_fingerprint_stays_until_the_object_changes(storage, put):
    location = put("in/tea.csv", b"green")
    first = storage.fingerprint(location)

    assert storage.fingerprint(location) == first
    assert first.size == 5

    put("in/tea.csv", b"black")
    assert storage.fingerprint(location) != first


def test_open_reads_any_range(storage, put):
    content = os.urandom(3_000_000)
    location = put("in/tea.bin", content)

    with storage.open(location) as file:
        assert file.read(10) == content[:10]
        assert file.seek(-7, os.SEEK_END) == len(content) - 7
        assert file.read() == content[-7:]
        assert file.read(1) == b""
        file.seek(1_500_000)
        assert file.read(900_000) == content[1_500_000:2_400_000]
        file.seek(-900_000, os.SEEK_CUR)
        assert file.tell() == 1_500_000
        file.seek(0)
        assert file.read() == content


def test_fetch_gives_a_local_file_with_the_same_bytes(storage, put, tmp_path):
    content = os.urandom(100_000)
    location = put(f"in/{'long' * 50}.bin", content)

    assert storage.fetch(location, tmp_path / "copy").read_bytes() == content


def test_an_object_that_is_not_there_cannot_be_fetched_or_opened(storage, tmp_path):
    location = storage.resolve("in/absent.csv")

    with (
        pytest.raises(StorageError, match=r"^There is no .*; check the path\.$"),
        storage.open(location) as file,
    ):
        file.read()


def test_publishing_makes_an_object_and_uses_up_the_file(storage, make_file):
    location, file = storage.resolve("out/new/tea.csv"), make_file(b"green")
    storage.check_writable(location)

    storage.publish(file, location, overwrite=False)

    assert not file.exists()
    with storage.open(location) as content:
        assert content.read() == b"green"


def test_an_existing_object_is_not_replaced_unless_asked(storage, put, make_file):
    location = put("out/tea.csv", b"green")

    with pytest.raises(StorageError, match=r"already exists; choose another path or set"):
        storage.publish(make_file(b"black"), location, overwrite=False)
    with storage.open(location) as content:
        assert content.read() == b"green"

    storage.publish(make_file(b"black"), location, overwrite=True)
    with storage.open(location) as content:
        assert content.read() == b"black"


def test_of_two_publishers_exactly_one_wins(storage, make_file):
    location = storage.resolve("out/raced.csv")
    start, refusals = threading.Barrier(4), []

    def publish(content):
        file = make_file(content)
        start.wait()
        try:
            storage.publish(file, location, overwrite=False)
        except StorageError as error:
            refusals.append(str(error))

    storage.fingerprint(location)  # makes the client, which is not safe to make twice at once
    publishers = [threading.Thread(target=publish, args=(b"%d" % n,)) for n in range(4)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()

    assert len(refusals) == 3
    assert all("already exists" in refusal for refusal in refusals)


def test_removing_is_final_and_may_be_repeated(storage, put):
    location = put("out/tea.csv", b"green")

    storage.remove(location)
    storage.remove(location)

    assert storage.fingerprint(location) is None


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("in/", ["a.csv", "b.csv", "c/d.csv", "c/e/f.txt"]),
        ("in/*.csv", ["a.csv", "b.csv"]),
        ("in/*", ["a.csv", "b.csv"]),
        ("in/**.csv", ["a.csv", "b.csv", "c/d.csv"]),
        ("in/*/*.csv", ["c/d.csv"]),
        ("in/*/", ["c/d.csv", "c/e/f.txt"]),
        ("in/**/f.txt", ["c/e/f.txt"]),
        ("in/_hidden/", ["x.csv"]),
        ("in/_*/*", ["x.csv"]),
        ("in/[a].csv*", []),
        ("in/A*", []),
        ("nothing/", []),
        ("nothing/*.csv", []),
    ],
)
def test_a_pattern_names_objects_in_the_order_of_their_paths(storage, put, pattern, found):
    for name in ("b.csv", "a.csv", "c/d.csv", "c/e/f.txt", "_hidden/x.csv", ".y.csv"):
        put(f"in/{name}", b"x")
    put("inside.csv", b"x")

    places = storage.find(Pattern.of(pattern))

    assert [place.path.rpartition("in/")[2].removeprefix("_hidden/") for place in places] == found
    assert all(storage.fingerprint(place).size == 1 for place in places)


def test_more_objects_are_found_than_a_store_lists_at_once(s3_or_rgw_storage):
    storage = s3_or_rgw_storage
    names = [f"{number:04}.csv" for number in range(1_005)]

    def make(name):
        place = storage.resolve(f"in/{name}")
        storage.client.put_object(Bucket=place.container, Key=place.path, Body=b"x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, names))

    assert [place.name for place in storage.find(Pattern.of("in/*.csv"))] == names


@pytest.mark.parametrize("pattern", ["../", "../*.csv", "a/../../*.csv", "in\x07/*.csv"])
def test_a_hostile_pattern_is_refused(storage, pattern):
    with pytest.raises(StorageError):
        storage.find(Pattern.of(pattern))


def test_a_claim_is_seen_while_it_is_held(storage):
    location = storage.resolve("out/_manifest.json")
    assert not storage.is_claimed(location)

    with storage.claim(location, exclusive=True):
        assert storage.is_claimed(location)
        assert storage.find(Pattern.of("out/")) == []

    assert not storage.is_claimed(location)


def test_what_belongs_to_a_claimed_place_may_be_large(storage, make_file):
    content = os.urandom(200_000)
    if storage.kind == "s3":
        storage.part_bytes = 5 << 20
        content = os.urandom(11 << 20)
    beside = storage.resolve("out/part-0.bin")

    with storage.claim(storage.resolve("out/_manifest.json"), exclusive=True) as claim:
        claim.put(make_file(content), beside)

    with storage.open(beside) as file:
        assert file.read() == content


def test_looking_shows_every_object_below_a_folder_with_its_state(storage, put):
    for name in ("a.csv", "b/c.csv", "b/_manifest.json"):
        put(f"in/{name}", b"green")
    put("inside.csv", b"x")

    found = {one.location.path.rpartition("in/")[2]: one for one in storage.look(Pattern.of("in/"))}

    assert sorted(found) == ["a.csv", "b/_manifest.json", "b/c.csv"]
    assert {one.size for one in found.values()} == {5}
    assert all(abs(one.modified - time.time()) < 3_600 for one in found.values())
    assert [str(one.location) for one in storage.look(Pattern.of("nothing/"))] == []


def test_what_is_seen_changes_with_each_write_even_of_the_same_content(storage, put):
    def version():
        return [one.version for one in storage.look(Pattern.of("in/"))]

    put("in/a.csv", b"green")
    first = version()
    assert version() == first

    time.sleep(1.1)  # some stores count whole seconds
    put("in/a.csv", b"green")

    assert version() != first


def test_looking_at_a_hostile_folder_is_refused(storage):
    with pytest.raises(StorageError):
        list(storage.look(Pattern.of("../")))
