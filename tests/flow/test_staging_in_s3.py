"""Runs whose steps hand over their files in a bucket, through Dagster's multi-process executor."""

import base64
import json
import os
import subprocess
import threading

import dagster as dg
import pytest
from dagster import ReexecutionOptions, execute_job, reconstructable
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from kubernetes_api import KubernetesApi

from data_services import repository
from util_services.errors import ConfigurationError
from util_services.storage import S3Settings, S3Storage

CANARY = b"Jane-Roe-canary"
CONTENT = b"id,name\n" + b"".join(b"%d,%s %d\n" % (n, CANARY, n % 700) for n in range(1400))
EXPECTED = b"id,name\n" + b"".join(b"%d,%s %d\n" % (n, CANARY, n) for n in range(700))
MULTIPROCESS = {"config": {"multiprocess": {"max_concurrent": 1}}}


def remove_duplicates_job_s3():
    return repository.defs.resolve_job_def("remove_duplicates_job_s3")


@pytest.fixture
def bucket(machine, s3_bucket, monkeypatch):
    """The bucket of the run's data and staging, whose keys are made for this test."""
    monkeypatch.setenv("DATA_SERVICES_STAGING", f"s3://{s3_bucket}/staging")
    monkeypatch.setenv("DATA_SERVICES_STAGING_RESOURCE", "selfS3")
    monkeypatch.setenv("DATA_SERVICES_STAGING_ENCRYPTION", "true")
    secret = base64.b64encode(os.urandom(32)).decode()
    monkeypatch.setenv("DATA_SERVICES_STAGING_KEY", secret)
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    storage.client.put_object(Bucket=s3_bucket, Key="in.csv", Body=CONTENT)
    storage.secret = secret
    return storage


def objects(storage):
    found = storage.client.list_objects_v2(Bucket=storage.settings.bucket).get("Contents", [])
    return {entry["Key"] for entry in found}


def get(storage, name):
    return storage.client.get_object(Bucket=storage.settings.bucket, Key=name)["Body"].read()


def watched(storage, over):
    """Keep all that ever stands in the bucket below the prefix of staging."""
    seen = {}

    def look():
        while not over.wait(0.05):
            for name in objects(storage):
                if name.startswith("staging/") and name not in seen:
                    try:
                        seen[name] = get(storage, name)
                    except storage.client.exceptions.NoSuchKey:
                        continue

    thread = threading.Thread(target=look)
    thread.start()
    return thread, seen


def test_a_run_leaves_nothing_but_its_output(machine, bucket, run_config):
    config = run_config(subset=["name"]) | {"execution": MULTIPROCESS}
    over = threading.Event()
    thread, seen = watched(bucket, over)
    try:
        with (
            dg.DagsterInstance.get() as instance,
            execute_job(
                reconstructable(remove_duplicates_job_s3), instance, run_config=config
            ) as result,
        ):
            assert result.success
    finally:
        over.set()
        thread.join()

    assert get(bucket, "out.csv") == EXPECTED
    staged = {name.rpartition("/")[2] for name in seen}
    assert {"lease", "input-0.parquet", "output-0.csv"} <= staged
    assert not [name for name, content in seen.items() if CANARY in content]
    assert objects(bucket) == {"in.csv", "out.csv", "out.csv.report.html", "out.csv.report.json"}
    assert machine.mentions(CANARY.decode(), bucket.secret) == set()
    assert not list(machine.folder.rglob("*data-services-staging*"))


PODS = """
telemetry: {{enabled: false}}
run_launcher:
  module: dagster_k8s
  class: K8sRunLauncher
  config:
    load_incluster_config: false
    kubeconfig_file: {kubeconfig}
    service_account_name: runs
    job_image: "data-services:1"
    job_namespace: runs
    instance_config_map: dagster-instance
    dagster_home: /opt/dagster/dagster_home
"""


def test_steps_in_pods_of_their_own_hand_over_their_files_in_the_bucket(
    machine, bucket, run_config, tmp_path
):
    """The executor of dagster-k8s makes the jobs; a stand-in for the cluster runs them."""
    pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    config = run_config(subset=["name"]) | {"execution": {"config": {"k8s": {}}}}
    repository_in_pods = ReconstructableRepository.for_module("data_services.repository", "defs")
    with KubernetesApi(tmp_path) as cluster:
        (machine.home / "dagster.yaml").write_text(PODS.format(kubeconfig=cluster.kubeconfig))
        job = ReconstructableJob(repository_in_pods, "remove_duplicates_job_s3")
        with (
            dg.DagsterInstance.get() as instance,
            execute_job(job, instance, run_config=config) as result,
        ):
            logs = [file.read_text()[-2000:] for file in tmp_path.glob("*.log")]
            assert result.success, logs
        steps = [one["metadata"]["labels"]["dagster/op"] for one in cluster.jobs.values()]
        arguments = json.dumps(list(cluster.jobs.values()))

    assert steps == ["read_dataset", "remove_duplicates", "write_dataset"]
    assert get(bucket, "out.csv") == EXPECTED
    assert objects(bucket) == {"in.csv", "out.csv", "out.csv.report.html", "out.csv.report.json"}
    assert bucket.secret not in arguments
    assert CANARY.decode() not in arguments


def test_steps_in_pods_are_refused_where_they_would_share_no_files(
    machine, bucket, run_config, monkeypatch
):
    monkeypatch.delenv("DATA_SERVICES_STAGING")
    config = run_config(subset=["name"]) | {"execution": {"config": {"k8s": {}}}}

    with (
        dg.DagsterInstance.get() as instance,
        pytest.raises(ConfigurationError, match="set DATA_SERVICES_STAGING to s3://BUCKET/PREFIX"),
        execute_job(reconstructable(remove_duplicates_job_s3), instance, run_config=config),
    ):
        pass


def test_a_run_that_is_continued_from_a_failed_step_says_to_start_anew(machine, bucket, run_config):
    config = run_config(subset=["name"]) | {"execution": MULTIPROCESS}
    stranger = {"Bucket": bucket.settings.bucket, "Key": "out.csv.report.json"}
    bucket.client.put_object(Body=b"somebody else's", **stranger)
    job = reconstructable(remove_duplicates_job_s3)

    with dg.DagsterInstance.get() as instance:
        with execute_job(job, instance, run_config=config) as first:
            assert not first.success
        bucket.client.delete_object(**stranger)
        options = ReexecutionOptions.from_failure(first.run_id, instance)
        with execute_job(job, instance, run_config=config, reexecution_options=options) as again:
            (failure,) = again.get_step_failure_events()

    sentence = failure.step_failure_data.user_failure_data.description
    assert sentence.endswith("start the run from the beginning.")
    assert objects(bucket) == {"in.csv"}


def test_runs_that_begin_meanwhile_take_nothing_from_a_run_at_work(machine, run_config):
    """Each run sweeps as it begins; several at once, in one folder, all reach their ends."""
    machine.put("in.csv", CONTENT)
    processes = []
    for number in range(5):
        values = ["read_dataset.path=in.csv", f"write_dataset.path=out-{number}.csv"]
        options = [part for value in values for part in ("--set", value)]
        command = machine.command("run", "remove_duplicates_job", *options)
        environment = {**os.environ, **machine.variables}
        environment["DATA_SERVICES_STAGING_ENCRYPTION"] = str(number % 2 == 0)
        processes.append(
            subprocess.Popen(
                [*command, "--set", "remove_duplicates.subset=[name]"],
                env=environment,
                cwd=machine.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    shown = [process.communicate(timeout=240)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * 5, shown
    assert [machine.get(f"out-{number}.csv") for number in range(5)] == [EXPECTED] * 5
    assert not list(machine.folder.rglob("*data-services-staging*"))
