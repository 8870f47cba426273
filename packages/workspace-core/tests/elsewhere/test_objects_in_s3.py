"""Buckets as resources: what snapshots keep of them, what reads lead to, and what is refused."""

import json
import math
import os

import pytest

from workspace_core import api
from workspace_core.errors import ConfigurationError, DataWorkspacesError, NotSupportedError
from workspace_core.resources.errors import GoneError, NotKeptError, OutOfReachError


def keys(client, bucket):
    return sorted(one["Key"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", ()))


def test_a_restore_leads_reads_to_the_versions_of_then_and_leaves_the_bucket_as_it_is(
    work, client, bucket, put, state
):
    put(raw__a=b"one", raw__deep__b=b"two")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work, "first")
    put(raw__a=b"ONE", raw__c=b"new")
    client.delete_object(Bucket=bucket, Key="raw/deep/b")
    assert state(work) == (
        "changed",
        [
            ("raw/a", "modified"),
            ("raw/c", "added"),
            ("raw/deep", "removed"),
            ("raw/deep/b", "removed"),
        ],
    )
    api.take_snapshot(work, "second")

    assert api.restore("first", work) == 1
    files = api.get_filesystem_for_resource("inputs", work)

    assert files.open("raw/a", "rb").read() == b"one"
    assert files.open("raw/deep/b").read() == "two"
    assert files.ls() == ["raw"]
    assert files.ls("raw") == ["a", "deep"]
    assert (files.isfile("raw/a"), files.isfile("raw")) == (True, False)
    assert (files.isdir("raw/deep"), files.isdir(""), files.isdir("raw/a")) == (True, True, False)
    assert (files.exists("raw/deep/b"), files.exists("raw/c")) == (True, False)
    assert keys(client, bucket) == ["raw/a", "raw/c"]
    assert state(work) == ("unchanged", [])


def test_reads_follow_the_bucket_again_when_they_are_told_to(work, bucket, put, state):
    put(a=b"one")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work, "first")
    put(a=b"two")
    api.restore("first", work)
    assert api.config(work, resource_name="inputs")["reads"].startswith("blake3:")

    api.config(work, "reads", "live", "inputs")

    assert api.get_filesystem_for_resource("inputs", work).open("a").read() == "two"
    assert state(work) == ("changed", [("a", "modified")])


def test_a_snapshot_that_is_taken_after_a_restore_is_of_what_reads_lead_to(work, bucket, put):
    put(a=b"one")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work, "first")
    put(a=b"two")
    api.restore("first", work)

    api.take_snapshot(work, "again")

    assert [one.state for one in api.diff("first", "again", work).resources] == ["same"]


def test_only_what_lies_below_the_prefix_belongs_to_the_resource(work, bucket, put, state):
    put(in__a=b"one", innings=b"no", out__a=b"no")
    api.add("s3", "source-data", f"{bucket}/in", work)
    api.take_snapshot(work)
    put(out__b=b"no")

    assert state(work) == ("unchanged", [])
    assert api.get_filesystem_for_resource("in", work).ls() == ["a"]


def test_versions_that_are_gone_make_a_restore_refuse_and_are_named(work, client, bucket, put):
    put(a=b"one", b=b"kept")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work, "first")
    (version,) = client.list_object_versions(Bucket=bucket, Prefix="a")["Versions"]
    put(a=b"two")
    client.delete_object(Bucket=bucket, Key="a", VersionId=version["VersionId"])

    with pytest.raises(GoneError, match=r"1 of its versions are gone .* such as 'a'"):
        api.restore("first", work)
    assert api.get_filesystem_for_resource("inputs", work).open("a").read() == "two"


def test_a_bucket_without_versions_is_refused_unless_contents_are_kept(work, plain_bucket):
    with pytest.raises(ConfigurationError, match=r"keeps no versions .*'--keep contents'"):
        api.add("s3", "source-data", plain_bucket, work)

    assert api.get_resource_info(work) == []
    api.add("s3", "source-data", plain_bucket, work, keep="contents")


def test_contents_are_read_from_the_store_when_the_bucket_is_gone(
    work, client, plain_bucket, monkeypatch
):
    content = os.urandom(3 << 20)
    client.put_object(Bucket=plain_bucket, Key="deep/large", Body=content)
    client.put_object(Bucket=plain_bucket, Key="nothing", Body=b"")
    api.add("s3", "source-data", plain_bucket, work, name="inputs", keep="contents")
    api.take_snapshot(work, "first")
    client.put_object(Bucket=plain_bucket, Key="deep/large", Body=b"other")
    api.take_snapshot(work, "second")
    monkeypatch.setenv("S3_ENDPOINT_URL", "http://127.0.0.1:9")

    api.restore("first", work)
    files = api.get_filesystem_for_resource("inputs", work)

    assert files.open("deep/large", "rb").read() == content
    assert files.open("nothing", "rb").read() == b""
    assert api.verify(work).is_sound


def test_contents_are_told_apart_by_what_they_are_and_not_by_how_they_were_uploaded(
    work, client, plain_bucket, state
):
    client.put_object(Bucket=plain_bucket, Key="a", Body=b"same")
    api.add("s3", "source-data", plain_bucket, work, keep="contents")
    api.take_snapshot(work)
    client.put_object(Bucket=plain_bucket, Key="a", Body=b"same", Metadata={"by": "somebody"})

    assert state(work) == ("unchanged", [])
    client.put_object(Bucket=plain_bucket, Key="a", Body=b"SAME")
    assert state(work) == ("changed", [("a", "modified")])


def test_what_has_not_changed_is_not_downloaded_again(work, network, client, plain_bucket):
    client.put_object(Bucket=plain_bucket, Key="a", Body=b"one")
    client.put_object(Bucket=plain_bucket, Key="b", Body=b"two")
    api.add("s3", "source-data", plain_bucket, work, keep="contents")
    api.take_snapshot(work)
    client.put_object(Bucket=plain_bucket, Key="b", Body=b"three")
    network.requests.clear()

    api.take_snapshot(work)

    read = [one.split()[1] for one in network.requests if "list-type" not in one]
    assert read == [f"/{plain_bucket}/b"]


def test_results_are_moved_below_a_prefix_of_the_snapshot_and_their_metrics_are_kept(
    work, client, bucket, put, state
):
    put(runs__plot__png=b"\0\xff")
    client.put_object(Bucket=bucket, Key="runs/README.md", Body=b"stays")
    body = json.dumps({"metrics": {"accuracy": 0.9}}).encode()
    client.put_object(Bucket=bucket, Key="runs/results.json", Body=body)
    api.add("s3", "results", f"{bucket}/runs", work, name="runs")

    api.take_snapshot(work, "first")

    assert keys(client, bucket) == [
        "runs/README.md",
        "runs/snapshots/lab-first/plot/png",
        "runs/snapshots/lab-first/results.json",
    ]
    (taken,) = api.get_snapshot_history(work)
    assert taken.metrics == {"accuracy": 0.9}
    assert api.get_results(work, "first") == (
        {"metrics": {"accuracy": 0.9}},
        "runs:/snapshots/lab-first/results.json",
    )
    assert state(work) == ("unchanged", [])
    api.delete_snapshot("first", work)
    assert keys(client, bucket) == ["runs/README.md"]


def test_results_that_could_not_be_moved_are_moved_by_the_next_command(
    work, network, client, bucket, put
):
    put(runs__a=b"one", runs__b=b"two")
    api.add("s3", "results", f"{bucket}/runs", work, name="runs")
    fault = network.fail("busy", "DELETE", times=math.inf)
    with pytest.raises(OutOfReachError):
        api.take_snapshot(work, "first")
    fault.times = 0
    put(runs__b=b"written meanwhile")

    api.take_snapshot(work, "second")

    kept = {
        key: client.get_object(Bucket=bucket, Key=key)["Body"].read()
        for key in keys(client, bucket)
    }
    assert kept == {
        "runs/snapshots/lab-first/a": b"one",
        "runs/snapshots/lab-first/b": b"two",
        "runs/snapshots/lab-second/b": b"written meanwhile",
    }


@pytest.mark.parametrize("key", ["a//b", "a/", "../a", "a/./b", ".git/config", "n" * 256])
def test_keys_that_no_tree_can_hold_are_refused_by_name(work, client, plain_bucket, key):
    client.put_object(Bucket=plain_bucket, Key=key, Body=b"x")
    api.add("s3", "source-data", plain_bucket, work, keep="contents")

    with pytest.raises(NotKeptError, match="cannot be kept: "):
        api.take_snapshot(work)
    assert api.get_snapshot_history(work) == []


def test_an_object_that_is_a_folder_as_well_is_refused_by_name(work, bucket, put):
    put(a=b"x", a__b=b"y")
    api.add("s3", "source-data", bucket, work)

    with pytest.raises(NotKeptError, match="it is a folder as well; rename one of the two"):
        api.take_snapshot(work)


def test_markers_of_folders_are_empty_folders(work, client, bucket):
    client.put_object(Bucket=bucket, Key="empty/", Body=b"")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work, "first")
    api.restore("first", work)

    assert api.get_filesystem_for_resource("inputs", work).ls() == ["empty"]
    assert api.get_filesystem_for_resource("inputs", work).ls("empty") == []


def test_files_elsewhere_cannot_be_written(work, bucket, put):
    put(a=b"one")
    api.add("s3", "source-data", bucket, work, name="inputs")

    with pytest.raises(NotSupportedError, match="can only be read here"):
        api.get_filesystem_for_resource("inputs", work).open("a", "w")


def test_a_bucket_that_is_not_allowed_is_refused(work, client, moto_server, bucket):
    with pytest.raises(OutOfReachError, match="not allowed here; add it to S3_ALLOWED_BUCKETS"):
        api.add("s3", "source-data", "somebody-elses", work)


def test_a_store_out_of_reach_is_one_sentence_in_the_status_and_refuses_a_snapshot(
    work, bucket, put, state, monkeypatch
):
    put(a=b"one")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work)
    monkeypatch.setenv("S3_ENDPOINT_URL", "http://127.0.0.1:9")

    (found,) = api.status(work)
    assert found.state == "unreadable"
    assert "cannot be reached" in found.reason
    with pytest.raises(DataWorkspacesError, match="cannot be reached"):
        api.take_snapshot(work)


def test_secrets_are_recorded_nowhere(work, bucket, put, moto_server):
    put(a=b"one")
    api.add("s3", "source-data", bucket, work)
    api.take_snapshot(work)

    for above, _, files in os.walk(work):
        for name in files:
            with open(os.path.join(above, name), "rb") as file:
                assert moto_server.secret_key.encode() not in file.read()


def test_a_snapshot_is_read_as_it_was_kept_whatever_the_next_ones_are_to_keep(work, bucket, put):
    put(a=b"one")
    api.add("s3", "source-data", bucket, work, name="inputs")
    api.take_snapshot(work, "versions")
    api.config(work, "keep", "contents", "inputs")
    put(a=b"two")
    api.take_snapshot(work, "contents")

    for tag, content in (("versions", "one"), ("contents", "two")):
        api.restore(tag, work)
        assert api.get_filesystem_for_resource("inputs", work).open("a").read() == content
