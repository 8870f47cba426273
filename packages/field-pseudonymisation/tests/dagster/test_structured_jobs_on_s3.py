"""The twins do on a real S3 server what the jobs do on files."""

import csv
import io

import boto3
import pytest

from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job_s3,
    anonymise_pseudonymise_unstructured_job_s3,
    depseudonymise_structured_job_s3,
    depseudonymise_unstructured_job_s3,
    detect_personal_data_job_s3,
    repseudonymise_structured_job_s3,
)
from util_services.resources import S3StorageResource

CSV = "id,name\n007,Åse\n,Bo\n"
RULES = {"id": {"technique": "encrypt"}, "name": {"technique": "tokenise"}}


@pytest.fixture
def bucket(moto_server, s3_bucket, root):
    """A bucket of the server that the environment describes."""
    client = boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        aws_access_key_id=moto_server.access_key,
        aws_secret_access_key=moto_server.secret_key,
        region_name="us-east-1",
    )

    class Bucket:
        def put(self, key, text):
            client.put_object(Bucket=s3_bucket, Key=key, Body=text.encode())

        def get(self, key):
            return client.get_object(Bucket=s3_bucket, Key=key)["Body"].read().decode()

    return Bucket()


def test_a_table_goes_there_and_back_on_s3(bucket, run, root, approval, ada):
    host = {"s3": S3StorageResource(resource_name="selfS3")}
    options = {"keyset": "clinic", "domain": "d", "rules": RULES}
    bucket.put("in.csv", CSV)

    first = run(anonymise_pseudonymise_structured_job_s3, "in.csv", "out.csv", host, **options)
    second = run(repseudonymise_structured_job_s3, "out.csv", "new.csv", host, domain="e")
    (root / "new.csv").write_text(bucket.get("new.csv"))
    approval("new.csv", job="depseudonymise_structured_job_s3")
    bucket.put("approval.token", (root / "approval.token").read_text())
    asked = {"purpose": "complaint 17", "requester": "bob", "approval": "approval.token"}
    third = run(depseudonymise_structured_job_s3, "new.csv", "back.csv", host, **asked)

    assert first.success
    assert second.success
    assert third.success
    assert bucket.get("back.csv") == CSV
    rows = list(csv.reader(io.StringIO(bucket.get("out.csv"))))
    assert rows[1][0].startswith("siv1.")
    assert '"kind": "data-services/pseudonymisation"' in bucket.get("out.csv.pseudonymisation.json")


def test_texts_go_there_and_back_on_s3(bucket, run, root, approval, ada):
    host = {"s3": S3StorageResource(resource_name="selfS3")}
    options = {"keyset": "clinic", "domain": "d", "entities": {"*": {"technique": "encrypt"}}}
    letter = "Write to ann@example.org.\n"
    bucket.put("in.txt", letter)

    first = run(anonymise_pseudonymise_unstructured_job_s3, "in.txt", "out.txt", host, **options)
    (root / "out.txt").write_text(bucket.get("out.txt"))
    approval("out.txt", job="depseudonymise_unstructured_job_s3")
    bucket.put("approval.token", (root / "approval.token").read_text())
    asked = {"purpose": "complaint 17", "requester": "bob", "approval": "approval.token"}
    second = run(depseudonymise_unstructured_job_s3, "out.txt", "back.txt", host, **asked)
    third = run(detect_personal_data_job_s3, "in.txt", "found", host)

    assert first.success
    assert second.success
    assert third.success
    assert "ann@" not in bucket.get("out.txt")
    assert bucket.get("back.txt") == letter
    assert "technique: detect_text" in bucket.get("found.policy.yaml")
