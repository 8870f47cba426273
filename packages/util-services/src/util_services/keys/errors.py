"""What can be wrong with keysets, keys and those who keep them; no text holds a secret."""

from __future__ import annotations

from util_services.errors import DataServicesError, RefusedError, quoted, quoted_name


class KeysError(RefusedError, ValueError):
    """Base class of what is refused about keys; nothing was changed."""


class KeysetNameError(KeysError):
    """Raised for a name of a keyset, a purpose or a domain that cannot be one."""


class KeysetNotFoundError(KeysError, LookupError):
    """Raised where a provider has no keyset of a name."""

    def __init__(self, name: str, place: str) -> None:
        super().__init__(name, place)
        self.name, self.place = name, place

    def __str__(self) -> str:
        return (
            f"There is no keyset {quoted_name(self.name)} in {self.place}; make one with "
            "'data-services keys create', or correct the name."
        )


class KeysetExistsError(KeysError):
    """Raised where a keyset would take the place, or the keys, of another."""


class WrongPurposeError(KeysError):
    """Raised where a keyset is used for something that it was not made for."""

    def __init__(self, name: str, purpose: str, asked: str) -> None:
        super().__init__(name, purpose, asked)
        self.name, self.purpose, self.asked = name, purpose, asked

    def __str__(self) -> str:
        return (
            f"The keyset {quoted_name(self.name)} is for {quoted_name(self.purpose)} and is asked "
            f"for {quoted_name(self.asked)}; name a keyset that was made for that."
        )


class UnknownKeyError(KeysError, LookupError):
    """Raised for the id of a key that a keyset does not have."""

    def __init__(self, name: str, key_id: str) -> None:
        super().__init__(name, key_id)
        self.name, self.key_id = name, key_id

    def __str__(self) -> str:
        return (
            f"The keyset {quoted_name(self.name)} has no key {quoted_name(self.key_id)}; "
            "'data-services keys show' lists those that it has."
        )


class KeyStateError(KeysError):
    """Raised where a key is not in the state that its use or a change needs."""


class DisabledKeyError(KeyStateError):
    """Raised where a disabled key is to be used."""

    def __init__(self, name: str, key_id: str) -> None:
        super().__init__(name, key_id)
        self.name, self.key_id = name, key_id

    def __str__(self) -> str:
        return (
            f"The key '{self.key_id}' of the keyset {quoted_name(self.name)} is disabled; whoever "
            "holds the keys can enable it with 'data-services keys enable'."
        )


class DestroyedKeyError(KeyStateError):
    """Raised where a destroyed key is to be used or brought back."""

    def __init__(self, name: str, key_id: str, destroyed: str) -> None:
        super().__init__(name, key_id, destroyed)
        self.name, self.key_id, self.destroyed = name, key_id, destroyed

    def __str__(self) -> str:
        return (
            f"The key '{self.key_id}' of the keyset {quoted_name(self.name)} was destroyed on "
            f"{self.destroyed}, which cannot be undone; what it protected cannot be read any more."
        )


class BrokenRecordError(KeysError):
    """Raised for a record that breaks a rule; its text is the second half of a sentence."""


class DamagedKeysetError(KeysError):
    """Raised for a keyset that is not as it was written, or is of a form unknown here."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place, self.reason = place, reason

    def __str__(self) -> str:
        return (
            f"{self.place} cannot be used: {self.reason}. Put it right, or restore it from a "
            "backup with 'data-services keys restore'."
        )


class ReadOnlyProviderError(KeysError):
    """Raised where a provider that only reads is to change a keyset."""

    def __init__(self, provider: str, cure: str) -> None:
        super().__init__(provider, cure)
        self.provider, self.cure = provider, cure

    def __str__(self) -> str:
        return f"The key provider '{self.provider}' only reads keysets; {self.cure}"


class UnknownProviderError(KeysError):
    """Raised where ``DATA_SERVICES_KEY_PROVIDER`` names no provider."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return (
            f"DATA_SERVICES_KEY_PROVIDER names {quoted_name(self.name)}, which no installed "
            f"package brings; use {quoted(self.known)}."
        )


class WrongProviderError(KeysError):
    """Raised where a keyset was written by another provider than the one that reads it."""

    def __init__(self, place: str, wrapping: str, provider: str) -> None:
        super().__init__(place, wrapping, provider)
        self.place, self.wrapping, self.provider = place, wrapping, provider

    def __str__(self) -> str:
        return (
            f"{self.place} keeps its keys as '{self.wrapping}', which the provider "
            f"'{self.provider}' does not read; set DATA_SERVICES_KEY_PROVIDER to the one that does."
        )


class KeyServiceError(KeysError):
    """Raised where a key service refuses or cannot be reached."""


class BusyKeysetError(DataServicesError):
    """Raised where others kept changing a keyset for longer than one is willing to wait."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"Another process has been changing the keyset {quoted_name(self.name)} for too long; "
            "try again, and look for one that hangs."
        )


class WrongRecoveryKeyError(KeysError):
    """Raised where what is sealed cannot be opened."""
