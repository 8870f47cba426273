"""The runs that an export tells of, as far as others may know them and with links between them.

A run may write a folder of which another reads one file, or the other way round. Others know data
by name alone, so each is said to have read and written the file, too, where that is on record.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from workspace_core.errors import DataWorkspacesError
from workspace_core.lineage.errors import LineageConsistencyError
from workspace_core.lineage.exports.machine_paths import (
    without_machine_paths,
    words_without_machine_paths,
)
from workspace_core.lineage.exports.names import DataName, data_name
from workspace_core.lineage.model import (
    DIRECTORY,
    EXTERNAL_INPUTS,
    EXTERNAL_OUTPUTS,
    FILE,
    HashCertificate,
    ResourceRef,
    StepLineage,
)
from workspace_core.lineage.plain import plain, plain_command
from workspace_core.lineage.questions import questions
from workspace_core.lineage.references import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.graph import LineageGraph

Certificates = dict[tuple[ResourceRef, str | None], HashCertificate]


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """A run as others are told of it.

    Args:
        step: its record, under the names that resources have now.
        id: a UUID (RFC 9562), the same in each export.
        began: when it started, ISO 8601 in UTC.
        ended: when it ended.
        inputs: what it read.
        code: by what it was run.
        outputs: what it wrote.
        within: the id of the run that it was a part of, if that is told of, too.
    """

    step: StepLineage
    id: str
    began: str
    ended: str
    inputs: tuple[HashCertificate, ...]
    code: tuple[HashCertificate, ...]
    outputs: tuple[HashCertificate, ...]
    within: str | None = None


@dataclass(frozen=True, slots=True)
class ExportedLineage:
    """Runs in the order of time, and the workspace that they belong to.

    Args:
        workspace_id: the id of the workspace.
        name: what it is called.
        runs: the runs.
        place: returns where a file is on this machine, None if it is not here.
        with_machine_paths: with absolute paths of files outside of the workspace as they are.
    """

    workspace_id: str
    name: str
    runs: tuple[ExportedRun, ...]
    place: Callable[[HashCertificate], str | None]
    with_machine_paths: bool = False

    @property
    def namespace(self) -> str:
        """The address of what belongs to the workspace, wherever there are copies of it."""
        return f"dws://{self.workspace_id}"

    def named(self, one: HashCertificate) -> DataName:
        """Return what others are told that data are called."""
        return data_name(one, self.namespace, with_machine_paths=self.with_machine_paths)

    def label(self, one: HashCertificate) -> str:
        """Return what data are called in texts: by resource and path, or outside by address."""
        named = self.named(one)
        return named.address if one.ref.is_outside else named.name


def exported_lineage(
    workspace: FiledWorkspace,
    *,
    resource_name: str | None = None,
    tag_or_hash: str | None = None,
    with_machine_paths: bool = False,
) -> ExportedLineage:
    """Return what others are told of lineage: never contents, nor what looks like a secret.

    Args:
        workspace: the workspace.
        resource_name: only the runs that led to what is in this resource.
        tag_or_hash: only the runs that led to what is in this snapshot.
        with_machine_paths: with absolute paths as they are: in commands, in parameters, and of
            files outside of the workspace.

    Raises:
        ConfigurationError: if there is no such snapshot.
        LineageNotFoundError: if there is no such resource.
        DamagedFileError: if a record is damaged.
    """
    asked = questions(workspace, tag_or_hash)
    graph, steps = asked.graph, asked.graph.steps
    if resource_name is not None or tag_or_hash is not None:
        chosen = asked.everything(resource_name).steps
        steps = {identity: one for identity, one in steps.items() if identity in chosen}
    records = [one.record() for one in steps.values()]
    ids = _ids(records)
    linked = Linked(graph, steps)
    found = []
    for step in records:
        told = _for_others(step, with_machine_paths=with_machine_paths)
        began, ended = _times(step)
        within = ids.get(step.within or "")
        found.append(
            ExportedRun(
                told,
                ids[step.id],
                began,
                ended,
                inputs=tuple(linked.read[step.id].values()),
                code=tuple(linked.code[step.id].values()),
                outputs=tuple(linked.written[step.id].values()),
                within=within if within != ids[step.id] else None,
            )
        )
    place = partial(_place, workspace)
    return ExportedLineage(
        workspace.workspace_id, workspace.name, tuple(found), place, with_machine_paths
    )


def _place(workspace: FiledWorkspace, one: HashCertificate) -> str | None:
    """Return where a file is on this machine, None if it is not here."""
    if one.ref.is_outside:
        return one.ref.path if os.path.isabs(one.ref.path) else None
    try:
        return local_path(workspace, one.ref)
    except DataWorkspacesError:
        return None


def _ids(records: Iterable[StepLineage]) -> dict[str, str]:
    """Return the UUIDs of runs, by the hashes of their records and by what runs call themselves."""
    found: dict[str, str] = {}
    for step in records:
        try:
            identity = str(uuid.UUID(step.run_id))
        except ValueError:
            identity = ""
        if not identity or identity in found.values():
            identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"dws:{step.id}"))
        found[step.id] = identity
        found.setdefault(step.run_id, identity)
    return found


def _for_others(step: StepLineage, *, with_machine_paths: bool) -> StepLineage:
    parameters, metrics = plain(dict(step.parameters)), plain(step.metrics)
    name, description = plain(step.step_name), plain(step.run_description)
    command = None if step.command_line is None else plain_command(step.command_line)
    folder = step.run_from_directory
    if not with_machine_paths:
        parameters, metrics = without_machine_paths(parameters), without_machine_paths(metrics)
        name, description = without_machine_paths(name), without_machine_paths(description)
        command = None if command is None else words_without_machine_paths(command)
        folder = None if folder is None else without_machine_paths(folder)
    kept = (EXTERNAL_INPUTS, EXTERNAL_OUTPUTS)  # of which exports tell names of their own
    return replace(
        step,
        step_name=name,
        parameters=parameters,
        metrics=metrics,
        run_description=description,
        command_line=command,
        run_from_directory=folder,
        more={one: step.more[one] for one in kept if one in step.more},
    )


def _times(step: StepLineage) -> tuple[str, str]:
    try:
        began = datetime.fromisoformat(step.start_time)
        began = began.astimezone(UTC) if began.tzinfo else began.replace(tzinfo=UTC)
        ended = began + timedelta(seconds=step.execution_time_seconds)
    except (ValueError, OverflowError):
        raise LineageConsistencyError(
            f"The record of the run {step.id[:8]} does not say properly when it began and how long "
            "it took, so that it cannot be exported; name a resource or a snapshot that it has no "
            "part in."
        ) from None
    return _time(began), _time(ended)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Linked:
    """What runs read and wrote, with the files by which one run leads to another."""

    def __init__(self, graph: LineageGraph, steps: Mapping[str, Run]) -> None:
        self.graph, self.steps = graph, steps
        self.read: dict[str, Certificates] = {}
        self.code: dict[str, Certificates] = {}
        self.written: dict[str, Certificates] = {}
        for identity, step in steps.items():
            self.read[identity] = _by_key((*step.input_resources, *step.outside_inputs))
            self.code[identity] = _by_key(step.code_resources)
            self.written[identity] = _by_key(step.outputs())
        for identity, step in steps.items():
            for found in (self.read[identity], self.code[identity]):
                for one in tuple(found.values()):
                    self._link(found, one, step)

    def _link(self, found: Certificates, read: HashCertificate, step: Run) -> None:
        """Let a run and those that wrote what it read tell of the same files."""
        key = (read.ref, read.hashval)
        files = self.graph.files(read)
        for path, maker in self.graph.makers(read.ref.name, files, before=step).items():
            written = self.written.get(maker.id)
            if written is None or key in written:
                continue
            if read.kind != DIRECTORY:
                written[key] = read
                continue
            file = HashCertificate(ResourceRef(read.ref.name, path or None), FILE, files[path])
            same = (file.ref, file.hashval)
            found[same] = written.setdefault(same, file)


def _by_key(certificates: Iterable[HashCertificate]) -> Certificates:
    return {(one.ref, one.hashval): one for one in certificates}
