"""What a record says, and what it refuses to say."""

import json

import jsonschema
import pytest

from util_services import audit as public
from util_services.audit.errors import AuditError
from util_services.audit.record import AuditedData, WorkRecord, digest_of_config
from util_services.audit.writer import writer
from util_services.errors import CancelledError, DatasetError

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def written(tmp_path, clean_environment, monkeypatch, record_schema):
    """Return a function that returns the records of work, each checked against the schema."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    validator = jsonschema.Draft202012Validator(record_schema)

    def read():
        writer().close()
        [file] = (tmp_path / "audit").iterdir()
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            validator.validate(line)
        return [line for line in lines if line["kind"] == "work"]

    return read


def test_the_schema_is_a_valid_schema(record_schema):
    jsonschema.Draft202012Validator.check_schema(record_schema)


def test_a_full_record_keeps_the_schema_and_ties_before_and_after(written):
    before = WorkRecord(
        "reidentification",
        run_id="r1",
        job="depseudonymise_structured_job",
        user="ada",
        requester="grace",
        purpose="recall of a medicine",
        approval="a-7",
        config_sha256=digest_of_config({"columns": ["email"]}),
        inputs=(AuditedData("in.csv", DIGEST, 10, 2),),
        versions={"field-pseudonymisation": "0.1.0"},
    )
    with public.recorded(before) as results:
        results.outputs = (AuditedData("out.csv", DIGEST, 12, 2),)
        results.counts["rows"] = 2
        results.facts["keyset"] = "demo"

    first, second = written()
    assert (first["phase"], second["phase"], second["outcome"]) == ("before", "after", "success")
    assert first["work"] == second["work"]
    assert (first["requester"], first["purpose"], first["approval"]) == (
        "grace",
        "recall of a medicine",
        "a-7",
    )
    assert second["outputs"] == [{"path": "out.csv", "sha256": DIGEST, "bytes": 12, "rows": 2}]
    assert (second["counts"], second["facts"]) == ({"rows": 2}, {"keyset": "demo"})


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DatasetError("cell no-4711"), "failure"),
        (CancelledError("over"), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
    ],
)
def test_work_that_fails_is_recorded_by_the_class_of_its_error(written, error, outcome):
    with pytest.raises(type(error)), public.recorded(WorkRecord("tea")):
        raise error

    _, after = written()
    assert (after["outcome"], after["error"]) == (outcome, [type(error).__name__])
    assert "no-4711" not in json.dumps(after)


def test_work_that_cannot_be_recorded_does_not_begin(tmp_path, clean_environment, monkeypatch):
    (tmp_path / "audit").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    done = []

    with pytest.raises(AuditError, match="cannot be written to"), public.recorded(WorkRecord("t")):
        done.append("work")

    assert done == []


def test_the_error_of_the_work_is_raised_though_it_cannot_be_recorded(
    tmp_path, clean_environment, monkeypatch, caplog
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    before, writer_of_before = WorkRecord("tea"), writer()

    def work():
        with public.recorded(before):
            monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", "/dev/null/audit")
            raise DatasetError("cold")

    with pytest.raises(DatasetError, match="cold"):
        work()

    writer_of_before.close()
    assert f"How the work {before.work} ended is not in the audit: " in caplog.text


@pytest.mark.parametrize(
    "record",
    [
        WorkRecord("Rotate Keys"),
        WorkRecord("tea", "later"),
        WorkRecord("tea", "after"),
        WorkRecord("tea", outcome="success"),
        WorkRecord("tea", "after", outcome="fine"),
        WorkRecord("tea", config_sha256="1234"),
        WorkRecord("tea", inputs=(AuditedData("x", "ABCD"),)),
        WorkRecord("tea", counts={"rows": "4711"}),
        WorkRecord("tea", counts={"rows": True}),
        WorkRecord("tea", facts={"rows": ["4711"]}),
    ],
)
def test_what_is_no_record_is_refused_without_its_values(record):
    with pytest.raises(AuditError) as error:
        record.to_dict()
    assert "4711" not in str(error.value)


def test_secrets_and_floods_do_not_get_in(written, monkeypatch):
    monkeypatch.setenv("SELFS3_S3_SECRET_KEY", "canary-of-the-environment")
    entry = WorkRecord(
        "tea",
        user="u" * 100_000,
        purpose="password=canary-1 and s3://key:canary-2@host/x",
        inputs=(AuditedData("s3://u:canary-3@bucket/key canary-of-the-environment"),),
        facts={"api_key": "canary-4", "note": "Bearer canary-5.canary-5"},
    )
    public.record(entry)

    [record] = written()
    assert "canary" not in json.dumps(record)
    assert len(record["user"]) == 1001


def test_the_digest_of_a_config_does_not_depend_on_the_order_of_its_keys():
    assert digest_of_config({"a": 1, "b": [2]}) == digest_of_config({"b": [2], "a": 1})
    assert digest_of_config({"a": 1}) != digest_of_config({"a": 2})
    assert digest_of_config({1: (2,), "a": None}) == digest_of_config({"a": None, "1": [2]})
