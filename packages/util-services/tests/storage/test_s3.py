import os
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from faulty_network import faulty_network

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
        "S3_ACCESS_KEY and S3_SECRET_KEY, or the same with _FILE behind each for files that hold "
        "them."
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
    assert time.monotonic() - began < 50


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


def test_wrong_keys_are_told_by_a_store_that_checks_signatures(rgw_bucket, monkeypatch, make_file):
    location = S3Storage(S3Settings.from_environment("selfS3")).resolve("out/tea.csv")
    for setting, value in {"SECRET_KEY": "hunter2", "ACCESS_KEY": "hunter2"}.items():
        monkeypatch.setenv(f"SELFS3_S3_{setting}", value)
        storage = S3Storage(S3Settings.from_environment("selfS3"))

        assert refusal(storage.fingerprint, location) == (
            f"The S3 store denies HeadObject on '{location}'; check the credentials."
        )
        assert refusal(storage.publish, make_file(b"x"), location, overwrite=True) == (
            f"The S3 store denies PutObject on '{location}'; check the credentials."
        )


def test_a_store_that_ignores_conditions_is_noticed(rclone_bucket, make_file):
    storage = S3Storage(S3Settings.from_environment("selfS3"), part_bytes=5 << 20)
    location = storage.resolve("out/tea.csv")

    for size in (5, 6 << 20):
        message = refusal(storage.publish, make_file(bytes(size)), location, overwrite=False)
        assert message.startswith("The S3 store ignores conditional writes")
        assert storage.fingerprint(location) is None

        storage.publish(make_file(bytes(size)), location, overwrite=True)
        assert storage.fingerprint(location).size == size
        storage.remove(location)
    assert "Contents" not in storage.client.list_objects_v2(Bucket=rclone_bucket)


def test_a_bucket_whose_versions_make_the_store_forget_conditions_is_noticed(rgw_bucket, make_file):
    """Ceph 16 ignores ``If-None-Match`` where a bucket keeps versions."""
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    keep_versions(storage, rgw_bucket)

    message = refusal(
        storage.publish, make_file(b"x"), storage.resolve("out/tea.csv"), overwrite=False
    )

    assert message.startswith("The S3 store ignores conditional writes")


def keep_versions(storage, bucket):
    storage.settings.client().put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )


@pytest.mark.parametrize("kind", ["s3", "rgw"])
def test_a_version_is_read_and_never_written(kind, request, make_file, tmp_path):
    bucket = request.getfixturevalue(f"{kind}_bucket")
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    keep_versions(storage, bucket)
    versions = [
        storage.client.put_object(Bucket=bucket, Key="in/tea.csv", Body=body)["VersionId"]
        for body in (b"green", b"black!")
    ]
    location = storage.resolve(f"s3://{bucket}/in/tea.csv?versionId={versions[0]}")

    assert location == storage.resolve(str(location))
    assert location.name == "tea.csv"
    assert location.current == storage.resolve("in/tea.csv")
    assert storage.fingerprint(location).size == 5
    assert storage.fingerprint(location) != storage.fingerprint(location.current)
    with storage.open(location) as file:
        assert file.read() == b"green"
    assert storage.fetch(location, tmp_path / "copy").read_bytes() == b"green"
    for write in (
        lambda: storage.check_writable(location),
        lambda: storage.publish(make_file(b"x"), location, overwrite=True),
        lambda: storage.remove(location),
    ):
        assert refusal(write) == (
            f"'{location}' is a version of an object, which is read and never written; leave out "
            "'?versionId=…'."
        )
    assert storage.fingerprint(location.current).size == 6

    absent = storage.resolve(f"s3://{bucket}/in/tea.csv?versionId=nonsense")
    assert "There is no object" in refusal(storage.open, absent)


@pytest.mark.parametrize(
    "path",
    [
        "in/tea.csv?versionId=abc",
        "s3://{bucket}/in/tea.csv?versionId=",
        "s3://{bucket}/in/tea.csv?versionid=abc",
        "s3://{bucket}/in/tea.csv?versionId=a&x=y",
        "s3://{bucket}/in/tea.csv?versionId=a?versionId=b",
        "s3://{bucket}/in/tea.csv?versionId=b c",
    ],
)
def test_a_version_that_is_not_clear_is_refused(s3_storage, s3_bucket, path):
    assert "does not name a version in the form 's3://bucket/key?versionId=ID'" in refusal(
        s3_storage.resolve, path.format(bucket=s3_bucket)
    )


def test_the_name_of_a_claim_is_no_dataset(s3_storage):
    assert "marks outputs that are being published" in refusal(
        s3_storage.resolve, "out/tea.csv.publishing"
    )


def test_the_allow_list_may_name_prefixes(restored):
    storage = storage_with(prefix="team-a", allowed_buckets=f"other/in/, {restored}/shared,third")

    for path in (
        f"s3://{restored}/team-a/tea.csv",
        f"s3://{restored}/shared/tea.csv",
        "s3://other/in/tea.csv",
        "s3://third/tea.csv",
    ):
        assert str(storage.resolve(path)) == path
    for path in (
        f"s3://{restored}/shared-not/tea.csv",
        f"s3://{restored}/tea.csv",
        "s3://other/tea.csv",
        "s3://other/in",
        "s3://other/inside/tea.csv",
        "s3://other/in/../tea.csv",
    ):
        assert "is outside the allowed prefix" in refusal(storage.resolve, path)


@pytest.mark.parametrize("size", [5, 6 << 20])
@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        ("none", {}),
        ("AES256", {"ServerSideEncryption": "AES256"}),
        ("aws:kms", {"ServerSideEncryption": "aws:kms"}),
        ("aws:kms:key/1-2", {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key/1-2"}),
    ],
)
def test_objects_are_encrypted_as_asked(restored, make_file, mode, asked, size):
    storage = storage_with(sse=mode)
    location = storage.resolve("out/tea.csv")

    storage.publish(make_file(bytes(size)), location, overwrite=False)

    state = storage.client.head_object(Bucket=restored, Key="out/tea.csv")
    assert {name: state[name] for name in asked} == asked
    assert asked or state.get("ServerSideEncryption") in {None, "AES256"}  # the bucket's default


def test_a_store_that_refuses_the_encryption_is_told(rgw_bucket, monkeypatch, make_file):
    monkeypatch.setenv("SELFS3_S3_SSE", "AES256")
    storage = S3Storage(S3Settings.from_environment("selfS3"))

    message = refusal(
        storage.publish, make_file(b"x"), storage.resolve("out/tea.csv"), overwrite=True
    )

    assert message == (
        f"The S3 store refuses to write 's3://{rgw_bucket}/out/tea.csv' with the encryption "
        "'AES256' (InvalidRequest); correct S3_SSE, or ask its operator."
    )


def test_a_store_that_ignores_the_encryption_is_noticed(rclone_bucket, monkeypatch, make_file):
    monkeypatch.setenv("SELFS3_S3_SSE", "AES256")
    storage = S3Storage(S3Settings.from_environment("selfS3"))

    for size in (1, 17 << 20):
        message = refusal(
            storage.publish, make_file(bytes(size)), storage.resolve("out/tea.csv"), overwrite=True
        )
        assert message.startswith("The S3 store ignores the encryption 'AES256'")
    assert "Contents" not in storage.client.list_objects_v2(Bucket=rclone_bucket)


@pytest.fixture
def authority(tmp_path):
    """An authority made for this test, and the context of a server that it vouches for."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of a test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle, secret = tmp_path / "ca.pem", tmp_path / "key.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, secret)
    return bundle, context


@pytest.mark.parametrize("kind", ["s3", "rgw"])
@pytest.mark.parametrize("size", [5, 6 << 20])
@pytest.mark.parametrize("mode", ["when_required", "when_supported"])
def test_the_checksum_mode_reaches_the_store(
    kind, request, network_of, monkeypatch, make_file, size, mode
):
    request.getfixturevalue(f"{kind}_bucket")
    network = network_of(S3Settings.from_environment("selfS3"))
    monkeypatch.setenv("SELFS3_S3_CHECKSUMS", mode)
    storage = S3Storage(S3Settings.from_environment("selfS3"), part_bytes=5 << 20)
    location = storage.resolve("out/tea.bin")

    storage.publish(make_file(bytes(size)), location, overwrite=False)

    with storage.open(location) as file:
        assert file.read() == bytes(size)
    sums = [header for header in network.headers if header.startswith("x-amz-checksum-crc")]
    assert bool(sums) == (mode == "when_supported")


@pytest.fixture
def network_of(monkeypatch):
    """Return a function that puts a network, here a faultless one, before a store."""
    with ExitStack() as stack:

        def put_before(settings, tls=None):
            network = stack.enter_context(faulty_network(settings.endpoint_url, tls))
            monkeypatch.setenv("SELFS3_S3_ENDPOINT_URL", network.endpoint_url)
            return network

        yield put_before


@pytest.mark.parametrize("kind", ["s3", "rgw"])
def test_a_store_with_a_private_authority_is_trusted_by_its_bundle(
    kind, request, authority, network_of, monkeypatch, make_file
):
    request.getfixturevalue(f"{kind}_bucket")
    settings = S3Settings.from_environment("selfS3")
    bundle, context = authority
    sent = os.urandom(6 << 20)
    network = network_of(settings, context)
    distrusting = S3Storage(S3Settings.from_environment("selfS3"))
    location = distrusting.resolve("out/tea.bin")
    assert refusal(distrusting.fingerprint, location) == (
        f"The S3 store at {network.endpoint_url.removeprefix('https://')} cannot be reached "
        "(SSLError); check the endpoint's certificate, or name its authority in S3_CA_BUNDLE."
    )

    monkeypatch.setenv("SELFS3_S3_CA_BUNDLE", str(bundle))
    storage = S3Storage(S3Settings.from_environment("selfS3"), part_bytes=5 << 20)
    storage.publish(make_file(sent), location, overwrite=False)
    with storage.open(location) as file:
        assert file.read() == sent


def test_a_bundle_without_certificates_is_told(restored, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("not a certificate")

    storage = storage_with(endpoint_url="https://127.0.0.1:1", ca_bundle=str(bundle))

    assert refusal(storage.fingerprint, storage.resolve("tea.csv")).endswith(".")


def test_region_and_path_style_reach_the_store(restored):
    storage = storage_with(
        endpoint_url="http://localhost:1", region="eu-west-3", path_style="false"
    )

    client = storage.client

    assert client.meta.region_name == "eu-west-3"
    url = client.generate_presigned_url("get_object", Params={"Bucket": restored, "Key": "tea"})
    assert url.startswith(f"http://{restored}.localhost:1/tea?")


def test_what_boto3_knows_of_s3_is_read_once_and_settings_stay_apart(restored, monkeypatch):
    first = storage_with(region="eu-west-3").client
    monkeypatch.setattr("botocore.loaders.JSONFileLoader.load_file", None)  # nothing more is read

    second = storage_with(region="eu-north-1", endpoint_url="http://127.0.0.1:1").client

    regions = [client.meta.region_name for client in (first, second)]
    assert regions == ["eu-west-3", "eu-north-1"]
    assert first.meta.endpoint_url != second.meta.endpoint_url
    assert first.meta.events is not second.meta.events  # each keeps to its own allow-list


def test_clients_are_made_in_many_threads_at_once(restored):
    storages = [storage_with() for _ in range(16)]

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda one: one.client.list_objects_v2(Bucket=restored), storages))

    assert [one["KeyCount"] for one in found] == [0] * 16


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
        "SSE": "aws:kms:key",
        "ATTEMPTS": "5",
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
        encryption="aws:kms:key",
        attempts=5,
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
        ("SSE", "aes", "'none', 'AES256', 'aws:kms' or 'aws:kms:<key id>'"),
        ("SSE", "aws:kms:", "'none', 'AES256', 'aws:kms' or 'aws:kms:<key id>'"),
        ("ATTEMPTS", "0", "a whole number from 1 to 10"),
        ("ATTEMPTS", "11", "a whole number from 1 to 10"),
        ("ATTEMPTS", "two", "a whole number from 1 to 10"),
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

    message = refusal(s3_storage.fetch, location, Path("/proc/self/tea.csv"))

    assert message.startswith(f"'{location}' cannot be copied to '/proc/self' (")


def test_staging_is_in_the_temporary_folder_and_the_users_own(s3_storage, monkeypatch, tmp_path):
    assert s3_storage.staging_base().name == f"data-services-staging-{os.getuid()}"

    monkeypatch.setenv("DATA_SERVICES_STAGING", str(tmp_path))
    assert s3_storage.staging_base() == tmp_path / "data-services-staging"
    assert isinstance(StorageError("x"), OSError)
    assert urlsplit(s3_storage.settings.endpoint_url).hostname == "127.0.0.1"
