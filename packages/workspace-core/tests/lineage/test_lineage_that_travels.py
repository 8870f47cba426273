"""Lineage goes with the workspace, by git and by merging; hostile records do not."""

import json
import subprocess

import pytest

from workspace_core.lineage.model import SCHEMA
from workspace_core.sharing.errors import ForeignRemoteError
from workspace_core.sharing.merging import merge_records
from workspace_core.sharing.records import CONFIG, check_records
from workspace_core.snapshots.metadata import hash_of

CONFIG_RECORD = json.dumps({"schema": 1}).encode()


def records(folder):
    place = folder / ".dataworkspace/lineage"
    return {
        f"lineage/{file.relative_to(place)}": file.read_bytes() for file in place.rglob("*.json")
    }


def test_a_record_is_committed_at_once_and_alone(study):
    study.write("code/other.py", "mine")
    study.step(["raw/a.csv"], ["clean/x"], "make")

    show = ["git", "show", "--name-only", "--format=%s"]
    said = subprocess.run(show, cwd=study.folder, capture_output=True, text=True, check=True).stdout
    subject, _, *paths = said.splitlines()
    assert subject == "Record the step make"
    assert [path.split("/")[:3] for path in paths] == [[".dataworkspace", "lineage", "steps"]]


def test_what_two_people_have_recorded_is_united(study):
    study.step(["raw/a.csv"], ["clean/x"], "ours")
    ours = records(study.folder)
    with study.builder("theirs").with_input_path(study.path("raw")).eval():
        pass
    theirs = {path: one for path, one in records(study.folder).items() if path not in ours}

    merged = merge_records({}, ours, theirs)

    assert (merged.conflicts, merged.files) == ([], ours | theirs)
    assert merge_records(ours, ours, {}).files == ours  # a record is never removed
    check_records({CONFIG: CONFIG_RECORD, **merged.files})


CHANGES = {
    "another hash": lambda one: one | {"hash": "0" * 64},
    "no parameters": lambda one: one | {"parameters": []},
    "a path that leads out": lambda one: (
        one | {"output_resources": [one["output_resources"][0] | {"path": "../../x"}]}
    ),
    "a path of another machine": lambda one: (
        one | {"input_resources": [one["input_resources"][0] | {"path": "/etc/passwd"}]}
    ),
    "a number for a name": lambda one: one | {"step_name": 5},
    "a newer format": lambda one: one | {"schema": SCHEMA + 1},
    "nothing": lambda _: {"schema": SCHEMA},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_records_from_elsewhere_that_no_recorder_has_made_are_refused(study, change):
    study.step(["raw/a.csv"], ["clean/x"])
    ((_, content),) = records(study.folder).items()
    record = change(json.loads(content))
    name = record.get("hash") if record.get("hash") == "0" * 64 else hash_of(record)
    record["hash"] = name

    with pytest.raises(Exception) as caught:  # noqa: PT011 - of two classes
        check_records(
            {CONFIG: CONFIG_RECORD, f"lineage/steps/{name}.json": json.dumps(record).encode()}
        )

    assert isinstance(caught.value, ForeignRemoteError) or "format" in str(caught.value)


@pytest.mark.parametrize("path", ["lineage/x.json", "lineage/other/" + "0" * 64 + ".json"])
def test_what_is_no_kind_of_record_is_refused(path):
    with pytest.raises(ForeignRemoteError):
        check_records({CONFIG: CONFIG_RECORD, path: b'{"schema": 1, "files": {}}'})
