"""The index of edges is fast and never believed over the records."""

import shutil

import pytest
from blake3 import blake3

from workspace_core.errors import DamagedFileError
from workspace_core.lineage.edges import IndexedRun, from_bytes, has_edges_of, to_bytes

RUNS = 20


@pytest.fixture
def many(study):
    """A study with so many runs that they are worth an index, which it has."""
    for number in range(RUNS):
        study.step(["raw/a.csv"], [f"clean/{number}"], f"s{number}", number=number)
    study.workspace().lineage.runs()
    return study


def index_of(study):
    return study.folder / ".dataworkspace/local/lineage/edges"


def asked_of(study):
    return [study.makers(f"clean/{number}") for number in (0, RUNS - 1)], len(
        study.made_from("raw/a.csv").part.steps
    )


def test_runs_come_from_the_index_and_their_records_from_their_files(many):
    runs = many.workspace().lineage.runs()

    assert all(isinstance(one, IndexedRun) for one in runs)
    assert sorted((one.record() for one in runs), key=lambda one: one.order) == many.records()
    assert all(has_edges_of(one, one.record()) for one in runs)


def test_the_index_is_smaller_than_the_records(many):
    steps = many.folder / ".dataworkspace/lineage/steps"

    assert index_of(many).stat().st_size < sum(one.stat().st_size for one in steps.iterdir()) / 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-9]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"clean", b"cle\nn", 1)),
        lambda file: file.write_bytes(signed(b'{"schema":99}')),
        lambda file: file.write_bytes(to_bytes([])),
    ],
    ids=["gone", "empty", "cut off", "a byte flipped", "of a newer release", "of nothing"],
)
def test_an_index_that_is_lost_or_damaged_is_made_again(many, damage):
    before, content = asked_of(many), index_of(many).read_bytes()
    damage(index_of(many))

    assert asked_of(many) == before
    assert sorted(from_bytes(index_of(many).read_bytes(), None)) == sorted(
        from_bytes(content, None)
    )


def test_runs_that_the_index_does_not_have_yet_are_known_all_the_same(many):
    new = many.step(["clean/0"], ["clean/new"], "new")

    assert new.id not in from_bytes(index_of(many).read_bytes(), None)
    assert many.makers("clean/new") == [new.id]
    assert "new" in {one.step_name for one in many.made_from("clean/0").part.steps.values()}


def test_runs_that_only_the_index_has_are_not_there(many):
    lost = many.records()[0]
    (many.folder / f".dataworkspace/lineage/steps/{lost.id}.json").unlink()

    assert many.makers("clean/0") == []


def test_an_index_that_lies_is_found_out_by_the_record_and_removed(many):
    runs = [
        one._replace(
            output_resources=(one.output_resources[0]._replace(hashval="blake3:" + 64 * "0"),)
        )
        if one.step_name == "s3"
        else one
        for one in many.workspace().lineage.runs()
    ]
    index_of(many).write_bytes(to_bytes(runs))
    liar = next(one for one in many.workspace().lineage.runs() if one.step_name == "s3")

    with pytest.raises(DamagedFileError, match="did not fit the records and was removed"):
        liar.record()

    assert not index_of(many).exists()
    assert len(many.makers("clean/3")) == 1


def test_a_record_that_is_damaged_is_never_shown_from_the_index(many):
    run = many.records()[0]
    file = many.folder / f".dataworkspace/lineage/steps/{run.id}.json"
    file.write_bytes(file.read_bytes().replace(b'"number": 0', b'"number": 7'))
    index_of(many).with_name("records").unlink()

    with pytest.raises(DamagedFileError, match="does not fit its hash"):
        many.made("clean/0").to_dict()


def test_questions_are_answered_where_no_index_can_be_written(many):
    shutil.rmtree(index_of(many).parent)
    index_of(many).parent.write_text("in the way")

    assert asked_of(many)[1] == RUNS


def signed(body):
    return blake3(body).hexdigest().encode() + b"\n" + body
