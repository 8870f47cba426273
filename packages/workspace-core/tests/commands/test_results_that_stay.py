"""Which results a snapshot moves, and where to."""

import os
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspace_core.snapshots.exclusion import Exclusion


def files(folder):
    return sorted(
        os.path.relpath(os.path.join(above, name), folder)
        for above, _, names in os.walk(folder)
        for name in names
    )


def write(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def test_globs_of_a_resource_say_what_stays(dws, workspace):
    results = workspace / "results"
    globs = '["*.log", "cache/**", "deep/x/keep", "model?.bin"]'
    dws("config", "--resource", "results", "results.exclude", globs)
    stays = ["a.log", "cache/1", "cache/2/3", "deep/x/keep", "deep/y/t.log", "model1.bin"]
    goes = ["b.txt", "deep/x/go", "deep/y/1", "deeper/cache/1", "model12.bin", "whole/1"]
    write(results, *stays, *goes)

    dws("snapshot", "one")

    moved = results / "snapshots/lab-one"
    assert files(moved) == goes
    assert [one for one in files(results) if not one.startswith("snapshots/")] == stays
    assert {one["state"] for one in dws.json("status")} == {"unchanged"}
    dws("snapshot", "two")
    assert os.listdir(results / "snapshots") == ["lab-one"]


def test_globs_are_of_one_resource(dws, workspace):
    (workspace / "more").mkdir()
    dws("add", "git", "--role", "results", "more")
    dws("config", "--resource", "results", "results.exclude", '["*.log"]')
    write(workspace, "results/a.log", "more/a.log")

    dws("snapshot", "one")

    assert files(workspace / "results") == ["a.log"]
    assert files(workspace / "more") == ["snapshots/lab-one/a.log"]


def test_a_change_of_what_stays_is_told(dws, workspace):
    dws("config", "--resource", "results", "results.exclude", '["*.log"]')
    write(workspace / "results", "runs/a.log", "runs/b")
    dws("snapshot", "one")
    (workspace / "results/runs/a.log").write_text("more")

    (results,) = [one for one in dws.json("status") if one["name"] == "results"]

    assert [(one["path"], one["change"]) for one in results["changes"]] == [
        ("runs/a.log", "modified")
    ]


@pytest.mark.parametrize("name", ["results.dir_template", "results.subdir"])
def test_the_template_goes_by_two_names(dws, workspace, name):
    template = "snapshots/{DATE_TIME}-{USER}-{TAG}"
    dws("config", name, template)
    write(workspace / "results", "a")

    dws("snapshot", "one")

    for other in ("results.dir_template", "results.subdir"):
        assert dws("config", other) == f"{template}\n"
    (moved,) = os.listdir(workspace / "results/snapshots")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-[\w.-]+-one", moved)


def test_no_two_snapshots_move_results_to_one_folder(dws, workspace):
    dws("config", "results.subdir", "snapshots/{DATE_TIME}")
    destinations = []
    for number in range(3):
        write(workspace / "results", f"{number}")
        destinations.append(dws.json("snapshot")["relative_destination_path"])

    assert len(set(destinations)) == 3
    for number, place in enumerate(destinations):
        assert files(workspace / "results" / place) == [str(number)]


NAMES = st.text(string.ascii_lowercase[:3] + ".", min_size=1, max_size=3).filter(
    lambda name: name not in (".", "..")
)


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=3))
def test_a_path_leaves_out_itself_and_all_below_it(path, below):
    stays = Exclusion.of((), ["/".join(path) + "/"] if len(path) > 1 else [path[0]])

    assert stays.leaves_out("/".join([*path, *below]))
    assert stays.leaves_out("/".join(path))
    assert not stays.leaves_out("/".join([*path[:-1], path[-1] + "x"])) or "x" in path


@pytest.mark.parametrize(
    ("glob", "path", "stays"),
    [
        ("*.log", "a/b/c.log", True),
        ("*.log", "a.log.txt", False),
        ("a/*.log", "a/b/c.log", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c", True),
        ("**/c", "c", True),
        ("a/**", "b/a/c", False),
        ("[ab]", "b/x", True),
        ("[!ab]", "c", True),
        ("*", "anything", True),
    ],
)
def test_globs_are_read_as_documented(glob, path, stays):
    assert Exclusion.of((), [glob]).leaves_out(path) is stays
