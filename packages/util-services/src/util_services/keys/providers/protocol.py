"""What a provider of keysets does; plugins bring others through ``register_key_providers``.

The hook returns classes. A provider is made from the environment when it is asked for, so that its
class may be named without importing what it needs. `conformance.check_key_provider` holds a
provider to all that is said here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from util_services.encryption.secret import Secret
    from util_services.keys.info import KeysetInfo
    from util_services.keys.keyset import Keyset

    Change = Callable[[KeysetInfo], KeysetInfo]


class KeyProvider(Protocol):
    """Keeps keysets. Every error is a `KeysError` in one sentence, and no text holds a key."""

    name: ClassVar[str]  # what DATA_SERVICES_KEY_PROVIDER calls it

    @classmethod
    def from_environment(cls) -> Self:
        """Return the provider that the environment describes.

        Raises:
            ConfigurationError: naming the variable that is missing or wrong.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of all keysets, sorted, those of damaged ones too."""
        ...

    def describe(self, name: str) -> KeysetInfo:
        """Return what may be known of a keyset, without touching its keys.

        Raises:
            KeysetNotFoundError: if there is none.
            DamagedKeysetError: if it is not as it was written.
        """
        ...

    def load(self, name: str, *, with_disabled: bool = False) -> Keyset:
        """Return a keyset with the keys that may be used; a backup wants disabled ones too.

        Raises:
            KeysError: as `describe` does, and where a key cannot be unwrapped.
        """
        ...

    def create(self, keyset: Keyset) -> None:
        """Keep a new keyset with all its keys.

        Raises:
            KeysetExistsError: if the name is taken, or another keyset has or had one of the keys.
            ReadOnlyProviderError: if the provider only reads.
        """
        ...

    def update(self, name: str, change: Change) -> KeysetInfo:
        """Change a keyset and return what is then known of it.

        Of several processes that change one keyset each sees what the one before has left, and
        whoever reads meanwhile sees one or the other. For a key that the change adds the provider
        makes the material (`keyset.with_new_materials`); that of a destroyed key it forgets for
        good. Nothing is changed if the change raises.

        Raises:
            KeysError: as `describe` does.
            ReadOnlyProviderError: if the provider only reads.
        """
        ...


class Wrapping(Protocol):
    """How a key is kept in a file: as it is, or under another key that lies elsewhere.

    What is wrapped can be unwrapped only under the same context, which names application, keyset,
    purpose and key. A hardware module (PKCS#11) or Vault's transit engine fits in here: a class
    with these three members, and a `FolderProvider` around it.
    """

    kind: ClassVar[str]  # what a file calls it: lower-case letters, digits and hyphens

    def wrap(self, context: Mapping[str, str], material: Secret) -> Secret:
        """Return a key as the file is to hold it."""
        ...

    def unwrap(self, context: Mapping[str, str], content: Secret) -> Secret:
        """Return the key that a file holds.

        Raises:
            BrokenRecordError: if it is not what was wrapped, or the context is another.
        """
        ...
