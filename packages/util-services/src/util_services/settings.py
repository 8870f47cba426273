"""The environment variables of data-services, read in one place and at the time of use.

Names and meanings are public API (docs/settings.md).
"""

from __future__ import annotations

import os
from pathlib import Path

from util_services.errors import ConfigurationError

PREFIX = "DATA_SERVICES_"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


def text(name: str) -> str | None:
    """Return the value of ``DATA_SERVICES_<name>``, or None where it is unset or empty."""
    return os.environ.get(PREFIX + name) or None


def flag(name: str) -> bool | None:
    """Return a setting as a boolean, None where it is unset.

    Raises:
        ConfigurationError: if the value is none of the words for yes and no.
    """
    value = os.environ.get(PREFIX + name)
    if value is None:
        return None
    word = value.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ConfigurationError(f"{PREFIX}{name} must be 'true' or 'false'; correct the variable.")


def names(name: str) -> tuple[str, ...]:
    """Return a comma-separated setting as a tuple of its non-empty parts."""
    value = text(name)
    return tuple(part.strip() for part in value.split(",") if part.strip()) if value else ()


def staging() -> Path | None:
    """Return the folder for staging inside ``DATA_SERVICES_STAGING``, None where none is set.

    It is one of our own, so that nothing else in the configured folder is ever touched.
    """
    configured = text("STAGING")
    if configured is None or bucket_of("STAGING") is not None:
        return None
    return Path(configured).resolve() / "data-services-staging"


def bucket_of(name: str) -> tuple[str, str] | None:
    """Return bucket and prefix where a setting names a place in S3, else None."""
    configured = text(name) or ""
    if not configured.startswith("s3://"):
        return None
    bucket, _, prefix = configured.removeprefix("s3://").partition("/")
    return bucket, prefix.strip("/")


def root() -> Path:
    """Return the root of the local storage: ``DATA_SERVICES_ROOT``, else the current directory."""
    return Path(text("ROOT") or ".").resolve()
