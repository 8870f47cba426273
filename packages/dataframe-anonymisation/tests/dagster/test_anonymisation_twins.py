import json

import pytest

from dataframe_anonymisation import jobs
from util_services.samples import sample_path
from util_services.storage import S3Settings, S3Storage

ROLES = {
    "quasi_identifiers": ["sex", "birth_date", "postcode"],
    "sensitive_attributes": ["diagnosis_code"],
    "unclassified": "drop",
}
CONFIGS = {
    "k_anonymity": ROLES,
    "l_diversity": ROLES | {"l": 2},
    "t_closeness": ROLES | {"t": 0.6},
    "anonymise_dataframe": ROLES | {"models": [{"model": "k_anonymity", "k": 3}]},
    "assess_risk": {"quasi_identifiers": ["sex", "postcode"]},
    "verify_anonymity": {"quasi_identifiers": ["sex"], "k": 2, "fail_if_untrue": False},
}
REPORTS = ("assess_risk", "verify_anonymity")


def without_run(content):
    report = json.loads(content)
    report.pop("run")
    return report


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_both_twins_give_the_same_bytes_and_the_same_report(s3_bucket, instance, root, name):
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    content = sample_path("patients.csv").read_bytes()
    (root / "in.csv").write_bytes(content)
    storage.client.put_object(Bucket=s3_bucket, Key="in.csv", Body=content)
    last = "write_report" if name in REPORTS else "write_dataset"
    config = {
        "ops": {
            "read_dataset": {"config": {"path": "in.csv"}},
            name: {"config": CONFIGS[name]},
            last: {"config": {"path": "out.csv"}},
        }
    }

    local = getattr(jobs, f"{name}_job").execute_in_process(config, instance=instance)
    twin = getattr(jobs, f"{name}_job_s3").execute_in_process(
        config, instance=instance, resources={"s3": storage}
    )

    def stored(key):
        return storage.client.get_object(Bucket=s3_bucket, Key=key)["Body"].read()

    assert local.success
    assert twin.success
    if name not in REPORTS:
        assert stored("out.csv") == (root / "out.csv").read_bytes()
    mine = without_run((root / "out.csv.report.json").read_bytes())
    assert without_run(stored("out.csv.report.json")) == mine
