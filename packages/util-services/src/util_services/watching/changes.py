"""What is new about a place, compared with what is remembered of it: pure functions on records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of an object.

    Args:
        version: the last one that was seen.
        since: when it was seen first, in seconds since the epoch, by the clock of this process.
        round: in which a run was asked for this version; 0 where none was yet.
        runs: for how many versions a run was asked for.
    """

    version: str
    since: float
    round: int = 0
    runs: int = 0

    def asked(self, this_round: int) -> Known:
        """Return what is remembered once a run was asked for this version."""
        return replace(self, round=this_round, runs=self.runs + 1)

    def not_asked(self) -> Known:
        """Return what is remembered where the request came to nothing."""
        return replace(self, round=0, runs=self.runs - 1)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new.

    Args:
        remembered: what is to be remembered from now on, of objects for which that has changed.
        due: the objects for which a run is to be asked, those longest there first.
        gone: the objects that are no longer there.
    """

    remembered: Mapping[str, Known]
    due: Mapping[str, Known]
    gone: tuple[str, ...]


def compare(
    known: Mapping[str, Known],
    present: Mapping[str, str | None],
    *,
    now: float,
    stable_seconds: float,
    last_round: int,
) -> Changes:
    """Return what is new about a place.

    Args:
        known: what is remembered, by address.
        present: the versions that are there, by address; None of an object that is not whole.
        now: seconds since the epoch.
        stable_seconds: how long a version must have been seen before a run is asked for it.
        last_round: the last round of requests that was taken over; later ones came to nothing.
    """
    remembered: dict[str, Known] = {}
    due: dict[str, Known] = {}
    for address, version in present.items():
        if version is None:
            continue
        before = known.get(address)
        if before is not None and before.round > last_round:
            before = remembered[address] = before.not_asked()
        if before is None or before.version != version:
            before = remembered[address] = Known(version, now, runs=before.runs if before else 0)
        if before.round == 0 and now - before.since >= stable_seconds:
            due[address] = before
    in_order = sorted(due, key=lambda address: (due[address].since, address))
    return Changes(
        remembered=remembered,
        due={address: due[address] for address in in_order},
        gone=tuple(sorted(known.keys() - present.keys())),
    )
