"""Run a command as a step, and record what it read and wrote; the command knows nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, DataWorkspacesError, shown
from workspace_core.lineage.code import code_among, step_name_of
from workspace_core.lineage.errors import UnrecordedStepError
from workspace_core.lineage.recorder import WITHIN, Recorder
from workspace_core.lineage.references import reference
from workspace_core.lineage.step import relative_to_workspace
from workspace_core.store.durable import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.model import StepLineage

OF_SIGNALS = 128  # plus the signal: the exit status of a command that one has ended, as in a shell
PASSED_ON = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended, and its record."""

    exit_status: int
    step: StepLineage
    unnamed: tuple[str, ...] = ()  # files of resources among its words that no reference is to


def run(
    workspace: LocalSnapshots,
    command: Sequence[str],
    *,
    step_name: str | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] | None = None,
    code: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
) -> Ran:
    """Run a command in the present directory, and record it.

    Args:
        workspace: the workspace.
        command: the program and its arguments.
        step_name: what the step is called; by default like its script.
        inputs: paths that it reads.
        outputs: paths that it writes; None to find them by comparing all resources before and
            after, which takes that nobody else writes to them meanwhile.
        code: paths of its code, besides those words of the command that are files of code.
        parameters: what else is to be recorded of it.

    Raises:
        ConfigurationError: if an input is not there, or the command cannot be started.
        UnrecordedStepError: if the command has ended well and cannot be recorded.
    """
    name, here = step_name or step_name_of(command), os.getcwd()
    own_code = [one for one in code_among(workspace, command) if not _is_within(one, code)]
    recorder = Recorder.begin(
        workspace,
        name,
        parameters=parameters,
        inputs=inputs,
        code=[*code, *own_code],
        outputs=outputs,
    )
    try:
        status = _called(command, {**os.environ, WITHIN: recorder.run_id})
        facts: dict[str, Any] = {
            "command_line": list(command),
            "run_from_directory": relative_to_workspace(workspace, here),
        }
        if status != 0:
            return Ran(status, recorder.fail(**facts, more={"exit_status": status}))
        try:
            step = recorder.complete(**facts)
        except DataWorkspacesError as error:
            raise UnrecordedStepError(name, str(error)) from error
        return Ran(0, step, tuple(_unnamed(workspace, step, command)))
    finally:
        recorder.close()


def _unnamed(workspace: LocalSnapshots, step: StepLineage, command: Sequence[str]) -> Iterator[str]:
    """Yield the files of resources that a command names and its record does not."""
    named = [one.ref for one in (*step.dependencies(), *step.outputs())]
    for word in dict.fromkeys(command):
        with suppress(DataWorkspacesError, OSError):
            if os.path.isfile(word):
                ref = reference(workspace, word)
                if not any(one == ref or one.covers(ref) for one in named):
                    yield str(ref)


def _is_within(path: str, folders: Sequence[str]) -> bool:
    above = [os.path.realpath(one) for one in folders]
    return any(path == one or path.startswith(f"{one}{os.sep}") for one in above)


def _called(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end, and return its exit status as a shell would."""
    try:
        process = subprocess.Popen(list(command), env=environment)  # noqa: S603 - the user's command
    except OSError as error:
        raise ConfigurationError(
            f"The command {shown(command[0])} cannot be started: {cause_of(error)}; nothing was "
            "recorded."
        ) from error
    with process, _left_to(process):
        status = process.wait()
    return status if status >= 0 else OF_SIGNALS - status


@contextmanager
def _left_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let signals be the command's business, so that its end is seen and recorded.

    An interrupt from the keyboard reaches it anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for one in PASSED_ON:
        before[one] = signal.signal(one, lambda number, _: process.send_signal(number))
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
