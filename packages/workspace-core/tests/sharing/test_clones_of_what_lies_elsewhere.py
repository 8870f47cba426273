"""Clones of workspaces with resources elsewhere: nothing shared is written, nothing outside."""

import json
import os

import boto3
import pytest
from rclone_s3 import rclone_program

from workspace_core import api

DIGEST = f"sha256:{'a' * 64}"


def content_of(folder):
    return {
        str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()
    }


@pytest.fixture
def everything(tmp_path, alice, bucket, moto_server):
    """Alice's workspace with a resource of each type, published."""
    if rclone_program() is None:
        pytest.skip("rclone is not installed")
    client = boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        aws_access_key_id=moto_server.access_key,
        aws_secret_access_key=moto_server.secret_key,
        region_name="us-east-1",
    )
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket, Key="team/inputs/a", Body=b"one")
    alice.environment |= {k: v for k, v in os.environ.items() if k.startswith("S3_")}
    far = tmp_path / "far"
    far.mkdir()
    (far / "far.csv").write_text("far")
    (tmp_path / "rclone.conf").write_text(f"[far]\ntype = alias\nremote = {far}\n")
    copy = ("--config", "../rclone.conf", "--role", "s", "--master", "remote", "far:")
    alice("add", "rclone", *copy, "inside", "--sync-mode", "sync")
    alice("add", "rclone", *copy, "../outside", "--sync-mode", "sync")
    alice("add", "s3", "--role", "s", f"{bucket}/team/inputs")
    alice("add", "api-resource", "--role", "s", "--name", "weather")
    alice("add", "container-image", f"nowhere.invalid/model@{DIGEST}")
    api.set_api_resource_hash("weather", "etag-1", str(alice.folder))
    alice("snapshot", "all")
    alice("push")
    return tmp_path


def test_a_clone_writes_nothing_shared_and_can_be_pulled_and_pushed_at_once(
    everything, alice, somebody
):
    """WS-18: a clone with an api-resource committed at once, and the next pull diverged."""
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--hostname", "carol", cwd=everything)
    assert carol.git("rev-parse", "HEAD") == alice.git("rev-parse", "HEAD")
    assert carol.git("status", "--porcelain") == ""

    carol("status")
    carol("pull", "--skip", "inside")
    carol("push", "--skip", "inside")

    assert carol.git("rev-parse", "HEAD") == alice.git("rev-parse", "HEAD")
    states = {one["name"]: one["state"] for one in carol.json("status")}
    assert states == {
        "code": "unchanged",
        "results": "unchanged",
        "raw": "unchanged",
        "inside": "unchanged",
        "outside": "missing",
        "inputs": "unchanged",
        "weather": "missing",  # nothing was fetched here
        "model": "unchanged",
    }


def test_a_clone_on_the_same_machine_touches_nothing_of_the_first(everything, alice, somebody):
    """WS-20: a clone ran rclone over the folder of the first workspace."""
    (everything / "far/far.csv").unlink()
    (alice.folder / "inside/edit").write_text("mine")
    (everything / "outside/edit").write_text("mine")
    before = content_of(alice.folder), content_of(everything / "outside")

    carol = somebody("carol")
    said = carol.run("clone", "study.git", "carol", "--hostname", "carol", cwd=everything)

    assert said.returncode == 0, said.stderr
    assert "outside: not here: it lies outside of the workspace" in said.stderr
    assert (content_of(alice.folder), content_of(everything / "outside")) == before
    assert carol.read("inside/far.csv") == "far"  # of the snapshot, and not of the remote


def test_a_clone_uses_no_remote_of_its_machine_before_it_is_told_to(everything, somebody):
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--hostname", "carol", cwd=everything)

    refused = carol.refused("pull")
    assert "dws config --resource inside connected true" in refused

    carol("config", "--resource", "inside", "connected", "true")
    carol("config", "--resource", "inside", "config", everything / "rclone.conf")
    (everything / "far/far.csv").write_text("news")
    carol("pull")
    assert carol.read("inside/far.csv") == "news"


def test_what_lies_outside_comes_where_it_is_told_to(everything, somebody):
    carol = somebody("carol")
    place = everything / "carols"
    options = ("--hostname", "carol", "--place", f"outside={place}")
    carol("clone", "study.git", "carol", *options, cwd=everything)

    assert content_of(place) == {"far.csv": b"far"}


def test_a_record_of_others_says_nothing_of_this_machine(everything, alice, somebody):
    """A hostile record could name a configuration of rclone, which may start programs."""
    file = alice.folder / ".dataworkspace/resources/inside.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"connected": True, "config": "/evil/rclone.conf"}))
    alice.git("commit", "-qam", "hostile")
    alice("push", "--skip", "inside,outside")
    carol = somebody("carol")
    carol("clone", "study.git", "carol", "--hostname", "carol", cwd=everything)

    found = {one["name"]: one["value"] for one in carol.json("config", "--resource", "inside")}

    assert (found["connected"], found["config"]) == (False, None)
