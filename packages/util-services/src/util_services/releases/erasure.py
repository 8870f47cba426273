"""Erasure: everything that was derived from data, and the withdrawal of what was released of it.

Who knows what was derived are packages (``register_derivations``); the register knows what was
released. Nothing is deleted here: what lies where is told to those who may delete it.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from util_services.approvals import ApprovalRefusedError, ApprovalRequest, require
from util_services.audit import AuditedData, WorkRecord, record, recorded
from util_services.releases.register import Register, register_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from util_services.releases.registered import Standing

    Finder = Callable[[str], "Iterable[Derived]"]

HOOK = "register_derivations"
ACTION = "release.erasure"
JOB = "release_erase"  # what approvals of an erasure name


@dataclass(frozen=True, slots=True)
class Derived:
    """Something that was derived from data, directly or by way of something else.

    Attributes:
        kind: what it is, in a word, such as "snapshot" or "file".
        place: where it is, as a person finds it.
        sha256: the digest of its bytes; None where it has none.
    """

    kind: str
    place: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased.

    Attributes:
        source: the SHA-256 of the data.
        derived: what packages know to be derived from them.
        releases: what was released of them; all of it is withdrawn now.
        asked: the names of the finders that were asked; where there is none, nobody knows.
    """

    source: str
    derived: tuple[Derived, ...]
    releases: tuple[Standing, ...]
    asked: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "source": self.source,
            "derived": [asdict(one) for one in self.derived],
            "withdrawn": [one.release.id for one in self.releases],
            "places": [table.address for table in self._tables()],
            "asked": list(self.asked),
        }

    def _tables(self) -> list[Any]:
        return [table for one in self.releases for table in one.release.tables.values()]


def finders() -> dict[str, Finder]:
    """Return what installed packages bring to find what was derived, by name."""
    from util_services.plugins.manager import plugin_manager

    return {name: one.value for name, one in plugin_manager().named(HOOK).items()}


def erase(
    source: str, purpose: str, requester: str, token: str, user: str, known: dict[str, Finder]
) -> Erasure:
    """Withdraw every release of data, and return everything that was derived from them.

    Args:
        source: the SHA-256 of the data, as reports state it of their input.
        purpose: why.
        requester: who asks.
        token: the approval of just this, for the job ``release_erase``.
        user: whose account does it.
        known: who is asked what was derived.

    Raises:
        ApprovalRefusedError: if nobody else has approved it; that is in the audit.
        RegisterError: if the register is broken or out of reach.
        AuditError: if it cannot be recorded; nothing is withdrawn then.
    """
    work = WorkRecord(
        ACTION,
        user=user,
        requester=requester,
        purpose=purpose,
        inputs=(AuditedData("source", source),),
    )
    request = ApprovalRequest(job=JOB, dataset=source, purpose=purpose, requester=requester)
    try:
        approval = require(token, request, run_id=str(uuid.uuid4()))
    except ApprovalRefusedError as error:
        record(work.after("refused", approval=error.approval_id, facts={"reason": error.reason}))
        raise
    with recorded(replace(work, approval=approval.claims.id)) as results:
        derived = tuple(dict.fromkeys(one for find in known.values() for one in find(source)))
        digests = {source, *(one.sha256 for one in derived if one.sha256)}
        releases = _withdrawn(digests, purpose, user)
        results.counts.update(derived=len(derived), releases=len(releases), asked=len(known))
    return Erasure(source, derived, tuple(releases), tuple(known))


def _withdrawn(digests: set[str], purpose: str, user: str) -> Sequence[Standing]:
    """Withdraw all releases of some data, those made of releases among them, and return them."""
    register = Register()
    found: dict[str, Standing] = {}
    waiting = register.standings()
    while concerned := [one for one in waiting if _digests(one) & digests]:
        for one in concerned:
            name = one.release.id
            note = partial(_note, register, name, user)
            is_new = one.withdrawal is None
            reason = f"erasure: {purpose}"
            found[name] = register.withdraw(name, user, reason, note) if is_new else one
            digests = digests | _digests(one)
        waiting = [one for one in waiting if one.release.id not in found]
    return list(found.values())


def _digests(standing: Standing) -> set[str]:
    return {standing.release.source["sha256"], *standing.release.digests}


def _note(register: Register, name: str, user: str, link: Any) -> None:
    record(register_record(register, link, name, user))
