"""What ops of one's own find under the key ``s3``: boto3, held to the allow-list."""

import os
import secrets

import boto3
import pytest
from boto3.s3.transfer import TransferConfig

from util_services.errors import ConfigurationError, StorageError
from util_services.storage import S3Handle, S3Settings
from util_services.storage.s3_allowed import LISTINGS, LOOKS, OBJECTS

CREDENTIALS = ("ACCESS_KEY", "SECRET_KEY")


@pytest.fixture
def handle(s3_bucket):
    return S3Handle(S3Settings.from_environment("selfS3"))


@pytest.fixture
def narrow(s3_bucket, monkeypatch):
    """A handle that may touch no more than a prefix of its bucket."""
    monkeypatch.setenv("SELFS3_S3_PREFIX", "team-a")
    return S3Handle(S3Settings.from_environment("selfS3"))


def refusal(action, *arguments, **options):
    with pytest.raises(StorageError) as refused:
        action(*arguments, **options)
    return str(refused.value)


def test_an_object_is_read_and_written_as_with_boto3(handle, s3_bucket, tmp_path):
    handle.Object(s3_bucket, "in/tea.csv").put(Body=b"green")
    file = tmp_path / "copy"
    handle.Bucket(s3_bucket).download_file("in/tea.csv", str(file))

    assert file.read_bytes() == b"green"
    assert [found.key for found in handle.Bucket(s3_bucket).objects.all()] == ["in/tea.csv"]
    assert handle.meta.client.head_object(Bucket=s3_bucket, Key="in/tea.csv")["ContentLength"] == 5
    assert handle.client.get_object(Bucket=s3_bucket, Key="in/tea.csv")["Body"].read() == b"green"


def test_transfers_in_parts_and_copies_stay_possible(handle, s3_bucket, tmp_path):
    file = tmp_path / "large"
    file.write_bytes(b"x" * (6 << 20))
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)

    handle.Bucket(s3_bucket).upload_file(str(file), "large", Config=parts)
    handle.Object(s3_bucket, "copy").copy({"Bucket": s3_bucket, "Key": "large"}, Config=parts)
    handle.Object(s3_bucket, "again").copy_from(CopySource=f"{s3_bucket}/copy")

    sizes = {found.key: found.size for found in handle.Bucket(s3_bucket).objects.all()}
    assert sizes == dict.fromkeys(["again", "copy", "large"], 6 << 20)
    handle.Bucket(s3_bucket).objects.all().delete()
    assert not list(handle.Bucket(s3_bucket).objects.all())


OTHER_BUCKET = {
    "an object": lambda s3, _: s3.Object("other-bucket", "tea.csv").get(),
    "an upload": lambda s3, _: s3.Bucket("other-bucket").put_object(Key="tea.csv", Body=b""),
    "a listing": lambda s3, _: list(s3.Bucket("other-bucket").objects.all()),
    "a look": lambda s3, _: s3.client.head_bucket(Bucket="other-bucket"),
    "a copy of it": lambda s3, name: s3.Object(name, "x").copy_from(
        CopySource={"Bucket": "other-bucket", "Key": "tea.csv"}
    ),
    "a copy of it by text": lambda s3, name: s3.client.copy_object(
        Bucket=name, Key="x", CopySource="/other-bucket/tea.csv?versionId=1"
    ),
    "a signed address": lambda s3, _: s3.client.generate_presigned_url(
        "get_object", Params={"Bucket": "other-bucket", "Key": "tea.csv"}
    ),
    "a removal": lambda s3, _: s3.client.delete_objects(
        Bucket="other-bucket", Delete={"Objects": [{"Key": "tea.csv"}]}
    ),
    "no bucket": lambda s3, _: s3.client.head_bucket(),
}


@pytest.mark.parametrize("action", OTHER_BUCKET.values(), ids=OTHER_BUCKET)
def test_another_bucket_is_refused_before_anything_is_sent(handle, s3_bucket, action):
    assert refusal(action, handle, s3_bucket).endswith(
        "is not allowed here; add it to S3_ALLOWED_BUCKETS."
    )


OUTSIDE_THE_PREFIX = {
    "a key": lambda s3, name: s3.Object(name, "team-b/tea.csv").get(),
    "a longer name": lambda s3, name: s3.Object(name, "team-ab/tea.csv").get(),
    "dots": lambda s3, name: s3.Object(name, "team-a/../team-b/tea.csv").get(),
    "a copy out of it": lambda s3, name: s3.Object(name, "team-b/x").copy_from(
        CopySource={"Bucket": name, "Key": "team-a/tea.csv"}
    ),
    "a copy into it": lambda s3, name: s3.Object(name, "team-a/x").copy_from(
        CopySource=f"{name}/team-b%2Ftea.csv"
    ),
    "removals": lambda s3, name: s3.client.delete_objects(
        Bucket=name, Delete={"Objects": [{"Key": "team-a/tea.csv"}, {"Key": "team-b/tea.csv"}]}
    ),
}


@pytest.mark.parametrize("action", OUTSIDE_THE_PREFIX.values(), ids=OUTSIDE_THE_PREFIX)
def test_a_prefix_is_not_left_by_a_key(narrow, s3_bucket, action):
    assert "is outside the allowed prefix" in refusal(action, narrow, s3_bucket)


@pytest.mark.parametrize("prefix", ["", "team", "team-a", "team-b/"])
def test_a_prefix_is_not_left_by_a_listing(narrow, s3_bucket, prefix):
    assert refusal(narrow.client.list_objects_v2, Bucket=s3_bucket, Prefix=prefix) == (
        f"Only what begins with 'team-a/' may be listed in the bucket '{s3_bucket}'; correct "
        "'Prefix'."
    )
    assert narrow.client.list_objects_v2(Bucket=s3_bucket, Prefix="team-a/")["KeyCount"] == 0


@pytest.mark.parametrize("bucket", ["own", "other-bucket"])
def test_a_signed_form_is_refused_by_its_own_name(handle, s3_bucket, bucket):
    name = s3_bucket if bucket == "own" else bucket

    for client in (handle.client, handle.meta.client):
        with pytest.raises(StorageError) as refused:
            client.generate_presigned_post(name, "x")
        assert str(refused.value).startswith("'generate_presigned_post' is not offered here, ")


def test_what_is_not_offered_of_boto3_is_named(handle, s3_bucket):
    with pytest.raises(AttributeError) as refused:
        handle.buckets.all()

    assert str(refused.value) == (
        "The resource 's3' does not offer 'buckets'; of boto3 it has 'Object', 'Bucket', 'meta' "
        "and 'client'. Use a client of your own for more than objects."
    )
    assert not hasattr(handle, "create_bucket")
    assert hasattr(handle, "look")


@pytest.mark.parametrize(
    ("action", "operation"),
    [
        (lambda s3, _: s3.meta.client.list_buckets(), "ListBuckets"),
        (lambda s3, name: s3.Bucket(name).delete(), "DeleteBucket"),
        (lambda s3, name: s3.client.put_bucket_policy(Bucket=name, Policy=""), "PutBucketPolicy"),
        (lambda s3, name: s3.client.put_object_acl(Bucket=name, Key="x"), "PutObjectAcl"),
    ],
)
def test_what_is_about_more_than_objects_is_refused(handle, s3_bucket, action, operation):
    assert refusal(action, handle, s3_bucket) == (
        f"The S3 operation '{operation}' is not offered here, for it is about more than objects; "
        "use a client of your own for it."
    )


def test_the_operations_that_are_offered_are_known_to_boto3():
    """A misspelt name would refuse an operation that is meant to be offered."""
    client = boto3.client("s3", region_name="us-east-1")

    assert set(client.meta.service_model.operation_names) >= OBJECTS | LISTINGS | LOOKS


def test_no_operation_that_is_offered_names_a_place_that_is_not_checked():
    """Members of these names lead to buckets or keys; a new release of boto3 may add another."""
    client = boto3.client("s3", region_name="us-east-1")
    checked = {"Bucket", "Key", "Prefix", "CopySource", "Delete"}
    harmless = {
        "ExpectedBucketOwner", "ExpectedSourceBucketOwner",  # numbers of accounts
        "KeyMarker", "Marker", "MaxKeys", "BucketKeyEnabled",
        "SSECustomerKey", "SSECustomerKeyMD5", "SSEKMSKeyId",
        "CopySourceSSECustomerKey", "CopySourceSSECustomerKeyMD5",
        "CopySourceSSECustomerAlgorithm", "CopySourceIfMatch", "CopySourceIfNoneMatch",
        "CopySourceIfModifiedSince", "CopySourceIfUnmodifiedSince", "CopySourceRange",
    }  # fmt: skip

    for operation in OBJECTS | LISTINGS | LOOKS:
        members = client.meta.service_model.operation_model(operation).input_shape.members
        places = {n for n in members if "Bucket" in n or "Key" in n or "Source" in n}
        assert places <= checked | harmless, operation


@pytest.fixture
def secret_files(s3_bucket, monkeypatch, tmp_path):
    """The credentials in files, as Kubernetes mounts secrets, and no variable that holds one."""
    files = {}
    for name in CREDENTIALS:
        files[name] = tmp_path / name.lower()
        files[name].write_text(os.environ[f"SELFS3_S3_{name}"] + "\n")
        monkeypatch.delenv(f"SELFS3_S3_{name}")
        monkeypatch.setenv(f"SELFS3_S3_{name}_FILE", str(files[name]))
    return files


def test_credentials_may_come_from_mounted_files(secret_files, s3_bucket):
    handle = S3Handle(S3Settings.from_environment("selfS3"))

    handle.Object(s3_bucket, "tea.csv").put(Body=b"green")

    assert handle.settings.access_key == secret_files["ACCESS_KEY"].read_text().strip()
    assert handle.settings.secret_key == secret_files["SECRET_KEY"].read_text().strip()


def test_a_store_that_checks_signatures_accepts_credentials_from_files(
    rgw_bucket, monkeypatch, tmp_path
):
    for name in CREDENTIALS:
        (tmp_path / name).write_text(os.environ[f"SELFS3_S3_{name}"] + "\n")
        monkeypatch.delenv(f"SELFS3_S3_{name}")
        monkeypatch.setenv(f"S3_{name}_FILE", str(tmp_path / name))
    handle = S3Handle(S3Settings.from_environment("selfS3"))

    handle.Object(rgw_bucket, "tea.csv").put(Body=b"green")

    assert handle.Object(rgw_bucket, "tea.csv").get()["Body"].read() == b"green"


def test_the_nearer_credential_wins_and_a_variable_over_a_file(secret_files, monkeypatch):
    monkeypatch.setenv("S3_ACCESS_KEY", "general")
    nearer = S3Settings.from_environment("selfS3")
    monkeypatch.setenv("SELFS3_S3_ACCESS_KEY", "named")
    named = S3Settings.from_environment("selfS3")

    assert nearer.access_key == secret_files["ACCESS_KEY"].read_text().strip()
    assert named.access_key == "named"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two words", b"two\nlines", b"\xff\xfe", b"x" * 2000]
)
def test_a_file_that_holds_no_secret_is_named_and_not_quoted(secret_files, content):
    secret_files["SECRET_KEY"].write_bytes(content)

    with pytest.raises(ConfigurationError) as refused:
        S3Settings.from_environment("selfS3")

    assert str(refused.value) == (
        "SELFS3_S3_SECRET_KEY_FILE must hold one word of printable ASCII characters; correct it."
    )


def test_a_file_that_cannot_be_read_is_told(secret_files):
    secret_files["SECRET_KEY"].unlink()

    with pytest.raises(ConfigurationError) as refused:
        S3Settings.from_environment("selfS3")

    assert str(refused.value) == (
        "SELFS3_S3_SECRET_KEY_FILE names a file that cannot be read (No such file or directory); "
        "correct the variable, or mount the secret there."
    )


def test_no_text_of_a_handle_shows_a_secret(s3_bucket, monkeypatch):
    secret = secrets.token_hex(16)
    monkeypatch.setenv("SELFS3_S3_SECRET_KEY", secret)
    monkeypatch.setenv("SELFS3_S3_ACCESS_KEY", secret)
    handle = S3Handle(S3Settings.from_environment("selfS3"))
    handle.Object(s3_bucket, "tea.csv").put(Body=b"green")

    shown = (handle, handle.settings, handle.client, handle.meta, handle.Bucket(s3_bucket))
    assert not [text for text in map(repr, shown) if secret in text]
    assert repr(handle) == f"S3Handle(name='selfS3', bucket='{s3_bucket}')"
