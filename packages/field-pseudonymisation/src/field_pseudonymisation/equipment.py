"""What detectors can use of a machine; ``data-services doctor`` tells."""

from __future__ import annotations

from util_services.health.equipment import extra


def presidio() -> str:
    """Look for what finds names in texts by a language model."""
    return extra(
        "presidio_analyzer", "names in texts by a model", "field-pseudonymisation[presidio]"
    )
