"""The record of processing activities and the input of an assessment tell what runs really did.

Everything is made by commands: keys, a policy, two runs and a release. What the documents say is
compared with the reports, the register and the audit as they lie on disk, read anew here.
"""

import base64
import csv
import hashlib
import importlib.resources
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

PURPOSE = "research on lengths of stay"
DATASET = "patients of clinic A"
POLICY = {
    "dataset": DATASET,
    "purpose": PURPOSE,
    "released_by": ["bob"],
    "approval": "none",
    "valid_days": 180,
    "columns": {
        "patient_id": "pseudonym",
        "sex": "quasi_identifier",
        "birth_date": "quasi_identifier",
        "postcode": "quasi_identifier",
        "diagnosis_code": "sensitive",
        "ward": "insensitive",
        "length_of_stay": "insensitive",
    },
    "checks": {"privacy_models": {"k": 5, "l": 2}, "pseudonyms": {}, "personal_data": {}},
}
STATED = {
    "controller": {"name": "Clinic A", "contact": "1 Street, Town"},
    "data_protection_officer": {"name": "Ada Lovelace", "contact": "ada@clinic.example"},
    "measures": ["Staff are trained each year."],
    "activities": [
        {
            "name": "Lengths of stay",
            "purpose": PURPOSE,
            "dataset": DATASET,
            "legal_basis": "Article 6(1)(e)",
            "data_subjects": ["inpatients of 2024"],
            "personal_data": [
                {"category": "health", "special": True, "columns": ["diagnosis_code", "unheard_of"]}
            ],
            "recipients": [{"name": "University of Town"}],
            "transfers": [],
            "retention": "ten years after discharge",
            "assessment": {
                "necessity": "Lengths of stay are planned with.",
                "risks": [{"risk": "Singling out.", "likelihood": "low", "severity": "high"}],
            },
        }
    ],
}
pytestmark = pytest.mark.timeout(900)  # each command is a process
LONG = 8  # letters of a cell that stands for nothing else


class Clinic:
    """A deployment of its own folder, used by commands alone."""

    def __init__(self, folder):
        self.folder, self.root = folder, folder / "root"
        self.root.mkdir()
        own = {name: value for name, value in os.environ.items() if "DATA_SERVICES" not in name}
        places = {name: str(folder / name.lower()) for name in ("AUDIT_DIR", "KEYS", "TRUST")}
        places |= {"RELEASES_DIR": str(folder / "register"), "ROOT": str(self.root)}
        places |= {"RELEASE_KEY": str(folder / "release.key")}
        self.environment = own | {f"DATA_SERVICES_{name}": text for name, text in places.items()}
        self.environment["DAGSTER_HOME"] = str(folder / "home")

    def run(self, *arguments, status=0, **settings):
        program = Path(sys.executable).with_name("data-services")
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=self.root,
            env=self.environment | settings,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def job(self, name, *settings, status=0):
        given = [part for setting in settings for part in ("--set", setting)]
        return self.run("run", name, *given, status=status)

    def document(self, kind="record", *arguments, status=0, **settings):
        done = self.run("processing", kind, *arguments, "--json", status=status, **settings)
        return json.loads(done.stdout)

    def report(self, name):
        file = self.root / f"{name}.report.json"
        content = file.read_bytes()
        return file, json.loads(content), hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clinic that has pseudonymised, recoded and released; it is copied and not changed."""
    clinic = Clinic(tmp_path_factory.mktemp("clinic"))
    sample = importlib.resources.files("util_services.samples") / "patients.csv"
    rows = list(csv.DictReader(sample.read_text("utf-8").splitlines()))
    unique = list({row["patient_id"]: row for row in rows}.values())
    with (clinic.root / "patients.csv").open("w", newline="") as sink:
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows(unique)
    phrase = clinic.folder / "phrase"
    phrase.write_text("a phrase that is long enough\n")
    phrase.chmod(0o600)
    ada, policy = clinic.folder / "ada.key", clinic.root / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY))
    secret = ("--passphrase-file", phrase)
    clinic.run(
        "release", "key", clinic.folder / "release.key", "--owner", "A", "--without-passphrase"
    )
    clinic.run("approve", "identity", "create", ada, "--owner", "Ada Lovelace", *secret)
    clinic.run("approve", "trust", "add", f"{ada}.pub", "--owner", "Ada Lovelace")
    clinic.run("release", "sign-policy", policy, "--identity", ada, *secret)
    clinic.run("keys", "create", "demo", "--purpose", "pseudonymisation")
    rules = {name: {"technique": "retain"} for name in POLICY["columns"]}
    rules["patient_id"] = {"technique": "hash"}
    clinic.job(
        "anonymise_pseudonymise_structured_job",
        "read_dataset.path=patients.csv",
        f"anonymise_pseudonymise_structured.rules={json.dumps(rules)}",
        "anonymise_pseudonymise_structured.unmatched=drop",
        "write_dataset.path=hidden.csv",
    )
    clinic.job(
        "l_diversity_job",
        "read_dataset.path=hidden.csv",
        "l_diversity.k=5",
        "l_diversity.l=2",
        "l_diversity.quasi_identifiers=[sex, birth_date, postcode]",
        "l_diversity.sensitive_attributes=[diagnosis_code]",
        "l_diversity.insensitive_attributes=[patient_id, ward, length_of_stay]",
        "write_dataset.path=recoded.csv",
    )
    gate = ("release_gate.policy=policy.yaml", "read_dataset.path=recoded.csv")
    clinic.job(
        "release_gate_job",
        *gate,
        "release_gate.requester=eve",
        "write_dataset.path=no.csv",
        status=1,
    )
    clinic.job(
        "release_gate_job", *gate, "release_gate.requester=bob", "write_dataset.path=out.csv"
    )
    clinic.job(
        "remove_duplicates_job",
        "read_dataset.path=patients.csv",
        "write_dataset.path=other.csv",
        "remove_duplicates.subset=[email]",
    )
    (clinic.root / "activities.yaml").write_text(yaml.safe_dump(STATED, sort_keys=False))
    return clinic


@pytest.fixture
def clinic(made, tmp_path):
    """The clinic, whose files a test may change; they are brought back."""
    kept = tmp_path / "kept"
    shutil.copytree(made.folder, kept)
    yield made
    shutil.rmtree(made.folder)
    shutil.copytree(kept, made.folder)


def chapter(document, title):
    (found,) = [one for one in document["activities"] if one["title"] == title]
    return found["parts"]


def facts(part, listing=None):
    told = part["statements"] if listing is None else part["listings"][listing]
    return [one["facts"] for one in told]


def sources(document, statement):
    return [document["sources"][number] for number in statement["sources"]]


def test_columns_and_techniques_are_those_of_the_reports(made):
    document = made.document("record", "--activities", "activities.yaml")
    parts = chapter(document, "Lengths of stay")
    columns = {one["column"]: one for one in facts(parts["categories"], "Columns")}
    _, report, _ = made.report("hidden.csv")
    told = {one["column"]: one for one in report["steps"][0]["facts"]["columns"]}

    assert set(columns) == set(told)
    for name, role in POLICY["columns"].items():
        assert role in columns[name]["roles"]
        assert columns[name]["left"] == "released"
    gone = {name for name, one in told.items() if one["technique"] == "drop"}
    assert gone == {name for name, one in columns.items() if one["left"] == "no"}
    assert all(columns[name]["treatments"] == ["drop"] for name in gone)
    assert columns["patient_id"]["treatments"] == [
        f"hash ({told['patient_id']['term']}) with a key of 'demo' in the domain "
        f"'{told['patient_id']['domain']}'"
    ]
    assert columns["diagnosis_code"]["category"] == "health"


def test_models_are_those_that_were_measured_and_name_their_report(made):
    document = made.document("record")
    parts = chapter(document, f"Research on lengths of stay: {DATASET}")
    file, report, sha256 = made.report("recoded.csv")
    models = [one for one in parts["measures"]["statements"] if "model" in one["facts"]]
    verified = report["steps"][0]["facts"]["verified"]["models"]

    assert [(one["facts"]["model"], one["facts"]["measured"]) for one in models] == [
        (one["model"], one["measured"]) for one in verified
    ]
    assert [one["facts"]["demanded"] for one in models] == [one["requested"] for one in verified]
    for one in models:
        assert sources(document, one) == [
            {
                "kind": "report",
                "name": str(file),
                "run": report["run"]["run_id"],
                "sha256": sha256,
                "digest_known_by": "nobody else",
            }
        ]


def test_the_release_its_limit_and_its_refusals_are_told(made):
    document = made.document("record")
    parts = chapter(document, f"Research on lengths of stay: {DATASET}")
    (known,) = json.loads(made.run("release", "list", "--json").stdout)["releases"]
    (told,) = parts["recipients"]["listings"]["Releases"]
    released = datetime.fromisoformat(told["facts"]["released"])
    _, report, sha256 = made.report("out.csv")

    assert told["facts"]["release"] == known["id"]
    assert told["facts"]["requester"] == "bob"
    assert told["facts"]["rows"] == report["rows"]["out"]
    assert told["facts"]["state"] == "out"
    assert datetime.fromisoformat(told["facts"]["holds_until"]) == released + timedelta(days=180)
    assert sources(document, told)[0]["statement_sha256"] == known["statement_sha256"]
    assert {"refused": 1} in facts(parts["measures"])
    signed = [one for one in document["sources"].values() if one.get("sha256") == sha256]
    assert [one["digest_known_by"] for one in signed] == ["release"]


def test_all_runs_are_told_with_the_rows_that_the_audit_knows(made):
    document = made.document("record")
    parts = chapter(document, f"Research on lengths of stay: {DATASET}")
    other = chapter(document, str(made.root / "patients.csv"))
    reports = [made.report(name)[1] for name in ("hidden.csv", "recoded.csv", "out.csv")]

    runs = facts(parts["processing"], "Runs")
    assert [(one["run"], one["rows_read"], one["rows_published"]) for one in runs] == [
        (one["run"]["run_id"], one["rows"]["in"], one["rows"]["out"]) for one in reports
    ]
    assert [one["steps"] for one in runs] == [
        [step["operation"] for step in one["steps"]] for one in reports
    ]
    assert [one["job"] for one in facts(other["processing"], "Runs")] == ["remove_duplicates_job"]
    (audit,) = [one for one in facts(document["general"]["parts"]["measures"]) if "runs" in one]
    assert audit["runs"] == {"failure": 1, "success": 4}


def test_what_people_have_stated_is_told_with_its_line_and_the_rest_is_a_gap(made):
    document = made.document("record", "--activities", "activities.yaml")
    parts = chapter(document, "Lengths of stay")
    lines = (made.root / "activities.yaml").read_text().splitlines()
    basis = next(one for one in parts["purposes"]["statements"] if "legal_basis" in one["facts"])
    (source,) = sources(document, basis)
    line = int(re.fullmatch(r"activities\.yaml, line (\d+)", source["name"])[1])
    own = [one["gap"] for one in document["gaps"] if one["chapter"] == "Lengths of stay"]
    (release,) = facts(parts["recipients"], "Releases")

    assert lines[line - 1].strip() == "legal_basis: Article 6(1)(e)"
    assert facts(parts["transfers"]) == [{"transfers": []}]
    assert f"Nobody has stated who received the release {release['release']}." in own
    assert any(one.endswith("which a category names: unheard_of.") for one in own)
    assert any(one.startswith("Nobody has stated to which category") for one in own)
    assert len(own) == 3
    assert [one["gap"] for one in document["gaps"] if one["chapter"] == "All activities"] == []


def test_without_a_file_nothing_is_made_up_of_what_only_people_know(made):
    document = made.document()
    gaps = {(one["part"], one["gap"]) for one in document["gaps"]}

    assert document["general"]["parts"]["controller"]["statements"] == []
    assert ("Controller", "Nobody has stated who the controller is.") in gaps
    assert ("Purposes", "Nobody has stated for which purpose these data are processed.") in gaps
    assert not [one for one in document["sources"].values() if one["kind"] == "stated"]


def test_the_input_of_an_assessment_has_the_measured_risks_and_the_remarks_of_reports(made):
    document = made.document("assessment", "--activities", "activities.yaml")
    parts = chapter(document, "Lengths of stay")
    _, report, _ = made.report("recoded.csv")
    (section,) = [
        one for one in report["steps"][0]["sections"] if one["title"] == "Risk of re-identification"
    ]
    (table,) = [one for one in section["tables"] if one["title"] == "Risk"]

    risks = facts(parts["risks"], "Measured risks")
    assert [[one["risk"], one["before"], one["after"]] for one in risks] == table["rows"]
    remarks = [one["remark"] for one in facts(parts["risks"]) if "remark" in one]
    assert set(report["steps"][0]["limits"]) <= set(remarks)
    assert facts(parts["risks"])[0]["likelihood"] == "low"
    assert facts(parts["necessity"])[0] == {"necessity": "Lengths of stay are planned with."}
    (gone,) = [one for one in facts(parts["necessity"]) if "columns_left_out" in one]
    assert len(gone["columns_left_out"]) == 19 - len(POLICY["columns"])
    assert {part["article"] for part in parts.values()} >= {f"35(7)({letter})" for letter in "abcd"}


def test_equal_knowledge_gives_equal_bytes_in_both_forms(made, tmp_path):
    for name in ("first", "second"):
        made.run(
            "processing", "record", "--activities", "activities.yaml", "--out", tmp_path / name
        )
        made.run("processing", "assessment", "--out", tmp_path / name)

    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == [
        "assessment-input.json",
        "assessment-input.md",
        "processing-record.json",
        "processing-record.md",
    ]
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_no_cell_and_no_key_is_in_any_document(made):
    with (made.root / "patients.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = {"patient_id", "given_name", "family_name", "email", "phone", "iban", "notes"}
    cells = {row[name] for row in rows for name in names if len(row[name]) >= LONG}
    with (made.root / "out.csv").open(newline="") as file:
        cells |= {row["patient_id"] for row in csv.DictReader(file)}
    kept = "".join(
        path.read_text("utf-8", "replace")
        for path in made.folder.glob("keys/**/*")
        if path.is_file()
    )
    secrets = set(re.findall(r"[A-Za-z0-9+/=_-]{40,}", kept))
    secrets |= {base64.b64decode(one + "==", altchars="-_").hex() for one in secrets}

    for kind in ("record", "assessment"):
        for form in ("--json", "--markdown"):
            told = made.run("processing", kind, "--activities", "activities.yaml", form).stdout
            assert not [cell for cell in cells if cell in told]
            assert not [one for one in secrets if one in told]
    assert len(cells) > 1000
    assert secrets


def test_markdown_has_the_gaps_the_sources_and_a_table_for_every_listing(made):
    text = made.run("processing", "record", "--activities", "activities.yaml").stdout
    document = made.document("record", "--activities", "activities.yaml")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    words = "\n".join(token.content for token in tokens if token.type == "inline")
    listings = [
        one
        for found in (document["general"], *document["activities"])
        for part in found["parts"].values()
        for one in part["listings"]
    ]

    assert sum(token.type == "table_open" for token in tokens) == len(listings) + 3
    assert words.count("**Gap:**") == len(document["gaps"])
    assert all(f"\n{number}\n" in words for number in document["sources"])
    assert f"Gaps: {len(document['gaps'])}" in words


def test_a_report_that_was_changed_after_its_release_does_not_count(clinic):
    file, report, _ = clinic.report("out.csv")
    report["steps"][0]["facts"]["columns"]["ward"] = "sensitive"
    file.write_text(json.dumps(report))

    gaps = [one["gap"] for one in clinic.document()["gaps"]]

    assert any("is not the one that was signed with the release" in gap for gap in gaps)


def test_a_report_that_is_gone_or_of_another_output_is_a_gap_and_a_copy_counts(clinic, tmp_path):
    file, report, _ = clinic.report("recoded.csv")
    copy = tmp_path / "copy.json"
    shutil.move(file, copy)
    run = report["run"]["run_id"]

    def gaps(*arguments):
        return [
            one["gap"] for one in clinic.document("record", *arguments)["gaps"] if run in one["gap"]
        ]

    assert gaps() == [f"The report of the run {run} is no longer at '{file}'."]
    assert gaps("--report", copy) == []
    report["output"]["sha256"] = "0" * 64
    file.write_text(json.dumps(report))
    assert gaps() == [f"The report at '{file}' is not that of the run {run} as the audit knows it."]
    file.write_text("{}")
    assert gaps() == [f"What is at '{file}' is no report of the run {run}."]


def test_a_withdrawn_release_is_told_as_such_and_not_on_a_day_before(clinic):
    (known,) = json.loads(clinic.run("release", "list", "--json").stdout)["releases"]
    clinic.run("release", "withdraw", known["id"], "--reason", "two persons objected")
    parts = chapter(clinic.document(), f"Research on lengths of stay: {DATASET}")
    before = clinic.document("record", "--at", "2020-01-01")

    assert facts(parts["recipients"], "Releases")[0]["state"] == "withdrawn"
    (erasure,) = facts(parts["erasure"])
    assert erasure["reason"] == "two persons objected"
    assert before["activities"] == []
    assert any("There is no audit of this deployment" in one for one in before["remarks"])


def test_runs_before_a_day_are_left_out_and_releases_that_hold_are_not(made):
    later = datetime.fromisoformat(made.report("out.csv")[1]["run"]["started"]) + timedelta(days=3)
    day = later.date().isoformat()

    document = made.document("record", "--since", day, "--at", day)

    (only,) = document["activities"]
    assert only["title"] == f"Research on lengths of stay: {DATASET}"
    assert only["parts"]["processing"]["gaps"] == [
        "No run that is on record belongs to this activity."
    ]
    assert len(only["parts"]["recipients"]["listings"]["Releases"]) == 1


def test_a_broken_audit_is_told_in_the_record_and_by_the_status(clinic):
    (segment,) = (clinic.folder / "audit_dir").glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b"remove_duplicates_job" in line)
    lines[at] = lines[at].replace(b"remove_duplicates_job", b"remove_duplicates_jab")
    segment.write_bytes(b"".join(lines))

    document = clinic.document(status=1)

    assert any(one.startswith("The audit is broken at") for one in document["remarks"])


def test_settings_are_told_by_their_variables_and_no_secret_with_them(made):
    document = made.document(
        DATA_SERVICES_STAGING_ENCRYPTION="true",
        DATA_SERVICES_REIDENTIFICATION="false",
        SELFS3_S3_ENDPOINT_URL="http://user:hunter2@store.example:9000",
        SELFS3_S3_ACCESS_KEY="AKIAEXAMPLE",
        SELFS3_S3_SECRET_KEY="not-to-be-told",  # noqa: S106 - nobody's
        SELFS3_S3_SSE="aws:kms:alias/the-key",
    )
    told = document["general"]["parts"]["measures"]["statements"]
    texts = [one["text"] for one in told]
    shown = json.dumps(document)

    assert any(one.startswith("Intermediate files of runs are encrypted at rest") for one in texts)
    assert "The jobs that bring originals back are left out of the deployment." in texts
    assert (
        "The S3 store of the credentials 'SELFS3_S3' is reached without TLS, and written encrypted "
        "by the store (aws:kms)." in texts
    )
    for secret in ("hunter2", "AKIAEXAMPLE", "not-to-be-told", "the-key", "store.example"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--since", "yesterday"), "--since: 'yesterday' is no day; write it as 2026-01-31."),
        (("--at", "2026-13-01"), "--at: '2026-13-01' is no day; write it as 2026-01-31."),
        (("--since", "2026-02-01", "--at", "2026-01-01"), "'--since' is later than '--at'"),
        (("--activities", "wrong.yaml"), "The file of activities 'wrong.yaml': unknown key 'a'."),
        (("--report", "patients.csv"), "'patients.csv' is no report of a run"),
        (("--json", "--out", "folder"), "'--out' writes both forms"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_and_nothing_is_written(clinic, arguments, sentence):
    (clinic.root / "wrong.yaml").write_text("a: 1\n")

    done = clinic.run("processing", "record", *arguments, status=2)

    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (clinic.root / "folder").exists()


def test_reports_in_a_store_are_read_there_and_are_a_gap_where_nobody_may(s3_bucket, tmp_path):
    clinic = Clinic(tmp_path)
    clinic.job("remove_duplicates_job_s3", "write_dataset.path=out.csv")
    place = f"s3://{s3_bucket}/out.csv.report.json"

    known = clinic.document()
    unknown = clinic.document(SELFS3_S3_ALLOWED_BUCKETS="other", SELFS3_S3_BUCKET="other")

    assert [one["name"] for one in known["sources"].values() if one["kind"] == "report"] == [place]
    assert not any(place in one["gap"] for one in known["gaps"])
    (gap,) = [one["gap"] for one in unknown["gaps"] if place in one["gap"]]
    assert gap.endswith("set the credentials of the store, or give a copy with '--report'.")
