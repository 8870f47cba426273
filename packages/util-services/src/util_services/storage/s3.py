"""Objects in an S3 bucket, through boto3."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from util_services import settings
from util_services.errors import StorageError
from util_services.storage.protocol import (
    VERSION_MARK,
    Fingerprint,
    Location,
    ObjectState,
    absent,
    already_exists,
    refuse_hostile,
)
from util_services.storage.ranges import RangeReader
from util_services.storage.s3_allowed import confined, outside, refuse_outside
from util_services.storage.s3_claims import CLAIM_ENDING, CLAIM_MIDDLE, HeldClaim, S3Claims
from util_services.storage.s3_errors import ABSENT_CODES, code_of, sentences
from util_services.storage.s3_uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    from util_services.encryption.paths import AnyPath
    from util_services.storage.patterns import Pattern
    from util_services.storage.s3_settings import S3Settings

PART_BYTES = 16 << 20
UPLOAD_THREADS = 6
RANGE_BYTES = 256 << 10
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
VERSION = re.compile(r"(?P<key>.*)\?versionId=(?P<version>[A-Za-z0-9._~+/=-]{1,1024})", re.DOTALL)


class S3Storage:
    """A storage on one S3 credential set.

    An address is a key relative to the bucket and prefix of the settings, or
    ``s3://bucket/key``. ``s3://bucket/key?versionId=ID`` reads that version of an object and is
    never written; a key that itself ends like that cannot be named.

    Args:
        settings: where the store is and which buckets may be touched; or a function that returns
            it on first use, so that a fault in the environment is told by whoever uses the storage.
        part_bytes: objects larger than this are uploaded in parts of this size.
        kinds: gives the kinds of addresses of local files, by name, which are refused.
    """

    kind = "s3"

    def __init__(
        self,
        settings: S3Settings | Callable[[], S3Settings],
        *,
        part_bytes: int = PART_BYTES,
        kinds: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._settings = settings
        self._kinds = kinds
        self.part_bytes = part_bytes
        self._lock = threading.RLock()
        self._client: Any = None
        self._claims: S3Claims | None = None

    def __repr__(self) -> str:
        """Return the class and the name of its credential set, never a key."""
        known = None if callable(self._settings) else self._settings
        kind = type(self).__name__
        return f"{kind}(name={known.name!r}, bucket={known.bucket!r})" if known else kind

    @property
    def settings(self) -> S3Settings:
        """Where the store is and which buckets may be touched."""
        if callable(self._settings):
            self._settings = self._settings()
        return self._settings

    @property
    def client(self) -> Any:
        """The boto3 client, made on first use; it touches nothing outside the allow-list."""
        with self._lock:  # making one is not safe in two threads at once
            if self._client is None:
                self._client = confined(self.settings.client(), self.settings)
            return self._client

    def resolve(self, path: str) -> Location:
        """Return bucket, key and version of ``path``; refuse what is not on the allow-list."""
        refuse_hostile(path)
        version = ""
        kind, colon, rest = path.partition(":")
        if colon and not rest.startswith("//") and kind in self._kinds():
            raise StorageError(
                f"The address '{path}' is that of a local file, which a job on S3 neither reads "
                "nor writes; use the job without '_s3', or an S3 key."
            )
        if path.startswith("s3://"):
            bucket, _, key = path.removeprefix("s3://").partition("/")
            if versioned := VERSION.fullmatch(key):
                key, version = versioned["key"], versioned["version"]
        elif "://" in path or path.startswith("/"):
            raise StorageError(
                f"The path '{path}' is not an S3 key; write 's3://bucket/key' or a relative key."
            )
        else:
            if not self.settings.bucket:
                raise StorageError("There is no S3 bucket; set S3_BUCKET or write 's3://bucket/…'.")
            bucket = self.settings.bucket
            key = "/".join(part for part in (self.settings.prefix, path) if part)
        refuse_outside(self.settings, bucket, key)
        if not BUCKET_NAME.fullmatch(bucket):
            raise StorageError(f"'{bucket}' is not a bucket name; correct the path.")
        if "" in key.split("/"):
            raise outside(key)
        if VERSION_MARK.lower() in key.lower():
            raise StorageError(
                f"The path '{path}' does not name a version in the form "
                f"'s3://bucket/key{VERSION_MARK}ID'; correct it."
            )
        if key.endswith(CLAIM_ENDING):
            raise StorageError(
                f"The path '{path}' ends in '{CLAIM_ENDING}', which marks outputs that are being "
                "published; use another one."
            )
        return Location(bucket, key, version)

    def fingerprint(self, location: Location) -> Fingerprint | None:
        """Return size and ETag of an object; None where the bucket has no such key or version."""
        state = self._head(location)
        if state is None:
            return None
        version = state.get("VersionId") or ""
        return Fingerprint(state["ContentLength"], f"{state['ETag']}{version}")

    def open(self, location: Location) -> BinaryIO:
        """Return an object as a file that reads ranges of it, all of the same state."""
        state = self._head(location)
        if state is None:
            raise absent(location)
        address = _read_address(location) | {"IfMatch": state["ETag"]}

        def read(start: int, end: int) -> bytes:
            with sentences(self.settings, location):
                return self._read_range(address, start, end)

        return BufferedReader(RangeReader(state["ContentLength"], read), RANGE_BYTES)

    def find(self, pattern: Pattern) -> list[Location]:
        """Return the objects that a pattern names; markers of empty folders are passed over."""
        folder, prefix = self._prefix_of(pattern)
        found = []
        with sentences(self.settings, folder):
            for entry in self._list(folder.container, prefix):
                key = entry["Key"]
                is_data = not key.endswith(("/", CLAIM_ENDING)) and CLAIM_MIDDLE not in key
                if is_data and pattern.matches(key[len(prefix) :]):
                    found.append(self.resolve(f"s3://{folder.container}/{key}"))
        return sorted(found, key=lambda location: location.path)

    def look(self, pattern: Pattern) -> Iterator[ObjectState]:
        """Give the objects below the folder of a pattern, a page of the store's list at a time."""
        folder, prefix = self._prefix_of(pattern)
        with sentences(self.settings, folder):
            for entry in self._list(folder.container, prefix):
                modified = entry["LastModified"]
                yield ObjectState(
                    Location(folder.container, entry["Key"]),
                    entry["Size"],
                    f"{entry['Size']}-{entry['ETag']}-{modified.isoformat()}",
                    modified.timestamp(),
                )

    def is_claimed(self, location: Location) -> bool:
        """Return whether there is a claim on the place."""
        return self.fingerprint(location.beside(CLAIM_ENDING)) is not None

    def fetch(self, location: Location, target: AnyPath) -> AnyPath:
        """Download an object to ``target``."""
        version = {"VersionId": location.version} if location.version else None
        with sentences(self.settings, location):
            try:
                self._download(location, target, version)
            except OSError as error:
                raise StorageError(
                    f"'{location}' cannot be copied to '{_folder_of(target)}' "
                    f"({os.strerror(error.errno or 0)}); free some space, or set "
                    "DATA_SERVICES_STAGING to another folder."
                ) from None
        return target

    def check_writable(self, location: Location) -> None:
        """Check that the bucket exists; whether it can be written, only writing tells."""
        _refuse_version(location)
        with sentences(self.settings, location):
            self.client.head_bucket(Bucket=location.container)

    def publish(self, file: AnyPath, location: Location, *, overwrite: bool) -> None:
        """Upload ``file``; the object appears with the last request, on condition if asked."""
        with (
            self.claim(location, exclusive=not overwrite) as claim,
            claim.prepare(file, overwrite=overwrite) as commit,
        ):
            commit()

    @contextmanager
    def claim(self, location: Location, *, exclusive: bool) -> Iterator[S3Claim]:
        """Hold the claim on a place: an object ``<key>.publishing``, gone when this ends."""
        _refuse_version(location)
        uploads = self._uploads
        with self._lock:
            if self._claims is None:
                self._claims = S3Claims(self.client, uploads)
        with (
            sentences(self.settings, location),
            self._claims.hold(location, exclusive=exclusive) as held,
        ):
            yield S3Claim(self, location, held, uploads)

    def remove(self, location: Location) -> None:
        """Remove an object, if it is there."""
        _refuse_version(location)
        with sentences(self.settings, location):
            self.client.delete_object(Bucket=location.container, Key=location.path)

    @staticmethod
    def staging_base() -> Path:
        """Return the configured staging folder, else one in the system's temporary folder."""
        shared = Path(tempfile.gettempdir())
        return settings.staging() or shared / f"data-services-staging-{os.getuid()}"

    @property
    def _uploads(self) -> Uploads:
        return Uploads(
            self.client, self.settings.encryption_arguments, self.part_bytes, UPLOAD_THREADS
        )

    def _prefix_of(self, pattern: Pattern) -> tuple[Location, str]:
        """Return a place in the folder of a pattern, and the prefix that the folder is."""
        folder = self.resolve(f"{pattern.folder}x")  # which refuses what may not be touched
        _refuse_version(folder)
        return folder, folder.path[:-1]

    def _list(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())

    def _download(
        self, location: Location, target: AnyPath, version: dict[str, str] | None
    ) -> None:
        bucket, key = location.container, location.path
        if isinstance(target, Path):
            self.client.download_file(bucket, key, str(target), ExtraArgs=version)
            return
        with target.open("wb") as file:
            self.client.download_fileobj(bucket, key, _InOrder(file), ExtraArgs=version)

    def _head(self, location: Location) -> dict[str, Any] | None:
        with sentences(self.settings, location):
            try:
                answer: dict[str, Any] = self.client.head_object(**_read_address(location))
            except self.client.exceptions.ClientError as error:
                if code_of(error) not in ABSENT_CODES:
                    raise
                self.client.head_bucket(Bucket=location.container)  # or is the bucket missing?
                return None
        return answer

    def _read_range(self, address: dict[str, str], start: int, end: int) -> bytes:
        """Return some bytes; a connection that breaks in their midst is tried anew."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        for left in reversed(range(self.settings.attempts)):
            answer = self.client.get_object(Range=f"bytes={start}-{end - 1}", **address)
            try:
                content: bytes = answer["Body"].read()
            except (HTTPClientError, IncompleteReadError):
                if not left:
                    raise
            else:
                if len(content) == end - start:
                    return content
        raise StorageError(
            f"The S3 store does not answer with the bytes that '{address['Key']}' was asked for; "
            "ask its operator."
        )


class _InOrder:
    """A file that is written from its start to its end; boto3 would seek in any other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)


class S3Claim:
    """The right to publish at one key."""

    def __init__(
        self, storage: S3Storage, location: Location, held: HeldClaim, uploads: Uploads
    ) -> None:
        self._storage, self._location = storage, location
        self._held, self._uploads = held, uploads

    @contextmanager
    def prepare(self, file: AnyPath, *, overwrite: bool) -> Iterator[Callable[[], None]]:
        """Upload the parts of a large file; a small one goes with the commit itself.

        Stores differ in what they do with a condition on the request that ends an upload in parts
        (Ceph 16 ignores it), so the place is looked at right before it.
        """
        with sentences(self._storage.settings, self._location):
            if file.stat().st_size <= self._storage.part_bytes:
                yield lambda: self._commit(
                    file,
                    lambda: self._uploads.put(self._location, file, new_only=not overwrite),
                )
                return
            self._refuse_taken(overwrite=overwrite)
            with self._parts(file, self._location) as complete:

                def finish() -> None:
                    self._refuse_taken(overwrite=overwrite)
                    complete(not overwrite)

                yield lambda: self._commit(file, finish)

    def put(self, file: AnyPath, location: Location) -> None:
        """Make an object, whatever was there."""
        with sentences(self._storage.settings, location):
            if file.stat().st_size <= self._storage.part_bytes:
                self._uploads.put(location, file, new_only=False)
            else:
                with self._parts(file, location) as complete:
                    complete(False)
        file.unlink()

    def _parts(
        self, file: AnyPath, location: Location
    ) -> AbstractContextManager[Callable[[bool], None]]:
        return self._uploads.parts(location, file, partial(self._held.note_upload, location))

    def _commit(self, file: AnyPath, finish: Callable[[], None]) -> None:
        with sentences(self._storage.settings, self._location):
            self._held.confirm()
            finish()
        file.unlink()

    def _refuse_taken(self, *, overwrite: bool) -> None:
        if not overwrite and self._storage.fingerprint(self._location) is not None:
            raise already_exists(self._location)


def _folder_of(file: AnyPath) -> Path:
    return file.parent if isinstance(file, Path) else file.local.parent


def _read_address(location: Location) -> dict[str, str]:
    address = {"Bucket": location.container, "Key": location.path}
    return address | ({"VersionId": location.version} if location.version else {})


def _refuse_version(location: Location) -> None:
    if location.version:
        raise StorageError(
            f"'{location}' is a version of an object, which is read and never written; leave out "
            f"'{VERSION_MARK}…'."
        )
