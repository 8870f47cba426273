"""Runs are recorded in a workspace that lives in one place, which is named by its address."""

import os
import shutil

import pytest
from dws_program import Dws

from workspace_core import api


@pytest.fixture
def place(lab, tmp_path, monkeypatch):
    """Where a workspace lives that somebody else has made, with a resource of theirs."""
    place, theirs = tmp_path / "central", tmp_path / "theirs"
    api.init(str(theirs), hostname="theirs", backend="central", at=str(place))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", f"central:{place}")
    return place


@pytest.fixture
def theirs(place, tmp_path):
    return Dws(tmp_path / "theirs", dict(os.environ))


def test_what_is_recorded_here_others_know(lab, theirs):
    done = lab.run("raw/a.csv", "clean/b.csv")

    assert done.success
    found = theirs.json("lineage", "run", done.run_id)
    assert found["status"] == "complete"
    assert [one["path"] for one in found["record"]["external_inputs"]] == ["raw/a.csv"]
    assert lab.steps() == []


def test_an_attached_folder_records_under_the_names_of_resources(
    lab, place, theirs, tmp_path, monkeypatch
):
    folder = tmp_path / "mine"
    api.clone(f"central:{place}", str(folder), hostname="mine")
    for name, role in (("in", "s"), ("out", "i")):
        (folder / name).mkdir()
        api.add("local-files", role, str(folder / name), str(folder))
    shutil.copy(lab.folder / "raw/a.csv", folder / "in/a.csv")
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(folder))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", str(folder))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")

    done = lab.run("workspace:in/a.csv", "workspace:out/b.csv")

    assert done.success
    found = theirs.json("lineage", "run", done.run_id)
    assert [one["resource"] for one in found["record"]["input_resources"]] == ["in"]
    assert [one["number"] for one in found["snapshots"]] == [1]


def test_a_place_that_is_gone_refuses_the_run_before_anything_is_read(lab, place):
    assert lab.run("raw/a.csv", "clean/b.csv").success
    shutil.rmtree(place)

    done = lab.run("raw/a.csv", "clean/c.csv")

    assert not done.success
    assert "cannot be reached" in lab.reason(done) or str(place) in lab.reason(done)
    assert lab.told(done, "ASSET_OBSERVATION") == []
    assert not (lab.folder / "clean/c.csv").exists()


def test_snapshots_of_what_is_not_here_are_refused_by_name(lab, place, tmp_path, monkeypatch):
    (tmp_path / "theirs/far").mkdir()
    api.add("local-files", "s", str(tmp_path / "theirs/far"), str(tmp_path / "theirs"))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")

    done = lab.run("raw/a.csv", "clean/b.csv")

    assert "No snapshot can be taken of the resources 'far'" in lab.reason(done)
    assert not (lab.folder / "clean/b.csv").exists()
