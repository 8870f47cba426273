"""Records tell of resources under the names of their time, questions under those of now."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core import api

DWS = Path(sys.executable).with_name("dws")


@pytest.fixture
def renamed(study):
    """A study in which two steps ran and a snapshot was taken before ``clean`` became ``tidy``."""
    study.step(["raw/a.csv"], ["clean/x"], "make")
    study.step(["clean/x"], ["results/y"], "fit")
    api.take_snapshot(str(study.folder), tag="before")
    api.rename_resource("clean", "tidy", str(study.folder))
    return study


def names(answer):
    return [one.step_name for one in answer.part.newest_first()]


def test_what_made_a_file_is_known_under_the_new_name(renamed):
    found = renamed.made("clean/x")

    assert str(found.certificate.ref) == "tidy:/x"
    assert names(found) == ["make"]
    assert [str(one.ref) for one in found.makers[0].record().output_resources] == ["tidy:/x"]
    assert names(renamed.made("results/snapshots/lab-before/y")) == ["fit", "make"]
    assert names(renamed.made_from("clean/x")) == ["fit"]


def test_a_record_keeps_its_hash_and_its_file(renamed):
    run = renamed.made("clean/x").makers[0]
    file = renamed.folder / f".dataworkspace/lineage/steps/{run.id}.json"

    record = json.loads(file.read_bytes())

    assert record["hash"] == run.id == run.record().id
    assert [one["resource"] for one in record["output_resources"]] == ["clean"]
    assert api.verify(str(renamed.folder)).is_sound


def test_a_former_name_is_understood(renamed):
    asked = renamed.asked()

    assert str(asked.reference("clean:/x")) == str(asked.reference("tidy:/x")) == "tidy:/x"
    assert str(asked.reference("clean")) == "tidy"
    words = [DWS, "lineage", "show", "clean:/x", "--json"]
    said = subprocess.run(words, cwd=renamed.folder, capture_output=True, check=True).stdout
    assert json.loads(said)["resource"] == "tidy"


def test_snapshots_from_before_are_asked_under_the_new_name(renamed):
    assert names(renamed.made("clean/x", "before")) == ["make"]
    assert ("tidy:/x", "step") in [
        row[:2] for row in api.make_lineage_table(str(renamed.folder), "before")
    ]


def test_what_is_out_of_date_is_told_under_the_new_name(renamed):
    assert renamed.stale() == {}

    renamed.write("raw/a.csv", "NEW")

    assert renamed.stale()["tidy/x"] == ["raw:/a.csv has changed since make read it"]
    assert [str(one.ref) for one in renamed.made("clean/x").stale] == ["tidy:/x"]


def test_steps_after_the_renaming_go_on_from_those_before(renamed):
    renamed.step(["clean/x"], ["clean/z"], "more")
    api.rename_resource("tidy", "final", str(renamed.folder))

    assert names(renamed.made("clean/z")) == ["more", "make"]
    assert names(renamed.made_from("clean/x")) == ["more", "fit"]


def test_a_name_that_comes_back_is_the_same_resource(renamed):
    api.rename_resource("tidy", "clean", str(renamed.folder))

    assert str(renamed.made("clean/x").certificate.ref) == "clean:/x"
    assert names(renamed.made("clean/x")) == ["make"]


def test_the_index_of_edges_follows_a_renaming_too(study):
    for number in range(20):
        study.step(["raw/a.csv"], [f"clean/{number}"], f"s{number}")
    assert names(study.made("clean/3")) == ["s3"]
    assert (study.folder / ".dataworkspace/local/lineage/edges").exists()

    api.rename_resource("clean", "tidy", str(study.folder))
    api.rename_resource("raw", "source", str(study.folder))

    assert names(study.made("clean/3")) == ["s3"]
    assert len(names(study.made_from("raw/a.csv"))) == 20
    assert study.made("clean/3").to_dict()["steps"][0]["input_resources"][0]["resource"] == "source"
    study.workspace().lineage.runs()
    api.rename_resource("source", "raw", str(study.folder))
    assert len(names(study.made_from("raw/a.csv"))) == 20
