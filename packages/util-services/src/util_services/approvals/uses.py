"""Where it is recorded that an approval for a single use was used: once, whoever asks at once.

``DATA_SERVICES_APPROVALS`` is a folder, or ``s3://bucket/prefix``, that all runs of a deployment
share. Records hold no secret, so that its accounts may share the folder through a group; strangers
may not write there. A record is made by the first run that comes, in one step that fails if it is
there. The same run may come again, as a step that is repeated does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from util_services import settings
from util_services.approvals.errors import UsedApprovalError, UsesError
from util_services.encryption.secret import Secret
from util_services.errors import StorageError, quoted_name
from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import parse, to_json
from util_services.keys.info import utc_now
from util_services.storage.private import (
    FOR_GROUP,
    NameTakenError,
    make_guarded_folder,
    read_small,
    write_whole,
)

if TYPE_CHECKING:
    from util_services.approvals.records import Claims
    from util_services.storage.s3_place import S3Place

KIND = "data-services/used-approval"
SCHEMA = 1


class Uses(Protocol):
    """Keeps the records."""

    def claim(self, claims: Claims, run_id: str) -> None:
        """Record that a run uses an approval.

        Raises:
            UsedApprovalError: if another run has used it.
            UsesError: if it cannot be recorded; then it is not used either.
        """
        ...

    def require_unused(self, claims: Claims) -> None:
        """Check that no run has used an approval, and record nothing.

        Raises:
            UsedApprovalError: if one has.
            UsesError: if the records cannot be looked at.
        """
        ...


class FolderUses:
    """Keeps the records in a folder, one file for each approval."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, claims: Claims, run_id: str) -> None:
        """Record that a run uses an approval."""
        file = self._file(claims)
        try:
            make_guarded_folder(self._folder)
            write_whole(file, Secret(_record(claims, run_id)), replace=False, mode=FOR_GROUP)
        except NameTakenError:
            _allow_the_same_run(claims, run_id, self._former(file))
        except OSError as error:
            raise UsesError(str(error)) from None

    def require_unused(self, claims: Claims) -> None:
        """Check that no run has used an approval."""
        try:
            self._file(claims).lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsesError(
                f"Whether the approval was used cannot be looked up in "
                f"{quoted_name(str(self._folder))} ({os.strerror(error.errno or 0)}); correct "
                "DATA_SERVICES_APPROVALS or its permissions."
            ) from None
        raise UsedApprovalError(claims.id)

    def _file(self, claims: Claims) -> Path:
        return self._folder / f"{claims.id}.json"

    def _former(self, file: Path) -> bytes:
        try:
            return read_small(file)
        except StorageError:
            return b""  # which is the record of nobody, so that nobody may come again


class S3Uses:
    """Keeps the records in a bucket, one object for each approval."""

    def __init__(self, place: S3Place) -> None:
        from util_services.storage.s3 import PART_BYTES
        from util_services.storage.s3_uploads import Uploads

        self._place, self._client = place, place.settings.client()
        arguments = place.settings.encryption_arguments
        self._uploads = Uploads(self._client, arguments, PART_BYTES, 1)

    def claim(self, claims: Claims, run_id: str) -> None:
        """Record that a run uses an approval."""
        try:
            self._claim(claims, run_id)
        except StorageError as error:
            raise UsesError(str(error)) from None

    def require_unused(self, claims: Claims) -> None:
        """Check that no run has used an approval."""
        from botocore.exceptions import ClientError

        from util_services.storage.protocol import Location
        from util_services.storage.s3_errors import ABSENT_CODES, code_of, sentences

        location = Location(self._place.bucket, self._key(claims))
        try:
            with sentences(self._place.settings, location):
                try:
                    self._client.head_object(Bucket=location.container, Key=location.path)
                except ClientError as error:
                    if code_of(error) in ABSENT_CODES:
                        return
                    raise
        except StorageError as error:
            raise UsesError(str(error)) from None
        raise UsedApprovalError(claims.id)

    def _key(self, claims: Claims) -> str:
        return "/".join(filter(None, (self._place.prefix, f"{claims.id}.json")))

    def _claim(self, claims: Claims, run_id: str) -> None:
        from botocore.exceptions import ClientError

        from util_services.storage.protocol import Location
        from util_services.storage.s3_errors import TAKEN_CODES, code_of, sentences

        location = Location(self._place.bucket, self._key(claims))
        record = _record(claims, run_id)
        with sentences(self._place.settings, location):
            for _ in range(2):  # a store that takes it twice ignores conditions
                try:
                    self._uploads.put(location, record, new_only=True)
                except ClientError as error:
                    if code_of(error) not in TAKEN_CODES:
                        raise
                    answer = self._client.get_object(Bucket=location.container, Key=location.path)
                    _allow_the_same_run(claims, run_id, answer["Body"].read())
                    return
        raise UsesError(
            "The S3 store ignores conditional writes, so that it cannot tell the first use of an "
            "approval; set DATA_SERVICES_APPROVALS to a folder or to another store."
        )


def are_uses_configured() -> bool:
    """Return whether there is a place where uses are recorded."""
    return settings.text("APPROVALS") is not None


def configured_uses() -> Uses:
    """Return the records that ``DATA_SERVICES_APPROVALS`` names.

    Raises:
        UsesError: if it is not set.
    """
    configured = settings.text("APPROVALS")
    if configured is None:
        raise UsesError(
            "An approval for a single use needs a place where its use is recorded for all runs; "
            "set DATA_SERVICES_APPROVALS to a folder, or to 's3://bucket/prefix'."
        )
    from util_services.storage.s3_place import configured_place

    place = configured_place("APPROVALS")
    return FolderUses(Path(configured).expanduser().absolute()) if place is None else S3Uses(place)


def _record(claims: Claims, run_id: str) -> bytes:
    fields = {"run_id": run_id, "at": utc_now(), "claims": claims.to_dict()}
    return to_json(KIND, SCHEMA, fields).encode()


def _allow_the_same_run(claims: Claims, run_id: str, former: bytes) -> None:
    try:
        used_by = parse(former, KIND, SCHEMA).get("run_id")
    except BrokenRecordError:
        used_by = None
    if used_by != run_id:
        raise UsedApprovalError(claims.id)
