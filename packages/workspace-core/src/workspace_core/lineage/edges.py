"""The index of edges: of each run what the graph needs, in one file that may be lost.

It holds no parameters, commands or metrics: whoever shows a run reads its record, by which the
edges are checked. A file that is damaged, or of another release, counts as none.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from workspace_core.lineage.model import HashCertificate, ResourceRef, StepLineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SCHEMA = 2


class IndexedRun(NamedTuple):
    """A run as the index has it; see `StepLineage` for what its fields are."""

    id: str
    order: tuple[int, str, str]
    step_name: str
    within: str | None
    input_resources: tuple[HashCertificate, ...]
    code_resources: tuple[HashCertificate, ...]
    output_resources: tuple[HashCertificate, ...]
    outside_inputs: tuple[HashCertificate, ...]
    outside_outputs: tuple[HashCertificate, ...]
    unfinished: tuple[ResourceRef, ...]
    job_run: str | None
    read: Callable[[IndexedRun], StepLineage]

    @property
    def sequence(self) -> int:
        """A number greater than those of all runs that were recorded before."""
        return self.order[0]

    def dependencies(self) -> Iterator[HashCertificate]:
        """Yield all that the outputs depend on; see `StepLineage.dependencies`."""
        yield from self.input_resources
        yield from self.code_resources
        yield from self.outside_inputs

    def outputs(self) -> Iterator[HashCertificate]:
        """Yield all that was written; see `StepLineage.outputs`."""
        yield from self.output_resources
        yield from self.outside_outputs

    def record(self) -> StepLineage:
        """Return all that is recorded of the run.

        Raises:
            DamagedFileError: if its record is damaged, or is not what the index says.
        """
        return self.read(self)


Run = IndexedRun | StepLineage


def has_edges_of(run: Run, record: StepLineage) -> bool:
    """Return whether a record says of a run what the graph was made of."""
    return (
        run.order == record.order
        and run.step_name == record.step_name
        and run.input_resources == record.input_resources
        and run.code_resources == record.code_resources
        and run.output_resources == record.output_resources
        and run.outside_inputs == record.outside_inputs
        and run.outside_outputs == record.outside_outputs
        and run.job_run == record.job_run
        and run.unfinished == record.unfinished
    )


def to_bytes(runs: Iterable[Run]) -> bytes:
    """Return the index of some runs as its file has it."""
    names: dict[str, int] = {}
    certificates: dict[HashCertificate, int] = {}

    def numbers(found: Iterable[HashCertificate]) -> list[int]:
        return [certificates.setdefault(one, len(certificates)) for one in found]

    rows = [
        (
            *one.order,
            one.step_name,
            one.within,
            numbers(one.input_resources),
            numbers(one.code_resources),
            numbers(one.output_resources),
            numbers(one.outside_inputs),
            numbers(one.outside_outputs),
            one.job_run,
            [list(ref) for ref in one.unfinished],
        )
        for one in runs
    ]
    known = [
        (names.setdefault(ref.name, len(names)), ref.subpath, *others)
        for ref, *others in certificates
    ]
    record = {"schema": SCHEMA, "names": list(names), "certificates": known, "runs": rows}
    body = json.dumps(record, separators=(",", ":")).encode()
    return blake3(body).hexdigest().encode() + b"\n" + body


def from_bytes(
    content: bytes,
    read: Callable[[IndexedRun], StepLineage],
    now: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, IndexedRun]:
    """Return the runs that an index has, by their ids; none of one that is damaged.

    Args:
        content: of the file.
        read: reads the record of a run.
        now: what resources are called now, by the names that they had before.
    """
    checksum, _, body = content.partition(b"\n")
    if blake3(body).hexdigest().encode() != checksum:
        return {}
    record: dict[str, Any] = json.loads(body)
    if record.get("schema") != SCHEMA:
        return {}
    names = [now.get(one, one) for one in record["names"]]
    known = [
        HashCertificate(ResourceRef(names[name], subpath), *others)
        for name, subpath, *others in record["certificates"]
    ]
    return {
        identity: IndexedRun(
            identity,
            (sequence, start_time, identity),
            step_name,
            within,
            tuple([known[one] for one in inputs]),
            tuple([known[one] for one in code]),
            tuple([known[one] for one in outputs]),
            tuple([known[one] for one in outside_inputs]),
            tuple([known[one] for one in outside_outputs]),
            tuple([ResourceRef(now.get(name, name), path) for name, path in unfinished]),
            job_run,
            read,
        )
        for (
            sequence,
            start_time,
            identity,
            step_name,
            within,
            inputs,
            code,
            outputs,
            outside_inputs,
            outside_outputs,
            job_run,
            unfinished,
        ) in record["runs"]
    }
