"""Staging in a bucket: what one step of a run hands over to the next, on whatever machine that is.

A step works in a private folder of its machine. At its end the files that the next step needs are
uploaded below ``<prefix>/<run id>/``, and the folder goes. A source that was only fetched is
fetched again instead, and must be the same. A small object, the lease, is made first and removed
last; it is kept fresh while a step is at work, and its age by the clock of the store tells a sweep
that nobody is.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.flow.bring import SOURCE
from util_services.flow.changes import SourceChangedError, file_state
from util_services.flow.digests import digest_of
from util_services.flow.staging import FORGOTTEN_SECONDS, LEASE, StagingGoneError
from util_services.storage.protocol import Fingerprint, Location
from util_services.storage.s3 import PART_BYTES, UPLOAD_THREADS
from util_services.storage.s3_errors import ABSENT_CODES, code_of, sentences
from util_services.storage.s3_place import configured_place
from util_services.storage.s3_uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.flow.staging import RunIsOver, Staging
    from util_services.storage.protocol import Storage
    from util_services.storage.s3_settings import S3Settings

LEASE_SECONDS = 900.0
RENEWALS_IN_A_LEASE = 6
STAGED = "staged:"  # how a file of a run's staging is called on its way to another machine
DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class SharedStaging:
    """A place in a bucket below which runs hand over their files."""

    settings: S3Settings
    bucket: str
    prefix: str
    client: Any

    @classmethod
    def from_environment(cls) -> SharedStaging | None:
        """Return the place that ``DATA_SERVICES_STAGING`` names, None where it names none.

        Raises:
            ConfigurationError: if that is no bucket, or there are no credentials.
        """
        place = configured_place("STAGING")
        if place is None:
            return None
        return cls(place.settings, place.bucket, place.prefix, place.settings.client())

    def check(self) -> None:
        """Check that the bucket exists.

        Raises:
            StorageError: if it does not, or the store is out of reach.
        """
        with sentences(self.settings, self._place("")):
            self.client.head_bucket(Bucket=self.bucket)

    def begin(self, run_id: str) -> None:
        """Make the empty staging of a run."""
        self.remove(run_id)
        self._renew(run_id)

    def require(self, run_id: str) -> None:
        """Check that an earlier step has made the staging of the run.

        Raises:
            StagingGoneError: if it is gone.
        """
        if self._idle_seconds(run_id) is None:
            raise StagingGoneError
        self._renew(run_id)

    @contextmanager
    def kept_fresh(self, run_id: str) -> Iterator[None]:
        """Keep the lease of a run fresh, from a thread of its own."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(LEASE_SECONDS / RENEWALS_IN_A_LEASE):
                with suppress(Exception):  # the next renewal may succeed
                    self._renew(run_id)

        keeper = threading.Thread(target=keep, name="data-services-lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()

    def hand_over(self, dataset: StagedDataset, staging: Staging, run_id: str) -> StagedDataset:
        """Upload what the next step needs, and return the dataset as it is found from anywhere."""
        files, states = [], []
        for number, text in enumerate(dataset.files):
            file, source = staging.path(text), None
            if not staging.holds(file) or file.name.startswith(SOURCE):
                source = dataset.objects[number].sha256
            digest = source or self._upload(run_id, file)
            files.append(f"{STAGED}{file.name}" if staging.holds(file) else text)
            states.append(Fingerprint(file.stat().st_size, f"{DIGEST}{digest}"))
        quarantine = dataset.quarantine
        if quarantine is not None and dataset.quarantined:
            quarantine = self._hand_over(quarantine, staging, run_id)
        beside = {k: self._hand_over(text, staging, run_id) for k, text in dataset.beside.items()}
        return replace(
            dataset,
            files=tuple(files),
            fingerprints=tuple(states),
            quarantine=quarantine,
            beside=beside,
        )

    def take_over(
        self, dataset: StagedDataset, staging: Staging, storage: Storage, run_id: str
    ) -> StagedDataset:
        """Bring what an earlier step handed over to this machine.

        Raises:
            StagingGoneError: if a file is gone, or is not the one that was handed over.
            SourceChangedError: if a source is not what the run read.
        """
        files = []
        for number, (text, state) in enumerate(
            zip(dataset.files, dataset.fingerprints, strict=True)
        ):
            digest = state.version.removeprefix(DIGEST)
            name = text.removeprefix(STAGED)
            file = staging.file(name) if text.startswith(STAGED) else staging.path(text)
            if text.startswith(STAGED) and not name.startswith(SOURCE):
                self._download(run_id, file, digest)
            else:
                if text.startswith(STAGED):
                    file = storage.fetch(dataset.origin.locations[number], file)
                if not file.exists() or digest_of(file) != digest:
                    raise SourceChangedError(dataset.origin.path)
            files.append(file)
        quarantine = dataset.quarantine
        if quarantine is not None and quarantine.startswith(STAGED):
            quarantine = self._take_over(quarantine, staging, run_id)
        beside = {k: self._take_over(text, staging, run_id) for k, text in dataset.beside.items()}
        return replace(
            dataset,
            files=tuple(map(str, files)),
            fingerprints=tuple(map(file_state, files)),
            quarantine=quarantine,
            beside=beside,
        )

    def _hand_over(self, text: str, staging: Staging, run_id: str) -> str:
        """Upload a file that stands beside the data, and return where it is found."""
        file = staging.path(text)
        return f"{STAGED}{file.name}#{self._upload(run_id, file)}"

    def _take_over(self, text: str, staging: Staging, run_id: str) -> str:
        """Bring such a file to this machine, and return where it is here."""
        name, _, digest = text.removeprefix(STAGED).partition("#")
        self._download(run_id, staging.file(name), digest)
        return str(staging.file(name))

    def remove(self, run_id: str) -> None:
        """Remove all that a run has staged, parts of unfinished uploads too, the lease last."""
        folder = self._place(f"{run_id}/")
        lease = self._place(f"{run_id}/{LEASE}").path
        with sentences(self.settings, folder):
            uploads = self.client.get_paginator("list_multipart_uploads")
            for page in uploads.paginate(Bucket=self.bucket, Prefix=folder.path):
                for upload in page.get("Uploads", ()):
                    self._uploads.abort(
                        Location(self.bucket, upload["Key"]), str(upload["UploadId"])
                    )
            objects = self.client.get_paginator("list_objects_v2")
            found = [
                entry["Key"]
                for page in objects.paginate(Bucket=self.bucket, Prefix=folder.path)
                for entry in page.get("Contents", ())
            ]
            for key in sorted(found, key=lambda key: key == lease):
                self.client.delete_object(Bucket=self.bucket, Key=key)

    def sweep(self, is_over: RunIsOver) -> None:
        """Remove what runs that ended without a word have left, as in a folder of a machine.

        Only what a run has made is looked at: it is named by the run's id and has a lease.
        """
        for run_id in self._runs():
            idle = self._idle_seconds(run_id)
            if idle is None or idle < LEASE_SECONDS:
                continue
            over = is_over(run_id)
            if over or (over is None and idle > FORGOTTEN_SECONDS):
                self.remove(run_id)

    @property
    def _uploads(self) -> Uploads:
        encryption = self.settings.encryption_arguments
        return Uploads(self.client, encryption, PART_BYTES, UPLOAD_THREADS)

    def _place(self, name: str) -> Location:
        return Location(self.bucket, f"{self.prefix}/{name}" if self.prefix else name)

    def _renew(self, run_id: str) -> None:
        place = self._place(f"{run_id}/{LEASE}")
        with sentences(self.settings, place):
            self._uploads.put(place, b"", new_only=False)

    def _idle_seconds(self, run_id: str) -> float | None:
        """Return for how long a lease was not renewed, None where there is none."""
        from botocore.utils import parse_timestamp

        place = self._place(f"{run_id}/{LEASE}")
        with sentences(self.settings, place):
            try:
                answer = self.client.head_object(Bucket=self.bucket, Key=place.path)
            except self.client.exceptions.ClientError as error:
                if code_of(error) in ABSENT_CODES:
                    return None
                raise
        now = parse_timestamp(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        idle: float = (now - answer["LastModified"]).total_seconds()
        return idle

    def _runs(self) -> list[str]:
        folder = self._place("")
        names = []
        with sentences(self.settings, folder):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=folder.path, Delimiter="/"):
                for entry in page.get("CommonPrefixes", ()):
                    name = entry["Prefix"].removeprefix(folder.path).rstrip("/")
                    with suppress(ValueError):
                        uuid.UUID(name)
                        names.append(name)
        return names

    def _upload(self, run_id: str, file: AnyPath) -> str:
        """Upload the bytes of a file as they are on the disk, and return their digest."""
        bytes_on_disk = file if isinstance(file, Path) else file.local
        place = self._place(f"{run_id}/{file.name}")
        with sentences(self.settings, place):
            if bytes_on_disk.stat().st_size <= PART_BYTES:
                self._uploads.put(place, bytes_on_disk, new_only=False)
            else:
                with self._uploads.parts(place, bytes_on_disk, lambda _: None) as complete:
                    complete(False)
        return digest_of(bytes_on_disk)

    def _download(self, run_id: str, file: AnyPath, digest: str) -> None:
        bytes_on_disk = file if isinstance(file, Path) else file.local
        place = self._place(f"{run_id}/{file.name}")
        with sentences(self.settings, place):
            try:
                self.client.download_file(self.bucket, place.path, str(bytes_on_disk))
            except self.client.exceptions.ClientError as error:
                if code_of(error) in ABSENT_CODES:
                    raise StagingGoneError from None
                raise
        if digest_of(bytes_on_disk) != digest:
            raise StagingGoneError
