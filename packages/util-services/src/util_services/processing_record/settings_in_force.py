"""Technical measures that settings turn on or off, as this process finds them set.

Runs of other machines may be set otherwise; the statement says whose settings they are. Values are
told only where they are choices; no address, name of a person or secret is.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from util_services import settings
from util_services.audit.retention import retention_days
from util_services.processing_record.document import Source, Statement
from util_services.storage.s3_settings import TELLING, S3Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PROVIDER = "file"
SET_OF_S3 = re.compile(rf"(?:(\w+)_)?S3_({'|'.join(TELLING)})")


def settings_in_force() -> Iterator[Statement]:
    """Yield what settings say of encryption, keys, approvals and the audit.

    Raises:
        ConfigurationError: naming the setting whose value is not of its kind.
    """
    is_encrypted = settings.flag("STAGING_ENCRYPTION") is True
    yield _of(
        "STAGING_ENCRYPTION",
        "Intermediate files of runs are encrypted at rest (AES-256-GCM, a key for each run)."
        if is_encrypted
        else "Intermediate files of runs are not encrypted; only the account of the runs reads "
        "them, and they are gone when a run ends.",
        is_encrypted,
    )
    yield from _stores()
    provider = settings.text("KEY_PROVIDER") or DEFAULT_PROVIDER
    yield _of("KEY_PROVIDER", f"Keys are kept by the provider '{provider}'.", provider)
    may = settings.flag("REIDENTIFICATION") is not False
    yield _of(
        "REIDENTIFICATION",
        "Originals can be brought back, with the approval of a second person."
        if may
        else "The jobs that bring originals back are left out of the deployment.",
        may,
    )
    days = retention_days()
    yield _of(
        "AUDIT_RETENTION_DAYS",
        "Records of the audit are never removed."
        if days is None
        else f"Records of the audit may be removed after {days} days.",
        days,
    )


def _stores() -> Iterator[Statement]:
    for name in sorted(credential_sets()):
        found = S3Settings.from_environment(name)
        variable = f"{name.upper()}_S3" if name else "S3"
        is_secure = (found.endpoint_url or "https://").startswith("https://")
        way = "over TLS" if is_secure else "without TLS"
        way_of_store = ":".join(found.encryption.split(":")[:2])  # without the id of a key
        rest = f"encrypted by the store ({way_of_store})"
        kept = rest if found.encryption else "without asking the store to encrypt it"
        yield Statement(
            f"The S3 store of the credentials '{variable}' is reached {way}, and written {kept}.",
            (Source("setting", f"{variable}_ENDPOINT_URL"), Source("setting", f"{variable}_SSE")),
            {"store": variable, "tls": is_secure, "server_side_encryption": bool(found.encryption)},
        )


def credential_sets() -> set[str]:
    """Return the credential sets that the environment says anything of."""
    found = (SET_OF_S3.fullmatch(variable) for variable, value in os.environ.items() if value)
    return {(match[1] or "").lower() for match in found if match}


def _of(name: str, text: str, value: str | bool | int | None) -> Statement:  # noqa: FBT001 - a value to tell
    variable = settings.PREFIX + name
    return Statement(text, (Source("setting", variable),), {variable: value})
