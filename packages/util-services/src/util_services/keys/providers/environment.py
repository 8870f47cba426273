"""The provider ``environment``: keysets in variables, as an orchestrator's secrets arrive.

``DATA_SERVICES_KEYSET_<NAME>`` holds the file of a keyset in Base64; NAME is the name in upper case
with underscores for hyphens. Every child process sees them, as it does all variables.
"""

from __future__ import annotations

import base64
import binascii
import os
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, NoReturn

from util_services.encryption.secret import Secret, discreet
from util_services.errors import quoted_name
from util_services.keys.errors import (
    DamagedKeysetError,
    KeysError,
    KeysetNotFoundError,
    ReadOnlyProviderError,
)
from util_services.keys.info import require_name
from util_services.keys.providers.documents import DocumentProvider, is_name, refuse_known_keys
from util_services.keys.providers.file import PlainWrapping
from util_services.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from util_services.keys.info import KeysetInfo
    from util_services.keys.keyset import Keyset
    from util_services.keys.providers.protocol import Change

VARIABLE = f"{PREFIX}KEYSET_"


class EnvironmentProvider(DocumentProvider):
    """Reads keysets from variables of the environment."""

    name: ClassVar[str] = "environment"

    def __init__(self) -> None:
        super().__init__(PlainWrapping())

    @classmethod
    def from_environment(cls) -> Self:
        """Return the provider."""
        return cls()

    def names(self) -> tuple[str, ...]:
        """Return the names of all keysets, sorted."""
        variables = (name for name in os.environ if name.startswith(VARIABLE))
        names = (v.removeprefix(VARIABLE).lower().replace("_", "-") for v in variables)
        found = (name for name in names if is_name(name) and _variable(name) in os.environ)
        return tuple(sorted(set(found)))

    def load(self, name: str, *, with_disabled: bool = False) -> Keyset:
        """Return a keyset with the keys that may be used."""
        keyset = super().load(name, with_disabled=with_disabled)
        refuse_known_keys(keyset.info, self._others(name))
        return keyset

    def create(self, keyset: Keyset) -> NoReturn:
        """Refuse to keep a keyset."""
        self._refuse(keyset.name)

    def update(self, name: str, change: Change) -> NoReturn:  # noqa: ARG002 - as all providers
        """Refuse to change a keyset."""
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        cure = (
            "make or change it with DATA_SERVICES_KEY_PROVIDER=file where keys are made, and set "
            f"{_variable(name)} to the Base64 of its file."
        )
        raise ReadOnlyProviderError(self.name, cure)

    def _place(self, name: str) -> str:
        return f"The keyset {quoted_name(name)} in {_variable(name)}"

    @discreet
    def _content(self, name: str) -> Secret:
        value = os.environ.get(_variable(name))
        if not value:
            raise KeysetNotFoundError(name, f"the environment as {_variable(name)}")
        try:
            return Secret(base64.b64decode("".join(value.split()), validate=True))
        except (binascii.Error, ValueError):
            raise DamagedKeysetError(self._place(name), "it is no Base64") from None

    def _others(self, name: str) -> Iterator[KeysetInfo]:
        for other in self.names():
            if other != name:
                with suppress(KeysError):  # a damaged keyset is told to those who use it
                    yield self.describe(other)


def _variable(name: str) -> str:
    return VARIABLE + require_name(name, "keyset").upper().replace("-", "_")
