"""Make a file appear at its place together with what belongs beside it.

No storage changes several objects in one step, so the order is what keeps them together:

1. The place is claimed. One run at a time publishes there; the claim of a dead one is taken away.
2. The bytes are brought into the store, unseen: the parts of an upload, or a file on the target's
   disk. This is the long step and the likeliest to fail, and nothing has changed yet.
3. Where there is nothing yet, what stands beside appears first and the file last, as the commit
   point, on condition that the place is still empty. What is found beside an empty place belongs to
   a run that died before its commit: whoever holds the claim knows that nobody else is at work. It
   is replaced, if it is what runs write there at all; any other file is refused.
4. Where a file is replaced (``overwrite: true``), what stood beside it goes first, then the file is
   replaced in one step, then what is new beside it appears. If the file cannot be replaced, what
   stood beside it comes back. A kill or a lost store in between leaves data without a report until
   the next run, never a report beside data that it does not describe: a missing report is honest.
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.errors import StorageError
from util_services.storage.protocol import already_exists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from util_services.encryption.paths import AnyPath
    from util_services.flow.staging import Staging
    from util_services.storage.protocol import Claim, Fingerprint, Location, Storage

MAX_REPORT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file appears, and all places beside it at which a run may publish something.

    Args:
        storage: the storage.
        location: of the file; its appearance is the commit point.
        beside: the other places, each with what tells a file of ours there from a stranger's.
        overwrite: whether a file that is there is replaced.
    """

    storage: Storage
    location: Location
    beside: Mapping[Location, Callable[[bytes], bool]]
    overwrite: bool


def appear(
    place: Place,
    file: AnyPath,
    sidecars: Mapping[Location, AnyPath],
    staging: Staging,
    may_publish: Callable[[], None],
    announce: Callable[[], None],
    around: Callable[[Claim], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> None:
    """Make a file and its sidecars appear, whole or not at all.

    Args:
        place: where.
        file: the file; it is used up.
        sidecars: what appears beside it, by place; places without one are cleared.
        staging: the run's staging.
        may_publish: is called before anything changes and right before the commit, and raises if
            the run must not go on.
        announce: is called right before the commit, and raises if that must not be.
        around: what else appears under the same claim, before the file.

    Raises:
        StorageError: if the storage refuses; nothing is left behind then.
    """
    with place.storage.claim(place.location, exclusive=not place.overwrite) as claim:
        former = place.storage.fingerprint(place.location)
        if former is not None and not place.overwrite:
            raise already_exists(place.location)
        if former is None and not place.overwrite:
            refuse_strangers(place)
        with around(claim), claim.prepare(file, overwrite=place.overwrite) as become_visible:

            def commit() -> None:
                may_publish()
                announce()
                become_visible()

            if former is None:
                _publish_new(place, claim, sidecars, commit)
            else:
                may_publish()
                _replace(claim, sidecars, commit, _Aside(place, former, staging))


def _publish_new(
    place: Place, claim: Claim, sidecars: Mapping[Location, AnyPath], commit: Callable[[], None]
) -> None:
    """Make the sidecars appear, then the file; withdraw the sidecars if the file does not."""
    try:
        for location in place.beside:
            if location in sidecars:
                claim.put(sidecars[location], location)
            else:
                place.storage.remove(location)  # of a run that died before its commit, or failed
        commit()
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            if place.storage.fingerprint(place.location) is None:
                for location in sidecars:
                    place.storage.remove(location)
        raise


def _replace(
    claim: Claim,
    sidecars: Mapping[Location, AnyPath],
    commit: Callable[[], None],
    aside: _Aside,
) -> None:
    """Replace file and sidecars; no report ever lies beside data that it does not describe."""
    try:
        aside.clear()
        commit()
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            aside.restore(claim)
        raise
    try:
        for location, sidecar in sidecars.items():
            claim.put(sidecar, location)
    except StorageError as error:
        raise StorageError(
            f"The data were replaced, but not all their reports could be written; start the run "
            f"again with 'overwrite: true'. {error}"
        ) from None


class _Aside:
    """What stands beside a file that is about to be replaced, kept in staging until it is."""

    def __init__(self, place: Place, former: Fingerprint, staging: Staging) -> None:
        self._storage, self._file, self._former = place.storage, place.location, former
        self._copies: dict[Location, AnyPath] = {}
        for number, location in enumerate(place.beside):
            if place.storage.fingerprint(location) is not None:
                copy = staging.file(f"former-{number}")
                with place.storage.open(location) as source, copy.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
                self._copies[location] = copy

    def clear(self) -> None:
        """Remove the sidecars from their places."""
        for location in self._copies:
            self._storage.remove(location)

    def restore(self, claim: Claim) -> None:
        """Bring the sidecars back if the file is still the one that they describe."""
        if self._storage.fingerprint(self._file) == self._former:
            for location, copy in self._copies.items():
                claim.put(copy, location)


def refuse_strangers(place: Place) -> None:
    """Refuse a place beside which a file that is none of ours has the name of one.

    Raises:
        StorageError: naming it.
    """
    for location, is_ours in place.beside.items():
        if place.storage.fingerprint(location) is not None:
            with place.storage.open(location) as file:
                if not is_ours(file.read(MAX_REPORT_BYTES)):
                    raise already_exists(location)
