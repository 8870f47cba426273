"""Extras of the package: told by name where one is missing."""

from __future__ import annotations

from importlib.util import find_spec

from workspace_core.errors import DataWorkspacesError


class MissingExtraError(DataWorkspacesError, ImportError):
    """Raised when a kit is imported and what it stands on is not installed."""

    def __init__(self, kit: str, module: str, extra: str) -> None:
        super().__init__(kit, module, extra)
        self.kit, self.module, self.extra = kit, module, extra

    def __str__(self) -> str:
        return (
            f"The kit for {self.kit} needs '{self.module}', which is not installed; install "
            f"workspace-core[{self.extra}]."
        )


def require(kit: str, extra: str, *modules: str) -> None:
    """Go on if the modules of an extra are installed; nothing is imported.

    Raises:
        MissingExtraError: naming the extra.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(kit, module, extra)
