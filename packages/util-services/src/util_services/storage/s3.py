"""Objects in an S3 bucket, through boto3."""

from __future__ import annotations

import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from util_services import settings
from util_services.errors import StorageError
from util_services.storage.protocol import (
    Fingerprint,
    Location,
    absent,
    already_exists,
    refuse_hostile,
)
from util_services.storage.ranges import RangeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from util_services.storage.s3_settings import S3Settings

PART_BYTES = 32 << 20  # parts of this size keep 10,000 of them above 300 GB
UPLOAD_THREADS = 4
RANGE_BYTES = 256 << 10
ABSENT_CODES = frozenset({"404", "NoSuchKey", "NotFound"})
DENIED_CODES = frozenset(
    {"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
TAKEN_CODES = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class S3Storage:
    """A storage on one S3 credential set.

    Args:
        settings: where the store is and which buckets may be touched; or a function that returns
            it on first use, so that a fault in the environment is told by whoever uses the storage.
        part_bytes: objects larger than this are uploaded in parts of this size.
    """

    kind = "s3"

    def __init__(
        self, settings: S3Settings | Callable[[], S3Settings], *, part_bytes: int = PART_BYTES
    ) -> None:
        self._settings = settings
        self.part_bytes = part_bytes
        self._client: Any = None
        self._keeps_conditions = False  # not known yet

    def __repr__(self) -> str:
        """Return the class and the name of its credential set, never a key."""
        known = None if callable(self._settings) else self._settings
        return f"S3Storage(name={known.name!r}, bucket={known.bucket!r})" if known else "S3Storage"

    @property
    def settings(self) -> S3Settings:
        """Where the store is and which buckets may be touched."""
        if callable(self._settings):
            self._settings = self._settings()
        return self._settings

    @property
    def client(self) -> Any:
        """The boto3 client, made on first use."""
        if self._client is None:
            self._client = self.settings.client()
        return self._client

    def resolve(self, path: str) -> Location:
        """Return bucket and key of ``path``; refuse buckets outside the allow-list."""
        refuse_hostile(path)
        if path.startswith("s3://"):
            bucket, _, key = path.removeprefix("s3://").partition("/")
            allowed = {*self.settings.allowed_buckets, self.settings.bucket}
            if bucket not in allowed:
                raise StorageError(
                    f"The bucket '{bucket}' is not allowed here; add it to S3_ALLOWED_BUCKETS."
                )
            prefix = self.settings.prefix
            inside = bucket != self.settings.bucket or not prefix or key.startswith(f"{prefix}/")
        elif "://" in path or path.startswith("/"):
            raise StorageError(
                f"The path '{path}' is not an S3 key; write 's3://bucket/key' or a relative key."
            )
        else:
            if not self.settings.bucket:
                raise StorageError("There is no S3 bucket; set S3_BUCKET or write 's3://bucket/…'.")
            bucket, inside = self.settings.bucket, True
            key = "/".join(part for part in (self.settings.prefix, path) if part)
        if not BUCKET_NAME.fullmatch(bucket):
            raise StorageError(f"'{bucket}' is not a bucket name; correct the path.")
        if not inside or any(part in {"", ".", ".."} for part in key.split("/")):
            raise StorageError(
                f"The key '{key}' is outside the allowed prefix or has empty, '.' or '..' parts; "
                "correct the path."
            )
        return Location(bucket, key)

    def fingerprint(self, location: Location) -> Fingerprint | None:
        """Return size and ETag of an object; None where the bucket has no such key."""
        with self._sentences(location):
            try:
                answer = self.client.head_object(Bucket=location.container, Key=location.path)
            except self.client.exceptions.ClientError as error:
                if _code(error) not in ABSENT_CODES:
                    raise
                self.client.head_bucket(Bucket=location.container)  # or is the bucket missing?
                return None
        version = answer.get("VersionId") or ""
        return Fingerprint(answer["ContentLength"], f"{answer['ETag']}{version}")

    def open(self, location: Location) -> BinaryIO:
        """Return an object as a file that reads ranges of it."""
        state = self.fingerprint(location)
        if state is None:
            raise absent(location)

        def read(start: int, end: int) -> bytes:
            with self._sentences(location):
                answer = self.client.get_object(
                    Bucket=location.container, Key=location.path, Range=f"bytes={start}-{end - 1}"
                )
                content: bytes = answer["Body"].read()
            return content

        return BufferedReader(RangeReader(state.size, read), RANGE_BYTES)

    def fetch(self, location: Location, folder: Path) -> Path:
        """Download an object into ``folder``."""
        file = folder / "source"
        with self._sentences(location):
            try:
                self.client.download_file(location.container, location.path, str(file))
            except OSError as error:
                raise StorageError(
                    f"'{location}' cannot be copied to '{folder}' "
                    f"({os.strerror(error.errno or 0)}); free some space, or set "
                    "DATA_SERVICES_STAGING to another folder."
                ) from None
        return file

    def check_writable(self, location: Location) -> None:
        """Check that the bucket exists; whether it can be written, only writing tells."""
        with self._sentences(location):
            self.client.head_bucket(Bucket=location.container)

    def publish(self, file: Path, location: Location, *, overwrite: bool) -> None:
        """Upload ``file``; the object appears with the last request, on condition if asked."""
        condition = {} if overwrite else {"IfNoneMatch": "*"}
        address = {"Bucket": location.container, "Key": location.path}
        with self._sentences(location):
            if file.stat().st_size <= self.part_bytes:
                self._upload_whole(file, address, condition)
                if condition:
                    self._check_condition(file, address, condition)
            else:
                self._upload_parts(file, address, condition)
        file.unlink()

    def remove(self, location: Location) -> None:
        """Remove an object, if it is there."""
        with self._sentences(location):
            self.client.delete_object(Bucket=location.container, Key=location.path)

    @staticmethod
    def staging_base() -> Path:
        """Return the configured staging folder, else one in the system's temporary folder."""
        shared = Path(tempfile.gettempdir())
        return settings.staging() or shared / f"data-services-staging-{os.getuid()}"

    def _upload_whole(self, file: Path, address: dict[str, str], condition: dict[str, str]) -> None:
        with file.open("rb") as body:
            self.client.put_object(Body=body, **address, **condition)

    def _check_condition(
        self, file: Path, address: dict[str, str], condition: dict[str, str]
    ) -> None:
        """Check once, on a small object just made, that the store keeps an ``If-None-Match``."""
        if self._keeps_conditions:
            return
        try:
            self._upload_whole(file, address, condition)  # the same bytes, so nothing is harmed
        except self.client.exceptions.ClientError as error:
            if _code(error) not in TAKEN_CODES:
                raise
            self._keeps_conditions = True
        else:
            self.client.delete_object(**address)
            raise StorageError(
                "The S3 store ignores conditional writes, so that two runs could replace each "
                "other's output unnoticed; set 'overwrite: true' to accept that."
            )

    def _upload_parts(self, file: Path, address: dict[str, str], condition: dict[str, str]) -> None:
        upload = address | {"UploadId": self.client.create_multipart_upload(**address)["UploadId"]}
        try:
            count = -(-file.stat().st_size // self.part_bytes)
            with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
                parts = list(
                    pool.map(lambda number: self._upload_part(file, upload, number), range(count))
                )
            self.client.complete_multipart_upload(
                MultipartUpload={"Parts": parts}, **upload, **condition
            )
        except BaseException:
            with suppress(Exception):  # what is raised already says more
                self.client.abort_multipart_upload(**upload)
            raise

    def _upload_part(self, file: Path, upload: dict[str, str], number: int) -> dict[str, Any]:
        with file.open("rb") as source:
            source.seek(number * self.part_bytes)
            body = source.read(self.part_bytes)
        answer = self.client.upload_part(Body=body, PartNumber=number + 1, **upload)
        return {"ETag": answer["ETag"], "PartNumber": number + 1}

    @contextmanager
    def _sentences(self, location: Location) -> Iterator[None]:
        """Turn botocore's errors into sentences that hold no key and no signature."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._refusal(_code(error), error.operation_name, location) from None
        except (BotoCoreError, Boto3Error) as error:
            raise StorageError(
                f"The S3 store at {_host(self.settings.endpoint_url)} cannot "
                f"be reached ({type(error).__name__}); check the endpoint and the network."
            ) from None

    def _refusal(self, code: str, operation: str, location: Location) -> StorageError:
        if code == "NoSuchBucket" or (code in ABSENT_CODES and operation == "HeadBucket"):
            return StorageError(
                f"There is no bucket '{location.container}'; create it or correct the path."
            )
        if code in ABSENT_CODES:
            return absent(location)
        if code in DENIED_CODES:
            return StorageError(
                f"The S3 store denies {operation} on '{location}'; check the credentials."
            )
        if code in TAKEN_CODES:
            return already_exists(location)
        return StorageError(
            f"The S3 store answered {code} to {operation} on '{location}'; ask its operator."
        )


def _host(url: str | None) -> str:
    """Return host and port of an endpoint without the credentials that a URL may carry."""
    return urlsplit(url).netloc.rpartition("@")[2] if url else "its default endpoint"


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
