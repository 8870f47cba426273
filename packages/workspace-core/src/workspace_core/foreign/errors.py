"""Errors of taking over what other tools have written."""

from __future__ import annotations

from workspace_core.errors import ConfigurationError, shown


class ForeignFormatError(ConfigurationError):
    """Raised when files of another tool are not what that tool writes, or would lead astray."""

    def __init__(self, file: str, rule: str) -> None:
        super().__init__(file, rule)
        self.file, self.rule = file, rule

    def __str__(self) -> str:
        return (
            f"{shown(self.file[:300])} cannot be taken over: {self.rule}; nothing was imported. "
            "Get it anew from where it came from."
        )
