"""Steps as programs in Python have them: a context manager that records what happens in it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Self

from workspace_core.lineage.code import modules_of
from workspace_core.lineage.errors import LineageConflictError, LineageConsistencyError
from workspace_core.lineage.plain import plain
from workspace_core.lineage.recorder import Recorder
from workspace_core.lineage.references import local_path
from workspace_core.snapshots.metrics import RESULTS_FILE
from workspace_core.workspace import FileResourceMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.model import ResourceRef, StepLineage
    from workspace_core.lineage.reading import FileRead
    from workspace_core.lineage.references import Given

_reports = logging.getLogger(__name__)


class Lineage(AbstractContextManager["Lineage"]):
    """A run of a step; `LineageBuilder` makes one.

    It begins when it is made: its inputs and code are hashed then. It is recorded when the block
    ends; if the block raises, the record says that the step has failed, and has no outputs.
    """

    def __init__(
        self,
        workspace: LocalSnapshots,
        step_name: str,
        parameters: Mapping[str, Any],
        inputs: Iterable[Given],
        *,
        code: Iterable[Given] = (),
        outputs: Iterable[Given] = (),
        command_line: Sequence[str] | None = None,
        run_from_directory: str | None = None,
        notes_modules: bool = False,
    ) -> None:
        self.workspace = workspace
        self._command_line = command_line
        self._directory = relative_to_workspace(workspace, run_from_directory)
        self._notes_modules = notes_modules
        self._facts: dict[str, Any] = {}
        self._recorder = Recorder.begin(
            workspace, step_name, parameters=parameters, inputs=inputs, code=code, outputs=outputs
        )
        self._note_modules()
        self.recorded: StepLineage | None = None

    def add_input_path(self, path: str) -> None:
        """Take note of an input, right before it is read."""
        self._recorder.add_input(path)

    def add_input_ref(self, ref: ResourceRef) -> None:
        """Take note of an input, right before it is read."""
        self._recorder.add_input(ref)

    def add_read(self, read: FileRead) -> None:
        """Take note of a file that was read before, as it was then; see `reading`."""
        self._recorder.add_read(read)

    def add_output_path(self, path: str) -> None:
        """Take note of an output; of a directory, what the step writes in it."""
        self._recorder.add_output(path)

    def add_output_ref(self, ref: ResourceRef) -> None:
        """Take note of an output; of a directory, what the step writes in it."""
        self._recorder.add_output(ref)

    def add_param(self, name: str, value: Any) -> None:
        """Take note of a parameter that became known while the step was running."""
        self._recorder.add_parameter(name, value)

    def add_note(self, name: str, value: Any) -> None:
        """Take note of a further fact that the record is to hold."""
        self._facts.setdefault("more", {})[name] = plain(value)

    def complete(self) -> None:
        """Record that the step has ended well; the end of the block does that."""
        if self._is_over("complete"):
            return
        self._note_modules()
        self.recorded = self._recorder.complete(**self._all_facts())

    def abort(self) -> None:
        """Record that the step has failed, as an exception in the block does: it has no outputs."""
        if self._is_over("abort"):
            return
        self.recorded = self._recorder.fail(**self._all_facts())

    def __enter__(self) -> Self:
        """Return the step, which has begun."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record how the step has ended, unless it was told before."""
        if self._recorder.is_over:
            return
        if kind is None:
            self.complete()
            return
        try:
            self.abort()
        except Exception as failure:  # noqa: BLE001 - the step's own error is the one to be seen
            _reports.warning("That the step has failed could not be recorded: %s", failure)

    def _is_over(self, verb: str) -> bool:
        if self._recorder.is_over:
            name = self._recorder.step_name
            _reports.warning("%s() of the step '%s' came after its end.", verb, name)
        return self._recorder.is_over

    def _all_facts(self) -> dict[str, Any]:
        return {
            "command_line": self._command_line,
            "run_from_directory": self._directory,
            **self._facts,
        }

    def _note_modules(self) -> None:
        if self._notes_modules:
            for file in modules_of(self.workspace):
                with suppress(LineageConflictError):  # it is a part of code that was named
                    self._recorder.add_code(file)


class ResultsLineage(Lineage):
    """A run of a step that has results: files in a folder, and metrics."""

    def __init__(
        self,
        workspace: LocalSnapshots,
        step_name: str,
        parameters: Mapping[str, Any],
        inputs: Iterable[Given],
        results_dir: Given,
        run_description: str | None = None,
        **options: Any,
    ) -> None:
        outputs = [*options.pop("outputs", ()), results_dir]
        super().__init__(workspace, step_name, parameters, inputs, outputs=outputs, **options)
        self._facts["run_description"] = run_description
        self.results_ref = self._recorder.add_output(results_dir)

    def write_results(self, metrics: Mapping[str, Any]) -> None:
        """Write ``results.json`` to the results: what the step was, and its metrics.

        The next snapshot has these metrics, if the folder of results is the resource as a whole.
        """
        resource = self.workspace.get_resource(self.results_ref.name)
        if not isinstance(resource, FileResourceMixin):
            raise LineageConsistencyError(
                f"The resource '{resource.name}' takes no files, and results are files."
            )
        self._facts["metrics"] = metrics
        os.makedirs(local_path(self.workspace, self.results_ref), exist_ok=True)
        record = {
            "step": self._recorder.step_name,
            "start_time": self._recorder.started.isoformat(timespec="microseconds"),
            "execution_time_seconds": round(self._recorder.seconds, 6),
            "parameters": self._recorder.parameters,
            "run_description": self._facts["run_description"],
            "metrics": plain(metrics),
        }
        resource.add_results_file(record, os.path.join(self.results_ref.path, RESULTS_FILE))


def relative_to_workspace(workspace: LocalSnapshots, directory: str | None) -> str | None:
    """Return a directory without what is true on this machine alone, if it is in the workspace."""
    home = workspace.get_workspace_local_path_if_any()
    if directory is None or home is None:
        return directory
    path = os.path.relpath(os.path.realpath(directory), os.path.realpath(home))
    return os.path.abspath(directory) if path.split(os.sep, 1)[0] == os.pardir else path


def own_command() -> list[str]:
    """Return how this program was called."""
    return [sys.executable, *sys.argv]
