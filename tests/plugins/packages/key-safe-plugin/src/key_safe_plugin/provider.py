"""Keys wrapped by AES-256-GCM under the key in ``KEY_SAFE_KEY``."""

import os

from util_services.encryption.secret import Secret, discreet
from util_services.errors import ConfigurationError
from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import canonical, secret_from_base64
from util_services.keys.providers.file import keys_folder
from util_services.keys.providers.folder import FolderProvider

NONCE_BYTES = 12


class SafeWrapping:
    kind = "key-safe"

    def __init__(self, key):
        self._key = key

    @discreet
    def wrap(self, context, material):
        nonce = os.urandom(NONCE_BYTES)
        return Secret(nonce + self._cipher().encrypt(nonce, material.reveal(), canonical(context)))

    @discreet
    def unwrap(self, context, content):
        from cryptography.exceptions import InvalidTag

        nonce, sealed = content.reveal()[:NONCE_BYTES], content.reveal()[NONCE_BYTES:]
        try:
            return Secret(self._cipher().decrypt(nonce, sealed, canonical(context)))
        except InvalidTag:
            raise BrokenRecordError("a key was changed or moved") from None

    def _cipher(self):
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key.reveal())


class SafeProvider(FolderProvider):
    name = "key-safe"

    @classmethod
    def from_environment(cls):
        if "KEY_SAFE_KEY" not in os.environ:
            raise ConfigurationError("There is no key of the safe; set KEY_SAFE_KEY.")
        key = secret_from_base64(os.environ["KEY_SAFE_KEY"], "KEY_SAFE_KEY")
        return cls(keys_folder(), SafeWrapping(key))
