"""From a file to an object: in one request, or in parts that a last request makes an object.

Every object carries a mark of its upload. So a request whose answer was lost is recognised as our
own success when its repetition is refused, or finds that it is no longer needed.
"""

from __future__ import annotations

import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from util_services.errors import StorageError
from util_services.storage.s3_errors import CONFLICT_CODES, TAKEN_CODES, code_of, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from util_services.encryption.paths import AnyPath
    from util_services.storage.protocol import Location

MARK = "data-services-upload"
ATTEMPTS_ON_CONFLICT = 3
MAX_PARTS = 10_000
NEW_ONLY = {"IfNoneMatch": "*"}


class Uploads:
    """Makes objects with one client.

    Args:
        client: the boto3 client.
        encryption: the arguments that ask for server-side encryption.
        part_bytes: size of a part, more where a file would have too many parts.
        threads: how many parts are on their way, and in memory, at once.
    """

    def __init__(
        self, client: Any, encryption: Mapping[str, str], part_bytes: int, threads: int
    ) -> None:
        self._client = client
        self._encryption = dict(encryption)
        self._part_bytes, self._threads = part_bytes, threads

    def put(self, location: Location, body: AnyPath | bytes, *, new_only: bool) -> None:
        """Make an object in one request.

        Raises:
            ClientError: with a code of ``TAKEN_CODES`` if it exists and ``new_only`` is set.
            StorageError: if the store did not encrypt it as asked; it is removed then.
        """
        condition = NEW_ONLY if new_only else {}
        for attempt in range(1, ATTEMPTS_ON_CONFLICT + 1):
            mark = uuid.uuid4().hex
            try:
                self._put(location, body, {"Metadata": {MARK: mark}, **condition})
            except Exception as error:
                if self._is_done(location, mark, error):
                    return
                is_conflict = code_of(error) in CONFLICT_CODES if _has_answer(error) else False
                if attempt < ATTEMPTS_ON_CONFLICT and is_conflict and not self._exists(location):
                    continue
                raise
            return

    @contextmanager
    def parts(
        self, location: Location, file: AnyPath, started: Callable[[str], None]
    ) -> Iterator[Callable[[bool], None]]:
        """Upload a file in parts; give the function that makes them an object.

        Where that function was not called, or failed, no part stays in the store.

        Args:
            location: where the object is to be.
            file: its bytes.
            started: is told the id of the upload.
        """
        mark = uuid.uuid4().hex
        answer = self._client.create_multipart_upload(
            Metadata={MARK: mark}, **_address(location), **self._encryption
        )
        upload = {**_address(location), "UploadId": answer["UploadId"]}
        is_done = False

        def complete(new_only: bool) -> None:  # noqa: FBT001 - a closure's only argument
            nonlocal is_done
            condition = NEW_ONLY if new_only else {}
            try:
                self._client.complete_multipart_upload(
                    MultipartUpload={"Parts": parts}, **upload, **condition
                )
            except Exception as error:
                if not self._is_done(location, mark, error):
                    raise
            is_done = True

        try:
            started(upload["UploadId"])
            self._check_encrypted(answer)
            parts = self._send(file, upload)
            yield complete
        finally:
            if not is_done:
                self.abort(location, upload["UploadId"])

    def abort(self, location: Location, upload_id: str) -> None:
        """Remove the parts of an upload as far as the store can be reached."""
        with suppress(Exception):  # what went wrong before says more
            self._client.abort_multipart_upload(**_address(location), UploadId=upload_id)

    def abort_all(self, location: Location) -> None:
        """Remove the parts of all uploads to one place, as far as the store can be reached."""
        with suppress(Exception):  # a store that cannot list them is not at fault for that
            answer = self._client.list_multipart_uploads(
                Bucket=location.container, Prefix=location.path
            )
            for upload in answer.get("Uploads", ()):
                if upload["Key"] == location.path:
                    self.abort(location, upload["UploadId"])

    def _put(self, location: Location, body: AnyPath | bytes, options: dict[str, Any]) -> None:
        options |= _address(location) | self._encryption
        if isinstance(body, bytes):
            answer = self._client.put_object(Body=body, **options)
        else:
            with body.open("rb") as content:
                answer = self._client.put_object(Body=content, **options)
        try:
            self._check_encrypted(answer)
        except StorageError:
            self._client.delete_object(**_address(location))
            raise

    def _send(self, file: AnyPath, upload: dict[str, str]) -> list[dict[str, Any]]:
        """Send all parts, a bounded number of them at a time; give up at the first that fails."""
        size = file.stat().st_size
        part_bytes = max(self._part_bytes, -(-size // MAX_PARTS))

        def send(number: int) -> dict[str, Any]:
            with file.open("rb") as source:
                source.seek((number - 1) * part_bytes)
                body = source.read(part_bytes)
            answer = self._client.upload_part(Body=body, PartNumber=number, **upload)
            return {"ETag": answer["ETag"], "PartNumber": number}

        sent: list[dict[str, Any]] = []
        waiting: deque[Future[dict[str, Any]]] = deque()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="s3-upload")
        try:
            for number in range(1, -(-size // part_bytes) + 1):
                waiting.append(pool.submit(send, number))
                if len(waiting) >= 2 * self._threads:
                    sent.append(waiting.popleft().result())
            sent.extend(future.result() for future in waiting)
        finally:
            pool.shutdown(cancel_futures=True)  # a part in flight would outlive an abort
        return sent

    def _check_encrypted(self, answer: Mapping[str, Any]) -> None:
        asked = self._encryption.get("ServerSideEncryption")
        if asked and answer.get("ServerSideEncryption") != asked:
            raise StorageError(
                f"The S3 store ignores the encryption '{asked}' that S3_SSE asks for, so nothing "
                "was published; correct the setting, or ask its operator."
            )

    def _is_done(self, location: Location, mark: str, error: Exception) -> bool:
        """Return whether an upload that ended in an error has made its object all the same."""
        if isinstance(error, StorageError) or not _may_be_done(error):
            return False
        with suppress(Exception):
            answer = self._client.head_object(**_address(location))
            return bool(answer.get("Metadata", {}).get(MARK) == mark)
        return False

    def _exists(self, location: Location) -> bool:
        try:
            self._client.head_object(**_address(location))
        except self._client.exceptions.ClientError:
            return False
        return True


def _address(location: Location) -> dict[str, str]:
    return {"Bucket": location.container, "Key": location.path}


def _has_answer(error: Exception) -> bool:
    return bool(getattr(error, "response", None))  # None where a connection broke


def _may_be_done(error: Exception) -> bool:
    """Return whether a request may have been carried out although it ended in ``error``."""
    if not _has_answer(error):
        return True  # the connection broke: before or after, nobody knows
    code = code_of(error)
    return code in TAKEN_CODES or code == "NoSuchUpload" or status_of(error) >= 500
