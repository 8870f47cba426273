"""What this package brings to data-services; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from field_pseudonymisation.techniques.technique import Technique


@hookimpl
def register_hookspecs() -> Iterable[ModuleType]:
    """Return the hooks for techniques and detectors."""
    from field_pseudonymisation import specs

    return [specs]


@hookimpl
def register_techniques() -> Iterable[Technique]:
    """Return the built-in techniques."""
    from field_pseudonymisation.techniques.catalogue import built_in_techniques

    return built_in_techniques()
