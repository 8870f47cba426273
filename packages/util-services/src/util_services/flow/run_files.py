"""The files that a run reads and publishes, as those are told who record runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from util_services.flow.changes import file_state
from util_services.flow.digests import digests_of
from util_services.flow.objects import SAMPLE_SCHEME
from util_services.storage.patterns import Pattern, names_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from util_services.datasets.staged import ReadObject
    from util_services.encryption.paths import AnyPath
    from util_services.flow.digests import FileDigests
    from util_services.flow.plan import ReadPlan, WritePlan
    from util_services.flow.report_plan import ReportPlan
    from util_services.storage.protocol import Fingerprint, Location


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that a run reads or publishes: its names and digests, and nothing of its content."""

    path: str  # as the configuration names it
    address: str  # an absolute path, ``s3://BUCKET/KEY``, or ``sample:NAME``
    is_local: bool  # whether the address is a path of this machine
    bytes: int | None = None  # None, as what follows, as long as nobody has read or written it
    sha256: str | None = None  # in hexadecimal digits
    blake3: str | None = None
    state: str | None = None  # what tells this state of the file from another without reading it

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RunFile:
        """Return the file that ``to_dict`` describes."""
        return cls(**record)


def state_text(fingerprint: Fingerprint) -> str:
    """Return the state of a file as records keep it."""
    return f"{fingerprint.size}-{fingerprint.version}"


def inputs_of(plan: ReadPlan) -> tuple[RunFile, ...]:
    """Return what a plan is going to read, before that is read."""
    path = plan.origin.path
    if path.startswith(SAMPLE_SCHEME):
        return (RunFile(path, path, is_local=False),)
    folder = Pattern.of(path).folder if names_many(path) else None
    return tuple(
        RunFile(
            path if folder is None else f"{folder}{one.name}",
            str(one.location),
            is_local=plan.storage.kind == "local",
            bytes=one.fingerprint.size,
            state=state_text(one.fingerprint),
        )
        for one in plan.objects
    )


def files_read(plan: ReadPlan, objects: Iterable[ReadObject]) -> tuple[RunFile, ...]:
    """Return the objects of a dataset that were read; of a slice, those that were looked into."""
    return tuple(
        RunFile(
            one.path, one.address, one.is_local, done.bytes, done.sha256, done.blake3, one.state
        )
        for one, done in zip(inputs_of(plan), objects, strict=False)
    )


def outputs_of(plan: WritePlan | ReportPlan) -> tuple[RunFile, ...]:
    """Return what a plan may publish, before any of it is written: the data and all beside them.

    Of a folder of part files it is the manifest.
    """
    failed = plan.failed
    beside = [*plan.reports.values(), plan.quarantine, *plan.beside_data.values()]
    places = [plan.location, *beside, *failed.reports.values()]
    return tuple(_output(plan, place) for place in dict.fromkeys(places))


def files_published(
    plan: WritePlan | ReportPlan,
    files: Mapping[Location, AnyPath],
    known: Mapping[Location, FileDigests],
) -> tuple[RunFile, ...]:
    """Return what is about to appear, with its digests.

    Args:
        plan: the plan.
        files: what appears, by place.
        known: the digests of some of them.
    """
    found = []
    for place, file in files.items():
        digests = known.get(place) or digests_of(file, with_blake3=True)
        state = file_state(file)
        named = _output(plan, place)
        found.append(
            RunFile(
                named.path,
                named.address,
                named.is_local,
                state.size,
                digests.sha256,
                digests.blake3,
                state_text(state),
            )
        )
    return tuple(found)


def _output(plan: WritePlan | ReportPlan, place: Location) -> RunFile:
    below = str(place).removeprefix(str(plan.whole))
    return RunFile(
        f"{plan.path.rstrip('/')}{below}", str(place), is_local=plan.storage.kind == "local"
    )
