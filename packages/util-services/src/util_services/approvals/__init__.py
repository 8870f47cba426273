"""Approvals: what a second person has signed, without which some jobs do not run.

    approval = require(token, ApprovalRequest(job=…, dataset=…, …), run_id=context.run_id)

raises the reason in one sentence, or returns the record that an audit wants.
"""

from util_services.approvals.check import approve, check, require
from util_services.approvals.errors import ApprovalRefusedError
from util_services.approvals.records import Approval, ApprovalRequest, Claims
from util_services.approvals.trust import Approver, Trust

__all__ = [
    "Approval",
    "ApprovalRefusedError",
    "ApprovalRequest",
    "Approver",
    "Claims",
    "Trust",
    "approve",
    "check",
    "require",
]
