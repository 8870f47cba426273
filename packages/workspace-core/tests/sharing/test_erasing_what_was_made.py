"""Erasing a file with all that was made of it: nothing of it stays, and nothing else goes."""

import pytest

REASON = "consent withdrawn"


def made(person, source, output, *, fails=False):
    """Make a file of another by a recorded run; the first line tells which."""
    name = output.partition("/")[2].partition(".")[0]
    script = f"{{ echo {name}; cat {source}; }} > {output}{'; exit 3' if fails else ''}"
    options = ("--input", source, "--output", output, "--step", name)
    if fails:
        person.refused("run", *options, "--", "sh", "-c", script, code=3)
    else:
        person("run", *options, "--", "sh", "-c", script)


@pytest.fixture
def study(alice):
    """Two patients' files, of each a table, of both tables one more, and of the second a model."""
    (alice.folder / "clean").mkdir()
    alice("add", "local-files", "--role", "i", "clean")
    alice.write("raw/jane.csv", "Jane Doe\n")
    alice.write("raw/john.csv", "John Roe\n")
    made(alice, "raw/jane.csv", "clean/table.csv")
    made(alice, "raw/john.csv", "clean/other.csv")
    made(alice, "clean/table.csv", "clean/model.txt")
    made(alice, "clean/other.csv", "clean/beside.txt")
    alice("snapshot", "all")
    alice("push")
    return alice


def without(person, *files, tag="without"):
    for file in files:
        (person.folder / file).unlink()
    person("snapshot", tag)


def stored(person, place):
    packs = (person.folder / ".dataworkspace/store/packs", place / "data/packs")
    return b"".join(file.read_bytes() for one in packs for file in one.iterdir())


def refs(found):
    return {f"{one['resource']}/{one['path']}" for one in found}


def test_all_that_was_made_of_a_file_goes_with_it_here_and_on_the_remote(study, tmp_path):
    assert b"Jane Doe" in stored(study, tmp_path)
    without(study, "raw/jane.csv", "clean/table.csv", "clean/model.txt")

    said = study("erase", "raw/jane.csv", "--reason", REASON, "--derived")

    assert "clean: model.txt (made by model)" in said
    assert f"3 contents of 1 snapshot erased here and on {tmp_path / 'data'}" in said
    assert b"Jane Doe" not in stored(study, tmp_path)
    assert b"John Roe" in stored(study, tmp_path)
    assert {one["path"] for one in study.json("verify")["findings"]} == {
        "jane.csv",
        "table.csv",
        "model.txt",
    }
    assert REASON in study("restore", "all", "--only", "clean")
    assert REASON in study.refused("restore", "all", "--only", "clean", "--strict")
    told = study.json("lineage", "show", "clean:/model.txt", "--snapshot", "all")
    assert {one["step_name"] for one in told["steps"]} == {"table", "model"}


def test_what_was_made_of_it_is_told_and_stays_unless_it_is_asked_for(study, tmp_path):
    without(study, "raw/jane.csv")

    said = study("erase", "raw/jane.csv", "--reason", REASON)

    assert "Runs made 2 files of it, which stay; --derived erases them:" in said
    assert "clean: table.csv" in said
    assert "other" not in said
    study("restore", "all", "--only", "clean")
    without(study, "clean/table.csv", "clean/model.txt", tag="later")
    done = study.json("erase", "raw/jane.csv", "--reason", REASON, "--derived")
    assert len(done["objects"]) == 3


def test_a_dry_run_names_all_that_has_to_be_removed_first(study):
    done = study.json("erase", "raw/jane.csv", "--reason", REASON, "--derived", "--dry-run")

    folder = str(study.folder)
    assert sorted(done["present"]) == [
        f"{folder}/clean/model.txt",
        f"{folder}/clean/table.csv",
        f"{folder}/raw/jane.csv",
    ]
    said = study.refused("erase", "raw/jane.csv", "--reason", REASON, "--derived")
    assert "and 2 more" in said
    assert study.json("verify")["findings"] == []


def test_a_copy_that_somebody_made_by_hand_counts_as_the_file(study, tmp_path):
    study.write("raw/copy.csv", "Jane Doe\n")
    made(study, "raw/copy.csv", "clean/of-the-copy.txt")
    study("snapshot", "copied")

    done = study.json("erase", "raw/jane.csv", "--reason", REASON, "--derived", "--dry-run")

    assert "clean/of-the-copy.txt" in refs(done["derived"])
    assert "raw/copy.csv" in refs(done["places"])


def test_what_was_never_in_a_snapshot_is_known_by_who_read_it(study, tmp_path):
    study.write("raw/brief.csv", "Jane Doe, too\n")
    made(study, "raw/brief.csv", "clean/of-brief.csv")
    (study.folder / "raw/brief.csv").unlink()
    study("snapshot", "brief")
    without(study, "clean/of-brief.csv")

    assert "No snapshot" in study.refused("erase", "raw/brief.csv", "--reason", REASON)
    study("erase", "raw/brief.csv", "--reason", REASON, "--derived")

    (finding,) = study.json("verify")["findings"]
    assert finding["path"] == "of-brief.csv"


def test_what_nobody_recorded_where_such_runs_wrote_is_named_and_stays(study):
    study.write("clean/model.txt", "by hand, of Jane perhaps\n")
    made(study, "raw/jane.csv", "clean/left.csv", fails=True)
    study.write("clean/left.csv", "half of Jane\n")
    study("snapshot", "doubtful")

    done = study.json("erase", "raw/jane.csv", "--reason", REASON, "--derived", "--dry-run")

    assert refs(done["doubtful"]) == {"clean/model.txt", "clean/left.csv"}
    said = study("erase", "raw/jane.csv", "--reason", REASON, "--derived", "--dry-run")
    assert "Nobody recorded who wrote these" in said


def test_an_empty_file_that_a_run_made_takes_nothing_with_it(study):
    study(
        "run",
        "--input",
        "raw/jane.csv",
        "--output",
        "clean/done",
        "--step",
        "mark",
        "--",
        "sh",
        "-c",
        ": > clean/done",
    )
    made(study, "clean/done", "clean/after.txt")
    study("snapshot", "marked")

    done = study.json("erase", "raw/jane.csv", "--reason", REASON, "--derived", "--dry-run")

    assert refs(done["derived"]) == {"clean/table.csv", "clean/model.txt"}
