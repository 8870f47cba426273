"""Where bytes are: a local folder or an S3 bucket behind one protocol."""

from util_services.storage.local import LocalStorage
from util_services.storage.protocol import Fingerprint, Location, Storage
from util_services.storage.s3 import S3Storage
from util_services.storage.s3_handle import S3Handle
from util_services.storage.s3_settings import S3Settings

__all__ = [
    "Fingerprint",
    "LocalStorage",
    "Location",
    "S3Handle",
    "S3Settings",
    "S3Storage",
    "Storage",
]
