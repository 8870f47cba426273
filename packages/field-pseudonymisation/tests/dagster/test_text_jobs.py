"""The jobs on texts: documents and columns, there and back, and proposals for tables."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from field_pseudonymisation import PseudonymisationPolicy
from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job,
    anonymise_pseudonymise_unstructured_job,
    depseudonymise_structured_job,
    depseudonymise_unstructured_job,
    detect_personal_data_job,
    repseudonymise_structured_job,
)
from util_services.samples import sample_path

LETTER = "Dear 😀 ann@example.org,\r\ncall +47 22 12 34 56 or ann@example.org.\n\n"
ASK = {"purpose": "complaint 17", "requester": "bob"}
KEYS = {"keyset": "clinic", "domain": "clinic-a"}
ENTITIES = {"email": {"technique": "encrypt"}, "*": {"technique": "encrypt", "mode": "random"}}
CSV = 'id,note,plain\n007,"mail ann@example.org\nnow",ann@example.org\n08,,x\n09,nothing,y\n'
VALUES = ("ann@example.org", "22 12 34 56")


def table(file):
    return list(csv.DictReader(io.StringIO(file.read_text())))


def proposed(folder):
    """Return what a report tells of each column."""
    (step,) = json.loads((folder / "found.report.json").read_text())["steps"]
    return step["facts"]["columns"]


def back(run, approval, source, target, job=depseudonymise_unstructured_job, **more):
    token = approval(source, job=job.name)
    return run(job, source, target, approval=token, **ASK, **more)


def test_a_document_goes_there_and_back_byte_by_byte(run, root, approval):
    (root / "letter.txt").write_bytes(LETTER.encode())

    first = run(
        anonymise_pseudonymise_unstructured_job,
        "letter.txt",
        "out.txt",
        entities=ENTITIES,
        **KEYS,
    )
    second = back(run, approval, "out.txt", "back.txt")

    assert first.success
    assert second.success
    done = (root / "out.txt").read_bytes().decode()
    assert not any(value in done for value in VALUES)
    assert done.count("EMAIL(") == 2
    assert (root / "back.txt").read_bytes() == LETTER.encode()


def test_many_documents_are_rows_of_one_dataset(run, root):
    (root / "in").mkdir()
    for number in range(3):
        (root / f"in/{number}.txt").write_text(f"{number} {LETTER}")

    result = run(
        anonymise_pseudonymise_unstructured_job, "in/", "out.parquet", entities=ENTITIES, **KEYS
    )

    assert result.success
    texts = pq.read_table(root / "out.parquet")["text"].to_pylist()
    assert [text[0] for text in texts] == ["0", "1", "2"]
    assert not any(value in text for value in VALUES for text in texts)
    report = json.loads((root / "out.parquet.report.json").read_text())
    (told,) = [s for s in report["steps"][0]["sections"] if s["title"] == "Free texts"]
    assert told["facts"]["texts_with_findings"] == 3
    assert "names of people" in told["facts"]["not_looked_for"]
    assert told["tables"][0]["rows"] == [
        ["text", "email", "email", 6],
        ["text", "phone", "phone_international", 3],
    ]


def test_columns_with_texts_are_done_and_others_stay(run, root, approval):
    (root / "in.csv").write_text(CSV)

    first = run(
        anonymise_pseudonymise_unstructured_job,
        "in.csv",
        "out.csv",
        columns=["no*"],
        entities=ENTITIES,
        **KEYS,
    )
    second = back(run, approval, "out.csv", "back.csv")

    assert first.success
    assert second.success
    rows = table(root / "out.csv")
    assert rows[0]["note"].startswith("mail EMAIL(")
    assert [row["plain"] for row in rows] == ["ann@example.org", "x", "y"]
    assert (root / "back.csv").read_text() == CSV


def test_one_policy_does_columns_and_texts_in_one_pass(run, root, approval):
    (root / "in.csv").write_text(CSV)
    rules = {
        "id": {"technique": "hash"},
        "note": {"technique": "detect_text", "entities": {"*": {"technique": "encrypt"}}},
        "plain": {"technique": "encrypt"},
    }

    first = run(anonymise_pseudonymise_structured_job, "in.csv", "out.csv", rules=rules, **KEYS)
    second = back(run, approval, "out.csv", "back.csv", depseudonymise_structured_job)

    assert first.success
    assert second.success
    rows = table(root / "out.csv")
    assert rows[0]["plain"] in rows[0]["note"]
    restored = table(root / "back.csv")
    assert [row["note"] for row in restored] == ["mail ann@example.org\nnow", "", "nothing"]


def test_nothing_comes_back_without_an_approval(run, root, reason):
    (root / "letter.txt").write_text(LETTER)
    run(anonymise_pseudonymise_unstructured_job, "letter.txt", "o.txt", entities=ENTITIES, **KEYS)

    result = run(depseudonymise_unstructured_job, "o.txt", "back.txt", purpose="p")

    assert not result.success
    assert reason(result).startswith("ops.depseudonymise_unstructured.config.requester: is missing")
    assert not (root / "back.txt").exists()


def test_pseudonyms_in_texts_come_under_a_new_domain_with_the_columns_beside_them(
    run, root, approval
):
    (root / "in.csv").write_text(CSV)
    rules = {
        "note": {"technique": "detect_text", "entities": {"*": {"technique": "encrypt"}}},
        "plain": {"technique": "encrypt"},
    }
    run(
        anonymise_pseudonymise_structured_job,
        "in.csv",
        "out.csv",
        rules=rules,
        unmatched="keep",
        **KEYS,
    )

    result = run(repseudonymise_structured_job, "out.csv", "new.csv", domain="clinic-b")

    assert result.success
    old = table(root / "out.csv")
    new = table(root / "new.csv")
    assert new[0]["plain"] != old[0]["plain"]
    assert new[0]["note"] != old[0]["note"]
    assert new[0]["note"].endswith(f":{new[0]['plain']}\nnow")
    assert [row["note"] for row in new[1:]] == ["", "nothing"]
    back(run, approval, "new.csv", "back.csv", depseudonymise_structured_job)
    assert (root / "back.csv").read_bytes() == (root / "in.csv").read_bytes()


def test_a_document_is_pseudonymised_anew_and_comes_back_byte_by_byte(run, root, approval):
    (root / "letter.txt").write_bytes(LETTER.encode())
    run(anonymise_pseudonymise_unstructured_job, "letter.txt", "o.txt", entities=ENTITIES, **KEYS)

    result = run(repseudonymise_structured_job, "o.txt", "new.txt", domain="clinic-b")

    assert result.success
    assert (root / "new.txt").read_bytes() != (root / "o.txt").read_bytes()
    assert not any(value in (root / "new.txt").read_text() for value in VALUES)
    back(run, approval, "new.txt", "back.txt")
    assert (root / "back.txt").read_bytes() == LETTER.encode()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "the dataset has no column 'text'; name the columns with free texts"),
        ({"columns": ["nix"]}, "'columns' names 'nix', which the dataset does not have"),
        ({"columns": ["note"], "detectors": ["mail"]}, "nothing looks for 'mail'"),
        ({"columns": ["note"], "entities": {"*": "drop"}}, "'drop' is not for values in a text"),
        ({"columns": ["note"], "keyset": "nix"}, "nix"),
        ({"columns": ["note"], "policy_file": "p.yaml"}, "'policy_file' and 'keyset' are both"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_in_one_sentence(run, root, reason, config, sentence):
    (root / "in.csv").write_text(CSV)

    result = run(anonymise_pseudonymise_unstructured_job, "in.csv", "out.csv", **(KEYS | config))

    assert not result.success
    assert sentence in reason(result)
    assert "ann@" not in reason(result)
    assert not (root / "out.csv").exists()


def test_a_policy_file_says_all(run, root):
    (root / "in.csv").write_text(CSV)
    policy = KEYS | {"columns": ["note"], "entities": {"*": "redact"}, "detectors": ["email"]}
    (root / "p.yaml").write_text(yaml.safe_dump(policy))

    result = run(anonymise_pseudonymise_unstructured_job, "in.csv", "out.csv", policy_file="p.yaml")

    assert result.success
    assert "mail [EMAIL]" in (root / "out.csv").read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "is a mapping with 'keyset'"),
        ("a: [", "is no YAML"),
        ("used_function: []", "here it is 'rules'"),
        ("minimum_score: 3", "'minimum_score': input should be less than or equal to 1"),
    ],
)
def test_a_policy_file_that_is_none_is_refused(run, root, reason, text, sentence):
    (root / "in.csv").write_text(CSV)
    (root / "p.yaml").write_text(text)

    result = run(anonymise_pseudonymise_unstructured_job, "in.csv", "out.csv", policy_file="p.yaml")

    assert not result.success
    assert sentence in reason(result)


def test_a_proposed_policy_runs_as_it_is(run, root):
    (root / "patients.csv").write_bytes(sample_path("patients.csv").read_bytes())

    first = run(detect_personal_data_job, "patients.csv", "found", keyset="clinic", domain="d")
    second = run(
        anonymise_pseudonymise_structured_job,
        "patients.csv",
        "out.csv",
        policy_file="found.policy.yaml",
    )

    assert first.success
    assert second.success
    found = {one["column"]: one for one in proposed(root)}
    entities = {name: one["entity"] for name, one in found.items() if one["entity"]}
    assert entities == {
        "patient_id": "person_id",
        "given_name": "person_name",
        "family_name": "person_name",
        "birth_date": "date_of_birth",
        "postcode": "postcode",
        "email": "email",
        "phone": "phone",
        "iban": "iban",
        "admission_date": "date",
        "discharge_date": "date",
        "notes": "text",
        "updated": "date",
    }
    assert found["email"]["confidence"] > 0.9
    policy = PseudonymisationPolicy.from_yaml((root / "found.policy.yaml").read_bytes())
    assert policy.unmatched == "error"
    assert "@example" not in (root / "out.csv").read_text()


def test_a_proposal_shows_no_value(run, root):
    (root / "in.csv").write_text(CSV)

    result = run(detect_personal_data_job, "in.csv", "found")

    assert result.success
    for file in root.glob("found*"):
        assert "ann@" not in file.read_text()
        assert "nothing," not in file.read_text()


def test_columns_of_any_type_are_looked_at(run, root):
    frame = pa.table(
        {
            "card": pa.array([4111111111111111, None], pa.int64()),
            "born": pa.array([3000, 4000], pa.date32()),
            "tags": [["ann@example.org"], []],
            "blob": [b"\xff", None],
            "payload -> x": ["ann@example.org", None],
        }
    )
    pq.write_table(frame, root / "in.parquet")

    result = run(detect_personal_data_job, "in.parquet", "found")

    assert result.success
    found = {one["column"]: one for one in proposed(root)}
    assert (found["card"]["entity"], found["card"]["technique"]) == ("payment_card", "encrypt")
    assert (found["born"]["entity"], found["born"]["technique"]) == ("date_of_birth", "generalise")
    policy = PseudonymisationPolicy.from_yaml((root / "found.policy.yaml").read_bytes())
    assert policy.unmatched == "drop"
    assert (
        "# was not looked at, for there are no values, or nested ones\n  tags:"
        in (root / "found.policy.yaml").read_text()
    )
    assert "payload -> x" not in {rule.pattern for rule in policy.made_rules}


def test_the_sample_of_a_proposal_is_spread_over_all_rows(run, root):
    lines = [f"x{n}" for n in range(900)] + ["ann@example.org"] * 100
    (root / "in.csv").write_text("\n".join(["a", *lines]) + "\n")

    result = run(detect_personal_data_job, "in.csv", "found", sample_rows=50)

    assert result.success
    (one,) = proposed(root)
    assert (one["values"], one["matches"], one["entity"]) == (50, 5, "text")
