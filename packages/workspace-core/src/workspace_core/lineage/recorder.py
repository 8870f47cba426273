"""The recorder: what a step reads is bound when it starts, what it writes when it ends.

A run that is killed leaves no record, and one that fails leaves one without outputs, so that
nothing is said to have been made that was not.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from util_services.errors import StorageError
from workspace_core.errors import (
    ConfigurationError,
    NotSupportedError,
    TreeError,
    WorkspaceBusyError,
)
from workspace_core.lineage.digests import Content, Digests
from workspace_core.lineage.errors import (
    LineageConflictError,
    StepOverError,
)
from workspace_core.lineage.graph import LineageGraph
from workspace_core.lineage.model import (
    COMPLETE,
    DIRECTORY,
    FAILED,
    FILE,
    MISSING,
    HashCertificate,
    ResourceRef,
    StepLineage,
)
from workspace_core.lineage.plain import plain, plain_command
from workspace_core.lineage.references import folders, reference
from workspace_core.lineage.store import listing_hash
from workspace_core.parameters import HOSTNAME_PARAMETER
from workspace_core.sharing.errors import SharingError
from workspace_core.store.locks import SharedLock, exclusive
from workspace_core.trees.stat_cache import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.reading import FileRead
    from workspace_core.lineage.references import Given

AT_WORK = "steps-at-work"
WITHIN = "DWS_RUN_ID"  # of the environment: the run that this process is a part of
SIZE, CTIME = 1, 3  # of stat fields
MOST_ALONE = 64  # files that were found, each with a certificate of its own
LEAST_NAME, MOST_NAME = 1, 200

_reports = logging.getLogger(__name__)


@dataclass(slots=True)
class _Bound:
    """A reference, and what was there at first."""

    ref: ResourceRef
    first: Content
    is_late: bool = False  # of an output: named when the step was running, maybe written by then


class Recorder:
    """Records one run of a step; get one by `begin`, and end it by `complete` or `fail`."""

    def __init__(self, workspace: LocalSnapshots, step_name: str) -> None:
        self.workspace, self.step_name = workspace, step_name
        self.run_id = str(uuid.uuid4())
        self.within = os.environ.get(WITHIN)
        self.started = datetime.now(UTC)
        self._began, self._began_at = time.monotonic(), time.time_ns()
        self._digests = Digests(workspace)
        self._inputs: dict[ResourceRef, _Bound] = {}
        self._code: dict[ResourceRef, _Bound] = {}
        self._outputs: dict[ResourceRef, _Bound] = {}
        self._before: dict[str, Content] | None = None  # if outputs are to be found
        self._recorded_before: frozenset[str] = frozenset()  # runs, if outputs are to be found
        self._parameters: dict[str, Any] = {}
        self._resources = ExitStack()
        self.is_over = self._is_running = False

    @classmethod
    def begin(
        cls,
        workspace: LocalSnapshots,
        step_name: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        inputs: Iterable[Given] = (),
        code: Iterable[Given] = (),
        outputs: Iterable[Given] | None = (),
    ) -> Recorder:
        """Begin a step: what it reads is hashed now.

        Args:
            workspace: the workspace.
            step_name: what the step is called.
            parameters: by which it runs.
            inputs: what it is about to read.
            code: by what it runs.
            outputs: what it is about to write; None to find that by comparing all resources before
                and after, while no other step runs.

        Raises:
            ConfigurationError: if something is not there, or belongs to no resource.
            LineageConflictError: if one thing is named as a whole and in part.
            NotSupportedError: if the workspace keeps no lineage.
        """
        if not workspace.supports_lineage():
            raise NotSupportedError("The backend of this workspace keeps no lineage.")
        if not LEAST_NAME <= len(step_name) <= MOST_NAME or not step_name.isprintable():
            raise ConfigurationError(
                f"{step_name[:MOST_NAME]!r} cannot name a step; use a text of one to {MOST_NAME} "
                "printable characters."
            )
        recorder = cls(workspace, step_name)
        try:
            recorder._be_at_work(alone=outputs is None)
            for name, value in (parameters or {}).items():
                recorder.add_parameter(name, value)
            for one in inputs:
                recorder.add_input(one)
            for one in code:
                recorder.add_code(one)
            for one in outputs or ():
                recorder.add_output(one)
            if outputs is None:
                recorder._before = recorder._look_around()
                recorder._recorded_before = frozenset(workspace.lineage.ids())
        except BaseException:
            recorder.close()
            raise
        recorder._is_running = True
        return recorder

    def _be_at_work(self, *, alone: bool) -> None:
        """Run beside other steps, or alone if they could be mistaken for this one.

        What is a part of another run is known to be that, and waits for nobody.
        """
        if self.within is None:
            self._resources.enter_context(at_work(self.workspace, alone=alone))

    def _look_around(self) -> dict[str, Content]:
        """Return what all resources hold now."""
        return {
            one.name: self._digests.of(ResourceRef(one.name)) for one in folders(self.workspace)
        }

    # While it runs

    def add_parameter(self, name: str, value: Any) -> None:
        """Take note of a parameter; what looks like a secret is hidden."""
        self._require_running()
        self._parameters.update(plain({name: value}))

    def add_input(self, given: Given) -> None:
        """Take note of something that is about to be read."""
        self._bind(self._inputs, given)

    def add_read(self, read: FileRead) -> None:
        """Take note of a file that was read before, as it was then.

        What this step has written itself is no input, and a part of an input is one already.

        Raises:
            ConfigurationError: if it was another one when the step read it first.
        """
        self._require_running()
        written = _within(self._outputs, read.ref)
        if written is not None and written != read.content.hashval:
            return
        if (first := _within(self._inputs, read.ref)) is None:
            first = self._bind(self._inputs, read.ref, read.content).first.hashval
        if first != read.content.hashval:
            raise ConfigurationError(
                f"{read.ref} has changed since the step '{self.step_name}' read it first; read all "
                "of its inputs again."
            )

    def add_code(self, given: Given) -> None:
        """Take note of code that is run."""
        self._bind(self._code, given)

    def _bind(
        self, bound: dict[ResourceRef, _Bound], given: Given, content: Content | None = None
    ) -> _Bound:
        self._require_running()
        ref = given if content and isinstance(given, ResourceRef) else None
        ref = ref or reference(self.workspace, given)
        if ref in bound:
            return bound[ref]
        self._refuse_parts(bound, ref)
        content = content or self._digests.of(ref)
        if content.kind == MISSING:
            raise ConfigurationError(
                f"{ref} is not there, so that the step '{self.step_name}' cannot read it; mend the "
                "path."
            )
        bound[ref] = _Bound(ref, content)
        return bound[ref]

    def add_output(self, given: Given) -> ResourceRef:
        """Take note of something that is about to be written, and return the reference to it."""
        self._require_running()
        ref = reference(self.workspace, given)
        if ref not in self._outputs:
            self._refuse_parts(self._outputs, ref)
            self._outputs[ref] = _Bound(ref, self._digests.of(ref), self._is_running)
        return ref

    def _refuse_parts(self, bound: Iterable[ResourceRef], ref: ResourceRef) -> None:
        for other in bound:
            if other.covers(ref):
                raise LineageConflictError(self.step_name, str(other), str(ref))
            if ref.covers(other):
                raise LineageConflictError(self.step_name, str(ref), str(other))

    def _require_running(self) -> None:
        if self.is_over:
            raise StepOverError(self.step_name)

    def _require_workspace(self) -> None:
        """Refuse to make anew what somebody has removed while the step was running."""
        if not self.workspace.is_there:
            self.close()
            raise ConfigurationError(
                "The workspace is not there any more; bring it back, and run the step again."
            )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters, as they are recorded."""
        return dict(self._parameters)

    @property
    def seconds(self) -> float:
        """How long the step has been running."""
        return time.monotonic() - self._began

    # When it ends

    def complete(
        self, *, commits: bool = True, more: Mapping[str, Any] | None = None, **facts: Any
    ) -> StepLineage:
        """Record that the step has ended well, with what it has written.

        Args:
            commits: commit the record at once; otherwise that is left to the next command.
            more: what else the record is to hold.
            facts: fields of `StepLineage`, such as ``metrics``.

        Raises:
            ChangedWhileReadError: if an output is still being written; then nothing is recorded.
            ConfigurationError: if the workspace is not there any more.
            StoreWriteError: if the record cannot be written.
        """
        self._require_running()
        self._require_workspace()
        seconds = self.seconds
        listings: dict[str, Mapping[str, str]] = {}
        try:
            outputs = tuple(self._written(one, listings) for one in self._outputs.values())
            outputs += tuple(self._found(listings))
            inputs = tuple(self._read(one, listings) for one in self._inputs.values())
            code = tuple(self._read(one, listings) for one in self._code.values())
            step = self._record(
                seconds,
                COMPLETE,
                input_resources=inputs,
                code_resources=code,
                output_resources=outputs,
                more=dict(more or {}),
                **facts,
            )
            self.workspace.lineage.add(step, listings.values())
        finally:
            self.close()
        self._digests.save()
        if commits:
            save(self.workspace, f"Record the step {self.step_name}")
        return step

    def fail(
        self, *, commits: bool = True, more: Mapping[str, Any] | None = None, **facts: Any
    ) -> StepLineage:
        """Record that the step has failed: it has made nothing, and may have left something.

        Raises:
            ConfigurationError: if the workspace is not there any more.
            StoreWriteError: if the record cannot be written.
        """
        self._require_running()
        self._require_workspace()
        seconds = self.seconds
        listings: dict[str, Mapping[str, str]] = {}
        try:
            found = [one.ref for one in self._found({})]
            step = self._record(
                seconds,
                FAILED,
                input_resources=tuple(_at_first(one, listings) for one in self._inputs.values()),
                code_resources=tuple(_at_first(one, listings) for one in self._code.values()),
                output_resources=(),
                unfinished=(*self._outputs, *found),
                more=dict(more or {}),
                **facts,
            )
            self.workspace.lineage.add(step, listings.values())
        finally:
            self.close()
        if commits:
            save(self.workspace, f"Record that the step {self.step_name} has failed")
        return step

    def close(self) -> None:
        """Be over; nothing is recorded by that."""
        self.is_over = True
        self._resources.close()

    def _record(self, seconds: float, status: str, **facts: Any) -> StepLineage:
        if (command := facts.pop("command_line", None)) is not None:
            facts["command_line"] = plain_command(command)
        if facts.get("metrics") is not None:
            facts["metrics"] = plain(facts["metrics"])
        return StepLineage.new(
            sequence=self.workspace.lineage.next_sequence(),
            run_id=self.run_id,
            step_name=self.step_name,
            status=status,
            start_time=self.started.isoformat(timespec="microseconds"),
            execution_time_seconds=round(seconds, 6),
            parameters=self._parameters,
            hostname=self.workspace.get_local_param(HOSTNAME_PARAMETER),
            within=self.within,
            **facts,
        )

    def _read(self, bound: _Bound, listings: dict[str, Mapping[str, str]]) -> HashCertificate:
        """Return what was read, and whether it is another one by now."""
        certificate = _at_first(bound, listings)
        if any(one == bound.ref or one.covers(bound.ref) for one in self._outputs):
            return certificate  # it was to change
        try:
            now = self._digests.of(bound.ref)
        except TreeError:  # it is changing right now
            return certificate._replace(changed=True)
        if self._without_own(bound.ref, now) == self._without_own(bound.ref, bound.first):
            return certificate
        return certificate._replace(changed=True, hash_at_end=now.hashval)

    def _without_own(self, ref: ResourceRef, content: Content) -> Any:
        """Return what of an input the step itself was not to write."""
        if content.kind != DIRECTORY:
            return (content.kind, content.hashval)
        inside = [
            os.path.relpath(one.path, ref.path or os.curdir)
            for one in self._outputs
            if ref.covers(one)
        ]
        return {
            path: identity
            for path, identity in content.files.items()
            if not any(path == one or path.startswith(f"{one}/") for one in inside)
        }

    def _written(self, bound: _Bound, listings: dict[str, Mapping[str, str]]) -> HashCertificate:
        """Return what was written: of a directory, those files that were touched."""
        now = self._digests.of(bound.ref)
        if now.kind != DIRECTORY:
            return now.certificate(bound.ref)
        since = self._began_at if bound.is_late else None
        files = written_files(bound.first, now, since)
        hashval = listing_hash(files)
        listings[hashval] = files
        return HashCertificate(bound.ref, DIRECTORY, hashval, now.size)

    def _found(self, listings: dict[str, Mapping[str, str]]) -> Iterator[HashCertificate]:
        """Yield what was written anywhere since it began, but by runs that are a part of it."""
        if self._before is None:
            return
        recorded = self.workspace.lineage.since(self._recorded_before)
        parts = [one for one in recorded if one.within == self.run_id]
        known = LineageGraph(parts, self.workspace.lineage.listing)
        for name, now in self._look_around().items():
            files = written_files(self._before.get(name, Content(MISSING)), now)
            for path in known.makers(name, files):
                del files[path]
            yield from _certificates(name, files, now, listings)


def _within(bound: Mapping[ResourceRef, _Bound], ref: ResourceRef) -> str | None:
    """Return what was at first at a reference, itself bound or in a directory that is.

    That is empty where nothing was, and None if it is not bound.
    """
    if ref in bound:
        return bound[ref].first.hashval or ""
    for one, at in bound.items():
        if one.covers(ref):
            return at.first.files.get(os.path.relpath(ref.path, one.path or os.curdir), "")
    return None


def _certificates(
    name: str, files: Mapping[str, str], now: Content, listings: dict[str, Mapping[str, str]]
) -> Iterator[HashCertificate]:
    """Yield certificates for files of a resource: one for each, or one for all if they are many."""
    if len(files) > MOST_ALONE:
        hashval = listing_hash(files)
        listings[hashval] = files
        size = sum(now.stats[path][SIZE] for path in files)
        yield HashCertificate(ResourceRef(name), DIRECTORY, hashval, size)
        return
    for path, identity in files.items():
        yield HashCertificate(ResourceRef(name, path), FILE, identity, now.stats[path][SIZE])


def written_files(before: Content, now: Content, since: int | None = None) -> dict[str, str]:
    """Return the files of a directory that were written, by path.

    That is told by what the file system says of them, too, for a step may well write again what
    was there before.

    Args:
        before: the directory as it was.
        now: as it is.
        since: also those that were touched from this moment on, in nanoseconds.
    """
    if since is not None and _is_coarse(now):
        since -= since % SECOND
    return {
        path: identity
        for path, identity in now.files.items()
        if identity != before.files.get(path)
        or now.stats.get(path) != before.stats.get(path)
        or (since is not None and now.stats[path][CTIME] >= since)
    }


@contextmanager
def at_work(workspace: LocalSnapshots, *, alone: bool) -> Iterator[None]:
    """Run beside other steps that name what they write, or alone while what is written is found.

    Raises:
        WorkspaceBusyError: if others are at work for longer than one waits.
    """
    place = (workspace.local / AT_WORK, "workspace, for steps that write to it,")
    if alone:
        with exclusive(*place, workspace.lock_wait_seconds):
            yield
        return
    lock = SharedLock(*place, workspace.lock_wait_seconds)
    lock.acquire()
    try:
        lock.share()
        yield
    finally:
        lock.release()


def save(workspace: LocalSnapshots, message: str) -> None:
    """Make known what was recorded; where that cannot be now, the next command does it."""
    try:
        with workspace.locked():
            workspace.save(message)
    except (WorkspaceBusyError, SharingError, StorageError) as error:
        _reports.warning("The step is recorded, and the next command makes that known: %s", error)


def _at_first(bound: _Bound, listings: dict[str, Mapping[str, str]]) -> HashCertificate:
    if bound.first.kind == DIRECTORY and bound.first.hashval is not None:
        listings[bound.first.hashval] = bound.first.files
    return bound.first.certificate(bound.ref)


def _is_coarse(content: Content) -> bool:
    """Return whether times of the file system seem to be whole seconds."""
    return all(fields[CTIME] % SECOND == 0 for fields in content.stats.values() if fields[CTIME])
