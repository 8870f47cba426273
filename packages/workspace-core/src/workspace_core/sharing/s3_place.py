"""A bucket as a place, with the settings and the client of util-services."""

from __future__ import annotations

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from util_services.storage.protocol import Location
from util_services.storage.s3_errors import ABSENT_CODES, TAKEN_CODES, code_of, sentences
from util_services.storage.s3_uploads import Uploads
from workspace_core.sharing.errors import RemoteError
from workspace_core.sharing.places import Listed, Listing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from util_services.storage import S3Storage

PART_BYTES, THREADS = 64 << 20, 4  # a pack goes in one request


class S3Place:
    """Objects below a prefix of a bucket.

    Args:
        storage: what reaches the bucket, and refuses all others.
        bucket: its name.
        prefix: what all keys begin with, "" for none.
    """

    def __init__(self, storage: S3Storage, bucket: str, prefix: str) -> None:
        self._storage, self._bucket, self._prefix = storage, bucket, prefix

    @classmethod
    def at(cls, address: str, resource: str) -> S3Place:
        """Return the place at ``s3://bucket/prefix``, with a credential set of the environment."""
        from util_services.storage import S3Settings, S3Storage

        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        settings = S3Settings.from_environment(resource)
        return cls(S3Storage(settings), bucket, prefix.strip("/"))

    @property
    def address(self) -> str:
        """Where it is."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def list(self, folder: str) -> Mapping[str, int]:
        """Return names and sizes of what is in a folder: a request for each thousand of them."""
        prefix = f"{self._key(folder)}/"
        pages = self._storage.client.get_paginator("list_objects_v2")
        found: dict[str, int] = {}
        with sentences(self._storage.settings, self._location(folder)):
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for one in page.get("Contents", ()):
                    found[one["Key"][len(prefix) :]] = one["Size"]
        return found

    def everything(self) -> Listing:
        """Return all objects: a request for each thousand of them."""
        prefix = self._key("")
        pages = self._storage.client.get_paginator("list_objects_v2")
        found: dict[str, Listed] = {}
        now = time.time()
        with sentences(self._storage.settings, self._location("")):
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                now = _date_of(page, now)
                for one in page.get("Contents", ()):
                    changed = one["LastModified"].timestamp()
                    stamp = f"{changed} {one.get('ETag', '')}"
                    found[one["Key"][len(prefix) :]] = Listed(one["Size"], changed, stamp)
        return Listing(found, now)

    def read(self, name: str) -> bytes | None:
        """Return a small object, None where there is none."""
        from botocore.exceptions import ClientError

        with sentences(self._storage.settings, self._location(name)):
            try:
                return self._body(self._address(name))
            except ClientError as error:
                if code_of(error) not in ABSENT_CODES:
                    raise
                return None

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return so many bytes of an object."""
        asked = {**self._address(name), "Range": f"bytes={start}-{start + length - 1}"}
        with sentences(self._storage.settings, self._location(name)):
            found = self._body(asked, length)
        if len(found) != length:
            raise RemoteError(self.address, f"{name} is answered with another number of bytes")
        return found

    def put(self, name: str, file: Path) -> None:
        """Make a new object of a file, in one request."""
        location = self._location(name)
        with sentences(self._storage.settings, location):
            if file.stat().st_size <= PART_BYTES:
                self._uploads.put(location, file, new_only=True)
                return
            with self._uploads.parts(location, file, lambda _: None) as complete:
                complete(True)

    def create(self, name: str, content: bytes) -> bool:
        """Make a small object unless there is one; return whether it was made."""
        from botocore.exceptions import ClientError

        location = self._location(name)
        with sentences(self._storage.settings, location):
            try:
                self._uploads.put(location, content, new_only=True)
            except ClientError as error:
                if code_of(error) not in TAKEN_CODES:
                    raise
                return False
        return True

    def remove(self, name: str) -> None:
        """Remove an object; nothing happens where there is none."""
        with sentences(self._storage.settings, self._location(name)):
            self._storage.client.delete_object(**self._address(name))

    def sweep(self, before: float) -> None:
        """Give up uploads in parts that were begun before a moment and never ended."""
        client, prefix = self._storage.client, self._key("packs/")
        with sentences(self._storage.settings, self._location("packs")):
            answer = client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
            for one in answer.get("Uploads", ()):
                if one["Initiated"].timestamp() < before:
                    self._uploads.abort(Location(self._bucket, one["Key"]), one["UploadId"])

    def _body(self, asked: Mapping[str, str], length: int | None = None) -> bytes:
        """Return what a request is answered with; a connection that breaks is tried anew."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        for left in reversed(range(self._storage.settings.attempts)):
            answer = self._storage.client.get_object(**asked)
            try:
                found: bytes = answer["Body"].read()
            except (HTTPClientError, IncompleteReadError):
                if not left:
                    raise
            else:
                if length in (None, len(found)) or not left:
                    return found
        raise RemoteError(self.address, "it does not answer")

    @property
    def _uploads(self) -> Uploads:
        settings = self._storage.settings
        return Uploads(self._storage.client, settings.encryption_arguments, PART_BYTES, THREADS)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _location(self, name: str) -> Location:
        return Location(self._bucket, self._key(name))

    def _address(self, name: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._key(name)}


def _date_of(answer: Mapping[str, Any], otherwise: float) -> float:
    """Return when the store has answered, by its own clock (RFC 9110, section 6.6.1)."""
    with suppress(KeyError, TypeError, ValueError):
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).timestamp()
    return otherwise
