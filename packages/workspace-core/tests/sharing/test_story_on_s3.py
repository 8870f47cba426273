"""Two people and one S3 store: the story that the documentation tells, and its requests counted."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

PAGE = "docs/sharing-workspaces.md"


@pytest.fixture
def told_bucket(moto_server):
    """The bucket that the page names."""
    client = boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        aws_access_key_id=moto_server.access_key,
        aws_secret_access_key=moto_server.secret_key,
        region_name="us-east-1",
    )
    name = "hospital-study"
    client.create_bucket(Bucket=name)
    yield name
    for one in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=one["Key"])
    client.delete_bucket(Bucket=name)


def test_the_story_of_the_page_runs_word_for_word(moto_server, told_bucket, tmp_path, workspace):
    commands = "".join(re.findall(r"```sh\n(.*?)```", (workspace / PAGE).read_text(), re.DOTALL))
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("S3_", "GIT_"))
    }
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=own
        | {
            "HOME": str(tmp_path),
            "PATH": path,
            "S3_ENDPOINT_URL": moto_server.endpoint_url,
            "S3_ACCESS_KEY": moto_server.access_key,
            "S3_SECRET_KEY": moto_server.secret_key,
            "S3_ALLOWED_BUCKETS": f"{told_bucket}/beds",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_two_people_work_on_one_workspace_in_s3(network, bucket, somebody, tmp_path, content):
    alice, bob = somebody("alice"), somebody("bob")
    for one in (alice, bob):
        one.environment |= {k: v for k, v in os.environ.items() if k.startswith("S3_")}
    alice.folder.mkdir()
    alice("init", "study", "--create-resources", "code,results")
    numbers = random.Random(9)
    for number in range(1000):
        file = alice.folder / "raw" / f"d{number % 10}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(numbers.randbytes(numbers.randint(0, 2000)))
    odd = os.fsencode(alice.folder / "raw") + b"/\xff -x\n\xc3\xa9"
    with open(odd, "wb") as file:
        file.write(b"odd")
    alice("add", "local-files", "--role", "s", "raw")
    alice("snapshot", "delivered")

    alice("publish", "../study.git", "--data", f"s3://{bucket}/team/study")
    # a listing before and after, the settings of the remote, the note whose it is, and a pack
    assert len(network.requests) <= 5
    network.requests.clear()
    alice("push")
    assert len(network.requests) == 1
    bob("clone", "study.git", "bob", cwd=tmp_path)
    assert len(network.requests) <= 7
    assert content(bob.folder / "raw") == content(alice.folder / "raw")

    alice.write("raw/d1/f1", "of alice\n")
    alice("snapshot", "alice-1")
    network.requests.clear()
    alice("push")
    assert len(network.requests) <= 4
    bob.write("raw/d2/f2", "of bob\n")
    bob.write("code/model.py", "of bob\n")
    bob("snapshot", "bob-1")
    assert "Somebody else has pushed" in bob.refused("push")
    bob("pull")
    bob("push")
    alice("pull")

    assert content(bob.folder / "raw") == content(alice.folder / "raw")
    assert alice.read("raw/d2/f2") == "of bob\n"
    assert alice.read("code/model.py") == "of bob\n"
    assert alice.tags() == bob.tags() == ["alice-1", "bob-1", "delivered"]
    assert alice.is_sound()
    assert bob.is_sound()


def test_a_pull_that_s3_cuts_off_is_gone_on_with(network, bucket, alice, bob):
    for one in (alice, bob):
        one.environment |= {k: v for k, v in os.environ.items() if k.startswith("S3_")}
        one("config", "local_remote", f"s3://{bucket}/team/study")
    (alice.folder / "raw/large").write_bytes(random.Random(1).randbytes(3_000_000))
    alice("snapshot", "large")
    alice("push")
    before = bob.read("raw/a.csv")
    fault = network.fail("cut answer", "GET .*pack", times=float("inf"), skip=1)

    said = bob.refused("pull")

    assert "S3" in said
    assert bob.read("raw/a.csv") == before
    assert bob.is_sound()
    fault.times = 0
    bob("pull")
    assert (bob.folder / "raw/large").read_bytes() == (alice.folder / "raw/large").read_bytes()
