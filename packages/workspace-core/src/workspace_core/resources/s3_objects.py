"""The objects below a prefix of a bucket, by the client and the allow-list of util-services."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from util_services.errors import ConfigurationError as WrongSettingError
from util_services.errors import StorageError
from util_services.storage import S3Settings, S3Storage
from util_services.storage.protocol import Location
from util_services.storage.s3_claims import CLAIM_ENDING, CLAIM_MIDDLE
from util_services.storage.s3_errors import sentences
from workspace_core.resources.errors import NotKeptError, OutOfReachError
from workspace_core.trees.directory import MOST_NAME, RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE_BYTES = 1 << 20
ENABLED = "Enabled"


@dataclass(frozen=True, slots=True)
class Item:
    """An object as the bucket lists it."""

    path: str  # below the prefix
    etag: str
    size: int
    modified: str  # ISO 8601
    version: str = ""  # where versions were listed

    @property
    def is_folder(self) -> bool:
        """Whether it is the marker of a folder, as consoles make them."""
        return self.path.endswith("/") and not self.size


class Objects:
    """The objects of one resource.

    Args:
        name: of the resource, for messages.
        bucket: the bucket.
        prefix: what all keys begin with, before a slash; "" for all of the bucket.
        credentials: the credential set of the environment, as util-services names it.
    """

    def __init__(self, name: str, bucket: str, prefix: str, credentials: str) -> None:
        self._name, self._bucket = name, bucket
        self._begins = f"{prefix}/" if prefix else ""
        self._storage = S3Storage(lambda: S3Settings.from_environment(credentials))

    def keeps_versions(self) -> bool:
        """Return whether the bucket keeps each version of its objects."""
        with self._reaching():
            answer = self._storage.client.get_bucket_versioning(Bucket=self._bucket)
        return bool(answer.get("Status") == ENABLED)

    def present(self, without: str = "") -> Iterator[Item]:
        """Yield the objects that there are, but for those below a folder."""
        with self._reaching():
            pages = self._storage.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._begins):
                yield from self._items(page.get("Contents", ()), without)

    def versions(self) -> Iterator[tuple[Item, bool]]:
        """Yield all versions of all objects, and whether each is the present one."""
        with self._reaching():
            pages = self._storage.client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._begins):
                listed = page.get("Versions", ())
                latest = {(one["Key"], one["VersionId"]): one["IsLatest"] for one in listed}
                for item in self._items(listed, ""):
                    yield item, latest[self._begins + item.path, item.version]

    def open(self, path: str, version: str = "") -> BinaryIO:
        """Return an object, or a version of it, as a file; all of it is of one state."""
        with self._reaching():
            return self._storage.open(self._location(path, version))

    def fetch(self, item: Item, target: Path) -> None:
        """Download an object if it is still the one that was listed."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        asked = {**self._address(item.path), "IfMatch": item.etag}
        with self._reaching(item.path):
            for left in reversed(range(self._storage.settings.attempts)):
                answer = self._storage.client.get_object(**asked)
                try:
                    with target.open("wb") as file:
                        for piece in answer["Body"].iter_chunks(PIECE_BYTES):
                            file.write(piece)
                except (HTTPClientError, IncompleteReadError):
                    if not left:
                        raise
                else:
                    if target.stat().st_size == item.size:
                        return
        raise OutOfReachError(self._name, f"The store cuts '{item.path}' off; ask its operator.")

    def copy(self, item: Item, path: str) -> None:
        """Copy an object within the store, if it is still the one that was listed."""
        settings = self._storage.settings
        with self._reaching(item.path):
            self._storage.client.copy(
                self._address(item.path),
                *(self._bucket, self._begins + path),
                ExtraArgs={"CopySourceIfMatch": item.etag, **settings.encryption_arguments},
            )

    def put(self, path: str, content: BinaryIO) -> None:
        """Make an object."""
        with self._reaching(path):
            self._storage.client.upload_fileobj(
                content,
                *(self._bucket, self._begins + path),
                ExtraArgs=self._storage.settings.encryption_arguments,
            )

    def remove(self, path: str) -> None:
        """Remove an object; a bucket with versions keeps them."""
        with self._reaching(path):
            self._storage.client.delete_object(**self._address(path))

    def _items(self, listed: Any, without: str) -> Iterator[Item]:
        for one in listed:
            path = one["Key"][len(self._begins) :]
            if not path or path.endswith(CLAIM_ENDING) or CLAIM_MIDDLE in path:
                continue  # the marker of the prefix itself, and outputs that are being published
            if without and path.startswith(without):
                continue
            modified = one["LastModified"].isoformat()
            yield Item(path, one["ETag"], one["Size"], modified, one.get("VersionId", ""))

    def _location(self, path: str, version: str = "") -> Location:
        return Location(self._bucket, self._begins + path, version)

    def _address(self, path: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._begins + path}

    @contextmanager
    def _reaching(self, path: str = "") -> Iterator[None]:
        """Turn what goes wrong with the store into a sentence about the resource."""
        try:
            with sentences(self._storage.settings, self._location(path)):
                yield
        except (StorageError, WrongSettingError) as error:
            raise OutOfReachError(self._name, str(error)) from None


def checked_names(name: str, path: str, is_folder: bool) -> bytes:  # noqa: FBT001 - of the path
    """Return the path of an object as a tree has it.

    Raises:
        NotKeptError: if no tree can hold it.
    """
    raw = (path.removesuffix("/") if is_folder else path).encode(errors="surrogateescape")
    for part in raw.split(b"/"):
        if part in (b"", b".", b"..") or b"\0" in part:
            raise NotKeptError(name, path, "a part of its name is empty, '.' or '..'; rename it")
        if len(part) > MOST_NAME:
            raise NotKeptError(
                name, path, f"a part of its name is longer than {MOST_NAME} bytes; rename it"
            )
        if part in RESERVED:
            raise NotKeptError(
                name, path, f"'{part.decode()}' belongs to others; choose a prefix without it"
            )
    return raw
