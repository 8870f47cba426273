"""The key of a run's staging: a secret that nothing shows and nothing stores."""

from __future__ import annotations

from util_services.encryption.secret import Secret

KEY_BYTES = 32  # AES-256
RUN_KEY_PURPOSE = b"data-services: key of a run's staging, 1\0"
FILE_KEY_PURPOSE = b"data-services: key of a staged file, 1\0"


class StagingKey(Secret):
    """A secret of 32 bytes that no text shows and no pickle holds."""

    __slots__ = ()

    def for_run(self, run_id: str) -> StagingKey:
        """Return the key of one run, derived from this one as a secret of the deployment."""
        info = RUN_KEY_PURPOSE + run_id.encode()
        return StagingKey(self.derive(info, KEY_BYTES).reveal())

    def for_file(self, name: str, salt: bytes) -> bytes:
        """Return the key of one file, derived by HKDF from this one, its name and its salt."""
        info = FILE_KEY_PURPOSE + name.encode(errors="surrogateescape")
        return self.derive(info, KEY_BYTES, salt).reveal()
