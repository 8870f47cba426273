import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from util_services.errors import ConfigurationError, DataServicesError, StorageError
from util_services.storage import S3Settings, S3Storage

SECRETS = ("test-access-key", "test-secret-key", "hunter2")


def storage_with(**changes):
    """Return a storage on the settings of the environment, some of them changed."""
    for setting, value in changes.items():
        os.environ[f"SELFS3_S3_{setting.upper()}"] = value
    return S3Storage(S3Settings.from_environment("selfS3"), part_bytes=5 << 20)


@pytest.fixture
def restored(s3_bucket, monkeypatch):
    """The environment of a bucket, put back when the test ends."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return s3_bucket


def refusal(action, *arguments, **options):
    with pytest.raises(DataServicesError) as refused:
        action(*arguments, **options)
    message = str(refused.value)
    assert "\n" not in message
    assert not [secret for secret in SECRETS if secret in message]
    return message


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("s3://other-bucket/tea.csv", "is not allowed here; add it to S3_ALLOWED_BUCKETS"),
        ("/in/tea.csv", "is not an S3 key"),
        ("https://example.org/tea.csv", "is not an S3 key"),
        ("a//tea.csv", "outside the allowed prefix or has empty"),
        ("a/./tea.csv", "outside the allowed prefix or has empty"),
        ("a/", "outside the allowed prefix or has empty"),
    ],
)
def test_an_address_outside_is_refused(s3_storage, path, words):
    assert words in refusal(s3_storage.resolve, path)


def test_a_prefix_is_not_left(restored):
    storage = storage_with(prefix="/team-a/", allowed_buckets="other-bucket, ")

    assert str(storage.resolve("tea.csv")) == f"s3://{restored}/team-a/tea.csv"
    assert str(storage.resolve(f"s3://{restored}/team-a/tea.csv")).endswith("/team-a/tea.csv")
    assert str(storage.resolve("s3://other-bucket/tea.csv")) == "s3://other-bucket/tea.csv"
    for path in ("team-ab/tea.csv", "tea.csv", "team-a/../team-b/tea.csv"):
        assert "outside the allowed prefix" in refusal(storage.resolve, f"s3://{restored}/{path}")
    assert "outside the allowed prefix" in refusal(storage.resolve, "../team-b/tea.csv")


def test_without_a_bucket_an_address_must_name_one(restored):
    assert "There is no S3 bucket" in refusal(storage_with(bucket="").resolve, "tea.csv")
    assert "is not a bucket name" in refusal(storage_with(bucket="No_Bucket").resolve, "tea.csv")


@pytest.mark.parametrize("overwrite", [False, True])
def test_large_objects_are_uploaded_in_parts(restored, make_file, overwrite):
    storage, content = storage_with(), os.urandom(11 << 20)
    location = storage.resolve("out/large.bin")

    storage.publish(make_file(content), location, overwrite=overwrite)

    with storage.open(location) as file:
        assert file.read() == content
    assert storage.fingerprint(location).version.rstrip('"').endswith("-3")


def test_a_large_object_does_not_replace_another(restored, make_file):
    storage = storage_with()
    location = storage.resolve("out/large.bin")
    storage.publish(make_file(b"small"), location, overwrite=False)

    assert "already exists" in refusal(
        storage.publish, make_file(bytes(11 << 20)), location, overwrite=False
    )
    assert storage.fingerprint(location).size == 5
    assert "Uploads" not in storage.client.list_multipart_uploads(Bucket=restored)


def test_no_bucket_is_told(restored):
    storage = storage_with(bucket="no-such-bucket")
    location = storage.resolve("tea.csv")

    for action in (storage.fingerprint, storage.check_writable):
        assert refusal(action, location) == (
            "There is no bucket 'no-such-bucket'; create it or correct the path."
        )


def test_missing_credentials_are_told(restored):
    storage = storage_with(access_key="")

    assert refusal(storage.fingerprint, storage.resolve("tea.csv")) == (
        "There are no S3 credentials; set SELFS3_S3_ACCESS_KEY and SELFS3_S3_SECRET_KEY or "
        "S3_ACCESS_KEY and S3_SECRET_KEY."
    )


def test_an_endpoint_that_is_down_is_told_within_seconds_without_its_password(restored):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    storage = storage_with(endpoint_url=f"http://hunter2:hunter2@127.0.0.1:{port}")
    began = time.monotonic()

    assert refusal(storage.fingerprint, storage.resolve("tea.csv")) == (
        f"The S3 store at 127.0.0.1:{port} cannot be reached (EndpointConnectionError); check the "
        "endpoint and the network."
    )
    assert time.monotonic() - began < 8


def test_an_endpoint_that_never_answers_is_given_up(restored):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        storage = storage_with(endpoint_url=address, timeout_seconds="0.2")

        assert "cannot be reached (ReadTimeoutError)" in refusal(
            storage.fingerprint, storage.resolve("tea.csv")
        )


@pytest.mark.parametrize("url", ["tea", "ftp//x", "http://"])
def test_an_endpoint_that_is_no_url_is_told(restored, url):
    storage = storage_with(endpoint_url=url)

    assert refusal(storage.fingerprint, storage.resolve("tea.csv")) == (
        "The S3 endpoint is not a URL; correct S3_ENDPOINT_URL."
    )


@pytest.fixture
def restricting_endpoint(s3_endpoint):
    """The server while it checks keys, as a real store does: it knows none."""

    def let_pass(actions):
        request = Request(f"{s3_endpoint}/moto-api/reset-auth", data=actions)  # noqa: S310
        request.add_header("Content-Type", "application/octet-stream")
        urlopen(request).close()  # noqa: S310 - our own server

    let_pass(b"0")
    yield s3_endpoint
    let_pass(b"inf")


def test_denied_credentials_are_told(restored, restricting_endpoint):
    storage = storage_with()

    assert refusal(storage.fingerprint, storage.resolve("tea.csv")) == (
        f"The S3 store denies HeadObject on 's3://{restored}/tea.csv'; check the credentials."
    )


@pytest.fixture
def forgetful_endpoint():
    """A server that ignores conditions, as some S3-compatible stores do."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    from werkzeug.serving import make_server

    application = server.DomainDispatcherApplication(server.create_backend_app)

    def forgetful(environ, start_response):
        environ.pop("HTTP_IF_NONE_MATCH", None)
        return application(environ, start_response)

    import threading

    running = make_server("127.0.0.1", 0, forgetful, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_store_that_ignores_conditions_is_noticed(restored, forgetful_endpoint, make_file):
    storage = storage_with(endpoint_url=forgetful_endpoint)
    location = storage.resolve("out/tea.csv")

    message = refusal(storage.publish, make_file(b"green"), location, overwrite=False)

    assert message.startswith("The S3 store ignores conditional writes")
    assert storage.fingerprint(location) is None
    storage.publish(make_file(b"green"), location, overwrite=True)


def test_no_text_of_a_storage_shows_a_key(restored):
    storage = storage_with()

    for shown in (repr(storage), str(storage), repr(storage.settings), f"{storage.settings}"):
        assert not [secret for secret in SECRETS if secret in shown]
    assert repr(storage) == f"S3Storage(name='selfS3', bucket='{restored}')"


def test_settings_fall_back_one_by_one(clean_environment, monkeypatch, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    general = {
        "ENDPOINT_URL": "http://general",
        "ACCESS_KEY": "general",
        "SECRET_KEY": "general",
        "REGION": "eu-central-1",
        "PATH_STYLE": "no",
        "BUCKET": "general",
        "PREFIX": "/general/",
        "ALLOWED_BUCKETS": "one, two,",
        "CA_BUNDLE": str(bundle),
        "CHECKSUMS": "when_supported",
        "TIMEOUT_SECONDS": "7.5",
    }
    for setting, value in general.items():
        monkeypatch.setenv(f"S3_{setting}", value)
    monkeypatch.setenv("MY_STORE_S3_BUCKET", "special")
    monkeypatch.setenv("MY_STORE_S3_REGION", "")

    assert S3Settings.from_environment("my-store") == S3Settings(
        name="my-store",
        endpoint_url="http://general",
        access_key="general",
        secret_key="general",  # noqa: S106 - not a secret
        region="eu-central-1",
        path_style=False,
        bucket="special",
        prefix="general",
        allowed_buckets=("one", "two"),
        ca_bundle=str(bundle),
        checksums="when_supported",
        timeout_seconds=7.5,
    )
    assert S3Settings.from_environment("").bucket == "general"


@pytest.mark.parametrize(
    ("setting", "value", "accepted"),
    [
        ("PATH_STYLE", "maybe", "'true' or 'false'"),
        ("CHECKSUMS", "never", "'when_required' or 'when_supported'"),
        ("TIMEOUT_SECONDS", "soon", "a number of seconds above 0"),
        ("TIMEOUT_SECONDS", "-1", "a number of seconds above 0"),
        ("TIMEOUT_SECONDS", "nan", "a number of seconds above 0"),
        ("TIMEOUT_SECONDS", "inf", "a number of seconds above 0"),
        ("CA_BUNDLE", "/nowhere/ca.pem", "the path of a file"),
    ],
)
@pytest.mark.parametrize("prefix", ["SELFS3_S3_", "S3_"])
def test_a_wrong_setting_is_named(clean_environment, monkeypatch, prefix, setting, value, accepted):
    monkeypatch.setenv(prefix + setting, value)

    with pytest.raises(ConfigurationError) as refused:
        S3Settings.from_environment("selfS3")

    assert str(refused.value) == f"{prefix}{setting} must be {accepted}; correct the variable."


def test_a_download_without_room_is_told(s3_storage, make_file):
    location = s3_storage.resolve("in/tea.csv")
    s3_storage.publish(make_file(b"green"), location, overwrite=False)

    message = refusal(s3_storage.fetch, location, Path("/proc/self"))

    assert message.startswith(f"'{location}' cannot be copied to '/proc/self' (")


def test_staging_is_in_the_temporary_folder_and_the_users_own(s3_storage, monkeypatch, tmp_path):
    assert s3_storage.staging_base().name == f"data-services-staging-{os.getuid()}"

    monkeypatch.setenv("DATA_SERVICES_STAGING", str(tmp_path))
    assert s3_storage.staging_base() == tmp_path / "data-services-staging"
    assert isinstance(StorageError("x"), OSError)
    assert urlsplit(s3_storage.settings.endpoint_url).hostname == "127.0.0.1"
