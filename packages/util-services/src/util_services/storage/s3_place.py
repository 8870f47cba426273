"""A bucket and a prefix that a setting names, with the credentials that open them."""

from __future__ import annotations

from dataclasses import dataclass

from util_services import settings
from util_services.errors import ConfigurationError
from util_services.storage.s3 import BUCKET_NAME
from util_services.storage.s3_settings import S3Settings


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where in S3 a setting leads to."""

    settings: S3Settings
    bucket: str
    prefix: str


def configured_place(name: str) -> S3Place | None:
    """Return the place that ``DATA_SERVICES_<name>`` names as ``s3://…``, None where it does not.

    ``DATA_SERVICES_<name>_RESOURCE`` is its credential set, by default the general one.

    Raises:
        ConfigurationError: if the setting names no bucket, or a credential setting is wrong.
    """
    place = settings.bucket_of(name)
    if place is None:
        return None
    bucket, prefix = place
    if not BUCKET_NAME.fullmatch(bucket):
        raise ConfigurationError(
            f"{settings.PREFIX}{name} names no bucket; write 's3://bucket/prefix'."
        )
    return S3Place(
        S3Settings.from_environment(settings.text(f"{name}_RESOURCE") or ""), bucket, prefix
    )
