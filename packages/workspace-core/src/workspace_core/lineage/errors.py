"""What can be wrong with lineage: each error is one sentence with the next step."""

from __future__ import annotations

from util_services.errors import printable
from workspace_core.errors import DataWorkspacesError, LineageError


class LineageConflictError(LineageError):
    """Raised when a step names one thing twice, as a whole and in part."""

    def __init__(self, step: str, whole: str, part: str) -> None:
        super().__init__(step, whole, part)
        self.step, self.whole, self.part = step, whole, part

    def __str__(self) -> str:
        return (
            f"The step '{printable(self.step)}' names {printable(self.part)}, which is a part of "
            f"{printable(self.whole)}; name {printable(self.whole)} alone."
        )


class LineageNotFoundError(LineageError):
    """Raised when there is nothing of which lineage could be told."""


class LineageConsistencyError(LineageError):
    """Raised when a step is told two things that cannot both be true."""


class StepOverError(LineageError):
    """Raised when something is said of a step that has ended."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step

    def __str__(self) -> str:
        return (
            f"The step '{printable(self.step)}' has ended, and its record is never changed; begin "
            "another one."
        )


class ChangedInputError(DataWorkspacesError):
    """Raised when a file was written to while a step read it, so that nobody knows what it read."""

    def __init__(self, ref: str) -> None:
        super().__init__(ref)
        self.ref = ref

    def __str__(self) -> str:
        return (
            f"{printable(self.ref)} changed while it was read, so that nobody knows what was read; "
            "read it again once nobody writes to it."
        )


class UnrecordedStepError(DataWorkspacesError):
    """Raised when a step ended well and its record could not be made, so that nothing tells of it.

    Args:
        step: the name of the step.
        cause: why, as a sentence.
    """

    def __init__(self, step: str, cause: str) -> None:
        super().__init__(step, cause)
        self.step, self.cause = step, cause

    def __str__(self) -> str:
        return f"The step '{printable(self.step)}' has ended and is not recorded: {self.cause}"
