"""The jobs that read a recipe refuse a dataset that it was not written for."""

import hashlib
import json

import pytest

from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job,
    depseudonymise_structured_job,
    repseudonymise_structured_job,
)

ASK = {"purpose": "complaint 17", "requester": "bob"}
RULES = {
    "id": {"technique": "encrypt"},
    "card": {"technique": "format_preserving_encrypt"},
    "day": {"technique": "date_shift", "entity": "id"},
}
CSV = "id,card,day\n" + "".join(f"{n:03},4{n:06},2024-05-{n % 28 + 1:02}\n" for n in range(100))
OTHER = CSV.replace(",4", ",5")
RECIPE = {"recipe": "out.csv.pseudonymisation.json"}


@pytest.fixture
def made(run, root, monkeypatch):
    """Two datasets of one shape, pseudonymised alike."""
    monkeypatch.setenv("DATA_SERVICES_BATCH_ROWS", "17")
    for name, content in (("in.csv", CSV), ("other.csv", OTHER)):
        (root / name).write_text(content)
        out = name.replace("in", "out")
        options = {"keyset": "clinic", "domain": "clinic-a", "rules": RULES}
        target = out if out != name else "out-of-other.csv"
        assert run(anonymise_pseudonymise_structured_job, name, target, **options).success
    return root


def reidentifications(root):
    found = []
    for chain in (root.parent / "audit_dir").glob("*.jsonl"):
        found += map(json.loads, chain.read_text().splitlines())
    return [line for line in found if line.get("action") == "reidentification"]


def test_a_dataset_comes_back_by_its_own_recipe_alone(run, made, approval, reason):
    options = ASK | {"approval": approval("out-of-other.csv")}

    refused = run(
        depseudonymise_structured_job, "out-of-other.csv", "back.csv", **options, **RECIPE
    )
    right = run(depseudonymise_structured_job, "out-of-other.csv", "back.csv", **options)

    assert "the values of 'card' are others" in reason(refused)
    assert right.success
    assert (made / "back.csv").read_text() == OTHER


def test_rows_that_are_asked_for_are_of_the_dataset_of_the_recipe(run, made, approval, reason):
    done = (made / "out.csv").read_text().splitlines()
    (made / "rows.csv").write_text(f"id\n{done[40].split(',')[0]}\n")
    options = ASK | {"approval": approval("out.csv", rows="rows.csv"), "rows": "rows.csv"}

    right = run(depseudonymise_structured_job, "out.csv", "back.csv", **options)
    (made / "cut.csv").write_text("\n".join(done[:50]) + "\n")
    options |= {"approval": approval("cut.csv", rows="rows.csv")}
    cut = run(depseudonymise_structured_job, "cut.csv", "cut-back.csv", **options, **RECIPE)

    assert right.success
    assert (made / "back.csv").read_text().splitlines()[1] == CSV.splitlines()[40]
    assert "it has 49 rows and not 100" in reason(cut)


def test_what_was_let_through_is_in_the_audit_with_its_recipe(run, made, approval):
    done = (made / "out.csv").read_text().splitlines()
    (made / "cut.csv").write_text("\n".join(done[:50]) + "\n")
    options = ASK | {"approval": approval("cut.csv"), "other_dataset": True}

    result = run(depseudonymise_structured_job, "cut.csv", "back.csv", **options, **RECIPE)

    assert result.success
    assert (made / "back.csv").read_text().splitlines() == CSV.splitlines()[:50]
    digest = hashlib.sha256((made / RECIPE["recipe"]).read_bytes()).hexdigest()
    facts = json.loads((made / "out.csv.report.json").read_text())["steps"][0]["facts"]
    assert facts["recipe_sha256"] == digest
    for record in reidentifications(made):
        assert record["facts"]["recipe_sha256"] == digest
        assert record["facts"]["other_dataset"] is True


def test_another_dataset_is_not_pseudonymised_anew(run, made, approval, reason):
    refused = run(repseudonymise_structured_job, "out-of-other.csv", "new.csv", **RECIPE)
    asked = run(
        repseudonymise_structured_job, "out-of-other.csv", "new.csv", other_dataset=True, **RECIPE
    )
    back = run(
        depseudonymise_structured_job, "new.csv", "back.csv", approval=approval("new.csv"), **ASK
    )

    assert "the values of 'card' are others" in reason(refused)
    assert asked.success
    assert back.success
    assert (made / "back.csv").read_text() == OTHER
