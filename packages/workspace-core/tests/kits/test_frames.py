"""Data frames from files of resources and to them: what is recorded is what was read."""

import os
import threading

import pandas as pd
import pytest
from blake3 import blake3

from workspace_core.errors import ConfigurationError, StoreWriteError
from workspace_core.kits.pandas import FORMS, read_frame, write_frame
from workspace_core.lineage import ChangedInputError, LineageBuilder, ResourceRef, reading
from workspace_core.workspace import load_workspace

FRAME = pd.DataFrame({"id": [1, 2], "ward": ["north", "süd"], "beds": [12.5, 7.0]})


def step(name="clean"):
    return LineageBuilder().with_step_name(name).with_inputs_when_read().eval()


def write(study, path, text):
    (study.folder / path).write_text(text)


def names(certificates):
    return [str(one.ref) for one in certificates]


def identity(study, path):
    return f"blake3:{blake3((study.folder / path).read_bytes()).hexdigest()}"


@pytest.mark.parametrize("form", [*FORMS, ".csv.gz", ".tsv.zst", ".jsonl.bz2"])
def test_a_frame_comes_back_as_it_was_written_in_each_form(study, form):
    options = {"orient": "records"} if form == ".json" else {}

    where = write_frame(FRAME, "clean", f"deep/beds{form}", **options)

    assert where == ResourceRef("clean", f"deep/beds{form}")
    found = read_frame("clean", f"deep/beds{form}")
    pd.testing.assert_frame_equal(found, FRAME, check_dtype=form in (".parquet", ".feather"))
    assert os.listdir(study.folder / "clean/deep") == [f"beds{form}"]
    assert study.records() == []


def test_a_step_has_read_and_written_exactly_these_files(study):
    write(study, "raw/a.csv", "id\n1\n2\n")
    write(study, "raw/b.csv", "id\n1\n")

    with step() as lineage:
        frame = read_frame("raw", "a.csv", lineage, dtype="int8")
        write_frame(frame[:1], "clean", "a.parquet", lineage)

    (found,) = study.records()
    assert [(str(one.ref), one.hashval) for one in found.input_resources] == [
        ("raw:/a.csv", identity(study, "raw/a.csv"))
    ]
    assert [(str(one.ref), one.hashval) for one in found.output_resources] == [
        ("clean:/a.parquet", identity(study, "clean/a.parquet"))
    ]
    write(study, "raw/b.csv", "id\n3\n")
    assert study.stale() == {}
    write(study, "raw/a.csv", "id\n3\n")
    assert study.stale() == {"clean:/a.parquet": "raw:/a.csv has changed since clean read it"}


def test_what_was_read_before_it_changed_is_what_is_recorded(study):
    write(study, "raw/a.csv", "id\n1\n")
    before = identity(study, "raw/a.csv")

    with step() as lineage:
        read_frame("raw", "a.csv", lineage)
        write(study, "raw/a.csv", "id\n2\n")
        write_frame(FRAME, "clean", "a.csv", lineage)

    (found,) = study.records()
    (read,) = found.input_resources
    assert (read.hashval, read.changed) == (before, True)
    assert read.hash_at_end == identity(study, "raw/a.csv")
    assert list(study.stale()) == ["clean:/a.csv"]


def test_a_file_that_changes_while_it_is_read_is_an_error(study):
    write(study, "raw/a.csv", "id\n1\n")
    workspace = load_workspace(f"git:{study.folder}", batch=True)

    with (
        pytest.raises(ChangedInputError, match=r"raw:/a\.csv changed while it was read, so"),
        reading(workspace, ResourceRef("raw", "a.csv")),
    ):
        write(study, "raw/a.csv", "id\n2\n")


def test_a_file_that_is_another_one_when_it_is_read_again_is_an_error(study):
    write(study, "raw/a.csv", "id\n1\n")

    lineage = step()
    read_frame("raw", "a.csv", lineage)
    read_frame("raw", "a.csv", lineage)
    write(study, "raw/a.csv", "id\n2\n")

    with pytest.raises(ConfigurationError, match="read all of its inputs again"), lineage:
        read_frame("raw", "a.csv", lineage)

    assert study.newest().status == "failed"


def test_what_a_step_reads_back_of_its_own_is_no_input(study):
    write(study, "raw/a.csv", "id\n1\n")
    with step() as lineage:
        frame = read_frame("raw", "a.csv", lineage)
        write_frame(frame, "clean", "a.csv", lineage)
        read_frame("clean", "a.csv", lineage)
    assert names(study.newest().input_resources) == ["raw:/a.csv"]

    with step("add") as lineage:  # this one reads what another step has written, and replaces it
        frame = read_frame("clean", "a.csv", lineage)
        write_frame(frame * 2, "clean", "a.csv", lineage)
        read_frame("clean", "a.csv", lineage)
    assert names(study.newest().input_resources) == ["clean:/a.csv"]


def test_a_part_of_an_input_that_was_named_is_no_further_one(study):
    write(study, "raw/a.csv", "id\n1\n")

    with LineageBuilder().with_step_name("s").with_input_path("raw").eval() as lineage:
        read_frame("raw", "a.csv", lineage)
    assert names(study.newest().input_resources) == ["raw"]

    lineage = LineageBuilder().with_step_name("s").with_input_path("raw").eval()
    write(study, "raw/a.csv", "id\n2\n")
    with pytest.raises(ConfigurationError, match="read all of its inputs again"), lineage:
        read_frame("raw", "a.csv", lineage)


@pytest.mark.parametrize(
    ("resource", "path", "sentence"),
    [
        ("raw", "a.csv", "it holds source data, which are never written"),
        ("results", "snapshots/a.csv", "what lies in 'snapshots' belongs to snapshots"),
        ("results", "../clean/a.csv", "does not lie in the resource"),
        ("nothing", "a.csv", "There is no resource 'nothing'"),
        ("clean", "a.sav", "has no form that is known here"),
        ("clean", "a.parquet.gz", "has no form that is known here"),
        ("clean", "folder.csv", "is a folder; name a file in it"),
    ],
)
def test_nothing_is_written_where_nothing_may_be(study, resource, path, sentence):
    (study.folder / "clean/folder.csv").mkdir()

    with pytest.raises(ValueError, match=sentence):
        write_frame(FRAME, resource, path)

    assert os.listdir(study.folder / "raw") == []


def test_a_link_does_not_lead_to_source_data(study):
    write(study, "raw/a.csv", "id\n1\n")
    os.symlink(study.folder / "raw/a.csv", study.folder / "clean/a.csv")

    with pytest.raises(ConfigurationError, match="it holds source data"):
        write_frame(FRAME, "clean", "a.csv")

    assert (study.folder / "raw/a.csv").read_text() == "id\n1\n"


def test_what_is_not_there_or_no_file_cannot_be_read(study):
    with pytest.raises(ConfigurationError, match=r"raw:/a\.csv is no file"):
        read_frame("raw", "a.csv")


def test_a_write_that_fails_leaves_what_was_there(study):
    write(study, "clean/a.csv", "as before")

    class Unwritable:
        def __str__(self):
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreWriteError, match="No space left on device"), step() as lineage:
        write_frame(pd.DataFrame({"x": [Unwritable()]}), "clean", "a.csv", lineage)

    assert (study.folder / "clean/a.csv").read_text() == "as before"
    assert os.listdir(study.folder / "clean") == ["a.csv"]
    assert (study.newest().status, study.newest().output_resources) == ("failed", ())


def test_readers_see_the_former_file_or_the_new_one(study):
    frames = [pd.DataFrame({"x": range(size)}) for size in (2000, 3000)]
    write_frame(frames[0], "clean", "a.csv")
    ends, seen = threading.Event(), set()

    def look():
        while not ends.is_set():
            with open(study.folder / "clean/a.csv") as file:
                seen.add(len(file.read().splitlines()))

    looking = threading.Thread(target=look)
    looking.start()
    for number in range(40):
        write_frame(frames[number % 2], "clean", "a.csv")
    ends.set()
    looking.join()

    assert seen <= {2001, 3001}


def test_frames_of_a_workspace_elsewhere(study, tmp_path, monkeypatch):
    write(study, "raw/a.csv", "id\n1\n")
    monkeypatch.chdir(tmp_path)

    assert read_frame("raw", "a.csv", workspace_dir=str(study.folder))["id"].tolist() == [1]
    builder = LineageBuilder().with_step_name("s").with_workspace_directory(study.folder)
    with builder.with_inputs_when_read().eval() as lineage:
        read_frame("raw", "a.csv", lineage)

    assert names(study.newest().input_resources) == ["raw:/a.csv"]
