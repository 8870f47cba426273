"""The hook through which packages bring cleaning steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins.markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data_processing.steps.step import Step


@hookspec
def register_steps() -> Iterable[Step]:
    """Return steps for recipes; import nothing heavy for them before they run."""
    raise NotImplementedError
