"""Where the runs on a storage stage their files, as the environment says.

Each step stages in a folder of its machine. Where the steps of a run sit on several machines, they
hand their files over in a bucket.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services import settings
from util_services.errors import ConfigurationError, StorageError
from util_services.flow.run_keys import RunKeys
from util_services.flow.staging import (
    FORGOTTEN_SECONDS,
    RunIsOver,
    Staging,
    StagingGoneError,
    check_usable,
    remove_all_of,
    sweep,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from util_services.datasets.staged import StagedDataset
    from util_services.flow.shared_staging import SharedStaging
    from util_services.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class StagingArea:
    """Where runs stage.

    ``keys`` are those that files are encrypted with, if they are; ``shared`` is where steps hand
    over their files, if they sit on several machines.
    """

    base: Path
    keys: RunKeys | None = None
    shared: SharedStaging | None = None

    @classmethod
    def of(cls, storage: Storage) -> StagingArea:
        """Return the area of the runs on a storage.

        Raises:
            ConfigurationError: if a setting is not of its form.
        """
        return cls.at(storage.staging_base())

    @classmethod
    def at(cls, base: Path) -> StagingArea:
        """Return the area below a folder."""
        is_encrypted = settings.flag("STAGING_ENCRYPTION")
        keys = RunKeys.from_environment() if is_encrypted else None
        shared = None
        if settings.bucket_of("STAGING") is not None:
            from util_services.flow.shared_staging import SharedStaging

            shared = SharedStaging.from_environment()
        return cls(base, keys, shared)

    def check(self) -> None:
        """Check, without making anything of a run, that runs can stage here.

        Raises:
            StorageError: if they cannot.
        """
        check_usable(self.base)
        if self.keys is not None:
            self.keys.check()
        if self.shared is not None:
            if self.keys is not None and not self.keys.are_derived:
                raise ConfigurationError(
                    "Encrypted staging in S3 needs a key that all machines know; set "
                    "DATA_SERVICES_STAGING_KEY."
                )
            self.shared.check()

    @contextmanager
    def first_step(self, run_id: str) -> Iterator[Staging]:
        """Give empty staging to the step of a run that begins anew; remove it if the step fails."""
        with self._step(run_id):
            if self.shared is not None:
                self.shared.begin(run_id)
            key = self.keys.create(run_id) if self.keys is not None else None
            yield Staging.create(self.base, run_id, key)

    @contextmanager
    def next_step(self, run_id: str) -> Iterator[Staging]:
        """Give the staging that an earlier step made to another; remove it if the step fails.

        Raises:
            StagingGoneError: if it is gone, or the key of its files.
        """
        with self._step(run_id):
            if self.shared is None:
                yield self._reopen(run_id)
            else:
                self.shared.require(run_id)
                key = self.keys.find(run_id) if self.keys is not None else None
                yield Staging.create(self.base, run_id, key)

    def hand_over(self, dataset: StagedDataset, staging: Staging, run_id: str) -> StagedDataset:
        """Return a dataset as the next step finds it."""
        if self.shared is None:
            return dataset
        return self.shared.hand_over(dataset, staging, run_id)

    def take_over(
        self, dataset: StagedDataset, staging: Staging, storage: Storage, run_id: str
    ) -> StagedDataset:
        """Return a dataset that an earlier step handed over, its files on this machine."""
        if self.shared is None:
            return dataset
        return self.shared.take_over(dataset, staging, storage, run_id)

    @contextmanager
    def _step(self, run_id: str) -> Iterator[None]:
        """Keep what a step needs while it is at work, and remove what must not be left behind."""
        try:
            if self.shared is None:
                yield
            else:
                with self.shared.kept_fresh(run_id):
                    yield
                remove_all_of(run_id, [self.base])  # the next step may be on another machine
        except BaseException:
            self.remove(run_id)
            raise

    def _reopen(self, run_id: str) -> Staging:
        key = None
        if self.keys is not None:
            key = self.keys.find(run_id)
            if key is None:
                raise StagingGoneError
        return Staging.reopen(self.base, run_id, key)

    def remove(self, run_id: str) -> None:
        """Remove whatever a run has staged, and forget its key."""
        remove_all_of(run_id, [self.base])
        if self.keys is not None:
            self.keys.remove(run_id)
        if self.shared is not None:
            with suppress(StorageError):  # what cannot be reached now is swept later
                self.shared.remove(run_id)

    def sweep(self, is_over: RunIsOver) -> None:
        """Remove what runs that ended without a word have left."""
        sweep(self.base, is_over)
        if self.keys is not None:
            self.keys.sweep(is_over, FORGOTTEN_SECONDS)
        if self.shared is not None:
            self.shared.sweep(is_over)
