"""Whether a run may do what it wants: the approval that it brings is checked against all of it.

Clocks of two machines may differ by ``SKEW_SECONDS``: so much early or late is accepted at both
ends of an approval's time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from util_services.approvals import token as tokens
from util_services.approvals.errors import (
    ApprovalRefusedError,
    ColumnScopeError,
    EarlyApprovalError,
    ExpiredApprovalError,
    ForgedApprovalError,
    LifetimeError,
    OtherApproverError,
    OtherDatasetError,
    OtherJobError,
    OtherPurposeError,
    OtherRequesterError,
    RevokedApproverError,
    RowScopeError,
    SelfApprovalError,
    UnfitApprovalError,
    UntrustedApproverError,
)
from util_services.approvals.records import Approval, Claims, new_id
from util_services.approvals.trust import Trust, are_alike
from util_services.approvals.uses import are_uses_configured, configured_uses
from util_services.errors import quoted_name
from util_services.keys.fields import instant, require_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.approvals.records import ApprovalRequest
    from util_services.approvals.token import Token
    from util_services.approvals.uses import Uses
    from util_services.keys.key_pairs import KeyPair

SKEW_SECONDS = 60
SKEW = timedelta(seconds=SKEW_SECONDS)
LONGEST_DAYS = 90
LONGEST = timedelta(days=LONGEST_DAYS)


def approve(
    request: ApprovalRequest,
    approver: KeyPair,
    valid_for: timedelta,
    *,
    single_use: bool = False,
    now: datetime | None = None,
) -> str:
    """Return the token with which an approver lets a request through.

    Raises:
        UnfitApprovalError: if the approver is the requester, or it would last too long.
    """
    claims = draft(request, approver.public.owner, valid_for, single_use=single_use, now=now)
    return tokens.sign(claims, approver)


def draft(
    request: ApprovalRequest,
    owner: str,
    valid_for: timedelta,
    *,
    single_use: bool = False,
    now: datetime | None = None,
) -> Claims:
    """Return what an approver of this name would sign.

    Raises:
        UnfitApprovalError: if the approver is the requester, or it would last too long.
    """
    if request.dataset is None:
        raise TypeError("An approval is for one dataset; name its digest.")
    if are_alike(owner, request.requester):
        raise UnfitApprovalError(
            f"{quoted_name(owner)} cannot approve a request of their own; ask a second person."
        )
    if not timedelta(0) < valid_for <= LONGEST:
        raise UnfitApprovalError(
            f"An approval lasts for {LONGEST_DAYS} days at most; say how long with '--valid-for'."
        )
    issued = (now or datetime.now(UTC)).replace(microsecond=0)
    return Claims(
        id=new_id(),
        job=request.job,
        dataset=request.dataset,
        purpose=request.purpose,
        requester=request.requester,
        approver=owner,
        columns=request.columns,
        rows=request.rows,
        issued=instant(issued),
        expires=instant(issued + valid_for),
        single_use=single_use,
    )


def check(
    token: str,
    request: ApprovalRequest,
    *,
    trust: Trust | None = None,
    uses: Uses | None = None,
    now: datetime | None = None,
) -> Approval:
    """Return an approval that covers a request, without using it up.

    A run calls `require`. This tells beforehand whether it would be let through; the digest of the
    dataset may be left out where it is not known yet. Whether one for a single use was used is
    looked up where uses are recorded, by default in ``DATA_SERVICES_APPROVALS`` if that is set.

    Raises:
        ApprovalRefusedError: saying why it does not.
        TrustError: if it is not clear whom the deployment trusts.
        UsesError: if the uses cannot be looked at.
    """
    parsed = tokens.read(token)
    approval = _checked(parsed, request, trust, now)
    if parsed.claims.single_use and (uses is not None or are_uses_configured()):
        (uses or configured_uses()).require_unused(parsed.claims)
    return approval


def require(
    token: str,
    request: ApprovalRequest,
    *,
    run_id: str,
    single_use: bool = False,
    trust: Trust | None = None,
    uses: Uses | None = None,
    now: datetime | None = None,
) -> Approval:
    """Return an approval that covers what a run wants to do, and record its use if it has but one.

    Args:
        token: the text of the approval.
        request: what the run wants, with the digest of the input as it was read.
        run_id: the run; only the same run may come again with an approval for a single use.
        single_use: whether to record the use of any approval, whatever the approver said.
        trust: whom to trust; by default those in ``DATA_SERVICES_TRUST``.
        uses: where uses are recorded; by default ``DATA_SERVICES_APPROVALS``.
        now: the time; by default the clock's.

    Raises:
        ApprovalRefusedError: saying why the run may not go on.
        TrustError: if it is not clear whom the deployment trusts.
        UsesError: if the use cannot be recorded.
    """
    if request.dataset is None:
        raise TypeError("A run is let through with the digest of its input alone.")
    parsed = tokens.read(token)
    approval = _checked(parsed, request, trust, now)
    if not (single_use or parsed.claims.single_use):
        return approval
    (uses or configured_uses()).claim(parsed.claims, run_id)
    return replace(approval, use_recorded=True)


def _checked(
    token: Token, request: ApprovalRequest, trust: Trust | None, now: datetime | None
) -> Approval:
    moment = now or datetime.now(UTC)
    _require_signed(token, trust or Trust.from_environment(), moment)
    refusal = next(_refusals(token.claims, request, moment), None)
    if refusal is not None:
        raise refusal
    return Approval(token.claims, token.key, token.sha256, instant(moment), use_recorded=False)


def _require_signed(token: Token, trust: Trust, moment: datetime) -> None:
    """Check that an approver of the deployment has signed, and is not the requester."""
    claims = token.claims
    approver = trust.find(token.key)
    if approver is None:
        raise UntrustedApproverError(claims.id, token.key)
    if not approver.key.verifies(token.signature, token.signed):
        raise ForgedApprovalError(claims.id)
    if since := approver.untrusted_since(instant(moment)):
        raise RevokedApproverError(claims.id, approver.owner, since)
    if claims.approver != approver.owner:
        raise OtherApproverError(claims.id, claims.approver, approver.owner)
    if trust.is_same_person(approver, claims.requester):
        raise SelfApprovalError(claims.id, approver.owner)


def _refusals(
    claims: Claims, request: ApprovalRequest, moment: datetime
) -> Iterator[ApprovalRefusedError]:
    """Give what speaks against letting a request through."""
    issued = require_instant(claims.issued, "'issued'")
    expires = require_instant(claims.expires, "'expires'")
    if expires - issued > LONGEST:
        yield LifetimeError(claims.id, LONGEST_DAYS)
    if issued - SKEW > moment:
        yield EarlyApprovalError(claims.id, claims.issued)
    if expires + SKEW < moment:
        yield ExpiredApprovalError(claims.id, claims.expires)
    if claims.job != request.job:
        yield OtherJobError(claims.id, claims.job, request.job)
    if claims.requester != request.requester:
        yield OtherRequesterError(claims.id, claims.requester, request.requester)
    if claims.purpose != request.purpose:
        yield OtherPurposeError(claims.id, claims.purpose, request.purpose)
    if request.dataset is not None and claims.dataset != request.dataset:
        yield OtherDatasetError(claims.id, claims.dataset, request.dataset)
    if claims.columns is not None:
        if request.columns is None:
            yield ColumnScopeError(claims.id, None)
        elif beyond := sorted(set(request.columns) - set(claims.columns)):
            yield ColumnScopeError(claims.id, tuple(beyond))
    if claims.rows is not None and claims.rows != request.rows:
        yield RowScopeError(claims.id)
