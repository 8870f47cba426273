"""The runs of jobs in the lineage of a workspace: kept from the beginning, recorded at the end."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from util_services import settings
from util_services.errors import ConfigurationError, DataServicesError, quoted
from util_services.flow.staging import FORGOTTEN_SECONDS
from util_services.runs.recorders import Recorded, RecordingError
from workspace_core.lineage.model import (
    COMPLETE,
    EXTERNAL_INPUTS,
    EXTERNAL_OUTPUTS,
    FAILED,
    RUN,
    StepLineage,
)
from workspace_core.lineage.outside import SHA256
from workspace_core.lineage.plain import plain
from workspace_core.lineage.recorder import WITHIN, at_work, save
from workspace_core.parameters import HOSTNAME_PARAMETER
from workspace_core.recording.certificates import References, remember
from workspace_core.recording.intents import Intent, Intents
from workspace_core.recording.opening import check_writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from util_services.flow.run_files import RunFile
    from util_services.runs.recorders import RunStart
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.model import ResourceRef
    from workspace_core.recording.certificates import Certified

SNAPSHOTS = "WORKSPACE_SNAPSHOTS"  # of the settings
SNAPSHOT_WANTED_TAG = "data_services/take_snapshot"  # of a run, in place of the setting
CHANGED_OUTPUTS = "changed_outputs"
ERROR = "error"
KILLED = "killed"
SHORT = 8


class RecordedRuns:
    """Records runs in a workspace; see `util_services.runs.recorders` for when it is told what."""

    def __init__(self, workspace: FiledWorkspace) -> None:
        self.workspace = workspace
        self.intents = Intents(workspace.local)
        self._references = References(workspace)

    def check(self) -> None:
        """Refuse a workspace that cannot be reached or written, and settings that are none."""
        check_writable(self.workspace)
        self.workspace.refresh()
        self._check_snapshots({})

    def begin(self, start: RunStart) -> None:
        """Keep that a run begins."""
        self._check_snapshots(start.tags)
        began = datetime.now(UTC).isoformat(timespec="microseconds")
        self.intents.put(Intent(start, began, os.environ.get(WITHIN)))

    @contextmanager
    def at_work(self, run_id: str) -> Iterator[None]:
        """Let nobody settle a run as long as a step of it is at work."""
        with self.intents.at_work(run_id):
            yield

    @contextmanager
    def publishing(self, run_id: str) -> Iterator[None]:
        """Keep steps out that find what they have written by looking at all resources."""
        self.intents.require(run_id)
        is_part = os.environ.get(WITHIN) is not None
        with nullcontext() if is_part else at_work(self.workspace, alone=False):
            yield

    def read(self, run_id: str, files: Sequence[RunFile]) -> None:
        """Keep what was read."""
        self.intents.add_read(run_id, tuple(files))

    def announce(self, run_id: str, files: Sequence[RunFile]) -> None:
        """Keep what is about to appear."""
        self.intents.put(replace(self.intents.require(run_id), announced=tuple(files)))

    def complete(self, run_id: str) -> Recorded:
        """Record a run that has published what it announced.

        Raises:
            RecordingError: if the snapshot that is wanted cannot be taken.
        """
        intent = self.intents.require(run_id)
        announced = intent.announced or ()
        inputs, outputs = self._references.inputs(intent.read), self._references.outputs(announced)
        more = {
            EXTERNAL_INPUTS: inputs.external,
            EXTERNAL_OUTPUTS: outputs.external,
            CHANGED_OUTPUTS: outputs.changed,
            SHA256: inputs.sha256 | outputs.sha256,
        }
        step = self._step(intent, COMPLETE, inputs, more, output_resources=outputs.resources)
        self._record(intent, step, outputs)
        remember(self.workspace, inputs, outputs, datetime.fromisoformat(intent.began))
        snapshot, notes = None, [_changed_note(path) for path in outputs.changed]
        if takes_snapshots(intent.start.tags) and not intent.start.is_slice:
            snapshot = self._snapshot(intent.start)
        else:
            notes += self._make_known(f"Record a run of {intent.start.job}")
        return Recorded(step.id, _data_version(intent), snapshot, tuple(notes))

    def fail(self, run_id: str, error: str) -> None:
        """Record a run that has failed; nothing that it left is vouched for."""
        intent = self.intents.get(run_id)
        if intent is not None:
            self._fail(intent, error)

    def settle(self, is_over: Callable[[str], bool | None]) -> None:
        """Record as failed the runs that are over and that nobody is at work on."""
        for run_id in self.intents.traces():
            over = is_over(run_id)
            age = self.intents.age_seconds(run_id, time.time())
            if not over and (over is not None or age < FORGOTTEN_SECONDS):
                continue
            with self.intents.left_behind(run_id) as is_ours:
                if not is_ours:
                    continue
                intent = self.intents.get(run_id)
                if intent is None:
                    self.intents.remove(run_id)
                else:
                    self._fail(intent, KILLED)

    # How

    def _check_snapshots(self, tags: Mapping[str, str]) -> None:
        """Refuse a run of which no snapshot could be taken that is wanted."""
        if takes_snapshots(tags) and (absent := self.workspace.absent_resources()):
            raise RecordingError(
                f"No snapshot can be taken of the resources {quoted(absent)}, which are not on "
                "this machine; bring them here with 'dws clone' or 'dws pull', or take no "
                "snapshots of runs."
            )

    def _fail(self, intent: Intent, error: str) -> None:
        if intent.record is not None and intent.record in self.workspace.lineage.ids():
            self.intents.remove(intent.start.run_id)  # it ended well, and was killed right then
            return
        inputs = self._references.inputs(intent.read)
        more = {ERROR: error, EXTERNAL_INPUTS: inputs.external, SHA256: inputs.sha256}
        left = tuple(dict.fromkeys(self._may_be_left(intent)))
        self._record(intent, self._step(intent, FAILED, inputs, more, unfinished=left))
        self._make_known(f"Record that a run of {intent.start.job} has failed")

    def _may_be_left(self, intent: Intent) -> Iterator[ResourceRef]:
        """Yield what a run may have left: the data, and what else is there."""
        for number, file in enumerate((*intent.start.outputs, *(intent.announced or ()))):
            is_there = file.is_local and os.path.lexists(file.address)
            if (number == 0 or is_there) and (ref := self._references.of(file)) is not None:
                yield ref

    def _step(
        self,
        intent: Intent,
        status: str,
        inputs: Certified,
        more: Mapping[str, Any],
        **facts: Any,
    ) -> StepLineage:
        start, began = intent.start, datetime.fromisoformat(intent.began)
        seconds = (datetime.now(UTC) - began).total_seconds()
        return StepLineage.new(
            sequence=self.workspace.lineage.next_sequence(),
            run_id=start.run_id,
            step_name=start.job,
            status=status,
            start_time=intent.began,
            execution_time_seconds=round(max(seconds, 0.0), 6),
            parameters=plain(start.parameters),
            input_resources=tuple(inputs.resources),
            code_resources=(),
            output_resources=tuple(facts.pop("output_resources", ())),
            hostname=self.workspace.get_local_param(HOSTNAME_PARAMETER),
            within=intent.within,
            more={RUN: facts_of(start), **{name: value for name, value in more.items() if value}},
            **facts,
        )

    def _record(
        self, intent: Intent, step: StepLineage, certified: Certified | None = None
    ) -> None:
        """Write a record, named beforehand, so that a kill in between doubles nothing."""
        self.intents.put(replace(intent, record=step.id))
        self.workspace.lineage.add(step, certified.listings if certified else ())
        self.intents.remove(intent.start.run_id)

    def _make_known(self, message: str) -> list[str]:
        """Let the history of the workspace have a record; say so if that is left to others."""
        try:
            save(self.workspace, message)
        except (DataServicesError, OSError) as error:
            return [f"The run is recorded, and the next command makes that known. {error}"]
        return []

    def _snapshot(self, start: RunStart) -> str:
        """Take a snapshot for a run, which makes its record known, too.

        Raises:
            RecordingError: if it cannot be taken.
        """
        message = f"Run {start.run_id[:SHORT]} of {start.job}"
        try:
            taken = self.workspace.snapshot(None, message, facts={RUN: facts_of(start)})
        except (DataServicesError, OSError) as error:
            raise RecordingError(
                f"The output is published and its lineage recorded, but no snapshot was taken. "
                f"{error}"
            ) from error
        return taken.hashval


def takes_snapshots(tags: Mapping[str, str]) -> bool:
    """Return whether a snapshot is to be taken when a run has ended well.

    Raises:
        ConfigurationError: if setting or tag is no word for yes or no.
    """
    word = tags.get(SNAPSHOT_WANTED_TAG)
    if word is None:
        return settings.flag(SNAPSHOTS) or False
    if word not in ("true", "false"):
        raise ConfigurationError(
            f"The tag '{SNAPSHOT_WANTED_TAG}' must be 'true' or 'false'; correct it."
        )
    return word == "true"


def facts_of(start: RunStart) -> dict[str, Any]:
    """Return what records of steps and snapshots keep of the run that made them."""
    known = asdict(start)
    names = ("run_id", "job", "distribution", "versions", "commit", "config_sha256")
    return {name: known[name] for name in names}


def _changed_note(path: str) -> str:
    return (
        f"'{path}' was changed right after it was published, so that its lineage does not vouch "
        "for it."
    )


def _data_version(intent: Intent) -> str | None:
    """Return the content id of the published data."""
    place = intent.start.outputs[0].address
    found = (one.blake3 for one in intent.announced or () if one.address == place)
    digest = next(found, None)
    return None if digest is None else f"blake3:{digest}"
