"""What the commands on keys and approvers leave in the audit: who did what to which keyset."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.audit import Results
    from util_services.audit.record import Fact


@contextmanager
def recorded_change(action: str, *, reason: str = "", **facts: Fact) -> Iterator[Results]:
    """Record what is done to a keyset, or to the approvers, before it is done and after.

    Where the keyset of the audit itself is made or restored there is no key for a record yet: then
    the record after it is all.

    Args:
        action: such as ``keys.rotate``.
        reason: why, as the user says.
        facts: names and ids, and never a key.

    Raises:
        AuditError: if it cannot be recorded; nothing is done then.
    """
    from util_services.audit import Results, WorkRecord, recorded
    from util_services.audit.key import KEYSET
    from util_services.audit.recording import record_or_report
    from util_services.keys.info import account

    told = {name: fact for name, fact in facts.items() if fact is not None}
    before = WorkRecord(action, user=account(), purpose=reason or None, facts=told)
    if facts.get("keyset") == KEYSET and not _has_key():
        results = Results()
        yield results
        record_or_report(before.after("success", facts=told | results.facts))
        return
    with recorded(before) as results:
        results.facts |= told
        yield results


def _has_key() -> bool:
    """Return whether the audit has a key that it can use."""
    from util_services.audit import AuditError
    from util_services.audit.key import audit_keys

    try:
        return bool(audit_keys())
    except AuditError:
        return False
