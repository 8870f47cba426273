"""What made this, what is out of date and why: in the cases that people meet."""

import json
import subprocess

import pytest

from workspace_core import api
from workspace_core.errors import ConfigurationError, DamagedFileError
from workspace_core.lineage import LineageNotFoundError


def test_ws_10_what_was_made_from_a_source_that_has_changed_is_out_of_date(study):
    """WS-10: the original goes on calling it current."""
    study.step(["raw/a.csv"], ["clean/x"], "clean")
    study.step(["clean/x"], ["results/y"], "fit")
    study.step(["raw/b.csv"], ["clean/other"], "other")
    assert study.stale() == {}

    study.write("raw/a.csv", "NEW")

    assert study.stale() == {
        "clean/x": ["raw:/a.csv has changed since clean read it"],
        "results/y": ["clean:/x, which fit read, is out of date itself"],
    }
    study.step(["raw/a.csv"], ["clean/x"], "clean")
    assert study.stale() == {"results/y": ["clean:/x has changed since fit read it"]}
    study.step(["clean/x"], ["results/y"], "fit")
    assert study.stale() == {}


def test_what_comes_out_the_same_leaves_what_was_made_from_it_up_to_date(study):
    def count():
        with study.builder("count").with_input_path(study.path("raw/a.csv")).eval() as lineage:
            lineage.add_output_path(study.path("clean/n"))
            study.write("clean/n", "1")

    count()
    study.step(["clean/n"], ["results/y"], "fit")
    study.write("raw/a.csv", "b")
    assert set(study.stale()) == {"clean/n", "results/y"}

    count()

    assert study.stale() == {}


def test_code_that_has_changed_makes_things_out_of_date(study):
    study.write("code/model.py", "1")
    builder = study.builder("fit").with_no_inputs().with_code_path(study.path("code/model.py"))
    with builder.with_output_path(study.path("clean/x")).eval():
        study.write("clean/x", "x")

    study.write("code/model.py", "2")

    assert study.stale() == {"clean/x": ["code:/model.py has changed since fit read it"]}


def test_a_folder_that_was_read_names_the_files_that_have_changed(study):
    with study.builder("fit").with_input_path(study.path("raw")).eval() as lineage:
        lineage.add_output_path(study.path("clean/x"))
        study.write("clean/x", "x")

    study.write("raw/new.csv", "new")
    (study.folder / "raw/a.csv").unlink()
    (study.folder / "raw/b.csv").chmod(0o600)

    assert study.stale() == {"clean/x": ["raw (a.csv, new.csv) has changed since fit read it"]}


def test_a_source_that_is_gone_is_a_reason(study):
    study.step(["raw/a.csv"], ["clean/x"], "fit")
    (study.folder / "raw/a.csv").unlink()

    assert study.stale() == {"clean/x": ["raw:/a.csv is gone since fit read it"]}


def test_a_step_that_replaces_what_it_reads_is_not_out_of_date_by_that(study):
    study.step(["raw/a.csv"], ["clean/x"], "make")
    study.step(["clean/x"], ["clean/x"], "improve")

    assert study.stale() == {}
    assert [one.step_name for one in study.made("clean/x").part.newest_first()] == [
        "improve",
        "make",
    ]
    study.write("raw/a.csv", "NEW")
    assert set(study.stale()) == {"clean/x"}


def test_nothing_is_said_of_what_was_changed_by_hand_but_that(study):
    study.step(["raw/a.csv"], ["clean/x"], "make")
    study.write("clean/x", "by hand")
    study.write("raw/a.csv", "NEW")

    assert study.stale() == {}
    found = study.made("clean/x").to_dict()
    assert (found["origin"], found["made_by"]) == ("unknown", [])
    assert found["detail"] == "changed by somebody since make wrote it"
    assert ("clean:/x", "unknown", found["detail"], []) in api.make_lineage_table(str(study.folder))


def test_sources_and_code_are_what_their_roles_say(study):
    study.write("code/model.py", "1")

    assert study.made("raw/a.csv").to_dict()["origin"] == "source data"
    assert study.made("code/model.py").to_dict()["origin"] == "code"
    with pytest.raises(LineageNotFoundError, match="raw:/none is not there now"):
        study.made("raw/none")


def test_a_snapshot_answers_for_what_was_there_then(study):
    first = study.step(["raw/a.csv"], ["clean/x"], "make", k=1)
    api.take_snapshot(str(study.folder), tag="one")
    study.write("raw/a.csv", "NEW")
    second = study.step(["raw/a.csv"], ["clean/x"], "make", k=2)
    api.take_snapshot(str(study.folder), tag="two")

    assert study.makers("clean/x", "one") == [first.id]
    assert study.makers("clean/x", "two") == study.makers("clean/x") == [second.id]
    table = api.make_lineage_table(str(study.folder), "one")
    assert ("clean:/x", "step", f"make {first.id[:8]} (k=1)", ["raw:/a.csv"]) in table
    api.restore("one", str(study.folder), only=["clean", "raw"])
    assert study.makers("clean/x") == [first.id]
    assert study.stale() == {}


def test_a_run_after_a_snapshot_is_none_of_its_makers(study):
    first = study.step(["raw/a.csv"], ["clean/x"], "make")
    api.take_snapshot(str(study.folder), tag="one")
    again = study.step(["raw/a.csv"], ["clean/x"], "make")

    assert study.makers("clean/x", "one") == [first.id]
    assert study.makers("clean/x") == [again.id]


def test_results_that_a_snapshot_has_moved_are_known(study):
    builder = study.builder("fit").with_input_path(study.path("raw"))
    with builder.as_results_step(study.path("results")).eval() as lineage:
        study.write("results/plot.txt", "plot")
        lineage.write_results({"accuracy": 1})
    api.take_snapshot(str(study.folder), tag="one")

    moved = "results/snapshots/lab-one"
    assert study.makers(f"{moved}/plot.txt") == [lineage.recorded.id]
    assert study.makers(moved) == [lineage.recorded.id]
    assert study.stale() == {}


def test_each_file_of_a_snapshot_is_answered_for(study):
    ids = {}
    for number in range(5):
        builder = study.builder(f"s{number}").with_input_path(study.path("raw"))
        with builder.with_output_path(study.path("clean")).eval() as lineage:
            for name in ("a", "b"):
                study.write(f"clean/{number}/{name}", f"{number}{name}")
        ids[number] = lineage.recorded.id
    api.take_snapshot(str(study.folder), tag="all")
    study.write("clean/0/a", "changed since")

    for number in range(5):
        for name in ("a", "b"):
            assert study.makers(f"clean/{number}/{name}", "all") == [ids[number]]
    assert study.makers("clean/0/b") == [ids[0]]
    assert set(study.makers("clean", "all")) == set(ids.values())


def test_a_resource_that_is_not_here_makes_nothing_out_of_date(study, tmp_path):
    study.step(["raw/a.csv"], ["clean/x"], "make")
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", study.folder, copy], check=True)
    file = copy / ".dataworkspace/resources/raw.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"global_local_path": "/nowhere/else"}))
    (copy / "clean").mkdir()
    (copy / "clean/x").write_text("make(a)")
    study.folder = copy

    assert len(study.makers("clean/x")) == 1
    assert study.stale() == {}


def test_an_unknown_snapshot_is_refused(study):
    with pytest.raises(ConfigurationError, match="There is no snapshot with the tag"):
        api.make_lineage_table(str(study.folder), "none")


def test_lines_for_programs_are_the_records_also_under_new_names(study):
    study.step(["raw/a.csv"], ["clean/é b"], "first", k="ü")
    study.step(["clean/é b"], ["clean/c"], "second")

    def told():
        asked = study.asked()
        part = asked.everything()
        records = [one.record().to_dict() for one in part.newest_first()]
        return [json.loads(one) for one in asked.lines(part)], records

    found, records = told()
    assert found == records
    assert len(found) == 2

    api.rename_resource("raw", "source", str(study.folder))
    found, records = told()
    assert found == records
    assert found[-1]["input_resources"][0]["resource"] == "source"


def test_a_line_of_a_damaged_record_is_refused(study):
    step = study.step(["raw/a.csv"], ["clean/b"], "first")
    file = study.folder / ".dataworkspace/lineage/steps" / f"{step.id}.json"
    file.write_text(file.read_text().replace("first", "other"))
    (study.folder / ".dataworkspace/local/lineage/records").unlink()

    with pytest.raises(DamagedFileError, match="does not fit its hash"):
        list(study.workspace().lineage.lines([step.id]))
