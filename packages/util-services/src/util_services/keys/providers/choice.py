"""Which provider keeps the keysets of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services import settings
from util_services.keys.errors import UnknownProviderError
from util_services.plugins.manager import plugin_manager

if TYPE_CHECKING:
    from util_services.keys.providers.protocol import KeyProvider

DEFAULT = "file"


def key_provider(name: str | None = None) -> KeyProvider:
    """Return the provider of a name, by default that of ``DATA_SERVICES_KEY_PROVIDER``.

    Raises:
        UnknownProviderError: if no plugin brings it.
        ConfigurationError: if its settings are missing or wrong.
    """
    name = name or settings.text("KEY_PROVIDER") or DEFAULT
    registered = plugin_manager().named("register_key_providers")
    if name not in registered:
        raise UnknownProviderError(name, tuple(sorted(registered)))
    provider: KeyProvider = registered[name].value.from_environment()
    return provider
