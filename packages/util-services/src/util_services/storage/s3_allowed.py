"""What a credential set may touch: its own bucket and prefix, and those on its allow-list.

The rule holds for paths of run configs, and for every request of a boto3 client that is confined to
it. It guards against mistakes and against names that come from outside; code that runs in this
process can always make a client of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from util_services.errors import StorageError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from util_services.storage.s3_settings import S3Settings

BEFORE_EACH_REQUEST = "provide-client-params.s3"
LISTINGS = frozenset({"ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2"})
OBJECTS = frozenset(
    {
        "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload",
        "DeleteObject", "DeleteObjects", "DeleteObjectTagging", "GetObject", "GetObjectAttributes",
        "GetObjectTagging", "HeadObject", "ListParts", "PutObject", "PutObjectTagging",
        "UploadPart", "UploadPartCopy",
    }
)  # fmt: skip
LOOKS = frozenset({"GetBucketLocation", "GetBucketVersioning", "HeadBucket"})


def refuse_outside(settings: S3Settings, bucket: str, key: str) -> None:
    """Refuse a key that a credential set may not touch.

    Raises:
        StorageError: naming the bucket or the key.
    """
    prefixes = _prefixes(settings, bucket)
    is_inside = any(not prefix or key.startswith(f"{prefix}/") for prefix in prefixes)
    if not is_inside or {".", ".."} & set(key.split("/")):
        raise outside(key)


def outside(key: str) -> StorageError:
    """Return the error for a key that is not inside what may be touched."""
    return StorageError(
        f"The key {quoted_name(key)} is outside the allowed prefix or has empty, '.' or '..' "
        "parts; correct the path."
    )


def confined(client: Any, settings: S3Settings) -> Any:
    """Make a boto3 client refuse, before it is sent, each request for anything else.

    Objects are read, written, copied and removed, and listed by prefix; of a bucket itself no more
    is offered than whether it is there, where, and whether it keeps versions.
    """

    def check(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        _check_request(settings, model.name, params)

    def generate_presigned_post(*_: Any, **__: Any) -> None:
        raise StorageError(
            "'generate_presigned_post' is not offered here, for what is posted with it is not "
            "checked; use 'generate_presigned_url' for one object, or a client of your own."
        )

    client.meta.events.register_first(BEFORE_EACH_REQUEST, check)
    client.generate_presigned_post = generate_presigned_post
    return client


def _check_request(settings: S3Settings, operation: str, params: Mapping[str, Any]) -> None:
    if operation not in OBJECTS | LISTINGS | LOOKS:
        raise StorageError(
            f"The S3 operation '{operation}' is not offered here, for it is about more than "
            "objects; use a client of your own for it."
        )
    bucket = str(params.get("Bucket", ""))
    prefixes = _prefixes(settings, bucket)
    if operation in LISTINGS:
        _refuse_outside_listing(prefixes, bucket, str(params.get("Prefix") or ""))
    for key in _keys(params):
        refuse_outside(settings, bucket, key)
    if "CopySource" in params:
        refuse_outside(settings, *_copied(params["CopySource"]))


def _prefixes(settings: S3Settings, bucket: str) -> list[str]:
    """Return the prefixes of a bucket that may be touched, "" for all of it."""
    prefixes = [prefix for name, prefix in settings.allowed if name == bucket]
    if not prefixes:
        raise StorageError(
            f"The bucket {quoted_name(bucket)} is not allowed here; add it to S3_ALLOWED_BUCKETS."
        )
    return prefixes


def _refuse_outside_listing(prefixes: list[str], bucket: str, begins: str) -> None:
    if not any(not prefix or begins.startswith(f"{prefix}/") for prefix in prefixes):
        places = " or ".join(quoted_name(f"{prefix}/") for prefix in prefixes)
        raise StorageError(
            f"Only what begins with {places} may be listed in the bucket {quoted_name(bucket)}; "
            "correct 'Prefix'."
        )


def _keys(params: Mapping[str, Any]) -> Iterator[str]:
    if "Key" in params:
        yield str(params["Key"])
    for entry in params.get("Delete", {}).get("Objects", ()):
        yield str(entry.get("Key", ""))


def _copied(source: Any) -> tuple[str, str]:
    """Return bucket and key of a ``CopySource``, which boto3 takes as a mapping or as a text."""
    if isinstance(source, str):
        bucket, _, key = unquote(source.partition("?")[0]).lstrip("/").partition("/")
        return bucket, key
    return str(source["Bucket"]), str(source["Key"])
