"""What docs/scaling.md says of settings is what the deployment and the executor have."""

import re

import dagster as dg
import pytest
import yaml

from data_services import repository


@pytest.fixture
def page(workspace):
    return (workspace / "docs/scaling.md").read_text()


def test_the_executors_of_the_page_are_those_of_jobs(page):
    job = repository.defs.resolve_job_def("k_anonymity_job_s3")
    configs = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]

    for config in configs:
        dg.validate_run_config(job, config)
    assert [next(iter(one["execution"]["config"])) for one in configs] == ["multiprocess", "k8s"]


def test_the_limits_of_the_page_are_those_of_the_instance(page, workspace):
    file = workspace / "code-locations/data-services/deploy/dagster.yaml"
    instance = yaml.safe_load(file.read_text())
    runs = instance["concurrency"]["runs"]
    limits = {one["key"]: one["limit"] for one in runs["tag_concurrency_limits"]}

    assert f"| {runs['max_concurrent_runs']} at once; others wait |" in page
    for key in limits:
        assert f"limit by the tag `{key}`" in page
    assert f"| {limits['dagster/backfill']} runs of each at once" in page
    assert instance["run_retries"]["max_retries"] == 1
    assert instance["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_measured_rows_are_of_jobs_and_whole(page):
    lines = page[page.index("| job | rows |") :].partition("\n\n")[0].splitlines()
    rows = [re.findall(r"[^|\s][^|]*[^|\s]|[^|\s]", line) for line in lines if line[:3] == "| `"]

    assert rows
    for job, *figures in rows:
        assert repository.defs.resolve_job_def(f"{job.strip('`')}_job")
        assert len(figures) == 6
        assert all(float(figure.replace(",", "")) > 0 for figure in figures)
