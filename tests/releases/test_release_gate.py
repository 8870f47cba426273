"""What leaves through the gate is what a signed policy lets out, and nothing else leaves."""

import hashlib
import json
import shutil

import pytest
from releasing_deployment import CSV, POLICY, TOKEN

from util_services.releases.jobs import RELEASE_JOBS
from util_services.releases.verifying import check_release, read_statement, statement_file
from util_services.storage import S3Settings, S3Storage

REPORTS = ["out.csv.failed.report.html", "out.csv.failed.report.json"]


def changed(**values):
    return {**POLICY, **values}


def test_a_release_is_sound_on_another_machine(deployment, tmp_path):
    assert deployment.release().success
    assert deployment.outputs() == [
        "out.csv",
        "out.csv.release.json",
        "out.csv.report.html",
        "out.csv.report.json",
    ]
    there = tmp_path / "there"
    there.mkdir()
    for name in deployment.outputs():
        shutil.copy(deployment.root / name, there)

    found = check_release(there / "out.csv", [deployment.clinic.public], [deployment.ada.public])

    assert found.is_sound
    assert found.policy_signer == "Ada Lovelace"
    assert sorted(found.files) == ["out.csv", "out.csv.report.html", "out.csv.report.json"]
    said = found.statement.predicate
    assert (said["purpose"], said["requester"]) == ("research on stays", "bob")
    assert {rule["check"] for rule in said["rules"]} == {"policy", *POLICY["checks"]}
    assert all(rule["holds"] for rule in said["rules"])
    assert said["run"]["job"] == "release_gate_job"
    assert said["columns"] == POLICY["columns"]


def test_the_audit_names_the_digest_of_the_report_that_was_published(deployment):
    assert deployment.release().success

    report = (deployment.root / "out.csv.report.json").read_bytes()
    (run,) = [one for one in deployment.records("run") if one.get("outcome") == "success"]
    assert run["facts"] == {"report_sha256": hashlib.sha256(report).hexdigest()}


def test_what_is_let_out_is_recorded_before_it_appears(deployment):
    assert deployment.release().success

    (decision,) = deployment.decisions()
    assert decision["outcome"] == "success"
    assert decision["requester"] == "bob"
    assert decision["purpose"] == "research on stays"
    assert decision["facts"]["policy_signed_by"] == "Ada Lovelace"


@pytest.mark.parametrize(
    ("policy", "given", "missed"),
    [
        ({}, {"requester": "eve"}, "policy: asked for by one of 'released_by'"),
        ({}, {"reading": {"limit_rows": 15}}, "policy: the whole dataset, and no slice"),
        ({"minimum_rows": 21}, {}, "policy: at least 21 rows (20 rows)"),
        ({"columns": POLICY["columns"] | {"age": "sensitive"}}, {}, "'age' not in the data"),
        (
            {"checks": POLICY["checks"] | {"privacy_models": {"k": 11}}},
            {},
            "k-anonymity of persons with k = 11 (measured 5, fails in 2 of 2 classes)",
        ),
        (
            {"checks": POLICY["checks"] | {"privacy_models": {"k": 5, "l": 5}}},
            {},
            "l-diversity of 'diagnosis'",
        ),
        (
            {
                "columns": POLICY["columns"] | {"ward": "pseudonym"},
                "checks": POLICY["checks"] | {"privacy_models": {"k": 5, "entity": "person"}},
            },
            {},
            "tokens alone in 'ward'",
        ),
        ({"approval": "required"}, {}, "policy: approved by a second person"),
    ],
    ids=["requester", "slice", "rows", "columns", "k", "l", "pseudonyms", "approval"],
)
def test_a_refusal_names_the_rule_publishes_nothing_and_is_audited(
    deployment, policy, given, missed
):
    deployment.sign(changed(**policy))

    sentence = deployment.refusal(**given)

    assert sentence.count("The release is refused") == 1
    assert missed in sentence
    assert not any("release.json" in name for name in deployment.outputs())
    assert not (deployment.root / "out.csv").exists()
    (decision,) = deployment.decisions()
    assert decision["outcome"] == "refused"
    assert decision["facts"]["missed"]


def test_a_refusal_leaves_a_report_with_each_rule(deployment):
    deployment.sign(changed(minimum_rows=50, released_by=["ada"]))

    deployment.refusal()

    assert deployment.outputs() == REPORTS
    report = json.loads((deployment.root / "out.csv.failed.report.json").read_text())
    rules = report["steps"][-1]["facts"]["rules"]
    assert [rule["rule"] for rule in rules if not rule["holds"]] == [
        "asked for by one of 'released_by'",
        "at least 50 rows",
    ]
    page = (deployment.root / REPORTS[0]).read_text()
    assert "2 of 11 rules of the policy that &#39;Ada Lovelace&#39; signed are missed" in page
    (section,) = report["steps"][-1]["sections"]
    assert [row[0] for row in section["tables"][0]["rows"]][:3] == ["missed", "missed", "holds"]


def test_a_report_names_what_a_release_does_not_promise(deployment):
    assert deployment.release().success

    report = json.loads((deployment.root / "out.csv.report.json").read_text())
    told = " ".join(report["steps"][-1]["limits"])
    assert "the judgement of who signed it" in told
    assert "personal data still" in told
    assert "others released" in told


def test_personal_data_in_any_column_is_found_and_not_told(deployment):
    (deployment.root / "in.csv").write_text(CSV.replace(",A\n", ",ask b.doe@example.com\n", 1))

    sentence = deployment.refusal()

    assert "no personal data in 'ward' (1 of email)" in sentence
    told = sentence + "".join((deployment.root / name).read_text() for name in REPORTS)
    assert "b.doe" not in told


def test_an_identifier_that_was_left_as_it_is_is_no_pseudonym(deployment):
    (deployment.root / "in.csv").write_text(CSV.replace(f"{TOKEN}3,", "0004711,"))

    sentence = deployment.refusal()

    assert "tokens alone in 'person' (2 cells are not)" in sentence
    assert "0004711" not in sentence


@pytest.mark.parametrize("what", ["policy", "signature", "no signature", "no key", "no trust"])
def test_what_can_let_nothing_out_is_refused_before_a_row_is_read(deployment, monkeypatch, what):
    policy, signature = (
        deployment.root / "policy.yaml",
        deployment.root / "policy.yaml.signature.json",
    )
    match what:
        case "policy":
            policy.write_text(policy.read_text().replace("k: 5", "k: 1"))
        case "signature":
            signature.write_text("{}")
        case "no signature":
            signature.unlink()
        case "no key":
            monkeypatch.delenv("DATA_SERVICES_RELEASE_KEY")
        case "no trust":
            monkeypatch.delenv("DATA_SERVICES_TRUST")

    sentence = deployment.refusal()

    assert "Traceback" not in sentence
    assert deployment.outputs() == []
    assert deployment.decisions() == []


def test_an_approval_lets_out_just_what_was_approved(deployment):
    deployment.sign(changed(approval="required"))
    deployment.approve(content="something else")
    assert "a dataset with the digest" in deployment.refusal(approval="approval.token")
    deployment.approve(requester="carol")
    assert "carol" in deployment.refusal(approval="approval.token")
    deployment.approve()

    assert deployment.release(approval="approval.token").success

    statement, _ = read_statement(statement_file(deployment.root / "out.csv"))
    assert statement.predicate["approval"]


def test_a_refused_release_does_not_use_an_approval_up(deployment):
    deployment.sign(changed(approval="required", minimum_rows=50))
    deployment.approve()
    assert "at least 50 rows" in deployment.refusal(approval="approval.token")
    deployment.sign(changed(approval="required"))

    assert deployment.release(approval="approval.token").success
    assert "used" in deployment.refusal(approval="approval.token", out="again.csv")


def test_each_part_of_a_release_in_parts_is_signed(deployment):
    assert deployment.release(out="out/").success

    names = {path.name for path in (deployment.root / "out").iterdir()}
    found = check_release(deployment.root / "out", [deployment.clinic.public])
    assert found.is_sound
    assert set(found.files) == {f"out/{name}" for name in names} | {
        "out.report.html",
        "out.report.json",
    }


def test_a_release_replaces_a_release_with_its_statement(deployment):
    assert deployment.release().success
    first = (deployment.root / "out.csv.release.json").read_bytes()
    ops = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "release_gate": {"config": {"policy": "policy.yaml", "requester": "bob"}},
        "write_dataset": {"config": {"path": "out.csv", "overwrite": True}},
    }

    again = RELEASE_JOBS[0].execute_in_process({"ops": ops}, instance=deployment.instance)

    assert again.success
    assert (deployment.root / "out.csv.release.json").read_bytes() != first
    assert check_release(deployment.root / "out.csv", [deployment.clinic.public]).is_sound


def test_a_policy_without_a_signature_is_refused_with_what_to_do(deployment):
    (deployment.root / "policy.yaml.signature.json").unlink()

    sentence = deployment.refusal()

    assert "Nobody whom this deployment trusts has signed the release policy" in sentence
    assert "'data-services release sign-policy'" in sentence


def test_the_twin_lets_out_the_same(deployment, s3_bucket, tmp_path):
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    client = storage.client
    for name in ("in.csv", "policy.yaml", "policy.yaml.signature.json"):
        client.put_object(Bucket=s3_bucket, Key=name, Body=(deployment.root / name).read_bytes())
    ops = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "release_gate": {"config": {"policy": "policy.yaml", "requester": "bob"}},
        "write_dataset": {"config": {"path": "out/out.csv"}},
    }

    done = RELEASE_JOBS[1].execute_in_process(
        {"ops": ops}, instance=deployment.instance, resources={"s3": storage}
    )

    assert done.success
    found = client.list_objects_v2(Bucket=s3_bucket, Prefix="out/")["Contents"]
    for item in found:
        body = client.get_object(Bucket=s3_bucket, Key=item["Key"])["Body"].read()
        (tmp_path / item["Key"].removeprefix("out/")).write_bytes(body)
    found = check_release(tmp_path / "out.csv", [deployment.clinic.public])
    assert found.is_sound
    assert sorted(found.files) == ["out.csv", "out.csv.report.html", "out.csv.report.json"]
