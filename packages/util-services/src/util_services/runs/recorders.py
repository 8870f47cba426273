"""The contract of recorders: what those are told who record which data and code made a file.

A recorder is asked for by the settings of its own package. What it is told are names, digests,
counts and those options of a run that cannot hold data; see `safe_parameters`. Steps of a run may
be processes of their own, so a recorder keeps what it knows of a run where all of them find it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from util_services.flow.run_files import RunFile


class RecordingError(DataServicesError):
    """Raised when a run cannot be recorded by those who are to record it."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """What is known of a run before anything is read.

    Attributes:
        run_id: Dagster's id of the run.
        job: the job.
        distribution: the package that brings the job, empty where nobody knows.
        versions: the version of each package that takes part, by distribution.
        commit: the commit of the package that brings the job, None where nobody recorded it.
        config_sha256: the digest of the whole config, as the audit has it.
        parameters: the options of each op that can hold no data, by op.
        inputs: what is about to be read.
        outputs: where something may appear.
        tags: the tags of the run that begin with ``data_services/``.
        is_slice: whether it reads the first rows alone, so that its output is no result.
    """

    run_id: str
    job: str
    distribution: str
    versions: Mapping[str, str]
    commit: str | None
    config_sha256: str
    parameters: Mapping[str, Any]
    inputs: tuple[RunFile, ...]
    outputs: tuple[RunFile, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    is_slice: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recorder has made of a run.

    Attributes:
        lineage: the name of the record.
        data_version: the content id of the published data, ``blake3:…``.
        snapshot: the id of the snapshot that was taken for it, None where none was.
        notes: what else a person should know, a sentence each.
    """

    lineage: str
    data_version: str | None = None
    snapshot: str | None = None
    notes: tuple[str, ...] = ()


class RunRecorder(Protocol):
    """Records runs. Each method may raise a `DataServicesError` whose text is a sentence."""

    name: str

    def is_wanted(self) -> bool:
        """Return whether the settings ask for this recorder; nothing heavy is imported for it."""

    def check(self) -> None:
        """Refuse a run if it could not be recorded, before anything is read; change nothing."""

    def begin(self, start: RunStart) -> None:
        """Keep that a run begins, so that it is known of however it ends."""

    def at_work(self, run_id: str) -> AbstractContextManager[None]:
        """Be around a step of a run: as long as it lasts, nobody takes the run for a dead one."""

    def publishing(self, run_id: str) -> AbstractContextManager[None]:
        """Be around what makes files appear, up to their record."""

    def read(self, run_id: str, files: Sequence[RunFile]) -> None:
        """Keep what was read, with its digests."""

    def announce(self, run_id: str, files: Sequence[RunFile]) -> None:
        """Keep what is about to appear, with its digests; if this raises, it does not appear."""

    def complete(self, run_id: str) -> Recorded:
        """Record that all that was announced has appeared."""

    def fail(self, run_id: str, error: str) -> None:
        """Record that a run has failed with an error of this class; nothing it left is vouched for.

        A run of which nothing is kept is passed over.
        """

    def settle(self, is_over: Callable[[str], bool | None]) -> None:
        """Record as failed the runs that have begun, are over, and nobody is at work on."""
