"""Erasure is approved by a second person, in the audit before and after, and misses no release."""

import hashlib
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from releasing_deployment import CSV, POLICY

from util_services.approvals import ApprovalRefusedError, ApprovalRequest, approve
from util_services.cli.release import release as command
from util_services.errors import DataServicesError
from util_services.releases.erasure import ACTION, JOB, Derived, erase, finders
from util_services.releases.errors import WithdrawnReleaseError
from util_services.releases.register import Register, refuse_withdrawn

SOURCE = hashlib.sha256(CSV.encode()).hexdigest()
PURPOSE = "a person's right to erasure"


@pytest.fixture
def token(deployment):
    def approved(**changed):
        asked = {"job": JOB, "dataset": SOURCE, "purpose": PURPOSE, "requester": "bob"} | changed
        return approve(ApprovalRequest(**asked), deployment.ada, timedelta(hours=1))

    return approved


def audited(deployment):
    files = deployment.audit.glob("*.jsonl")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [one for one in map(json.loads, lines) if one.get("action") == ACTION]


def snapshots(sha256):
    return [Derived("snapshot", "workspace v3", "0" * 64)] if sha256 == SOURCE else []


def test_an_approved_erasure_withdraws_every_release_and_names_what_was_derived(deployment, token):
    assert deployment.release().success
    assert deployment.release(out="again.csv").success

    done = erase(SOURCE, PURPOSE, "bob", token(), "root", {"snapshots": snapshots})

    assert done.derived == (Derived("snapshot", "workspace v3", "0" * 64),)
    assert len(done.releases) == 2
    standings = Register().standings()
    assert all(one.withdrawal is not None for one in standings)
    assert standings[0].withdrawal.reason == f"erasure: {PURPOSE}"
    before, after = audited(deployment)
    assert (before["phase"], after["phase"]) == ("before", "after")
    assert after["counts"] == {"derived": 1, "releases": 2, "asked": 1}
    assert after["approval"] == before["approval"]


def test_what_was_released_of_something_derived_is_found_too(deployment, token):
    assert deployment.release().success
    other = "1" * 64

    def from_other(sha256):
        return [Derived("file", "in.csv", SOURCE)] if sha256 == other else []

    done = erase(other, PURPOSE, "bob", token(dataset=other), "root", {"files": from_other})

    assert len(done.releases) == 1


@pytest.mark.parametrize("changed", [{"dataset": "2" * 64}, {"requester": "eve"}, {"job": "x"}])
def test_an_erasure_that_nobody_approved_changes_nothing_and_is_in_the_audit(
    deployment, token, changed
):
    assert deployment.release().success

    with pytest.raises(ApprovalRefusedError):
        erase(SOURCE, PURPOSE, "bob", token(**changed), "root", {})

    (standing,) = Register().standings()
    assert standing.withdrawal is None
    (refused,) = audited(deployment)
    assert refused["outcome"] == "refused"


def test_originals_of_a_withdrawn_release_are_not_brought_back(deployment, token):
    assert deployment.release().success
    digest = hashlib.sha256((deployment.root / "out.csv").read_bytes()).hexdigest()
    refuse_withdrawn(digest)
    erase(SOURCE, PURPOSE, "bob", token(), "root", {})

    with pytest.raises(WithdrawnReleaseError, match="which was withdrawn at"):
        refuse_withdrawn(digest)


def test_what_runs_made_of_data_is_found_in_the_audit(deployment, token):
    (deployment.root / "other.csv").write_text(CSV.replace(",A\n", ",B\n"))
    checks = POLICY["checks"] | {"earlier_releases": {"criterion": "none"}}
    deployment.sign(POLICY | {"checks": checks})
    made = {"out.csv": "in.csv", "again.parquet": "out.csv", "b.csv": "other.csv"}
    for out, source in made.items():
        assert deployment.release(out=out, reading={"path": source}).success
    digest = hashlib.sha256((deployment.root / "again.parquet").read_bytes()).hexdigest()

    done = erase(SOURCE, PURPOSE, "bob", token(), "root", finders())

    assert [one.place for one in done.derived] == [
        str(deployment.root / name) for name in ("again.parquet", "out.csv")
    ]
    assert done.derived[0] == Derived("dataset", str(deployment.root / "again.parquet"), digest)
    assert "published_by_runs" in done.asked


def test_what_runs_made_of_part_files_is_found_in_the_audit_too(deployment, token):
    checks = POLICY["checks"] | {"earlier_releases": {"criterion": "none"}}
    deployment.sign(POLICY | {"checks": checks})
    parts = {"out": "parts/", "writing": {"part_rows": 7}}
    assert deployment.release(**parts).success
    assert deployment.release(out="last.csv", reading={"path": "parts/"}).success

    done = erase(SOURCE, PURPOSE, "bob", token(), "root", finders())

    places = [str(deployment.root / "last.csv"), f"{deployment.root / 'parts'}/"]
    assert [one.place for one in done.derived] == places


def test_an_audit_that_is_broken_names_nothing_and_withdraws_nothing(deployment, token):
    assert deployment.release().success
    approved = token()
    (file,) = deployment.audit.glob("*.jsonl")
    file.write_text(file.read_text().replace('"out.csv"', '"cut.csv"'))

    with pytest.raises(DataServicesError, match="broken at"):
        erase(SOURCE, PURPOSE, "bob", approved, "root", finders())


@pytest.mark.parametrize("part_rows", [7, 1000], ids=["several parts", "one part"])
def test_part_files_of_a_withdrawn_release_are_known_when_they_are_read(
    deployment, token, part_rows
):
    writing = {"part_rows": part_rows}
    assert deployment.release(out="parts/", writing=writing).success
    assert deployment.release(out="again.csv", reading={"path": "parts/"}).success
    report = json.loads((deployment.root / "again.csv.report.json").read_text())
    read = report["input"]["sha256"]

    done = erase(SOURCE, PURPOSE, "bob", token(), "root", {})

    assert len(done.releases) == 2  # the second was made of the first
    with pytest.raises(WithdrawnReleaseError, match="which was withdrawn at"):
        refuse_withdrawn(read)


def test_the_command_says_where_nobody_knows_what_was_derived(deployment, token, monkeypatch):
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("util_services.releases.erasure.finders", dict)
    assert deployment.release().success
    (deployment.root / "approval.token").write_text(token())
    asked = ["--purpose", PURPOSE, "--requester", "bob"]

    done = CliRunner().invoke(
        command,
        ["erase", SOURCE, *asked, "--approval", str(deployment.root / "approval.token")],
    )

    assert done.exit_code == 1
    assert "withdrawn, and to be erased by all readers" in done.output
    assert "No installed package knows what was derived" in done.output


def test_what_was_released_of_a_release_is_withdrawn_with_it(deployment, token):
    assert deployment.release().success
    assert deployment.release(out="again.csv", reading={"path": "out.csv"}).success

    done = erase(SOURCE, PURPOSE, "bob", token(), "root", {})

    assert len(done.releases) == 2
