"""Can the keys that jobs ask for be had?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.health.checks import NotApplicableError

if TYPE_CHECKING:
    from util_services.health.checks import HealthContext


def keysets(_context: HealthContext) -> str:
    """Load every keyset of the provider that is chosen; the keys are let go at once."""
    from util_services.keys.providers.choice import key_provider

    provider = key_provider()
    names = provider.names()
    if not names:
        raise NotApplicableError(f"The key provider '{provider.name}' holds no keysets.")
    for name in names:
        provider.load(name)
    return f"All {len(names)} keysets of the key provider '{provider.name}' can be loaded."
