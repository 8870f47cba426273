"""Which objects of a listing are inputs: no outputs, nothing hidden, temporary or unfinished."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.datasets.manifest import MANIFEST, PART_NAME
from util_services.flow.objects import BESIDE_DATA
from util_services.flow.report_plan import REPORT_ENDINGS
from util_services.storage.s3_claims import CLAIM_ENDING, CLAIM_MIDDLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from util_services.storage.patterns import Pattern
    from util_services.storage.protocol import ObjectState, Storage

REPORT_ENDING = REPORT_ENDINGS["report_json"]
TEMPORARY_ENDINGS = (
    ".tmp", ".temp", ".part", ".partial", ".filepart", ".download", ".crdownload", ".swp", "~",
)  # fmt: skip
TEMPORARY_BEGINNINGS = ("~", "#")


@dataclass(frozen=True, slots=True)
class Watched:
    """An object that counts.

    Args:
        below: its path below the watched folder; one that ends in ``/`` is a dataset of part files.
        size: in bytes; of a dataset of part files that of its manifest.
        version: changes with each write.
        modified: seconds since the epoch, by the clock of the store.
        is_output: whether a run of data-services has published it.
    """

    below: str
    size: int
    version: str
    modified: float
    is_output: bool

    @property
    def is_whole(self) -> bool:
        """Whether it may be complete; an empty object is one that somebody has begun to write."""
        return self.size > 0

    @property
    def report(self) -> str:
        """The path of its report below the watched folder, if it is an output."""
        return self.below.rstrip("/") + REPORT_ENDING


@dataclass(frozen=True, slots=True)
class Place:
    """What is watched.

    Args:
        folder: the address of the folder, ending in ``/``.
        pattern: which names below it are meant.
        ignored: which of them are not, as patterns below the same folder.
        outputs: whether what runs of data-services have published counts too. Reports, manifests
            and part files never do; their dataset as a whole does.
    """

    folder: str
    pattern: Pattern
    ignored: tuple[Pattern, ...] = ()
    outputs: bool = False

    @classmethod
    def of(
        cls, storage: Storage, pattern: Pattern, ignored: tuple[Pattern, ...], *, outputs: bool
    ) -> Place:
        """Return the place that a pattern names in a storage.

        Raises:
            StorageError: if the storage may not touch it.
        """
        probe = uuid.uuid4().hex  # which is no link
        address = str(storage.resolve(f"{pattern.folder}{probe}"))
        return cls(address.removesuffix(probe), pattern, ignored, outputs)

    def holds(self, address: str) -> bool:
        """Return whether an object of this address is meant."""
        below = address.removeprefix(self.folder)
        return (
            address.startswith(self.folder)
            and self.pattern.matches(below)
            and not any(_matches(pattern, below) for pattern in self.ignored)
        )


def select(listing: Iterable[ObjectState], place: Place) -> dict[str, Watched]:
    """Return the objects of a place that count, by address, out of a listing of its folder."""
    states = {str(one.location).removeprefix(place.folder): one for one in listing}
    found = {}
    for below, state in states.items():
        folder, _, name = below.rpartition("/")
        shown = f"{folder}/" if name == MANIFEST and folder else below
        is_output = shown != below or f"{below}{REPORT_ENDING}" in states
        if (
            (_is_passed_over(name) and shown == below)
            or not place.holds(f"{place.folder}{shown}")
            or (is_output and not place.outputs)
        ):
            continue
        found[f"{place.folder}{shown}"] = Watched(
            shown, state.size, state.version, state.modified, is_output
        )
    return found


def grouped(
    watched: Mapping[str, Watched], place: Place, path_of: Callable[[str], str | None]
) -> dict[str, Watched]:
    """Return objects by the partitions that they belong to; all of a folder count as one.

    It changes when one of them changes, comes or goes, and is whole when all are.

    Args:
        watched: the objects, as `select` returns them.
        place: what is watched.
        path_of: returns the path below the watched folder of the partition of an object, None for
            one that belongs to none. A partition that ends in ``/`` is all below it.
    """
    members = dict[str, list[Watched]]()
    found = dict[str, Watched]()
    for one in watched.values():
        below = path_of(one.below)
        if below == one.below:
            found[f"{place.folder}{below}"] = one
        elif below is not None and not one.is_output:
            members.setdefault(below, []).append(one)
    for below, group in members.items():
        versions = sorted((one.below, one.version) for one in group)
        found.setdefault(
            f"{place.folder}{below}",
            Watched(
                below,
                sum(one.size for one in group) if all(one.is_whole for one in group) else 0,
                hashlib.sha256(repr(versions).encode()).hexdigest(),
                max(one.modified for one in group),
                is_output=False,
            ),
        )
    return found


def _is_passed_over(name: str) -> bool:
    """Return whether a name is that of a part, a report, a claim or a temporary file, or empty."""
    lowered = name.lower()
    return (
        not name
        or PART_NAME.fullmatch(name) is not None
        or name.endswith((*BESIDE_DATA, CLAIM_ENDING))
        or CLAIM_MIDDLE in name
        or lowered.endswith(TEMPORARY_ENDINGS)
        or lowered.startswith(TEMPORARY_BEGINNINGS)
    )


def _matches(pattern: Pattern, below: str) -> bool:
    return below.startswith(pattern.folder) and pattern.matches(below[len(pattern.folder) :])
