"""The keys of the audit: what makes a record that nobody else can write.

They are those of the keyset ``audit``, kept by the provider of this deployment like any other. This
is the one place that asks for them. Where keysets are kept in files, it is made on first use.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from util_services import settings
from util_services.audit.errors import AuditError
from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.encryption.secret import Secret
    from util_services.keys import Key

KEYSET = "audit"  # its name, and its purpose
UNUSABLE = frozenset({"disabled", "destroyed"})  # states of keys


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A key of the audit, as two subkeys."""

    id: str
    chain: Secret  # for records
    seal: Secret  # for links that are kept elsewhere

    @classmethod
    def of(cls, key: Key) -> AuditKey:
        """Return a key of a keyset as the audit uses it."""
        return cls(key.id, key.subkey(KEYSET, "chain"), key.subkey(KEYSET, "seal"))

    def mac(self, content: bytes) -> str:
        """Return the HMAC-SHA256 (RFC 2104) of a record, in hex."""
        return hmac.new(self.chain.reveal(), content, hashlib.sha256).hexdigest()

    def sealed(self, text: str) -> str:
        """Return what only somebody with the key can say of a text that is kept elsewhere."""
        return hmac.new(self.seal.reveal(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class _Keys:
    keys: tuple[AuditKey, ...]  # the one of new records first
    unusable: Mapping[str, str]


def audit_keys() -> tuple[AuditKey, ...]:
    """Return the keys of the audit, the one of new records first; none if there is no keyset.

    Raises:
        AuditError: if it cannot be used.
    """
    return _known().keys


def unusable_keys() -> Mapping[str, str]:
    """Return the state of each key of the audit that cannot be used: disabled or destroyed.

    Raises:
        AuditError: if the keyset cannot be used.
    """
    return _known().unusable


def _known() -> _Keys:
    from util_services.keys.providers.file import keys_folder

    provider = settings.text("KEY_PROVIDER") or ""
    variable = os.environ.get(f"{settings.PREFIX}KEYSET_{KEYSET.upper()}", "")
    found = _loaded(provider, str(keys_folder()), hashlib.sha256(variable.encode()).hexdigest())
    if not found.keys:
        _loaded.cache_clear()  # it may be made at any time
    return found


def writing_key(*, is_first: bool) -> AuditKey:
    """Return the key of new records; where keysets are kept in files, one is made on first use.

    Args:
        is_first: whether there are no records yet; a lost key is not replaced behind one's back.

    Raises:
        AuditError: if there is none and none may or can be made.
    """
    found = audit_keys()
    if found:
        return found[0]
    if not is_first:
        raise AuditError(
            "There are audit records, but the keyset 'audit' that they were written with is not "
            "there; restore it, or correct DATA_SERVICES_KEYS and DATA_SERVICES_KEY_PROVIDER."
        )
    _make()
    return audit_keys()[0]


@lru_cache(maxsize=8)  # of KMS each key is a request, and a run asks several times
def _loaded(_provider: str, _folder: str, _variable: str) -> _Keys:
    from util_services.keys import Keyset
    from util_services.keys.errors import KeysetNotFoundError

    try:
        keyset = Keyset.load(KEYSET, purpose=KEYSET)
        primary = keyset.primary
    except KeysetNotFoundError:
        return _Keys((), {})
    except DataServicesError as error:
        raise AuditError(f"The audit has no key. {error}") from None
    others = (key for key in keyset.keys if key.id != primary.id)
    unusable = {key.id: key.state for key in keyset.info.keys if key.state in UNUSABLE}
    return _Keys(tuple(map(AuditKey.of, (primary, *others))), unusable)


def _make() -> None:
    """Make the keyset; of several processes that try at once, one succeeds."""
    from util_services.keys import Keyset
    from util_services.keys.errors import KeysetExistsError
    from util_services.keys.providers.choice import key_provider
    from util_services.keys.providers.file import FileProvider

    try:
        provider = key_provider()
        if not isinstance(provider, FileProvider):
            raise AuditError(
                "There is no keyset 'audit' for the audit; make it with 'data-services keys create "
                "audit --purpose audit'."
            )
        provider.create(Keyset.generate(KEYSET, purpose=KEYSET))
    except KeysetExistsError:
        return
    except AuditError:
        raise
    except DataServicesError as error:
        raise AuditError(f"No key can be made for the audit. {error}") from None
