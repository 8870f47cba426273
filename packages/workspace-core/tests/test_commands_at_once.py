"""Whole commands of several processes in one workspace at the same time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core.workspace import load_workspace

DWS = Path(sys.executable).with_name("dws")
WRITERS = 8


@pytest.fixture
def workspace_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("content")
    home = tmp_path / "workspace"
    home.mkdir()
    for arguments in (["init"], ["add", "local-files", "../data", "--role", "s"]):
        subprocess.run([DWS, *arguments], cwd=home, check=True, capture_output=True)
    return home


def start(folder, *arguments):
    return subprocess.Popen(
        [DWS, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_eight_snapshots_and_a_reader_at_once_are_all_recorded_one_after_the_other(
    workspace_folder,
):
    writers = [start(workspace_folder, "snapshot", f"t{n}") for n in range(WRITERS)]
    reader = start(workspace_folder, "status", "--json")

    ends = [(one.communicate(), one.returncode) for one in [*writers, reader]]

    assert [code for _, code in ends] == [0] * (WRITERS + 1), ends
    assert isinstance(json.loads(ends[-1][0][0]), dict | list)
    taken = load_workspace(f"git:{workspace_folder}").list_snapshots(reverse=False)
    assert [one.snapshot_number for one in taken] == list(range(1, WRITERS + 1))
    assert {one.tags for one in taken} == {(f"t{n}",) for n in range(WRITERS)}
    assert len({one.hashval for one in taken}) == WRITERS
    assert len({one.content_id for one in taken}) == 1
    git = ["git", "-C", workspace_folder]
    merges = subprocess.run(
        [*git, "log", "--merges", "--oneline"], capture_output=True, text=True, check=True
    )
    left = subprocess.run(
        [*git, "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert (merges.stdout, left.stdout) == ("", "")


def test_one_tag_goes_to_one_of_two_snapshots_and_the_other_one_is_refused(workspace_folder):
    both = [start(workspace_folder, "--batch", "snapshot", "same") for _ in range(2)]

    ends = [(one.communicate()[1], one.returncode) for one in both]

    assert sorted(code for _, code in ends) == [0, 1], ends
    (refused,) = [text for text, code in ends if code]
    assert "The tag 'same' is in use" in refused
    assert len(load_workspace(f"git:{workspace_folder}").list_snapshots()) == 1
