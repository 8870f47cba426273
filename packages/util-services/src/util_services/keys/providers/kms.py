"""The provider ``kms``: keys in files, each encrypted under a key that never leaves AWS KMS.

This is envelope encryption: the keys of a keyset are data keys, of which the disk holds only what
KMS made of them, together with an encryption context that names keyset, purpose and key. A file
that was copied, or moved to another name, is of no use without the right to decrypt in KMS.

``DATA_SERVICES_KMS_KEY`` is the KMS key: an id, an ARN or an alias. Region and credentials are
those that the AWS tools use; ``DATA_SERVICES_KMS_ENDPOINT_URL`` names another endpoint.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from util_services import settings
from util_services.encryption.secret import Secret, discreet
from util_services.errors import ConfigurationError, quoted_name
from util_services.keys.errors import BrokenRecordError, KeyServiceError
from util_services.keys.providers.file import keys_folder
from util_services.keys.providers.folder import FolderProvider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
ATTEMPTS = 3
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OTHER_CIPHERTEXT = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
CURES = {
    "AccessDeniedException": "give this role kms:Encrypt and kms:Decrypt on it",
    "DisabledException": "enable it in KMS",
    "KMSInvalidStateException": "it is pending deletion or import; look at it in KMS",
    "NotFoundException": "correct DATA_SERVICES_KMS_KEY or the region",
    "ExpiredTokenException": "renew the credentials",
    "UnrecognizedClientException": "correct the credentials",
}


class KmsWrapping:
    """Encrypts keys under a key of AWS KMS."""

    kind: ClassVar[str] = "aws-kms"

    def __init__(self, client: Any, key: str) -> None:
        self._client, self._key = client, key
        _hush()

    @discreet
    def wrap(self, context: Mapping[str, str], material: Secret) -> Secret:
        """Return what KMS makes of a key."""
        with self._asked("Encrypt"):
            answer = self._client.encrypt(
                KeyId=self._key, Plaintext=material.reveal(), EncryptionContext=dict(context)
            )
        return Secret(answer["CiphertextBlob"])

    @discreet
    def unwrap(self, context: Mapping[str, str], content: Secret) -> Secret:
        """Return the key that KMS finds in what it made."""
        with self._asked("Decrypt"):
            answer = self._client.decrypt(
                KeyId=self._key, CiphertextBlob=content.reveal(), EncryptionContext=dict(context)
            )
        return Secret(answer["Plaintext"])

    @contextmanager
    def _asked(self, operation: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        key = quoted_name(self._key)
        try:
            with _hushed():
                yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code in OTHER_CIPHERTEXT:
                raise BrokenRecordError(
                    f"KMS finds that a key was changed, moved, or wrapped under another key than "
                    f"{key}"
                ) from None
            cure = CURES.get(code, "ask who runs it")
            raise KeyServiceError(
                f"KMS answers {code} to {operation} with the key {key}; {cure}."
            ) from None
        except BotoCoreError as error:
            raise KeyServiceError(
                f"KMS cannot be asked ({type(error).__name__}); check credentials, region, "
                "endpoint and network."
            ) from None


class KmsProvider(FolderProvider):
    """Keeps keysets in the folder ``DATA_SERVICES_KEYS``, their keys encrypted by AWS KMS."""

    name: ClassVar[str] = "kms"

    @classmethod
    def from_environment(cls) -> Self:
        """Return the provider that the environment describes.

        Raises:
            ConfigurationError: if no KMS key or region is named.
        """
        key = settings.text("KMS_KEY")
        if key is None:
            raise ConfigurationError(
                "The key provider 'kms' needs a key of AWS KMS; set DATA_SERVICES_KMS_KEY to its "
                "id, ARN or alias."
            )
        return cls(keys_folder(), KmsWrapping(_client(), key))


def _client() -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    endpoint = settings.text("KMS_ENDPOINT_URL")
    if endpoint is not None and not _is_confidential(endpoint):
        raise ConfigurationError(
            "DATA_SERVICES_KMS_ENDPOINT_URL must begin with 'https://', since keys travel there."
        )
    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        region = os.environ.get("AWS_REGION")  # which boto3 itself does not look at
        session = boto3.session.Session(region_name=region)
        return session.client("kms", endpoint_url=endpoint, config=limits)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"A client of AWS KMS cannot be made ({type(error).__name__}); set AWS_REGION, and "
            "DATA_SERVICES_KMS_ENDPOINT_URL to a URL or not at all."
        ) from None


def _is_confidential(endpoint: str) -> bool:
    """Return whether nobody can read what is sent there; on this machine nobody can."""
    url = urlsplit(endpoint)
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)


class _Hush(logging.Filter):
    """Drops what a thread logs while it is silent: botocore's debug log quotes keys."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - logging's signature
        return not getattr(self.thread, "is_silent", False)


_filter = _Hush()


def _hush() -> None:
    """Put the filter on every logger of botocore, which all exist once there is a client."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("boto3", "botocore", "urllib3")):
            logging.getLogger(name).addFilter(_filter)


@contextmanager
def _hushed() -> Iterator[None]:
    _filter.thread.is_silent = True
    try:
        yield
    finally:
        _filter.thread.is_silent = False
