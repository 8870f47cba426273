"""Backups of keysets: sealed, to be kept elsewhere, and to be restored on any machine.

A backup shows what may be known of its keyset to everybody, and its keys to whoever can open it.
Both halves are authenticated together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.encryption.secret import Secret, discreet
from util_services.errors import quoted_name
from util_services.keys.errors import (
    BrokenRecordError,
    KeysError,
    WrongRecoveryKeyError,
)
from util_services.keys.fields import (
    canonical,
    parse,
    parse_object,
    require_fields,
    require_instant,
    secret_from_base64,
    to_base64,
    to_json,
)
from util_services.keys.info import KeysetInfo, utc_now
from util_services.keys.keyset import Keyset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.keys.sealing import Opener, Sealer

KIND = "data-services/keyset-backup"
SCHEMA = 1


class BackupError(KeysError):
    """Raised for a backup that cannot be used."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A sealed keyset."""

    info: KeysetInfo
    made: str
    seal: Mapping[str, Any]

    @classmethod
    def of(cls, keyset: Keyset, sealer: Sealer) -> Backup:
        """Return a backup of a keyset, disabled keys too.

        Raises:
            DestroyedKeyError: if there is no key left to keep.
        """
        keyset.info.require_primary()
        if keyset.materials.keys() != keyset.info.living:
            raise ValueError("A backup wants the keyset loaded with its disabled keys.")
        made = utc_now()
        return cls(keyset.info, made, sealer.seal(_record(keyset.info, made), _content(keyset)))

    @discreet
    def open(self, opener: Opener) -> Keyset:
        """Return the keyset.

        Raises:
            WrongRecoveryKeyError: if it was sealed for another, or was changed.
        """
        try:
            content = opener.open(_record(self.info, self.made), self.seal)
            held = parse_object(content.reveal())
            require_fields(held, self.info.living, "the sealed part")
            materials = {key_id: secret_from_base64(text, "a key") for key_id, text in held.items()}
            return Keyset(self.info, materials)
        except WrongRecoveryKeyError as error:
            name = quoted_name(self.info.name)
            raise WrongRecoveryKeyError(f"The backup of {name} stays closed. {error}") from None
        except BrokenRecordError as error:
            raise _unusable(str(error)) from None

    def to_bytes(self) -> Secret:
        """Return the content of a file."""
        record = {"keyset": self.info.to_dict(), "made": self.made, "seal": dict(self.seal)}
        return Secret(to_json(KIND, SCHEMA, record).encode())

    @classmethod
    def from_bytes(cls, content: bytes) -> Backup:
        """Return the backup that the content of a file stands for.

        Raises:
            BackupError: if it is none.
        """
        try:
            record = parse(content, KIND, SCHEMA)
            require_fields(record, {"keyset", "made", "seal"}, "a backup")
            require_instant(record["made"], "'made'")
            return cls(KeysetInfo.from_dict(record["keyset"]), record["made"], record["seal"])
        except BrokenRecordError as error:
            raise _unusable(str(error)) from None


@discreet
def _content(keyset: Keyset) -> Secret:
    """Return the part of a backup that is sealed."""
    materials = {key_id: to_base64(m.reveal()) for key_id, m in keyset.materials.items()}
    return Secret(canonical(materials))


def _record(info: KeysetInfo, made: str) -> dict[str, Any]:
    """Return the part of a backup that lies open."""
    return {"kind": KIND, "schema": SCHEMA, "keyset": info.to_dict(), "made": made}


def _unusable(reason: str) -> BackupError:
    return BackupError(f"The backup cannot be used: {reason}; take another copy of it.")
