"""What is recorded of a step: references, what was there, and the run of the step itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from workspace_core.errors import DamagedFileError
from workspace_core.snapshots.metadata import hash_of
from workspace_core.trees.tree import checked_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCHEMA = 1
FILE, DIRECTORY, LINK, MISSING = "file", "directory", "link", "missing"
COMPLETE, FAILED = "complete", "failed"
OUTSIDE = ""  # in place of a resource: files outside of all resources, which have other names
# What callers add to a record, below `more`: the run of a job that it is about; and lists of files
# outside of all resources, each with "path", "hash", "sha256" and "size" and, if it changed while
# the step ran, "changed" and "hash_at_end".
RUN = "run"
EXTERNAL_INPUTS, EXTERNAL_OUTPUTS = "external_inputs", "external_outputs"


class ResourceRef(NamedTuple):
    """A resource, or a path within it; or a file outside of all resources, of name `OUTSIDE`.

    The path of a file outside is an address as ``s3://BUCKET/KEY``, or as its run was told it.
    """

    name: str
    subpath: str | None = None

    @classmethod
    def of(cls, name: str, subpath: str | None = None) -> ResourceRef:
        """Return the reference with its path in one spelling.

        Raises:
            ConfigurationError: if the path leads out of the resource.
        """
        path = os.fsdecode(checked_path(subpath)) if subpath else ""
        return cls(name, path or None)

    def __str__(self) -> str:
        if self.is_outside:
            return self.path
        return f"{self.name}:/{self.subpath}" if self.subpath else self.name

    @property
    def is_outside(self) -> bool:
        """Whether it is to a file outside of all resources."""
        return self.name == OUTSIDE

    @property
    def path(self) -> str:
        """The path within the resource; empty for all of it."""
        return self.subpath or ""

    def holds(self, path: str) -> bool:
        """Return whether a path of the resource is the one referred to, or lies below it."""
        return self.subpath is None or path == self.subpath or path.startswith(f"{self.subpath}/")

    def covers(self, other: ResourceRef) -> bool:
        """Return whether the other reference is to a part of this one."""
        return self != other and self.name == other.name and self.holds(other.path)


class HashCertificate(NamedTuple):
    """What was at a reference.

    Args:
        ref: the resource and the path.
        kind: ``file``, ``directory``, ``link`` or ``missing``.
        hashval: of a file its content id; of a directory the hash of the files in it by path, which
            is the name of a listing, too. None where nothing was there.
        size: bytes of files.
        hash_at_end: of an input that was another one when the step ended, what it was then.
        changed: whether it was.
    """

    ref: ResourceRef
    kind: str
    hashval: str | None
    size: int = 0
    hash_at_end: str | None = None
    changed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as plain data."""
        record: dict[str, Any] = {
            "resource": self.ref.name,
            "path": self.ref.path,
            "kind": self.kind,
            "hash": self.hashval,
            "size": self.size,
        }
        if self.changed:
            record |= {"changed": True, "hash_at_end": self.hash_at_end}
        return record

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HashCertificate:
        """Return the certificate that a record tells of."""
        return cls(
            ResourceRef(data["resource"], data["path"] or None),
            data["kind"],
            data["hash"],
            data["size"],
            data.get("hash_at_end"),
            bool(data.get("changed", False)),
        )


@dataclass(frozen=True, slots=True)
class StepLineage:
    """A run of a step: what it read, by which code and parameters, and what it wrote.

    `id` is the hash of everything else in the record. `sequence` is greater than that of all runs
    that were recorded in this copy of the workspace before: their order, whatever clocks say.
    A run that failed has no outputs; `unfinished` says what it may have left half written.
    """

    id: str
    sequence: int
    run_id: str
    step_name: str
    status: str
    start_time: str  # ISO 8601, UTC
    execution_time_seconds: float
    parameters: Mapping[str, Any]
    input_resources: tuple[HashCertificate, ...]
    code_resources: tuple[HashCertificate, ...]
    output_resources: tuple[HashCertificate, ...]
    unfinished: tuple[ResourceRef, ...] = ()
    command_line: tuple[str, ...] | None = None
    run_from_directory: str | None = None  # relative to the workspace, if it lies there
    run_description: str | None = None
    metrics: Mapping[str, Any] | None = None
    hostname: str = ""
    within: str | None = None  # the run, by `run_id`, that this one was a part of
    more: Mapping[str, Any] = field(default_factory=dict)  # what a caller or later releases add

    @classmethod
    def new(cls, **facts: Any) -> StepLineage:
        """Return the record of a run that has just ended, with its hash."""
        record = cls(id="", **facts)
        return replace(record, id=hash_of(record.to_dict()))

    @property
    def is_complete(self) -> bool:
        """Whether the step has ended well."""
        return self.status == COMPLETE

    @property
    def order(self) -> tuple[int, str, str]:
        """What records are ordered by: those that were known when it ended come before it."""
        return (self.sequence, self.start_time, self.id)

    def dependencies(self) -> Iterator[HashCertificate]:
        """Yield all that the outputs depend on: inputs, code, and inputs outside of resources."""
        yield from self.input_resources
        yield from self.code_resources
        yield from self.outside_inputs

    def outputs(self) -> Iterator[HashCertificate]:
        """Yield all that was written, files outside of resources included."""
        yield from self.output_resources
        yield from self.outside_outputs

    @property
    def outside_inputs(self) -> tuple[HashCertificate, ...]:
        """What was read outside of all resources."""
        return _outside(self.more.get(EXTERNAL_INPUTS))

    @property
    def outside_outputs(self) -> tuple[HashCertificate, ...]:
        """What was written outside of all resources."""
        return _outside(self.more.get(EXTERNAL_OUTPUTS))

    @property
    def job_run(self) -> str | None:
        """Dagster's id of the run of a job that this is the record of; None of another step."""
        return self.run_id if self.more.get(RUN) else None

    def record(self) -> StepLineage:
        """Return all that is recorded of the run, which is this."""
        return self

    def under_names(self, now: Mapping[str, str]) -> StepLineage:
        """Return the run with its resources under other names.

        Args:
            now: the names by those of the record.
        """

        def named(ref: ResourceRef) -> ResourceRef:
            return ref._replace(name=now.get(ref.name, ref.name))

        def all_of(found: tuple[HashCertificate, ...]) -> tuple[HashCertificate, ...]:
            return tuple(one._replace(ref=named(one.ref)) for one in found)

        if not now:
            return self
        return replace(
            self,
            input_resources=all_of(self.input_resources),
            code_resources=all_of(self.code_resources),
            output_resources=all_of(self.output_resources),
            unfinished=tuple(map(named, self.unfinished)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as its file has it."""
        return {
            **self.more,
            "schema": SCHEMA,
            "type": "step",
            "hash": self.id,
            "sequence": self.sequence,
            "run_id": self.run_id,
            "step_name": self.step_name,
            "status": self.status,
            "start_time": self.start_time,
            "execution_time_seconds": self.execution_time_seconds,
            "parameters": dict(self.parameters),
            "input_resources": [one.to_dict() for one in self.input_resources],
            "code_resources": [one.to_dict() for one in self.code_resources],
            "output_resources": [one.to_dict() for one in self.output_resources],
            "unfinished": [list(one) for one in self.unfinished],
            "command_line": None if self.command_line is None else list(self.command_line),
            "run_from_directory": self.run_from_directory,
            "run_description": self.run_description,
            "metrics": None if self.metrics is None else dict(self.metrics),
            "hostname": self.hostname,
            "within": self.within,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], file: str = "") -> StepLineage:
        """Return the run that a record tells of.

        Raises:
            DamagedFileError: if it lacks what such a record has.
        """
        known = dict(data)
        try:
            known.pop("schema")
            known.pop("type")
            command = known.pop("command_line")
            return cls(
                id=known.pop("hash"),
                sequence=known.pop("sequence"),
                run_id=known.pop("run_id"),
                step_name=known.pop("step_name"),
                status=known.pop("status"),
                start_time=known.pop("start_time"),
                execution_time_seconds=known.pop("execution_time_seconds"),
                parameters=known.pop("parameters"),
                input_resources=_certificates(known.pop("input_resources")),
                code_resources=_certificates(known.pop("code_resources")),
                output_resources=_certificates(known.pop("output_resources")),
                unfinished=tuple(ResourceRef(*one) for one in known.pop("unfinished")),
                command_line=None if command is None else tuple(map(str, command)),
                run_from_directory=known.pop("run_from_directory"),
                run_description=known.pop("run_description"),
                metrics=known.pop("metrics"),
                hostname=known.pop("hostname"),
                within=known.pop("within"),
                more=known,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedFileError(file or "a record of lineage", f"it lacks {error}") from error


@dataclass(frozen=True, slots=True)
class SourceDataLineage:
    """Data that no step has made: a source."""

    certificate: HashCertificate


@dataclass(frozen=True, slots=True)
class CodeLineage:
    """Code, which people have written."""

    certificate: HashCertificate


@dataclass(frozen=True, slots=True)
class ImportedLineage:
    """Data that comes from another workspace."""

    certificate: HashCertificate


@dataclass(frozen=True, slots=True)
class UnknownLineage:
    """Data of which nobody knows what made it: no step that is recorded has."""

    certificate: HashCertificate


ResourceLineage = StepLineage | SourceDataLineage | CodeLineage | ImportedLineage | UnknownLineage


def check_kinds(record: Mapping[str, Any]) -> None:
    """Refuse a record from elsewhere whose fields are not what they are to be.

    Raises:
        KeyError: if one is missing.
        TypeError: if one is of another kind.
    """
    certificates = [
        one
        for name in ("input_resources", "code_resources", "output_resources")
        for one in record[name]
    ]
    for facts, kinds in ((record, _KINDS), *((one, _OF_CERTIFICATES) for one in certificates)):
        for name, kind in kinds.items():
            if not isinstance(facts[name], kind):
                raise TypeError(f"a proper '{name}'")
    for name in (EXTERNAL_INPUTS, EXTERNAL_OUTPUTS):
        files = record.get(name, [])
        if not isinstance(files, list) or not all(map(_is_file_outside, files)):
            raise TypeError(f"a proper '{name}'")


def _is_file_outside(facts: Any) -> bool:
    return isinstance(facts, dict) and all(
        isinstance(facts.get(name), kind) for name, kind in _OF_FILES_OUTSIDE.items()
    )


_TEXT = (str, type(None))
_OF_CERTIFICATES: Mapping[str, tuple[type, ...]] = {
    "resource": (str,),
    "path": (str,),
    "kind": (str,),
    "hash": _TEXT,
    "size": (int,),
}
_OF_FILES_OUTSIDE: Mapping[str, tuple[type, ...]] = {
    "path": (str,),
    "address": _TEXT,
    "hash": (str,),
    "hash_at_end": _TEXT,
    "sha256": _TEXT,
    "size": (int, type(None)),
}
_KINDS: Mapping[str, tuple[type, ...]] = {
    "sequence": (int,),
    "run_id": (str,),
    "step_name": (str,),
    "status": (str,),
    "start_time": (str,),
    "execution_time_seconds": (int, float),
    "parameters": (dict,),
    "command_line": (list, type(None)),
    "run_from_directory": _TEXT,
    "run_description": _TEXT,
    "metrics": (dict, type(None)),
    "hostname": (str,),
    "within": _TEXT,
}


def _certificates(records: Sequence[Mapping[str, Any]]) -> tuple[HashCertificate, ...]:
    return tuple(map(HashCertificate.from_dict, records))


def _outside(files: Sequence[Mapping[str, Any]] | None) -> tuple[HashCertificate, ...]:
    return tuple(
        HashCertificate(
            ResourceRef(OUTSIDE, one.get("address") or one["path"]),
            FILE,
            one["hash"],
            one.get("size") or 0,
            one.get("hash_at_end"),
            bool(one.get("changed", False)),
        )
        for one in files or ()
    )
