"""The further files and datasets that an operation's options name, in the storage of its input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, StorageError, printable
from util_services.flow.digests import digests_of_bytes
from util_services.flow.plan import ReadOptions, plan_read
from util_services.flow.run_files import RunFile, files_read, state_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.datasets.layout import Layout
    from util_services.datasets.schema import Schema
    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.flow.staging import Staging
    from util_services.storage.protocol import Storage

MAX_FILE_BYTES = 64 << 20  # of a recipe, a policy, a mapping: what is held in memory


@dataclass(frozen=True, slots=True)
class OtherInput:
    """A further input of an operation, as the report tells of it."""

    path: str  # as the configuration names it
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {"path": self.path, "bytes": self.bytes, "sha256": self.sha256}


class Inputs:
    """Finds further inputs; datasets can be read only where there is staging.

    Args:
        storage: where the paths are.
        staging: the run's staging, None before rows are read.
        with_blake3: whether these digests are wanted, too.
    """

    def __init__(
        self, storage: Storage, staging: Staging | None = None, *, with_blake3: bool = False
    ) -> None:
        self._storage, self._staging = storage, staging
        self._with_blake3 = with_blake3
        self._files: dict[str, tuple[RunFile, ...]] = {}
        self._datasets: dict[str, StagedDataset] = {}
        self._used: dict[str, OtherInput] = {}

    @property
    def used(self) -> tuple[OtherInput, ...]:
        """What was read so far, in the order of the paths."""
        return tuple(self._used[path] for path in sorted(self._used))

    @property
    def files_used(self) -> tuple[RunFile, ...]:
        """The files of what was read so far, of those that the report tells of."""
        return tuple(file for path in sorted(self._used) for file in self._files[path])

    @property
    def storage(self) -> Storage:
        """Where the paths are."""
        return self._storage

    def has(self, path: str) -> bool:
        """Return whether there is a file at a path.

        Raises:
            StorageError: if it is out of reach.
        """
        return self._storage.fingerprint(self._storage.resolve(path)) is not None

    def content(self, path: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            StorageError: if there is none, or it is out of reach.
            ConfigurationError: if it is too large to be held in memory.
        """
        location = self._storage.resolve(path)
        state = self._storage.fingerprint(location)
        if state is None:
            raise StorageError(f"There is no file at '{printable(path)}'; check the path.")
        with self._storage.open(location) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigurationError(
                f"The file '{printable(path)}' is larger than {MAX_FILE_BYTES >> 20} MB, which is "
                "more than a setting can be; check the path."
            )
        digests = digests_of_bytes(content, with_blake3=self._with_blake3)
        self._used[path] = OtherInput(path, len(content), digests.sha256)
        is_local = self._storage.kind == "local"
        self._files[path] = (
            RunFile(
                path,
                str(location),
                is_local,
                len(content),
                digests.sha256,
                digests.blake3,
                state_text(state),
            ),
        )
        return content

    def schema(self, path: str) -> Schema | None:
        """Return the columns of a dataset, None where only all its rows tell.

        Raises:
            DataServicesError: in one sentence, if it is missing or cannot be read.
        """
        return plan_read(self._storage, ReadOptions(path)).schema

    def scratch(self) -> AnyPath:
        """Return a folder for what engines put aside."""
        if self._staging is None:
            raise AssertionError("engines are at work where there is staging")
        return self._staging.scratch()

    def written(
        self, files: Sequence[AnyPath], layout: Layout, like: StagedDataset
    ) -> StagedDataset:
        """Return what was written, as a dataset that engines can scan.

        Args:
            files: the written files.
            layout: how they are laid out.
            like: the dataset whose rows they hold.
        """
        from util_services.flow.written import scannable

        if self._staging is None:
            raise AssertionError("files are written where there is staging")
        return scannable(files, layout, like, self._staging.file("read-back.parquet"))

    def dataset(self, path: str, *, is_told: bool = True) -> StagedDataset:
        """Return a dataset that engines can scan.

        Args:
            path: where it is.
            is_told: whether the report names it and its digest, by which a short one, such as a
                list of persons, could be guessed.

        Raises:
            DataServicesError: in one sentence, if it is missing or cannot be read.
        """
        from util_services.reports.record import digest_of_objects

        dataset = self._read(ReadOptions(path))
        if not is_told:
            return dataset
        size = sum(one.bytes for one in dataset.objects)
        self._used[path] = OtherInput(path, size, digest_of_objects(dataset.objects))
        return dataset

    def files(self, options: ReadOptions) -> list[AnyPath]:
        """Return Parquet files with the rows of a dataset that no report is to tell of.

        Raises:
            DataServicesError: in one sentence, if it is missing or cannot be read.
        """
        dataset = self._read(options)
        return [self._own_staging.path(file) for file in dataset.files]

    def new_file(self, name: str) -> AnyPath:
        """Return the path of a file in the staging of the run."""
        return self._own_staging.file(name)

    def _read(self, options: ReadOptions) -> StagedDataset:
        from util_services.engines.local import LocalEngine
        from util_services.flow.read import read_dataset

        path = options.path
        if path not in self._datasets:
            staging = self._own_staging.within(f"other-{len(self._datasets)}-")
            plan = replace(plan_read(self._storage, options), with_blake3=self._with_blake3)
            with LocalEngine(staging.scratch()) as engine:
                self._datasets[path] = read_dataset(plan, staging, engine)
            self._files[path] = files_read(plan, self._datasets[path].objects)
        return self._datasets[path]

    @property
    def _own_staging(self) -> Staging:
        if self._staging is None:
            raise AssertionError("datasets are read where there is staging")
        return self._staging
