"""A workspace for resources whose content lies elsewhere, and what they lie at: all real."""

import uuid

import boto3
import docker_registry
import pytest
from faulty_network import faulty_network

from workspace_core import api


@pytest.fixture
def work(tmp_path, monkeypatch):
    """The folder of a workspace."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "work").mkdir()
    api.init(str(tmp_path / "work"), hostname="lab")
    return str(tmp_path / "work")


@pytest.fixture
def client(moto_server):
    return client_of(moto_server)


def client_of(server):
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )


@pytest.fixture
def plain_bucket(client, moto_server, monkeypatch):
    """A bucket that keeps no versions."""
    return bucket_of(client, moto_server, monkeypatch)


@pytest.fixture
def bucket(client, plain_bucket):
    """A bucket that keeps versions."""
    switched_on = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=plain_bucket, VersioningConfiguration=switched_on)
    return plain_bucket


def bucket_of(client, server, monkeypatch):
    name = f"data-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    for setting, value in {
        "ENDPOINT_URL": server.endpoint_url,
        "ACCESS_KEY": server.access_key,
        "SECRET_KEY": server.secret_key,
        "ALLOWED_BUCKETS": name,
        "TIMEOUT_SECONDS": "5",
    }.items():
        monkeypatch.setenv(f"S3_{setting}", value)
    return name


@pytest.fixture
def put(client, bucket):
    """Write objects of the bucket."""

    def put_all(**contents):
        for key, content in contents.items():
            client.put_object(Bucket=bucket, Key=key.replace("__", "/"), Body=content)

    return put_all


@pytest.fixture
def network(moto_server, plain_bucket, monkeypatch):
    """The way to the bucket, which counts requests and fails on demand."""
    with faulty_network(moto_server.endpoint_url) as found:
        monkeypatch.setenv("S3_ENDPOINT_URL", found.endpoint_url)
        yield found


@pytest.fixture
def state():
    """Return the only resource's state, and what has changed in it."""

    def look(work):
        (found,) = api.status(work)
        return found.state, [(one.path.decode(), one.kind) for one in found.changes]

    return look


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    """A real registry of images, which is open to all."""
    skip_without_registry()
    with docker_registry.registry(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def closed_registry(tmp_path_factory):
    """A registry that asks for user and password."""
    skip_without_registry()
    with docker_registry.registry_with_passwords(tmp_path_factory.mktemp("closed")) as server:
        yield server


def skip_without_registry():
    if docker_registry.missing_program():
        pytest.skip("docker-registry is not installed: .gitea/scripts/install-system")
