"""``dws diff`` tells what made what differs between two snapshots, or one and now."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core import api

DWS = Path(sys.executable).with_name("dws")


@pytest.fixture
def two(study):
    """A study with two snapshots: other parameters, another source and other code between them."""
    for tag, k, code in (("one", 1, "first"), ("two", 2, "second")):
        study.write("raw/a.csv", f"source {tag}")
        study.write("code/make.py", code)
        builder = study.builder("make", k=k, beds=3).with_input_path(study.path("raw/a.csv"))
        builder.with_input_path(study.path("raw/b.csv"))
        builder.with_code_path(study.path("code/make.py"))
        with builder.eval() as lineage:
            for name in ("x", "deep/y"):
                lineage.add_output_path(study.path(f"clean/{name}"))
                study.write(f"clean/{name}", f"{name} by {k}")
        api.take_snapshot(str(study.folder), tag=tag)
    return study


def made(study, before, after=None):
    return [one.to_dict() for one in api.diff(before, after, str(study.folder)).lineage]


def test_both_runs_are_named_and_how_they_differ(two):
    first, second = two.records()

    assert made(two, "one", "two") == [
        {
            "resource": "clean",
            "paths": ["deep/y", "x"],
            "before": {"step": first.id, "step_name": "make"},
            "after": {"step": second.id, "step_name": "make"},
            "parameters": {"k": [1, 2]},
            "inputs": ["raw:/a.csv"],
            "code": ["code:/make.py"],
        }
    ]


def test_the_sentence_for_people_says_the_same(two):
    first, second = two.records()
    words = [DWS, "diff", "one", "two"]
    said = subprocess.run(words, cwd=two.folder, capture_output=True, text=True, check=True).stdout

    assert (
        f"  * deep/y, x: made by make {second.id[:8]}, before by make {first.id[:8]}; k 1 -> 2, "
        "another raw:/a.csv was read, another code:/make.py was run\n"
    ) in said
    words.append("--json")
    said = subprocess.run(words, cwd=two.folder, capture_output=True, check=True).stdout
    assert json.loads(said)["lineage"] == made(two, "one", "two")


def test_what_is_there_now_is_compared_with_what_a_snapshot_has(two):
    again = two.step(["raw/a.csv"], ["clean/x"], "again")
    two.write("clean/deep/y", "by hand")
    (two.folder / "clean/new").write_text("by hand, too")
    second = two.records()[1]

    found = {tuple(one["paths"]): (one["before"], one["after"]) for one in made(two, "two")}

    run = {"step": second.id, "step_name": "make"}
    assert found == {
        ("deep/y",): (run, None),
        ("x",): (run, {"step": again.id, "step_name": "again"}),
    }


def test_what_came_and_what_went_has_one_maker(two):
    last = two.step(["raw/b.csv"], ["clean/new"], "late")
    (two.folder / "clean/x").unlink()

    found = {one["paths"][0]: (one["before"], one["after"]) for one in made(two, "two")}

    assert found["new"] == (None, {"step": last.id, "step_name": "late"})
    assert found["x"][1] is None


def test_a_run_after_the_snapshot_has_made_nothing_in_it(two):
    two.write("clean/x", "x by 1")
    with two.builder("copy").with_no_inputs().eval() as lineage:
        lineage.add_output_path(two.path("clean/x"))
        two.write("clean/x", "x by 1")

    first = two.records()[0]
    (found,) = made(two, "one", "two")
    assert (found["paths"], found["before"]["step"]) == (["deep/y", "x"], first.id)


def test_nothing_is_said_where_nothing_differs_or_nothing_is_recorded(two):
    assert made(two, "one", "one") == []
    two.write("raw/a.csv", "by hand")
    assert made(two, "two") == []
