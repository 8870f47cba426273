"""Lineage of a workspace that lives in one place: what one machine records, all can ask about."""

import pytest

from workspace_core import api
from workspace_core.backends.sharing import own_records, write_records
from workspace_core.lineage import LineageBuilder
from workspace_core.workspace import load_workspace


@pytest.fixture
def people(alice, bob):
    """Both with a folder ``clean``, which alice has added."""
    (alice.folder / "clean").mkdir()
    api.add("local-files", "intermediate-data", str(alice.folder / "clean"), str(alice.folder))
    api.take_snapshot(str(alice.folder), "clean")
    bob("restore", "clean")
    return alice, bob


def made(person, path, *more):
    return person.json("lineage", "show", path, *more)


def copy(person, source, target, name):
    script = ["--", "sh", "-c", f"cp {source} {target}"]
    person("run", "--step", name, "--input", source, "--output", target, *script)


def test_what_one_machine_records_the_other_one_knows(people):
    alice, bob = people
    copy(alice, "raw/a.csv", "clean/x", "make")
    api.take_snapshot(str(alice.folder), "made")

    found = made(bob, "clean:/x", "--snapshot", "made")

    assert [one["step_name"] for one in found["steps"]] == ["make"]
    assert (found["steps"][0]["hostname"], found["origin"]) == ("alice", "step")


def test_runs_of_several_machines_become_one_graph(people):
    alice, bob = people
    copy(alice, "raw/a.csv", "clean/x", "make")
    bob.write("clean/x", (alice.folder / "clean/x").read_text())
    copy(bob, "clean/x", "clean/y", "refine")

    assert [one["step_name"] for one in made(bob, "clean/y")["steps"]] == ["refine", "make"]
    forward = alice.json("lineage", "show", "raw/a.csv", "--forward")
    assert {one["step_name"] for one in forward["steps"]} == {"make", "refine"}


def test_status_says_what_is_out_of_date_in_a_central_workspace(people):
    alice, _ = people
    copy(alice, "raw/a.csv", "clean/x", "make")
    alice.write("raw/a.csv", "id\nNEW\n")

    assert "clean:/x is out of date: raw:/a.csv has changed since make read it" in (alice("status"))


def test_a_step_ends_well_though_the_place_is_gone_and_is_published_later(people, central, caplog):
    alice, bob = people
    builder = LineageBuilder().with_workspace_directory(alice.folder).with_step_name("make")
    with builder.with_input_path(str(alice.folder / "raw/a.csv")).eval() as lineage:
        lineage.add_output_path(str(alice.folder / "clean/x"))
        alice.write("clean/x", "made")
        central.rename(central.with_name("away"))

    assert "The step is recorded, and the next command makes that known" in caplog.text
    central.with_name("away").rename(central)
    alice("status")
    api.take_snapshot(str(alice.folder), "later")
    found = made(bob, "clean:/x", "--snapshot", "later")
    assert [one["step_name"] for one in found["steps"]] == ["make"]


def test_a_step_that_is_recorded_while_records_are_taken_over_is_not_lost(people):
    alice, _ = people
    workspace = load_workspace(f"central:{alice.folder}", batch=True)
    merged = own_records(workspace)
    copy(alice, "raw/a.csv", "clean/x", "make")

    write_records(workspace, merged)

    assert len(workspace.lineage.ids()) == 1


def test_records_of_lineage_in_the_place_are_checked(people, central):
    alice, _ = people
    copy(alice, "raw/a.csv", "clean/x", "make")
    (step,) = (alice.folder / ".dataworkspace/lineage/steps").iterdir()

    step.write_bytes(step.read_bytes().replace(b'"complete"', b'"failed"'))

    assert "does not fit its hash" in alice.run("verify").stdout
