"""A secret in memory: bytes that no text shows, no pickle holds and no traceback quotes.

Python copies bytes as it likes and does not clear what it frees, so a secret may stay in the memory
of the process, in a core dump and in swap. This class keeps it out of what is written on purpose.
"""

from __future__ import annotations

import functools
import hmac
import secrets
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, ParamSpec, Self, TypeVar

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class SecretHandlingError(DataServicesError):
    """Raised in place of an error that nobody foresaw and whose text may quote a secret."""

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(kind, place)
        self.kind, self.place = kind, place

    def __str__(self) -> str:
        return (
            f"Handling a secret stopped on an unexpected {self.kind} in {self.place}; its text is "
            "withheld because it may quote the secret. Report this as a defect."
        )


class Secret:
    """Bytes to be revealed only where they are used, in an expression and not in a variable."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    @classmethod
    def random(cls, length: int) -> Self:
        """Return a secret of so many bytes from the system's source of randomness."""
        return cls(secrets.token_bytes(length))

    def reveal(self) -> bytes:
        """Return the bytes."""
        return self._content

    def derive(self, info: bytes, length: int, salt: bytes | None = None) -> Secret:
        """Return another secret, derived from this one by HKDF-SHA256 (RFC 5869)."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return Secret(HKDF(SHA256(), length, salt, info).derive(self._content))

    def __len__(self) -> int:
        return len(self._content)

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on the content."""
        return isinstance(other, Secret) and hmac.compare_digest(self._content, other._content)

    def __repr__(self) -> str:
        """Return the class, never the content."""
        return f"{type(self).__name__}(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            TypeError: always.
        """
        raise TypeError("A secret is never stored as it is, so it cannot be pickled or copied.")


def discreet(function: Callable[P, T]) -> Callable[P, T]:
    """Let an error out of a function without the frames, and the errors, that may quote a secret.

    Local variables of frames are what some tools show with a traceback; errors such as those of a
    JSON parser carry the whole text. Our own errors pass as they are; what nobody foresaw is told
    by its class and place.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except DataServicesError as error:
            told: BaseException = error
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            told = SecretHandlingError(type(error).__name__, _place(error))
        except BaseException as error:  # noqa: BLE001 - an interrupt goes on, without the frames
            told = error
        told.__cause__ = told.__context__ = None
        try:
            raise told.with_traceback(None)
        finally:
            del told

    return guarded


def _place(error: BaseException) -> str:
    """Return file and line of the innermost frame."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
