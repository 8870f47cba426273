"""Datasets with their reports on S3: together, whatever fails."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from faulty_network import faulty_network

from util_services.errors import StorageError
from util_services.storage import S3Settings, S3Storage

CONTENT = b"a,b\n1,x\n2,y\n"
NEWER = b"a,b\n9,z\n"
OUTPUT = ["out.csv", "out.csv.report.html", "out.csv.report.json"]
DATA = r"PUT /[^ ]*/out\.csv$"


@pytest.fixture(params=["s3", "rgw"])
def bucket(request):
    return request.getfixturevalue(f"{request.param}_bucket")


@pytest.fixture
def direct(bucket):
    return S3Storage(S3Settings.from_environment("selfS3"))


@pytest.fixture
def network(direct):
    with faulty_network(direct.settings.endpoint_url) as network:
        yield network


@pytest.fixture
def s3_flow(flow, network, direct):
    settings = replace(
        direct.settings, endpoint_url=network.endpoint_url, attempts=1, timeout_seconds=4.0
    )
    flow.storage = S3Storage(settings)
    return flow


def put(direct, name, content):
    direct.client.put_object(Bucket=direct.settings.bucket, Key=name, Body=content)
    return name


def objects(direct):
    """Return all objects but the sources and the claims."""
    found = direct.client.list_objects_v2(Bucket=direct.settings.bucket).get("Contents", [])
    names = [item["Key"] for item in found if item["Key"].startswith("out")]
    names = [name for name in names if not name.endswith(".publishing")]
    return {name: direct.open(direct.resolve(name)).read() for name in names}


def assert_whole(found, content):
    assert sorted(found) == OUTPUT
    assert found["out.csv"] == content
    report = json.loads(found["out.csv.report.json"])
    assert report["output"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert hashlib.sha256(content).hexdigest().encode() in found["out.csv.report.html"]


def test_reports_come_first_and_data_last(s3_flow, direct, network):
    s3_flow.run(put(direct, "in.csv", CONTENT), "out.csv")

    made = [line.rpartition("/")[2] for line in network.requests if line.startswith("PUT")]
    assert [name for name in made if not name.endswith(".publishing")] == [
        *sorted(OUTPUT[1:]),
        "out.csv",
    ]
    assert_whole(objects(direct), CONTENT)


@pytest.mark.parametrize("kind", ["busy", "cut request", "hang"])
def test_data_that_fail_leave_no_report(s3_flow, direct, network, kind):
    put(direct, "in.csv", CONTENT)
    network.fail(kind, DATA)

    with pytest.raises(StorageError):
        s3_flow.run("in.csv", "out.csv")

    assert objects(direct) == {}


@pytest.mark.parametrize("kind", ["busy", "cut request", "hang"])
@pytest.mark.parametrize("step", [DATA, r"DELETE .*report\.json", r"GET .*report\.json"])
def test_data_that_cannot_be_replaced_keep_their_reports(s3_flow, direct, network, kind, step):
    s3_flow.run(put(direct, "in.csv", CONTENT), "out.csv")
    before = objects(direct)
    network.fail(kind, step)

    with pytest.raises(StorageError):
        s3_flow.run(put(direct, "in2.csv", NEWER), "out.csv", overwrite=True)

    assert objects(direct) == before
    s3_flow.run("in2.csv", "out.csv", overwrite=True)
    assert_whole(objects(direct), NEWER)


def test_a_commit_whose_answer_is_lost_is_a_success(s3_flow, direct, network):
    put(direct, "in.csv", CONTENT)
    network.fail("lose answer", DATA)

    s3_flow.run("in.csv", "out.csv")

    assert_whole(objects(direct), CONTENT)


def test_a_store_lost_for_good_leaves_no_report_beside_other_data(s3_flow, direct, network):
    s3_flow.run(put(direct, "in.csv", CONTENT), "out.csv")
    put(direct, "in2.csv", NEWER)
    network.fail("cut request", DATA)
    lost = network.fail("busy", "", times=0)
    really = network.fault_for

    def lose_all(line):
        kind = really(line)
        if kind == "cut request":
            lost.times = 999
        return kind

    network.fault_for = lose_all
    with pytest.raises(StorageError):
        s3_flow.run("in2.csv", "out.csv", overwrite=True)

    left = objects(direct)
    assert left["out.csv"] == CONTENT
    assert not [name for name in left if "report" in name]


def test_reports_that_cannot_follow_replaced_data_are_told(s3_flow, direct, network):
    s3_flow.run(put(direct, "in.csv", CONTENT), "out.csv")
    network.fail("busy", r"PUT .*report\.json")

    with pytest.raises(StorageError, match="The data were replaced, but not all their reports"):
        s3_flow.run(put(direct, "in2.csv", NEWER), "out.csv", overwrite=True)

    assert "out.csv.report.json" not in objects(direct)


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_simultaneous_publishers_none_mixes_its_reports_with_the_data_of_another(
    make_flow, direct, overwrite
):
    contents = {number: b"a,b\n%d,x\n" % number for number in range(4)}
    start, refused = threading.Barrier(4), []

    def publish(number):
        flow = make_flow()
        flow.storage = S3Storage(direct.settings)
        source = put(direct, f"in{number}.csv", contents[number])
        start.wait()
        try:
            flow.run(source, "out.csv", overwrite=overwrite)
        except StorageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=publish, args=(number,)) for number in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = objects(direct)
    assert_whole(found, found["out.csv"])
    assert len(refused) == (0 if overwrite else 3)
    assert all("already exists" in message for message in refused)


WRITER = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("tools", sys.argv[2])
tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tools)
from util_services.storage import S3Settings, S3Storage
flow = tools.Flow(Path(sys.argv[1]))
flow.storage = S3Storage(S3Settings.from_environment("selfS3"))
flow.run(sys.argv[3], "out.csv", overwrite=sys.argv[4] == "overwrite")
"""


@pytest.mark.parametrize("mode", ["new", "overwrite"])
@pytest.mark.parametrize(
    "halt", [r"PUT .*publishing", r"(PUT|DELETE) .*html", r"(PUT|DELETE) .*json", DATA]
)
def test_a_kill_leaves_no_report_beside_other_data_and_the_next_run_is_whole(
    s3_flow, direct, network, tmp_path, request, mode, halt
):
    put(direct, "in.csv", CONTENT)
    put(direct, "in2.csv", NEWER)
    if mode == "overwrite":
        s3_flow.run("in.csv", "out.csv")
        network.requests.clear()
    fault = network.fail("hang", halt, times=99)
    (tmp_path / "killed").mkdir()
    tools = request.path.parent.parent / "conftest.py"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "killed"), str(tools), "in2.csv", mode],
        env=os.environ | {"SELFS3_S3_ENDPOINT_URL": network.endpoint_url},
    )
    try:
        while fault.times == 99:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    fault.times = 0

    left = objects(direct)
    assert left.get("out.csv") == (CONTENT if mode == "overwrite" else None)
    if mode == "overwrite" and "out.csv.report.json" in left:
        assert json.loads(left["out.csv.report.json"])["input"]["path"] == "in.csv"
    s3_flow.run("in2.csv", "out.csv", overwrite=mode == "overwrite")
    assert_whole(objects(direct), NEWER)
