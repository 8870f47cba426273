"""Tables that are released together are judged together, and appear together or not at all."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from releasing_deployment import CSV, POLICY, TOKEN

from util_services.releases.register import Register
from util_services.releases.verifying import check_release

# Each of ten persons has two rows in the main table: a token of each, so that keys are unique.
PERSONS = [f"{TOKEN[:-2]}{n:02}" for n in range(20)]
MAIN = "person,sex,diagnosis,ward\n" + "".join(
    f"{person},{'mf'[n % 2]},{'EI'[n // 2 % 2]}1{n // 4 % 2}.0,A\n"
    for n, person in enumerate(PERSONS)
)
VISITS = "person,month,reason\n" + "".join(
    f"{person},2024-0{1 + n % 2},{'xy'[n // 2 % 2]}\n" for n, person in enumerate(PERSONS)
)
VISIT_POLICY = {
    "columns": {"person": "pseudonym", "month": "quasi_identifier", "reason": "sensitive"},
    "references": {"person": "person"},
    "checks": {"pseudonyms": {}, "personal_data": {}, "privacy_models": {"k": 5}},
}


def policy(joined=None, **changed):
    checks = POLICY["checks"] | {"joined_view": {"k": 5, "l": 2, **(joined or {})}}
    return POLICY | {"checks": checks, "tables": {"visits": VISIT_POLICY | changed}}


@pytest.fixture
def two(deployment):
    """A deployment with patients and their visits."""
    (deployment.root / "in.csv").write_text(MAIN)
    (deployment.root / "prepared").mkdir()
    (deployment.root / "prepared" / "visits.csv").write_text(VISITS)
    deployment.sign(policy())
    return deployment


TABLES = {"visits": "prepared/visits.csv"}
OUT = ["out.csv", "out.csv.release.json", "out.csv.report.html", "out.csv.report.json"]


def test_both_tables_appear_under_one_statement(two, tmp_path):
    assert two.release(tables=TABLES).success

    names = [*OUT, "out.csv.visits.table.parquet"]
    assert [name for name in two.outputs() if name != "prepared"] == sorted(names)
    there = tmp_path / "there"
    there.mkdir()
    for name in names:
        shutil.copy(two.root / name, there)
    found = check_release(there / "out.csv", [two.clinic.public])
    assert found.is_sound
    assert "out.csv.visits.table.parquet" in found.files
    assert found.statement.predicate["tables"]["visits"]["rows"] == 20
    visits = pq.read_table(there / "out.csv.visits.table.parquet")
    assert visits.column("person").to_pylist() == PERSONS
    (there / "out.csv.visits.table.parquet").unlink()
    assert not check_release(there / "out.csv", [two.clinic.public]).is_sound
    (standing,) = Register().standings()
    assert sorted(standing.release.tables) == ["", "visits"]
    assert standing.is_out


def test_a_visit_without_its_patient_is_refused(two):
    stranger = f"{TOKEN[:-2]}99"
    visits = two.root / "prepared" / "visits.csv"
    visits.write_text(VISITS + f"{stranger},2024-01,x\n")

    sentence = two.refusal(tables=TABLES)

    assert "each row of 'visits' has its 'person' among 'person' (1 rows have none)" in sentence
    assert stranger not in sentence
    assert not any(name.startswith("out.csv.visits") for name in two.outputs())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_visit_that_names_no_patient_is_refused(two, kind):
    lines = [line.split(",") for line in VISITS.splitlines()]
    columns = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
    table = pa.table(columns | {"person": [None, *columns["person"][1:]]})
    writes = {"csv": csv.write_csv, "parquet": pq.write_table}
    writes[kind](table, two.root / "prepared" / f"visits.{kind}")

    sentence = two.refusal(tables={"visits": f"prepared/visits.{kind}"})

    assert "each row of 'visits' has its 'person' among 'person' (1 rows have none)" in sentence


def test_pseudonyms_of_another_domain_do_not_join(two):
    visits = two.root / "prepared" / "visits.csv"
    visits.write_text(VISITS.replace("mac1.00a1b2c3.A", "mac1.00a1b2c3.B"))

    assert "(20 rows have none)" in two.refusal(tables=TABLES)


def test_tables_that_are_safe_alone_may_not_be_safe_together(two):
    two.sign(policy(joined={"k": 6}))
    # Months are 2 classes of 10 persons, sexes too; months by sex are 4, where they do not agree.
    mixed = "person,month,reason\n" + "".join(
        f"{person},2024-0{1 + n // 10},{'xy'[n // 2 % 2]}\n" for n, person in enumerate(PERSONS)
    )
    (two.root / "prepared" / "visits.csv").write_text(mixed)

    sentence = two.refusal(tables=TABLES)

    assert "1 rule of its policy" in sentence
    assert "classes of 6 persons and 2 values of each sensitive column at least" in sentence
    assert "4 of 4 classes are smaller; the smallest has 5" in sentence


def test_all_rows_of_a_person_may_be_known(two):
    again = "".join(VISITS.splitlines(keepends=True)[1:4])  # three persons come twice
    (two.root / "prepared" / "visits.csv").write_text(VISITS + again)
    assert two.release(tables=TABLES).success
    two.sign(policy(joined={"knows": "all_rows"}))

    sentence = two.refusal(tables=TABLES, out="other.csv")

    assert "5 persons at least who are alike in all rows of all tables" in sentence
    assert "2 of 4 classes are smaller; the smallest has 1" in sentence


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"minimum_rows": 21}, "of the table 'visits': at least 21 rows (20 rows)"),
        (
            {
                "columns": VISIT_POLICY["columns"] | {"reason": "pseudonym"},
                "checks": VISIT_POLICY["checks"] | {"privacy_models": {"k": 5, "entity": "person"}},
            },
            "of the table 'visits': tokens alone in 'reason'",
        ),
        (
            {"checks": VISIT_POLICY["checks"] | {"privacy_models": {"k": 11}}},
            "of the table 'visits': k-anonymity of persons with k = 11",
        ),
        (
            {"columns": VISIT_POLICY["columns"] | {"day": "insensitive"}},
            "of the table 'visits': just the columns of the policy ('day' not in the data)",
        ),
    ],
    ids=["rows", "pseudonyms", "k", "columns"],
)
def test_each_rule_of_each_table_counts(two, changed, missed):
    two.sign(policy(**changed))

    assert missed in two.refusal(tables=TABLES)
    assert not any("release.json" in name or "table" in name for name in two.outputs())


def test_tables_are_those_of_the_policy(two):
    assert "wants the tables 'visits'" in two.refusal()
    told = two.refusal(tables=TABLES | {"bills": "prepared/visits.csv"})
    assert "knows no tables 'bills'" in told
    assert two.decisions() == []


def test_a_release_that_fails_at_its_commit_leaves_no_table(two, monkeypatch):
    monkeypatch.setattr(Register, "announce", lambda *_: 1 / 0)

    two.refusal(tables=TABLES)

    assert [name for name in two.outputs() if name != "prepared"] == []


def test_a_release_without_tables_takes_those_away_that_it_replaces(two):
    assert two.release(tables=TABLES).success
    two.sign(POLICY | {"checks": POLICY["checks"] | {"earlier_releases": {"criterion": "none"}}})
    (two.root / "in.csv").write_text(CSV)

    assert two.release(writing={"overwrite": True}).success

    assert [name for name in two.outputs() if name != "prepared"] == OUT


def test_an_approval_is_of_all_tables(two):
    two.sign(policy() | {"approval": "required"})
    two.approve(MAIN)

    sentence = two.refusal(tables=TABLES, approval="approval.token")

    assert "a dataset with the digest" in sentence
