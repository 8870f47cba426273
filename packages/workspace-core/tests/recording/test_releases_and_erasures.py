"""What a workspace tells the gate of releases, and whoever has to erase all that data became."""

import hashlib

import pytest
from pydantic import ValidationError

from util_services.engines.local import LocalEngine
from util_services.flow.encode import Target, encode
from util_services.flow.inputs import Inputs
from util_services.flow.operate import Dataset
from util_services.flow.plan import ReadOptions, WriteOptions, plan_read, plan_write
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging
from util_services.releases.checks import Candidate
from util_services.releases.policy import ReleasePolicy
from util_services.storage import LocalStorage
from workspace_core.lineage import LineageBuilder
from workspace_core.recording.derived import derived_in_workspace
from workspace_core.releasing import Lineage, lineage

RECORDED = "every step from the sources to the data is recorded"
CURRENT = "nothing that the data were made of has changed since"


@pytest.fixture
def rules(lab, tmp_path):
    """Return a function that asks for the rules on what a release would be made of."""
    storage = LocalStorage(lab.folder)

    def check(source, change=None, **config):
        staging = Staging.create(tmp_path / "staging", "run")
        plan = plan_read(storage, ReadOptions(source))
        out = WriteOptions("results/out.parquet")
        target = Target.of(plan_write(storage, out, plan.origin, run_id="run"), staging)
        with LocalEngine(staging.scratch()) as engine:
            staged = read_dataset(plan, staging, engine)
            given = Dataset(engine, staged, Inputs(storage, staging))
            files, _ = encode(engine, given.scan(), target, staged, staged.schema.arrow)
            roles = {"id": "insensitive", "name": "insensitive"}
            policy = ReleasePolicy(purpose="x", released_by=["bob"], columns=roles)
            if change is not None:
                change()
            candidate = Candidate(files, target.layout, given, policy)
            found = list(lineage(candidate, Lineage(**config)))
        staging.remove()
        return {rule.rule: (rule.found, rule.holds) for rule in found}

    return check


def test_data_that_recorded_runs_made_of_source_data_may_be_released(lab, rules):
    lab.run("raw/a.csv", "clean/b.csv")
    lab.run("clean/b.csv", "clean/c.csv")

    assert rules("clean/c.csv") == {
        RECORDED: ("2 recorded runs, from 'raw'", True),
        CURRENT: ("all is as it was read", True),
    }
    assert rules("raw/a.csv")[RECORDED] == ("0 recorded runs, from 'raw'", True)


def test_data_that_nobody_recorded_may_not(lab, rules, tmp_path):
    lab.put("clean/by-hand.csv")
    (lab.folder / "beside.csv").write_text("id,name\n1,x\n")

    found = "nobody recorded what made 'clean:/by-hand.csv'"
    assert rules("clean/by-hand.csv")[RECORDED] == (found, False)
    assert rules("beside.csv")[RECORDED] == ("nobody recorded what made 'beside.csv'", False)


def test_data_that_were_changed_by_hand_after_a_run_may_not(lab, rules):
    lab.run("raw/a.csv", "clean/b.csv")
    lab.put("clean/b.csv", "id,name\n1,z\n")

    assert not rules("clean/b.csv")[RECORDED][1]


def test_data_whose_source_has_changed_since_may_not(lab, rules):
    lab.run("raw/a.csv", "clean/b.csv")
    lab.put("raw/a.csv", "id,name\n1,another\n")

    told, holds = rules("clean/b.csv")[CURRENT]
    assert told.startswith("out of date: 'clean:/b.csv'")
    assert not holds


def test_a_file_that_changed_while_it_was_released_is_not_what_is_known(lab, rules):
    lab.run("raw/a.csv", "clean/b.csv")

    changed = rules("clean/b.csv", change=lambda: lab.put("clean/b.csv", "id,name\n7,seven\n"))

    assert changed[RECORDED] == ("nobody recorded what made 'b.csv'", False)


def test_a_policy_may_name_the_sources(lab, rules):
    lab.run("raw/a.csv", "clean/b.csv")

    assert rules("clean/b.csv", sources=["raw"])["made of 'raw' alone"] == ("made of 'raw'", True)
    found = rules("clean/b.csv", sources=["other"])
    assert found["made of 'other' alone"] == ("made of 'raw'", False)
    with pytest.raises(ValidationError):
        Lineage(source=["raw"])


def digest(lab, path):
    return hashlib.sha256((lab.folder / path).read_bytes()).hexdigest()


def found(sha256):
    return {(one.kind, one.place, one.sha256) for one in derived_in_workspace(sha256)}


def test_all_that_runs_made_of_data_is_found_by_the_digest_of_the_data(lab):
    lab.put("raw/other.csv", "id,name\n3,w\n")
    lab.run("raw/a.csv", "clean/b.parquet")
    lab.run("clean/b.parquet", "outside.csv")
    lab.run("outside.csv", "clean/last.csv")
    lab.run("raw/other.csv", "clean/other.csv")

    told = found(digest(lab, "raw/a.csv"))
    assert {one for one in told if ".report." not in one[1]} == {
        ("file", f"{lab.folder}: clean:/b.parquet", digest(lab, "clean/b.parquet")),
        ("dataset", "outside.csv", digest(lab, "outside.csv")),
        ("file", f"{lab.folder}: clean:/last.csv", digest(lab, "clean/last.csv")),
    }
    assert found("0" * 64) == set()


def test_what_a_program_made_that_knows_no_sha256_is_found_too(lab):
    lab.put("raw/people.csv", "id,name\n8,q\n")
    builder = LineageBuilder().with_workspace_directory(lab.folder).with_step_name("sort")
    with builder.with_input_paths([str(lab.folder / "raw/people.csv")]).eval() as step:
        step.add_output_path(str(lab.folder / "clean/people.csv"))
        lab.put("clean/people.csv", "8,q\n")
    before = digest(lab, "raw/people.csv")

    assert {one[1] for one in found(before)} == {f"{lab.folder}: clean:/people.csv"}


def test_snapshots_that_have_the_data_or_what_was_made_of_them_are_named(lab, monkeypatch):
    before = digest(lab, "raw/a.csv")
    lab.run("raw/a.csv", "clean/b.csv", tags={"data_services/take_snapshot": "true"})
    (taken,) = lab.workspace.list_snapshots()
    lab.put("raw/a.csv", "another")

    assert ("snapshot", f"{lab.folder}: {taken.hashval}", None) in found(before)
    monkeypatch.delenv("DATA_SERVICES_WORKSPACE")
    assert found(before) == set()


def test_data_that_a_run_made_of_something_outside_may_not(lab, rules):
    (lab.folder / "beside.csv").write_text("id,name\n1,x\n")
    lab.run("beside.csv", "clean/b.csv")

    found = "nobody recorded what made 'beside.csv'"
    assert rules("clean/b.csv")[RECORDED] == (found, False)
