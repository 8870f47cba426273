"""Runs of jobs recorded in a workspace, with no code in the jobs.

Discovery imports this package: what knows workspaces is imported when a run is to be recorded.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from util_services import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from util_services.flow.run_files import RunFile
    from util_services.runs.recorders import Recorded, RunStart
    from workspace_core.recording.runs import RecordedRuns

WORKSPACE = "WORKSPACE"  # of the settings: a folder, or the address of a central workspace


class WorkspaceRecorder:
    """Records runs in the workspace that the settings name."""

    name = "workspace"

    def is_wanted(self) -> bool:
        """Return whether a workspace is configured."""
        return settings.text(WORKSPACE) is not None

    def check(self) -> None:
        """Refuse a run if the workspace is not there, or takes no records."""
        self._runs().check()

    def begin(self, start: RunStart) -> None:
        """Keep that a run begins."""
        self._runs().begin(start)

    @contextmanager
    def at_work(self, run_id: str) -> Iterator[None]:
        """Let nobody take a run for a dead one as long as a step of it is at work."""
        with self._runs().at_work(run_id):
            yield

    @contextmanager
    def publishing(self, run_id: str) -> Iterator[None]:
        """Be beside other steps that write to the workspace."""
        with self._runs().publishing(run_id):
            yield

    def read(self, run_id: str, files: Sequence[RunFile]) -> None:
        """Keep what was read."""
        self._runs().read(run_id, files)

    def announce(self, run_id: str, files: Sequence[RunFile]) -> None:
        """Keep what is about to appear."""
        self._runs().announce(run_id, files)

    def complete(self, run_id: str) -> Recorded:
        """Record that all that was announced has appeared, and take a snapshot if wanted."""
        return self._runs().complete(run_id)

    def fail(self, run_id: str, error: str) -> None:
        """Record that a run has failed."""
        self._runs().fail(run_id, error)

    def settle(self, is_over: Callable[[str], bool | None]) -> None:
        """Record as failed what was killed."""
        self._runs().settle(is_over)

    @staticmethod
    def _runs() -> RecordedRuns:
        from workspace_core.recording.opening import opened
        from workspace_core.recording.runs import RecordedRuns

        return RecordedRuns(opened(settings.text(WORKSPACE) or ""))
