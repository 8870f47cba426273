import pytest

from util_services.storage.patterns import Pattern
from util_services.storage.protocol import Location, ObjectState
from util_services.watching.selection import Place, select

PART = "part-00000-0123456789abcdef.parquet"


def chosen(names, path="in/", ignored=(), outputs=False, size=5):
    """Return which names below `in/` are chosen."""
    listing = [
        ObjectState(Location("bucket", f"prefix/in/{name}"), size, f"{name}-1", 0.0)
        for name in names
    ]
    patterns = tuple(map(Pattern.of, ignored))
    place = Place("s3://bucket/prefix/in/", Pattern.of(path), patterns, outputs)
    found = select(listing, place)
    assert set(found) == {f"s3://bucket/prefix/in/{one.below}" for one in found.values()}
    return sorted(one.below for one in found.values())


def test_inputs_at_any_depth_are_chosen():
    assert chosen(["a.csv", "b/c.parquet", "b/ä ö.csv.gz"]) == [
        "a.csv",
        "b/c.parquet",
        "b/ä ö.csv.gz",
    ]


def test_a_pattern_chooses_by_name():
    names = ["a.csv", "b.txt", "c/d.csv"]

    assert chosen(names, "in/*.csv") == ["a.csv"]
    assert chosen(names, "in/**.csv", ignored=["c/"]) == ["a.csv"]
    assert chosen(names, ignored=["*.txt", "c/*.csv"]) == ["a.csv"]


@pytest.mark.parametrize(
    "name",
    [
        "_test_runs/run-1/a.csv",
        ".data-services-staging/run-1/a.parquet",
        ".hidden.csv",
        "a/_SUCCESS",
        "a/.rsync.csv.Xy12",
        "a.csv.publishing",
        "a.csv.publishing.0123",
        ".publishing-0123456789abcdef",
        "a.csv.report.json",
        "a.csv.report.html",
        "a.csv.quarantine.jsonl",
        f"out/{PART}",
        "folder/",
        "a.csv.tmp",
        "a.csv.PART",
        "a.csv.filepart",
        "a.csv.crdownload",
        "a.csv~",
        "~$a.xlsx",
        "#a.csv#",
    ],
)
def test_what_is_hidden_temporary_or_beside_data_is_passed_over(name):
    assert chosen([name]) == []


def test_an_output_is_passed_over_with_all_that_belongs_to_it():
    names = ["a.csv", "out.csv", "out.csv.report.json", "out.csv.report.html"]

    assert chosen(names) == ["a.csv"]


def test_a_dataset_of_part_files_is_passed_over_with_its_manifest():
    assert chosen([f"out/{PART}", "out/_manifest.json", "out.report.json"]) == []


def test_outputs_are_chosen_on_request_each_as_one_and_never_their_reports():
    names = [
        *("a.csv", "out.csv", "out.csv.report.json"),
        *(f"parts/{PART}", "parts/_manifest.json", "parts.report.json"),
    ]

    assert chosen(names, outputs=True) == ["a.csv", "out.csv", "parts/"]
    assert chosen(names, "in/*.csv", outputs=True) == ["a.csv", "out.csv"]


def test_an_unfinished_dataset_of_part_files_is_passed_over():
    assert chosen([f"out/{PART}"], outputs=True) == []


def test_an_empty_object_is_not_whole():
    listing = [ObjectState(Location("", f"/in/{size}.csv"), size, "v", 0.0) for size in (0, 1)]

    found = select(listing, Place("/in/", Pattern.of("in/")))

    assert {one.below: one.is_whole for one in found.values()} == {"0.csv": False, "1.csv": True}


def test_addresses_outside_the_place_are_not_held():
    place = Place("/data/in/", Pattern.of("in/*.csv"), (Pattern.of("b*"),))

    assert place.holds("/data/in/a.csv")
    assert not any(map(place.holds, ["/data/in/b.csv", "/data/in/a.txt", "/data/in2/a.csv"]))
