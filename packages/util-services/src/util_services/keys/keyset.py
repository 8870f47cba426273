"""Keysets: named keys of one purpose, from which a subkey is derived for each use.

What lasts is a random key of 256 bits. No cipher or MAC ever uses it: each gets a subkey by
HKDF-SHA256 (RFC 5869), whose ``info`` names purpose and domain. So two domains have nothing in
common, and a key that leaks from one use tells nothing of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from util_services.encryption.secret import Secret, discreet
from util_services.errors import quoted_name
from util_services.keys.errors import (
    BrokenRecordError,
    DestroyedKeyError,
    DisabledKeyError,
    KeysetNameError,
    WrongPurposeError,
)
from util_services.keys.info import new_keyset_info

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from util_services.keys.info import KeyInfo, KeysetInfo
    from util_services.keys.providers.protocol import KeyProvider

MATERIAL_BYTES = 32
CHECK_BYTES = 8
LEAST_DISTINCT_BYTES = 12  # fewer are, of 32 random bytes, once in 10^24 keys
MOST_DERIVED_BYTES = 255 * 32  # RFC 5869, section 2.3
LABEL = "data-services/keys/1"


class Key:
    """One key of a keyset that may be used."""

    __slots__ = ("_material", "_purpose", "info")

    def __init__(self, info: KeyInfo, purpose: str, material: Secret) -> None:
        self.info, self._purpose, self._material = info, purpose, material

    @property
    def id(self) -> str:
        """The id: 8 hexadecimal digits."""
        return self.info.id

    def subkey(self, domain: str, *labels: str, length: int = 32) -> Secret:
        """Return the subkey of a domain, of so many bytes.

        Further labels tell uses inside a domain apart, such as a technique. The same key, domain,
        labels and length always give the same subkey; two lengths are related, so that a use should
        ask for one length.

        Raises:
            KeysetNameError: if the domain or a label is empty or no valid text.
            ValueError: if the length is not from 16 to 8,160 bytes.
        """
        if not 16 <= length <= MOST_DERIVED_BYTES:
            raise ValueError(f"A subkey has from 16 to {MOST_DERIVED_BYTES} bytes.")
        return self._material.derive(_info("subkey", self._purpose, domain, *labels), length)

    def __repr__(self) -> str:
        """Return id and state, never the key."""
        return f"Key({self.id!r}, {self.info.state})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("A key is never pickled; hand on the name of its keyset.")


class Keyset:
    """Named keys of one purpose. Make one with `generate`, or `load` one by its name."""

    __slots__ = ("_materials", "info")

    def __init__(self, info: KeysetInfo, materials: Mapping[str, Secret]) -> None:
        """Put what is known of a keyset and its keys together.

        Raises:
            BrokenRecordError: if a key is not the one that its check tells of, or is no random one.
        """
        self.info, self._materials = info, dict(materials)
        for key_id, material in self._materials.items():
            _require_random(key_id, material)
            if check_of(material) != info.key(key_id).check:
                raise BrokenRecordError(f"the key '{key_id}' is not the one that its check tells")

    @classmethod
    def generate(cls, name: str = "unnamed", purpose: str = "pseudonymisation") -> Keyset:
        """Return a new keyset with one random key, which is in memory alone.

        Raises:
            KeysetNameError: if the name or the purpose cannot be one.
        """
        return cls(*with_new_materials(new_keyset_info(name, purpose), ()))

    @classmethod
    def load(
        cls, name: str, *, purpose: str | None = None, provider: KeyProvider | None = None
    ) -> Keyset:
        """Return a keyset by its name.

        Args:
            name: its name.
            purpose: what it is to be used for; a keyset of another purpose is refused.
            provider: who keeps it; by default the one of ``DATA_SERVICES_KEY_PROVIDER``.

        Raises:
            KeysError: in one sentence, if there is none or it cannot be used.
        """
        if provider is None:
            from util_services.keys.providers.choice import key_provider

            provider = key_provider()
        info = provider.describe(name)
        if purpose is not None and info.purpose != purpose:
            raise WrongPurposeError(name, info.purpose, purpose)
        return provider.load(name)

    @property
    def name(self) -> str:
        """The name."""
        return self.info.name

    @property
    def purpose(self) -> str:
        """What the keys may be used for."""
        return self.info.purpose

    @property
    def primary(self) -> Key:
        """The key for new data.

        Raises:
            DestroyedKeyError: if the keyset was destroyed.
        """
        return self.key(self.info.require_primary().id)

    def key(self, key_id: str) -> Key:
        """Return the primary key or one that is still read with.

        Raises:
            UnknownKeyError: if the keyset does not have it.
            KeyStateError: if it is disabled or destroyed.
        """
        info = self.info.key(key_id)
        if info.state == "disabled":
            raise DisabledKeyError(self.name, key_id)
        if info.state == "destroyed":
            raise DestroyedKeyError(self.name, key_id, info.changed)
        if key_id not in self._materials:  # it was disabled when the keyset was loaded
            raise DisabledKeyError(self.name, key_id)
        return Key(info, self.purpose, self._materials[key_id])

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that may be used, the newest first."""
        usable = (key.id for key in self.info.keys if key.state in ("primary", "active"))
        return tuple(map(self.key, usable))

    def changed(self, change: Callable[[KeysetInfo], KeysetInfo]) -> Keyset:
        """Return the keyset after a change, such as ``KeysetInfo.rotated``; in memory alone."""
        info, new = with_new_materials(change(self.info), {key.id for key in self.info.keys})
        kept = {key_id: m for key_id, m in self._materials.items() if key_id in info.living}
        return Keyset(info, {**kept, **new})

    @property
    def materials(self) -> Mapping[str, Secret]:
        """The keys themselves by id, for those who keep them; use `key` for everything else."""
        return dict(self._materials)

    def __repr__(self) -> str:
        """Return name, purpose and ids, never a key."""
        ids = ", ".join(key.id for key in self.info.keys)
        return f"Keyset({self.name!r}, purpose={self.purpose!r}, keys=[{ids}])"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("A keyset is never pickled; hand on its name and load it by that.")


def with_new_materials(
    info: KeysetInfo, known: Collection[str]
) -> tuple[KeysetInfo, dict[str, Secret]]:
    """Make the keys that a change has added, and write down their checks."""
    new = {}
    for key in info.keys:
        if key.id not in known and key.state != "destroyed":
            new[key.id] = Secret.random(MATERIAL_BYTES)
            info = info.with_check(key.id, check_of(new[key.id]))
    return info, new


def check_of(material: Secret) -> str:
    """Return 64 bits derived from a key, by which it is known again: 16 hexadecimal digits."""
    return material.derive(_info("check"), CHECK_BYTES).reveal().hex()


@discreet
def _require_random(key_id: str, material: Secret) -> None:
    if len(material) != MATERIAL_BYTES:
        raise BrokenRecordError(f"the key '{key_id}' does not have {MATERIAL_BYTES} bytes")
    if len(set(material.reveal())) < LEAST_DISTINCT_BYTES:
        raise BrokenRecordError(f"the key '{key_id}' is no random one")


def _info(*parts: str) -> bytes:
    """Return the ``info`` of HKDF: each part behind its length, so that no two lists look alike."""
    encoded = LABEL.encode()
    for part in parts:
        try:
            text = part.encode()
        except UnicodeEncodeError:
            text = b""
        if not text:
            raise KeysetNameError(f"{quoted_name(part)} cannot name a domain; use a text.")
        encoded += len(text).to_bytes(4, "big") + text
    return encoded
