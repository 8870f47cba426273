import shutil
import uuid

import boto3
import pytest
from dws_program import Dws, environment_at
from faulty_network import faulty_network


class Person(Dws):
    """Somebody with a copy of the workspace, who uses the program dws in it."""

    def is_sound(self):
        return self.json("verify")["is_sound"]

    def tags(self):
        return sorted(tag for one in self.json("log") for tag in one["tags"])


def person(place, name):
    return Person(place / name, environment_at(place / "home"))


@pytest.fixture(scope="session")
def published_once(tmp_path_factory):
    """A workspace that was published: data, code and results, with the snapshot ``base``."""
    place = tmp_path_factory.mktemp("published")
    alice = person(place, "alice")
    alice.folder.mkdir()
    alice("init", "study", "--hostname", "alice", "--create-resources", "c,r")
    for name in ("a", "b", "c"):
        alice.write(f"raw/{name}.csv", f"id\n{name}\n")
    alice.write("raw/deep/d/e.csv", "deep\n")
    alice.write("code/model.py", "one\n\n\n\n\ntwo\n")
    alice("add", "local-files", "--role", "s", "raw")
    alice("snapshot", "base")
    alice("publish", "../study.git", "--data", "../data")
    return place


@pytest.fixture
def alice(published_once, tmp_path):
    """Who has published the workspace; the remotes are a copy of their own."""
    for name in ("alice", "study.git", "data"):
        shutil.copytree(published_once / name, tmp_path / name, symlinks=True)
    found = person(tmp_path, "alice")
    found.git("config", "remote.origin.url", tmp_path / "study.git")
    found("config", "remote", tmp_path / "data")
    found("push")
    return found


@pytest.fixture
def bob(alice, tmp_path):
    """Who has cloned it."""
    found = person(tmp_path, "bob")
    found("clone", "study.git", "bob", "--hostname", "bob", cwd=tmp_path)
    return found


@pytest.fixture
def somebody(tmp_path):
    """Return a person by the name of a folder."""
    return lambda name: person(tmp_path, name)


@pytest.fixture
def network(moto_server):
    with faulty_network(moto_server.endpoint_url) as network:
        yield network


@pytest.fixture
def bucket(network, moto_server, monkeypatch):
    """A bucket behind a network that counts requests and fails on demand."""
    name = f"remote-{uuid.uuid4().hex[:12]}"
    boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        aws_access_key_id=moto_server.access_key,
        aws_secret_access_key=moto_server.secret_key,
        region_name="us-east-1",
    ).create_bucket(Bucket=name)
    for setting, value in {
        "ENDPOINT_URL": network.endpoint_url,
        "ACCESS_KEY": moto_server.access_key,
        "SECRET_KEY": moto_server.secret_key,
        "ALLOWED_BUCKETS": f"{name}/team",
        "TIMEOUT_SECONDS": "5",
    }.items():
        monkeypatch.setenv(f"S3_{setting}", value)
    network.requests.clear()
    return name
