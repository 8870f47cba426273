"""Who may publish at a place of a bucket: a small object beside it, made on condition, kept alive.

A claim is held by one process at a time. It is renewed while it is held; a claim whose process is
provably gone, or that was not renewed for ``LEASE_SECONDS`` by the clock of the store, is taken
away. That needs a claim on the claim, named by its token, so that of two who find the same dead
claim only one removes it, and never the living claim that follows. A holder that could not renew
for half of the lease, a stopped process for instance, counts its own claim as lost.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from util_services.errors import StorageError
from util_services.storage.processes import Process
from util_services.storage.protocol import being_published
from util_services.storage.s3_errors import ABSENT_CODES, TAKEN_CODES, code_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.storage.protocol import Location
    from util_services.storage.s3_uploads import Uploads

CLAIM_ENDING = ".publishing"
CLAIM_MIDDLE = f"{CLAIM_ENDING}."  # of the claim on a dead claim
CLAIM_SCHEMA = 1
LEASE_SECONDS = 900.0
RENEWALS_IN_A_LEASE = 6
WAIT_SECONDS = 20.0  # for a claim that somebody else holds
LOOK_SECONDS = 0.5
UNCONDITIONAL_CODES = frozenset({"NotImplemented", "501"})


@dataclass(frozen=True, slots=True)
class _Record:
    """What a claim says of its holder."""

    token: str
    process: Process
    upload: str | None = None  # under way, to be aborted if the holder dies
    upload_key: str = ""

    def to_bytes(self) -> bytes:
        fields = {
            "schema": CLAIM_SCHEMA,
            "token": self.token,
            "process": self.process.to_dict(),
            "upload": self.upload,
            "upload_key": self.upload_key,
        }
        return json.dumps(fields, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> _Record | None:
        """Return what was recorded, None of anything that is no claim of ours."""
        try:
            fields = json.loads(content)
            if fields["schema"] != CLAIM_SCHEMA:
                return None
            process = Process.from_dict(fields["process"])
            return cls(str(fields["token"]), process, fields["upload"], str(fields["upload_key"]))
        except (ValueError, KeyError, TypeError):
            return None


class S3Claims:
    """Makes and keeps claims with one client."""

    def __init__(self, client: Any, uploads: Uploads) -> None:
        self._client, self._uploads = client, uploads
        self._conditional: set[str] = set()  # buckets known to keep conditions

    @contextmanager
    def hold(self, location: Location, *, exclusive: bool) -> Iterator[HeldClaim]:
        """Hold the claim on a place.

        Where the store ignores conditions there are no claims: that is refused if the claim must
        be ``exclusive``, else the place is used without one.

        Raises:
            StorageError: if somebody else holds the claim, or there are none.
        """
        record = _Record(uuid.uuid4().hex, Process.current())
        place = location.beside(CLAIM_ENDING)
        self._acquire(place, record, location)
        if not self._keeps_conditions(place, record):
            self._remove(place)
            if exclusive:
                raise StorageError(
                    "The S3 store ignores conditional writes, so that two runs could replace each "
                    "other's output unnoticed; set 'overwrite: true' to accept that."
                )
            yield HeldClaim(self, None, record)
            return
        held = HeldClaim(self, place, record)
        try:
            yield held
        finally:
            held.release()

    def _acquire(self, place: Location, record: _Record, wanted: Location) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not self._make(place, record):
            if self._clear_dead(place):
                continue
            if time.monotonic() > end:
                raise being_published(wanted, str(place))
            time.sleep(LOOK_SECONDS)

    def _make(self, place: Location, record: _Record) -> bool:
        try:
            self._uploads.put(place, record.to_bytes(), new_only=True)
        except self._client.exceptions.ClientError as error:
            if code_of(error) in UNCONDITIONAL_CODES:
                self._uploads.put(place, record.to_bytes(), new_only=False)
                return True
            if code_of(error) not in TAKEN_CODES:
                raise
            return False
        return True

    def _keeps_conditions(self, place: Location, record: _Record) -> bool:
        """Return whether making a claim that is held fails, as it should; found out once."""
        if place.container not in self._conditional:
            if self._make(place, record):
                return False
            self._conditional.add(place.container)
        return True

    def _clear_dead(self, place: Location) -> bool:
        """Remove a claim whose holder is gone; return whether making it anew may succeed."""
        found = self._read(place)
        if found is None:
            return True
        record, age = found
        if record is None or not (record.process.is_gone() or age > LEASE_SECONDS):
            return False
        mine = _Record(uuid.uuid4().hex, Process.current())
        right = place.beside(f".{record.token}")
        if not self._make(right, mine):
            self._clear_dead(right)
            return False
        try:
            again = self._read(place)
            if again is not None and again[0] == record and again[1] >= age:
                if record.upload:
                    self._uploads.abort(replace(place, path=record.upload_key), record.upload)
                self._uploads.abort_all(
                    replace(place, path=place.path.removesuffix(CLAIM_ENDING))
                )  # one may have begun that the claim does not name yet
                self._remove(place)
        finally:
            self._remove(right)
        return True

    def _read(self, place: Location) -> tuple[_Record | None, float] | None:
        """Return a claim and its age in seconds by the clock of the store, None if it is gone."""
        from botocore.utils import parse_timestamp

        try:
            answer = self._client.get_object(Bucket=place.container, Key=place.path)
        except self._client.exceptions.ClientError as error:
            if code_of(error) in ABSENT_CODES:
                return None
            raise
        now = parse_timestamp(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        age: float = (now - answer["LastModified"]).total_seconds()
        return _Record.from_bytes(answer["Body"].read()), age

    def _is_held(self, place: Location, token: str) -> bool:
        found = self._read(place)
        return found is not None and found[0] is not None and found[0].token == token

    def _renew(self, place: Location, record: _Record) -> None:
        self._uploads.put(place, record.to_bytes(), new_only=False)

    def _remove(self, place: Location) -> None:
        """Remove a claim if the store can be reached; if not, its age or its process tells."""
        with suppress(Exception):
            self._client.delete_object(Bucket=place.container, Key=place.path)


class HeldClaim:
    """A claim in our hands, renewed in the background until it is released."""

    def __init__(self, claims: S3Claims, place: Location | None, record: _Record) -> None:
        self._claims, self._place, self._record = claims, place, record
        self._renewed = time.monotonic()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="s3-claim", daemon=True)
        if place is not None:
            self._keeper.start()

    def note_upload(self, location: Location, upload: str) -> None:
        """Write down which upload is to be aborted if this process dies."""
        self._record = replace(self._record, upload=upload, upload_key=location.path)
        self._renew()

    def confirm(self) -> None:
        """Check that the claim is still ours.

        Raises:
            StorageError: if it is not.
        """
        if self._place is None:
            return
        if self._is_stale() or not self._claims._is_held(self._place, self._record.token):
            raise StorageError(
                f"This run lost its claim '{self._place}', for it stood still too long, so nothing "
                "was published; start it again."
            )

    def release(self) -> None:
        """Give the claim back."""
        self._over.set()
        if self._place is None:
            return
        self._keeper.join()
        with suppress(Exception):
            if not self._is_stale() and self._claims._is_held(self._place, self._record.token):
                self._claims._remove(self._place)

    def _is_stale(self) -> bool:
        return time.monotonic() - self._renewed > LEASE_SECONDS / 2

    def _keep(self) -> None:
        while not self._over.wait(LEASE_SECONDS / RENEWALS_IN_A_LEASE):
            with suppress(Exception):  # the next renewal may succeed; if none does, it is stale
                self._renew()

    def _renew(self) -> None:
        with self._lock:
            began = time.monotonic()
            if self._place is not None and not self._is_stale():
                self._claims._renew(self._place, self._record)
                self._renewed = began
