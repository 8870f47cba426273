"""Keysets in a folder of the test's own, and a key service."""

import contextlib
import os

import pytest

from util_services.keys.providers.file import FileProvider
from util_services.keys.providers.kms import KmsProvider


@pytest.fixture
def keys_folder(tmp_path, clean_environment, monkeypatch):
    """The folder that the environment names; it is not there yet, nor is an audit."""
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    return tmp_path / "keys"


@pytest.fixture
def files(keys_folder):
    return FileProvider.from_environment()


@pytest.fixture
def kms_client(s3_endpoint, keys_folder, monkeypatch):
    """A client of a real KMS server (moto), and an environment that leads the provider to it."""
    import boto3

    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", os.urandom(16).hex())
    monkeypatch.setenv("DATA_SERVICES_KMS_ENDPOINT_URL", s3_endpoint)
    client = boto3.client("kms", endpoint_url=s3_endpoint, region_name="eu-west-1")
    key = client.create_key()["KeyMetadata"]["KeyId"]
    monkeypatch.setenv("DATA_SERVICES_KMS_KEY", key)
    with contextlib.closing(client):
        yield client


@pytest.fixture
def kms(kms_client):
    return KmsProvider.from_environment()
