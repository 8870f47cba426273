"""Copies of records save time and make up for damage; nothing else can be told by them."""

import json
import subprocess

import pytest

from workspace_core import api
from workspace_core.commands.verify import mend
from workspace_core.errors import DamagedFileError
from workspace_core.lineage.store import WORTH_COPYING

RUNS = 20


@pytest.fixture
def many(study):
    for number in range(RUNS):
        study.step(["raw/a.csv"], [f"clean/{number}"], f"s{number}", number=number)
    return study


def copies_of(study):
    return study.folder / ".dataworkspace/local/lineage/records"


def record_of(study, run):
    return study.folder / f".dataworkspace/lineage/steps/{run.id}.json"


def lines_of(study, names):
    return list(study.workspace().lineage.lines(names))


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-90]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"clean", b"cle\nn")),
        lambda file: file.write_bytes(file.read_bytes().replace(b'"number":7', b'"number":8')),
        lambda file: file.write_bytes(b'{"hash":"' + bytes(range(256)) * 9),
    ],
    ids=["gone", "empty", "cut off", "torn", "of something else", "of no record"],
)
def test_what_is_told_does_not_depend_on_copies(many, monkeypatch, damage):
    monkeypatch.setattr("workspace_core.lineage.store.WORTH_COPYING", 1)
    ids = [one.id for one in many.records()]
    before = lines_of(many, ids)
    damage(copies_of(many))

    assert lines_of(many, ids) == before
    assert [json.loads(line)["hash"] for line in before] == ids
    assert lines_of(many, ids) == before


def test_a_copy_is_written_with_each_run_and_read_when_many_are_asked_for(many, monkeypatch):
    monkeypatch.setattr("workspace_core.lineage.store.WORTH_COPYING", 1)
    runs = many.records()
    copied = copies_of(many).read_bytes()
    for one in runs:
        record_of(many, one).write_text("")

    assert WORTH_COPYING > 1
    assert all(one.id.encode() in copied for one in runs)
    assert len(lines_of(many, [one.id for one in runs])) == RUNS


def test_a_damaged_record_is_made_up_for_by_its_copy_and_told_of(many):
    run = many.records()[3]
    record_of(many, run).write_text("{")

    (shown,) = many.made("clean/3").to_dict()["steps"]
    assert shown == run.to_dict()
    (found,) = api.verify(str(many.folder)).findings
    assert (found.file, found.what) == (str(record_of(many, run)), "it is no JSON")


def test_mending_writes_damaged_records_anew(many):
    run = many.records()[3]
    sound = record_of(many, run).read_bytes()
    record_of(many, run).write_bytes(sound.replace(b"raw", b"war"))

    assert mend(many.workspace()).records == (str(record_of(many, run)),)
    assert record_of(many, run).read_bytes() == sound
    assert api.verify(str(many.folder)).is_sound


def test_a_record_of_a_later_release_is_left_alone(many):
    run = many.records()[3]
    record_of(many, run).write_text('{"schema": 99}')

    assert mend(many.workspace()).records == ()
    assert record_of(many, run).read_text() == '{"schema": 99}'


def test_a_record_that_is_damaged_and_has_no_copy_is_an_error(many):
    run = many.records()[3]
    record_of(many, run).write_text("{")
    copies_of(many).unlink()

    with pytest.raises(DamagedFileError, match="it is no JSON"):
        many.made("clean/3")


def test_copies_do_not_grow_without_end(many, monkeypatch):
    monkeypatch.setattr("workspace_core.lineage.copies.MOST_LINES_IN_VAIN", 0)
    monkeypatch.setattr("workspace_core.lineage.store.WORTH_COPYING", 1)
    ids = [one.id for one in many.records()]
    once = copies_of(many).read_bytes()
    copies_of(many).write_bytes(once * 5)

    lines_of(many, ids)

    assert sorted(copies_of(many).read_bytes().split()) == sorted(once.split())


def test_git_has_no_copies(many):
    done = subprocess.run(
        ["git", "ls-files", ".dataworkspace"],
        cwd=many.folder,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "lineage/steps/" in done.stdout
    assert "records" not in done.stdout
