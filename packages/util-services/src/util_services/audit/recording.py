"""Record work in the audit of this deployment: before it begins, and once it is over."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from util_services.audit.errors import AuditError
from util_services.audit.open_work import WORK
from util_services.audit.record import outcome_of
from util_services.audit.writer import writer
from util_services.logs.error_classes import error_classes
from util_services.storage.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.audit.chain import Link
    from util_services.audit.record import AuditedData, Fact, WorkRecord

_reports = logging.getLogger(__name__)


def record(entry: WorkRecord) -> Link:
    """Write a record to the audit, and return where it stands; it is on disk then.

    Raises:
        AuditError: if it cannot be written; the work must not begin, or its result not appear.
    """
    fields = entry.to_dict()
    if entry.phase == "before":  # so that others can tell that it will never end
        fields |= {"host": socket.gethostname(), "process": Process.current().to_dict()}
    return writer().append(WORK, fields)


def record_or_report(entry: WorkRecord) -> Link | None:
    """Write the record of work that is over; what cannot be written is reported, not raised.

    The work then stays open in the audit, which is what `verify` says of it.
    """
    try:
        return record(entry)
    except AuditError as error:
        _reports.warning("How the work %s ended is not in the audit: %s", entry.work, error)
        return None


@dataclass
class Results:
    """What is known of work once it is done."""

    inputs: tuple[AuditedData, ...] = ()
    outputs: tuple[AuditedData, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)


@contextmanager
def recorded(before: WorkRecord) -> Iterator[Results]:
    """Record work before the block begins and after it ends, however it does.

    Raises:
        AuditError: if a record cannot be written; before the block, that does not begin.
    """
    record(before)
    results = Results()
    try:
        yield results
    except BaseException as error:
        record_or_report(before.after(outcome_of(error), error=error_classes(error)))
        raise
    record(before.after("success", **vars(results)))
