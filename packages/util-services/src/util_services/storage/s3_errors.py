"""What an S3 store answers, as sentences that hold no key and no signature."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from util_services.errors import StorageError
from util_services.storage.protocol import absent, already_exists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.storage.protocol import Location
    from util_services.storage.s3_settings import S3Settings

ABSENT_CODES = frozenset({"404", "NoSuchKey", "NotFound"})
ABSENT_VERSION_CODES = frozenset({"NoSuchVersion", "400", "InvalidArgument"})
DENIED_CODES = frozenset(
    {"401", "403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
CONFLICT_CODES = frozenset({"409", "ConditionalRequestConflict"})  # somebody writes right now
TAKEN_CODES = frozenset({"412", "PreconditionFailed"}) | CONFLICT_CODES
REFUSED_SETTING_CODES = frozenset({"InvalidRequest", "InvalidArgument", "NotImplemented"})
WRITES = frozenset({"PutObject", "CreateMultipartUpload"})


def code_of(error: Any) -> str:
    """Return the code of a ``ClientError``."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def status_of(error: Any) -> int:
    """Return the HTTP status of a ``ClientError``."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def sentences(settings: S3Settings, location: Location) -> Iterator[None]:
    """Turn botocore's errors about an object into sentences."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refusal(settings, error, location) from None
    except (BotoCoreError, Boto3Error) as error:
        kind = type(error).__name__
        cure = "check the endpoint and the network"
        if kind == "SSLError":
            cure = "check the endpoint's certificate, or name its authority in S3_CA_BUNDLE"
        raise StorageError(
            f"The S3 store at {_host(settings.endpoint_url)} cannot be reached ({kind}); {cure}."
        ) from None


def _refusal(settings: S3Settings, error: Any, location: Location) -> StorageError:
    code, operation = code_of(error), error.operation_name
    if code == "NoSuchBucket" or (code in ABSENT_CODES and operation == "HeadBucket"):
        return StorageError(
            f"There is no bucket '{location.container}'; create it or correct the path."
        )
    if code in ABSENT_CODES or (location.version and code in ABSENT_VERSION_CODES):
        return absent(location)
    if code in DENIED_CODES:
        return StorageError(
            f"The S3 store denies {operation} on '{location}'; check the credentials."
        )
    if code in TAKEN_CODES and operation == "GetObject":
        return StorageError(f"'{location}' changed while it was read; read it again.")
    if code in TAKEN_CODES:
        return already_exists(location)
    if settings.encryption and operation in WRITES and code in REFUSED_SETTING_CODES:
        return StorageError(
            f"The S3 store refuses to write '{location}' with the encryption "
            f"'{settings.encryption}' ({code}); correct S3_SSE, or ask its operator."
        )
    return StorageError(
        f"The S3 store answered {code} to {operation} on '{location}'; ask its operator."
    )


def _host(url: str | None) -> str:
    """Return host and port of an endpoint without the credentials that a URL may carry."""
    return urlsplit(url).netloc.rpartition("@")[2] if url else "its default endpoint"
