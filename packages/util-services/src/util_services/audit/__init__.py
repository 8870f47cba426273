"""The audit: an append-only, keyed chain of records of who did what to which data, and why.

    from util_services import audit

    before = audit.WorkRecord("keys.rotate", requester="ada", purpose="yearly rotation")
    with audit.recorded(before) as results:
        results.counts["keys"] = 2

`record` writes a single record. What cannot be recorded must not be done: both raise `AuditError`.
"""

from util_services.audit.chain import Link
from util_services.audit.errors import AuditError, BrokenAuditError
from util_services.audit.record import AuditedData, WorkRecord
from util_services.audit.recording import Results, record, recorded

__all__ = [
    "AuditError",
    "AuditedData",
    "BrokenAuditError",
    "Link",
    "Results",
    "WorkRecord",
    "record",
    "recorded",
]
