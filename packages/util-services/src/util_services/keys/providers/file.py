"""The provider ``file``: keys as they are, in files that only this user can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from util_services import settings
from util_services.keys.providers.folder import FolderProvider

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from util_services.encryption.secret import Secret


class PlainWrapping:
    """Keeps a key as it is: whoever reads the file has it."""

    kind: ClassVar[str] = "plain"

    def wrap(self, context: Mapping[str, str], material: Secret) -> Secret:  # noqa: ARG002 - as all wrappings
        """Return the key."""
        return material

    def unwrap(self, context: Mapping[str, str], content: Secret) -> Secret:  # noqa: ARG002 - as all wrappings
        """Return the key."""
        return content


class FileProvider(FolderProvider):
    """Keeps keysets in the folder ``DATA_SERVICES_KEYS``."""

    name: ClassVar[str] = "file"

    @classmethod
    def from_environment(cls) -> Self:
        """Return the provider of the folder that the environment names."""
        return cls(keys_folder(), PlainWrapping())


def keys_folder() -> Path:
    """Return ``DATA_SERVICES_KEYS``, by default a folder of this user's own."""
    configured = settings.text("KEYS")
    if configured:
        return Path(configured).expanduser().absolute()
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "data-services" / "keys"
