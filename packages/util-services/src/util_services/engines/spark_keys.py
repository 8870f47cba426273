"""Functions with keys on their way to Spark's workers: sealed in a file of the run.

What a function refers to travels with it through Spark, which copies it as it likes: into the
memory of driver and executors, their local folders where memory is short, and over the network,
encrypted only where a cluster's administrator has seen to it. So Spark gets the name of a file
and a one-time key, and the file, which lies in the run's private folder for as long as the workers
compute, gets the function, encrypted. Neither tells anything without the other, and what Spark
leaves lying about opens nothing once the file is gone.

Source: NIST SP 800-38D (AES-GCM); each key encrypts one message.
"""

from __future__ import annotations

import io
import os
import pickle
import resource
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.encryption.secret import Secret, discreet
from util_services.engines.failures import EngineResourceError
from util_services.engines.spark_failures import SHARED_SENTENCE
from util_services.keys.keyset import Key, Keyset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY_BITS, NONCE_BYTES = 256, 12
PURPOSE = b"data-services/handed-over/1"


class HandedOver:
    """Stands for a function that lies sealed in a file; it is opened where it is called first."""

    __slots__ = ("_file", "_function", "_key")

    def __init__(self, file: str, key: bytes) -> None:
        self._file, self._key = file, key
        self._function: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function makes of arguments.

        Raises:
            EngineResourceError: if the file is not there, as in a folder that is not shared.
        """
        if self._function is None:
            self._function = _opened(self._file, self._key)
        return self._function(*arguments)

    def __reduce__(self) -> tuple[type[HandedOver], tuple[str, bytes]]:
        """Travel as the file and the key, never with what was opened."""
        return HandedOver, (self._file, self._key)

    def __repr__(self) -> str:
        """Return the class, never the key."""
        return f"{type(self).__name__}(…)"


@contextmanager
def handed_over(function: Callable[..., Any], folder: Path) -> Iterator[HandedOver]:
    """Give what stands for a function on workers; it can be opened until this ends.

    Args:
        function: what is called there; it may refer to keysets, keys and secrets.
        folder: a private folder that this process and the workers share.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    file, key = folder / f"{secrets.token_hex(16)}.sealed", AESGCM.generate_key(KEY_BITS)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            target.write(_sealed(function, key))
        yield HandedOver(str(file), key)
    finally:
        file.unlink(missing_ok=True)


@discreet
def _sealed(function: Callable[..., Any], key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, _pickled(function), PURPOSE)


@discreet
def _opened(file: str, key: bytes) -> Callable[..., Any]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys
    try:
        sealed = Path(file).read_bytes()
    except OSError:
        raise EngineResourceError(SHARED_SENTENCE) from None
    nonce, content = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    pickled = AESGCM(key).decrypt(nonce, content, PURPOSE)
    function: Callable[..., Any] = pickle.loads(pickled)  # noqa: S301 - of this run, sealed by it
    return function


def _pickled(function: Callable[..., Any]) -> bytes:
    """Return a function as bytes, with the keys that are never pickled elsewhere."""
    from pyspark.cloudpickle import CloudPickler

    class WithKeys(CloudPickler):
        def reducer_override(self, given: Any) -> Any:
            match given:
                case Secret():
                    return Secret, (given.reveal(),)
                case Keyset():
                    return Keyset, (given.info, given.materials)
                case Key():
                    return Key, (given.info, given._purpose, given._material)
            return super().reducer_override(given)  # type: ignore[no-untyped-call] # of pyspark

    content = io.BytesIO()
    WithKeys(content).dump(function)  # type: ignore[no-untyped-call] # of pyspark
    return content.getvalue()
