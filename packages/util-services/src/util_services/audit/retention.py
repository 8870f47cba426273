"""Remove what is older than the time of retention, without breaking a chain.

Before a file goes, a signed statement says which record was its last. The rest of the chain then
begins where the statement leaves off. A statement that would itself go is made anew first.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from util_services import settings
from util_services.audit.errors import AuditError
from util_services.audit.key import audit_keys, unusable_keys
from util_services.audit.losses import ACKNOWLEDGED
from util_services.audit.open_work import RUN, WORK, OpenWork
from util_services.audit.place import Segment, open_segment
from util_services.audit.reading import NONE_UNUSABLE
from util_services.audit.record import WorkRecord
from util_services.audit.recording import recorded
from util_services.audit.tail import tail_of
from util_services.audit.verify import RETIRED, Statement, verify
from util_services.audit.writer import sync_folder, writer
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from util_services.audit.chain import Link
    from util_services.audit.key import AuditKey
    from util_services.audit.verify import ChainState, Verification
    from util_services.audit.writer import Writer


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a retention has removed."""

    files: tuple[str, ...]
    records: int
    held_by: tuple[OpenWork, ...] = ()  # open work that keeps older records, the oldest first

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        held_by = [work.to_dict() for work in self.held_by]
        return {"files": list(self.files), "records": self.records, "held_by": held_by}


def retention_days() -> int | None:
    """Return for how many days records are kept, None where all are.

    Raises:
        ConfigurationError: if ``DATA_SERVICES_AUDIT_RETENTION_DAYS`` is no number of days.
    """
    text = settings.text("AUDIT_RETENTION_DAYS")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(
            f"{settings.PREFIX}AUDIT_RETENTION_DAYS must be a whole number of days from 1 on; "
            "correct the variable."
        )
    return int(text)


def prune_recorded(
    days: int, user: str | None = None, unknown_runs: Collection[str] = ()
) -> Pruned:
    """Remove what is older than some days from the audit of this deployment, and record that.

    Args:
        days: for how many days records are kept.
        user: who does it.
        unknown_runs: open runs that Dagster does not know: only their processes could end them.

    Raises:
        AuditError: as `prune` does.
    """
    before = WorkRecord("audit.prune", user=user, facts={"days": days})
    with recorded(before) as results:
        pruned = prune(writer(), audit_keys(), days, unusable_keys(), unknown_runs)
        results.counts |= {"files": len(pruned.files), "records": pruned.records}
    return pruned


def prune(
    chain: Writer,
    keys: Sequence[AuditKey],
    days: int,
    unusable: Mapping[str, str] = NONE_UNUSABLE,
    unknown_runs: Collection[str] = (),
) -> Pruned:
    """Remove the files whose records are all older than some days and whose work is over.

    Work whose process is known to be gone is closed first, as interrupted.

    Raises:
        AuditError: if the audit is not whole, or cannot be written to; nothing is lost then.
    """
    found = verify(chain.directory, keys, unusable=unusable)
    if not found.is_whole:
        raise AuditError(
            f"Nothing is removed from an audit that is broken: {found.findings[0]} Look into that "
            "first."
        )
    limit = datetime.now(UTC) - timedelta(days=days)
    _close_interrupted(chain, found, unknown_runs)
    files, records = [], 0
    held: list[OpenWork] = []
    for state in found.chains.values():
        for segment, end in _outlived(found, state, limit, held):
            with _settled(chain.directory, segment, end, keys) as is_settled:
                if not is_settled:
                    break
                begin = _begin(state, segment)
                for statement in _statements_in(found, segment, begin, end):
                    _state(chain, found, statement.link, statement.segment)
                _acknowledge_anew(chain, found, segment, begin, end)
                _state(chain, found, end, segment.number)
                (chain.directory / segment.name).unlink(missing_ok=True)
            records += end.sequence - begin + 1
            files.append(segment.name)
    sync_folder(chain.directory)
    return Pruned(tuple(files), records, tuple(sorted(held, key=lambda work: work.time)))


def _close_interrupted(chain: Writer, found: Verification, unknown_runs: Collection[str]) -> None:
    for name, work in list(found.open.items()):
        is_left = work.action != RUN or work.work in unknown_runs
        if is_left and work.is_interrupted:
            chain.append(WORK, work.interrupted())
            del found.open[name]


def _outlived(
    found: Verification, state: ChainState, limit: datetime, held: list[OpenWork]
) -> Iterator[tuple[Segment, Link]]:
    """Return the files at the beginning of a chain that may go, each with its last record.

    Open work that keeps one of them is added to ``held``.
    """
    chain = state.segments[0].chain
    open_work = [one for one in found.open.values() if one.place.chain == chain]
    for segment in state.segments:
        end = state.ends.get(segment.name)
        if end is None or datetime.fromisoformat(end.time) >= limit:
            return
        keeping = [one for one in open_work if one.place.sequence <= end.link.sequence]
        if keeping:
            held += keeping
            return
        yield segment, end.link


@contextmanager
def _settled(
    directory: Path, segment: Segment, end: Link, keys: Sequence[AuditKey]
) -> Iterator[bool]:
    """Tell whether a file still ends as it was found, and keep writers away from it meanwhile."""
    try:
        descriptor = open_segment(directory / segment.name)
    except OSError:  # another retention was faster
        yield False
        return
    try:
        tails = (tail_of(descriptor, key) for key in keys)
        is_unused = not _is_held(descriptor)
        yield is_unused and any(tail is not None and tail.entry.link == end for tail in tails)
    finally:
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    """Lock a file until it is closed; return whether its writer has locked it already."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks, where nobody takes a chain over
        return False
    return False


def _begin(state: ChainState, segment: Segment) -> int:
    """Return the number of the first record of a file."""
    former = state.ends.get(Segment(segment.chain, segment.number - 1).name)
    return former.link.sequence + 1 if former is not None else state.first


def _statements_in(found: Verification, segment: Segment, begin: int, end: Link) -> list[Statement]:
    """Return the statements that stand in a file and would go with it."""
    return [
        statement
        for statement in found.statements.values()
        if _stands_in(statement.place, segment, begin, end)
    ]


def _acknowledge_anew(
    chain: Writer, found: Verification, segment: Segment, begin: int, end: Link
) -> None:
    """Write the acknowledgements anew that stand in a file and would go with it."""
    for place, told in enumerate(found.acknowledged):
        if _stands_in(told.place, segment, begin, end):
            link = chain.append(ACKNOWLEDGED, told.fields())
            found.acknowledged[place] = replace(told, place=link)


def _stands_in(place: Link, segment: Segment, begin: int, end: Link) -> bool:
    return place.chain == segment.chain and begin <= place.sequence <= end.sequence


def _state(chain: Writer, found: Verification, link: Link, segment: int) -> None:
    """Write the statement that a chain was removed through a record, the last of a file."""
    place = chain.append(RETIRED, {"through": str(link), "segment": segment})
    found.statements[link.chain] = Statement(link, segment, place)
