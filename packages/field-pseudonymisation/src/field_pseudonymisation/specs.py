"""The hooks through which packages bring techniques and detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins.markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Detector
    from field_pseudonymisation.techniques.technique import Technique


@hookspec
def register_techniques() -> Iterable[Technique]:
    """Return techniques for rules; import nothing heavy for them before they are bound."""
    raise NotImplementedError


@hookspec
def register_detectors() -> Iterable[Detector]:
    """Return detectors of personal data in texts, named by what they find."""
    raise NotImplementedError
