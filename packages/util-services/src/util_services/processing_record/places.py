"""The files that stand beside what runs published: on this machine, or in a store of S3."""

from __future__ import annotations

from pathlib import Path

from util_services.errors import DataServicesError
from util_services.processing_record.settings_in_force import credential_sets
from util_services.storage.s3_settings import S3Settings

S3_SCHEME = "s3://"
MOST_BYTES = 64 << 20  # of a report; nothing as large is one


def content_at(address: str) -> bytes:
    """Return the content of a file.

    A bucket is looked into with each credential set that the environment names, until one may.

    Raises:
        OSError: if it is not on this machine, or no store that may be read has it.
    """
    if not address.startswith(S3_SCHEME):
        return Path(address).read_bytes()
    from util_services.storage.s3 import S3Storage

    for name in sorted(credential_sets()):
        try:
            storage = S3Storage(S3Settings.from_environment(name))
            with storage.open(storage.resolve(address)) as file:
                return file.read(MOST_BYTES)
        except (DataServicesError, OSError):
            continue
    raise FileNotFoundError(address)
