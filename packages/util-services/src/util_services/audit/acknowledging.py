"""Acknowledge a known loss, in the audit itself and in the name of who does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.audit.errors import AuditError
from util_services.audit.losses import ACKNOWLEDGED
from util_services.audit.record import WorkRecord, bounded
from util_services.audit.recording import recorded
from util_services.audit.writer import now, writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.audit.losses import Loss
    from util_services.audit.verify import Verification


def acknowledge_recorded(found: Verification, reason: str, user: str) -> Sequence[Loss]:
    """State in the audit of this deployment that the losses that were found are known.

    Args:
        found: what was found in this audit, with all links that are kept elsewhere.
        reason: how they came about.
        user: who says so.

    Raises:
        AuditError: if there is nothing to acknowledge, no reason, or the audit cannot be written.
    """
    if not reason.strip():
        raise AuditError("A loss is acknowledged with a reason; say how it came about.")
    losses = found.losses
    if not losses:
        broken = f" {found.findings[0]}" if found.findings else ""
        raise AuditError(
            "There is no loss to acknowledge: every link that is kept elsewhere is found here, or "
            f"belongs to a chain that is broken in itself.{broken}"
        )
    before = WorkRecord("audit.acknowledge", user=user, purpose=reason)
    with recorded(before) as results:
        chain = writer()
        told = {"reason": bounded(reason), "user": bounded(user), "since": now()}
        for loss in losses:
            for part in loss.parts:
                chain.append(ACKNOWLEDGED, {"lost": part.to_dict()} | told)
        links = sum(len(loss.links) for loss in losses)
        results.counts |= {"chains": len(losses), "links": links}
    return losses
