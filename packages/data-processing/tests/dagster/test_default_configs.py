"""Every job runs as it is, on a bundled sample."""

import json

import pytest

from data_processing.jobs import JOBS
from data_processing.ops import OPERATIONS

LOCAL = [job for job in JOBS if not job.name.endswith("_s3")]


def test_every_operation_has_a_job_and_its_twin():
    names = {f"{one.name}_job{suffix}" for one in OPERATIONS for suffix in ("", "_s3")}

    assert {job.name for job in JOBS} == names


@pytest.mark.parametrize("job", LOCAL, ids=lambda job: job.name)
def test_the_default_config_runs(job, instance, root):
    done = job.execute_in_process(instance=instance)

    assert done.success
    (report,) = root.glob("_test_runs/*/*.report.json")
    steps = json.loads(report.read_text())["steps"]
    assert [step["operation"] for step in steps] == [job.name.removesuffix("_job")]
