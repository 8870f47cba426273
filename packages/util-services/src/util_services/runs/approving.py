"""Approvals in a run: who let it through, or why nobody did, is in the audit before it goes on."""

import dagster as dg

from util_services.approvals import Approval, ApprovalRefusedError, ApprovalRequest, require
from util_services.audit import WorkRecord
from util_services.runs.auditing import record_in_run

APPROVAL = "approval"  # the action


def require_in_run(
    context: dg.OpExecutionContext,
    token: str,
    request: ApprovalRequest,
    *,
    single_use: bool = False,
) -> Approval:
    """Return an approval that covers what a run wants to do; record that it does, or why not.

    Args:
        context: of the op that needs it.
        token: the text of the approval.
        request: what the run wants, with the digest of the input as it was read.
        single_use: whether to record the use of any approval, whatever the approver said.

    Raises:
        ApprovalRefusedError: saying why the run may not go on.
        TrustError: if it is not clear whom the deployment trusts.
        UsesError: if the use cannot be recorded.
        AuditError: if the approval cannot be recorded; the run must not go on.
    """
    asked = WorkRecord(APPROVAL, requester=request.requester, purpose=request.purpose)
    try:
        approval = require(token, request, run_id=context.run_id, single_use=single_use)
    except ApprovalRefusedError as error:
        refused = asked.after("refused", approval=error.approval_id, facts={"reason": error.reason})
        record_in_run(context, refused)
        raise
    record_in_run(
        context,
        asked.after(
            "success",
            approval=approval.claims.id,
            facts={
                "approver": approval.claims.approver,
                "key": approval.key,
                "token_sha256": approval.token_sha256,
                "expires": approval.claims.expires,
                "use_recorded": approval.use_recorded,
            },
        ),
    )
    return approval
