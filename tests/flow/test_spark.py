"""Whole jobs on a real Spark cluster: the same output as on one machine, and nothing left over."""

import json
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from blake3 import blake3
from key_forms import files_with
from network_namespaces import LOOPBACK, network_namespaces

from util_services.storage import S3Settings, S3Storage
from workspace_core import api
from workspace_core.workspace import find_and_load_workspace

CANARY = "Jane-Roe-canary"
ROWS = [f'{n},"{CANARY} {n % 40}",{n % 7 or ""},"say ""{n % 3}"" é"' for n in range(400)]
TEXT = "\n".join(["id,name,age,note", *ROWS, ""])
OPTIONS = [
    "--set", "read_dataset.path=in.csv",
    "--set", "remove_duplicates.subset=[name]",
    "--set", "remove_duplicates.keep=last",
    "--set", "remove_duplicates.order_by=[age]",
    "--set", "remove_duplicates.ignore=[case]",
]  # fmt: skip


def run(machine, output, **variables):
    arguments = ["run", "remove_duplicates_job", *OPTIONS, "--set", f"write_dataset.path={output}"]
    return machine.run(*arguments, "--json", **variables)


def report_of(machine, output):
    """Return a report but for what names the run, and the engines of its steps."""
    report = json.loads(machine.get(f"{output}.report.json"))
    del report["run"], report["output"]["path"]
    return report, [step.pop("engine") for step in report["steps"]]


def drivers_below(folder):
    """Return the processes whose command line names a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        if os.fsencode(folder) in command:
            found.append(process.name)
    return found


def drivers_left(folder):
    """Return those that do not end, though they have the time that a busy machine takes."""
    end = time.monotonic() + 60
    while (found := drivers_below(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


@pytest.fixture
def on_the_cluster(spark_cluster):
    return spark_cluster.environment() | {"DATA_SERVICES_ENGINE": "spark"}


@pytest.fixture
def cluster_of_hosts():
    """A cluster of this test's own, whose workers are in networks of their own where we may."""
    from spark_cluster import missing_parts, spark_cluster

    if missing := missing_parts():
        pytest.skip(f"Spark cannot run here; missing: {', '.join(missing)}")
    with ExitStack() as stack:
        try:
            hosts = stack.enter_context(network_namespaces(2))
        except PermissionError:
            hosts = [LOOPBACK] * 3
        yield stack.enter_context(spark_cluster(hosts, "spark.task.maxFailures 4\n"))  # Spark's own


@pytest.mark.parametrize("way", ["standalone", "connect"])
def test_a_job_gives_the_same_rows_and_counts_on_a_cluster(
    machine, spark_cluster, on_the_cluster, request, way
):
    if way == "connect":
        on_the_cluster["DATA_SERVICES_SPARK_MASTER"] = request.getfixturevalue("spark_connect")
    machine.put("in.csv", TEXT.encode())

    here, there = run(machine, "here.csv"), run(machine, "there.csv", **on_the_cluster)

    assert (here.returncode, there.returncode, there.stderr) == (0, 0, ""), there.stderr
    assert machine.get("there.csv") == machine.get("here.csv")
    (expected, _), (found, engines) = (
        report_of(machine, "here.csv"),
        report_of(machine, "there.csv"),
    )
    assert (found, engines) == (expected, ["spark"])
    versions = json.loads(machine.get("there.csv.report.json"))["run"]["versions"]
    assert versions["pyspark"].startswith("4.")
    data = ["root/in.csv", "root/here.csv", "root/there.csv"]
    assert machine.mentions(CANARY, but=data) == set()
    assert not [path for path in machine.folder.rglob("*staging*") if path.is_dir()]
    assert list((machine.folder / "tmp").iterdir()) == []
    assert drivers_left(machine.folder) == []
    logs = [path for path in spark_cluster.folder.rglob("*") if path.name in {"stdout", "stderr"}]
    assert logs
    assert not [path for path in logs if CANARY.encode() in path.read_bytes()]


def test_the_twin_on_s3_gives_the_same_and_tells_no_credentials(
    machine, rgw_server, rgw_bucket, spark_cluster, on_the_cluster
):
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    storage.client.put_object(Bucket=rgw_bucket, Key="in.csv", Body=TEXT.encode())
    machine.put("in.csv", TEXT.encode())
    assert run(machine, "out.csv").returncode == 0
    arguments = ["run", "remove_duplicates_job_s3", *OPTIONS, "--set", "write_dataset.path=out.csv"]

    there = machine.run(*arguments, **on_the_cluster)

    assert (there.returncode, there.stderr) == (0, ""), there.stderr
    found = storage.client.list_objects_v2(Bucket=rgw_bucket)["Contents"]
    names = ["in.csv", "out.csv", "out.csv.report.html", "out.csv.report.json"]
    assert [one["Key"] for one in found] == names
    got = storage.client.get_object(Bucket=rgw_bucket, Key="out.csv")["Body"].read()
    assert got == machine.get("out.csv")
    secrets = [rgw_server.access_key.encode(), rgw_server.secret_key.encode()]
    assert files_with(secrets, spark_cluster.folder, machine.folder, but=machine.root) == []
    assert machine.mentions(CANARY, but=["root/in.csv", "root/out.csv"]) == set()


def test_a_cancelled_job_ends_its_driver_and_leaves_nothing(machine, on_the_cluster):
    lines = (f"{n},{CANARY} {n},{n % 7}" for n in range(2_000_000))
    machine.put("in.csv", "\n".join(["id,name,age", *lines, ""]).encode())
    arguments = ["run", "remove_duplicates_job", *OPTIONS, "--set", "write_dataset.path=out.csv"]
    process = subprocess.Popen(
        machine.command(*arguments),
        env={**os.environ, **machine.variables, **on_the_cluster},
        cwd=machine.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        end = time.monotonic() + 120
        while not drivers_below(machine.folder / "root") and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(6)  # until it is at work
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=200)  # on a busy machine Spark takes its time
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

    assert process.returncode != 0
    assert CANARY not in told.decode()
    assert machine.outputs() == ["root/in.csv"]
    assert drivers_left(machine.folder) == []
    assert machine.mentions(CANARY, but=["root/in.csv"]) == set()


def begun(machine, *arguments, **variables):
    """Begin a run, and return its process."""
    return subprocess.Popen(
        machine.command("run", *arguments),
        env={**os.environ, **machine.variables, **variables},
        cwd=machine.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_job_outlives_a_worker(machine, cluster_of_hosts):
    lines = (f"{n % 5000}, {CANARY}  {n % 700},{n % 11 or ''}" for n in range(20_000))
    machine.put("in.csv", "\n".join(["id,name,age", *lines, ""]).encode())
    (machine.root / "recipe.yaml").write_text(
        "- {step: normalise_text, columns: [name], collapse_whitespace: true, trim: true}\n"
        "- {step: remove_duplicates, subset: [id], keep: last, order_by: [age]}\n"
        "- {step: fill_missing_values, columns: {age: {strategy: mode, by: [name]}}}\n"
    )
    arguments = ["clean_data_job", "--set", "read_dataset.path=in.csv",
                 "--set", "clean_data.recipe=recipe.yaml", "--set"]  # fmt: skip
    assert machine.run("run", *arguments, "write_dataset.path=here.csv").returncode == 0

    there = cluster_of_hosts.environment() | {"DATA_SERVICES_ENGINE": "spark"}
    with begun(machine, *arguments, "write_dataset.path=there.csv", **there) as process:
        end = time.monotonic() + 200
        while not any(machine.root.glob(".data-services-staging/**/rdd-*/part-*")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.01)
        cluster_of_hosts.kill_worker()
        assert process.poll() is None
        _, told = process.communicate(timeout=280)

    assert (process.returncode, told) == (0, "")
    assert machine.get("there.csv") == machine.get("here.csv")
    assert report_of(machine, "there.csv")[0] == report_of(machine, "here.csv")[0]
    assert machine.outputs() == sorted(
        ["root/in.csv", "root/recipe.yaml"]
        + [
            f"root/{n}.csv{kind}"
            for n in ("here", "there")
            for kind in ("", ".report.html", ".report.json")
        ]
    )


def test_a_master_out_of_reach_is_refused_before_a_row_is_read(machine):
    machine.put("in.csv", TEXT.encode())

    answer = run(
        machine,
        "out.csv",
        DATA_SERVICES_ENGINE="spark",
        DATA_SERVICES_SPARK_MASTER="spark://127.0.0.1:1",
    )

    assert answer.returncode == 2
    assert "Nobody answers at the Spark master 'spark://127.0.0.1:1'" in answer.stderr
    assert machine.outputs() == ["root/in.csv"]


def test_a_run_on_the_cluster_is_recorded_as_one_on_this_machine(machine, on_the_cluster):
    study = machine.folder / "study"
    api.init(str(study), hostname="lab")
    api.add("local-files", "intermediate-data", str(machine.root), str(study))
    machine.put("in.csv", TEXT.encode())
    on_the_cluster |= {"DATA_SERVICES_WORKSPACE": str(study)}

    answer = run(machine, "out.parquet", **on_the_cluster)

    assert answer.returncode == 0, answer.stderr
    assert report_of(machine, "out.parquet")[1] == ["spark"]
    (step,) = find_and_load_workspace(str(study), batch=True).lineage.all()
    assert (step.run_id, step.status) == (json.loads(answer.stdout)["run_id"], "complete")
    assert [str(one.ref) for one in step.input_resources] == ["root:/in.csv"]
    for one in (*step.input_resources, *step.output_resources):
        assert one.hashval == f"blake3:{blake3(machine.get(one.ref.path)).hexdigest()}"
    assert {one.ref.path for one in step.output_resources} >= {
        "out.parquet",
        "out.parquet.report.json",
    }
    assert not [name for name in machine.mentions(CANARY) if "/lineage/" in name]
