"""The key of a run's staging: a secret that nothing shows and nothing stores."""

from __future__ import annotations

from typing import NoReturn

KEY_BYTES = 32  # AES-256
RUN_KEY_PURPOSE = b"data-services: key of a run's staging, 1\0"
FILE_KEY_PURPOSE = b"data-services: key of a staged file, 1\0"


class StagingKey:
    """A secret of 32 bytes that no text shows and no pickle holds."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        """Return the class, never the key."""
        return "StagingKey(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("The key of a run's staging is never stored, so it cannot be pickled.")

    def for_run(self, run_id: str) -> StagingKey:
        """Return the key of one run, derived from this one as a secret of the deployment."""
        return StagingKey(self._derive(RUN_KEY_PURPOSE + run_id.encode(), None))

    def for_file(self, name: str, salt: bytes) -> bytes:
        """Return the key of one file, derived by HKDF from this one, its name and its salt."""
        return self._derive(FILE_KEY_PURPOSE + name.encode(errors="surrogateescape"), salt)

    def _derive(self, purpose: bytes, salt: bytes | None) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), KEY_BYTES, salt, purpose).derive(self._secret)
