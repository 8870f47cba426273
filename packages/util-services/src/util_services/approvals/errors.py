"""Why an approval is refused: a class and a sentence for each reason."""

from __future__ import annotations

from typing import ClassVar

from util_services.errors import ConfigurationError, RefusedError, quoted, quoted_name
from util_services.keys.errors import KeysError

SHOWN_DIGITS = len("sha256:") + 12


class TrustError(ConfigurationError):
    """Raised where it is not clear whom a deployment trusts."""


class UsesError(ConfigurationError):
    """Raised where it cannot be recorded that an approval was used."""


class UnfitApprovalError(KeysError):
    """Raised where an approval is to be signed that could never be accepted."""


class ApprovalRefusedError(RefusedError):
    """Base class of the reasons to refuse an approval; ``approval_id`` is None where it has none.

    ``reason`` is the same word in every release, for audit records.
    """

    reason: ClassVar[str] = "refused"

    def __init__(self, approval_id: str | None, *facts: object) -> None:
        super().__init__(approval_id, *facts)
        self.approval_id, self.facts = approval_id, facts

    def __str__(self) -> str:
        named = f"The approval {self.approval_id}" if self.approval_id else "The approval"
        return f"{named} is refused: {self._sentence()}"

    def _sentence(self) -> str:
        raise NotImplementedError

    def to_dict(self) -> dict[str, str | None]:
        """Return the refusal as a JSON object."""
        return {"reason": self.reason, "approval": self.approval_id, "sentence": str(self)}


class MalformedApprovalError(ApprovalRefusedError):
    """Raised for a text that is no approval; it was cut, or is of another version."""

    reason = "malformed"

    def _sentence(self) -> str:
        return f"{self.facts[0]}; hand over the whole token as 'approve new' wrote it."


class UntrustedApproverError(ApprovalRefusedError):
    """Raised where nobody has registered the key that signed."""

    reason = "untrusted"

    def _sentence(self) -> str:
        return (
            f"it names the key {quoted_name(str(self.facts[0]))}, which is none of an approver of "
            "this deployment; have the key registered with 'data-services approve trust add'."
        )


class RevokedApproverError(ApprovalRefusedError):
    """Raised where the key that signed was registered and is trusted no longer."""

    reason = "revoked"

    def _sentence(self) -> str:
        owner, moment = self.facts
        return (
            f"the key of {quoted_name(str(owner))} that signed it is not trusted since {moment}; "
            "ask an approver with a valid key."
        )


class ForgedApprovalError(ApprovalRefusedError):
    """Raised where the signature is not that of the key that the token names."""

    reason = "forged"

    def _sentence(self) -> str:
        return "its signature does not fit, so it was changed or forged; ask for a new one."


class OtherApproverError(ApprovalRefusedError):
    """Raised where a token names another approver than the owner of the key that signed it."""

    reason = "approver"

    def _sentence(self) -> str:
        named, owner = map(str, self.facts)
        return (
            f"it names {quoted_name(named)} as the approver, and its key belongs to "
            f"{quoted_name(owner)}; ask for one with the right name."
        )


class SelfApprovalError(ApprovalRefusedError):
    """Raised where requester and approver are the same person."""

    reason = "self_approval"

    def _sentence(self) -> str:
        return (
            f"{quoted_name(str(self.facts[0]))} would approve a request of their own; ask a second "
            "person."
        )


class _OtherError(ApprovalRefusedError):
    """Base class of those where a run wants something else than was approved."""

    what: ClassVar[str]

    def _sentence(self) -> str:
        approved, asked = (quoted_name(str(fact)) for fact in self.facts)
        return (
            f"it is for the {self.what} {approved} and not for {asked}; ask for one that fits, or "
            "correct the run."
        )


class OtherJobError(_OtherError):
    """Raised where another job was approved."""

    reason = what = "job"


class OtherPurposeError(_OtherError):
    """Raised where another purpose was approved."""

    reason = what = "purpose"


class OtherRequesterError(_OtherError):
    """Raised where the approval is for another requester."""

    reason = what = "requester"


class OtherDatasetError(ApprovalRefusedError):
    """Raised where another dataset, or another state of it, was approved."""

    reason = "dataset"

    def _sentence(self) -> str:
        approved, asked = (str(fact)[:SHOWN_DIGITS] for fact in self.facts)
        return (
            f"it is for a dataset with the digest {approved}… and the input has {asked}…; ask for "
            "one for this state of the data."
        )


class ColumnScopeError(ApprovalRefusedError):
    """Raised where a run wants more columns than were approved."""

    reason = "columns"

    def _sentence(self) -> str:
        beyond = self.facts[0]
        asked = quoted(list(beyond)) if isinstance(beyond, (list, tuple)) else "all columns"
        return f"it does not cover {asked}; leave them out, or ask for one that does."


class RowScopeError(ApprovalRefusedError):
    """Raised where a run wants other rows than were approved."""

    reason = "rows"

    def _sentence(self) -> str:
        return (
            "it covers the rows of one file, and the run wants all rows or those of another file; "
            "give that file, or ask for one that fits."
        )


class ExpiredApprovalError(ApprovalRefusedError):
    """Raised after an approval's time."""

    reason = "expired"

    def _sentence(self) -> str:
        return f"it expired at {self.facts[0]}; ask for a new one."


class EarlyApprovalError(ApprovalRefusedError):
    """Raised where an approval was signed in the future."""

    reason = "not_yet"

    def _sentence(self) -> str:
        return f"it was signed at {self.facts[0]}, which is still to come; compare the clocks."


class LifetimeError(ApprovalRefusedError):
    """Raised for an approval that would last too long."""

    reason = "lifetime"

    def _sentence(self) -> str:
        return f"it would last for more than {self.facts[0]} days; ask for a shorter one."


class UsedApprovalError(ApprovalRefusedError):
    """Raised where another run has used an approval for a single use."""

    reason = "used"

    def _sentence(self) -> str:
        return "it is for a single use, and another run has used it; ask for a new one."
