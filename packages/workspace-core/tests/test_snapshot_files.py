"""Files as of a snapshot, through fsspec: dws://workspace@snapshot/resource/path."""

import os

import fsspec
import pandas as pd
import pytest

from workspace_core import api
from workspace_core.errors import ApiParamError, ConfigurationError, NotSupportedError

LARGE = os.urandom(3_000_000)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A workspace whose folder has changed since its snapshot."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "my@work"
    raw = folder / "raw"
    (raw / "sub/empty").mkdir(parents=True)
    (raw / "a.csv").write_text("id,name\n1,ü\n2,b\n")
    (raw / "sub/large.bin").write_bytes(LARGE)
    (raw / "link.csv").symlink_to("a.csv")
    (raw / "up").symlink_to("sub/../a.csv")
    (raw / "out").symlink_to("../../secret")
    (raw / "absolute").symlink_to("/etc/hostname")
    (raw / "loop").symlink_to("loop")
    (tmp_path / "secret").write_text("s")
    api.init(str(folder))
    api.add("local-files", "source-data", str(raw), str(folder))
    api.take_snapshot(str(folder), "first")
    (raw / "a.csv").write_text("changed\n")
    (raw / "sub/large.bin").unlink()
    return folder


def test_a_file_is_read_as_it_was(place):
    with fsspec.open(f"dws://{place}@first/raw/a.csv", "rt", encoding="utf-8") as file:
        assert file.read() == "id,name\n1,ü\n2,b\n"
    assert (place / "raw/a.csv").read_text() == "changed\n"


def test_pandas_reads_a_file_of_a_snapshot(place):
    frame = pd.read_csv(f"dws://{place}@first/raw/a.csv")

    assert frame.to_dict("list") == {"id": [1, 2], "name": ["ü", "b"]}


def test_the_nearest_workspace_is_meant_without_a_name(place, monkeypatch):
    monkeypatch.chdir(place / "raw")

    assert fsspec.filesystem("dws").cat_file("dws://@first/raw/a.csv").startswith(b"id,name")


def test_parts_of_large_files_are_read(place):
    files = fsspec.filesystem("dws")
    path = f"dws://{place}@first/raw/sub/large.bin"

    assert files.cat_file(path, 1_500_000, 1_500_100) == LARGE[1_500_000:1_500_100]
    assert files.cat_file(path, -10) == LARGE[-10:]
    assert files.cat_file(path) == LARGE
    with files.open(path) as file:
        file.seek(2_000_000)
        assert file.read(7) == LARGE[2_000_000:2_000_007]


def test_folders_are_listed(place):
    files = fsspec.filesystem("dws")
    base = f"{place}@first"

    assert [os.path.basename(one) for one in files.ls(f"dws://{base}/raw", detail=False)] == [
        "a.csv",
        "absolute",
        "link.csv",
        "loop",
        "out",
        "sub",
        "up",
    ]
    assert [one["name"].split("@first")[1] for one in files.ls(f"dws://{base}")] == ["/raw"]
    assert files.ls(f"dws://{base}/raw/sub/empty") == []
    assert files.isdir(f"dws://{base}/raw/sub")
    assert files.isfile(f"dws://{base}/raw/a.csv")
    assert not files.exists(f"dws://{base}/raw/nothing")
    assert not files.exists(f"dws://{base}/other/a.csv")
    assert files.size(f"dws://{base}/raw/sub/large.bin") == len(LARGE)
    found = files.find(f"dws://{base}/raw/sub")
    assert [one.split("@first")[1] for one in found] == ["/raw/sub/large.bin"]


@pytest.mark.parametrize("name", ["link.csv", "up"])
def test_links_are_followed_within_the_resource(place, name):
    assert fsspec.filesystem("dws").cat_file(f"dws://{place}@first/raw/{name}")[:2] == b"id"


@pytest.mark.parametrize("name", ["out", "absolute", "loop", "nothing", "../raw/../../secret"])
def test_nothing_outside_of_the_resource_is_reached(place, name):
    with pytest.raises(FileNotFoundError):
        fsspec.filesystem("dws").cat_file(f"dws://{place}@first/raw/{name}")


def test_snapshots_cannot_be_written(place):
    with pytest.raises(NotSupportedError, match="Snapshots never change"):
        fsspec.filesystem("dws").open(f"dws://{place}@first/raw/a.csv", "wb")


def test_an_address_without_a_snapshot_is_refused(place):
    with pytest.raises(ApiParamError, match="names no snapshot"):
        fsspec.filesystem("dws").ls("dws://work/raw")
    with pytest.raises(ConfigurationError, match="no snapshot with the tag"):
        fsspec.filesystem("dws").ls(f"dws://{place}@second/raw")


def test_an_open_file_outlives_the_deletion_of_its_snapshot(place):
    with fsspec.open(f"dws://{place}@first/raw/sub/large.bin") as file:
        assert file.read(5) == LARGE[:5]
        api.delete_snapshot("first", str(place))
        assert file.read() == LARGE[5:]
