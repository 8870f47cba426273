"""Format-preserving encryption of texts with FF1 (NIST SP 800-38G)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from field_pseudonymisation.errors import SmallDomainError, UnencryptableError
from field_pseudonymisation.ff1.alphabets import ALPHABETS, Alphabet
from field_pseudonymisation.ff1.column import ColumnCipher
from field_pseudonymisation.texts import Texts
from util_services.encryption.secret import Secret, discreet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ALPHABETS",
    "FF1",
    "MINIMUM_DOMAIN",
    "Alphabet",
    "ColumnCipher",
    "minimum_length",
    "unfit_lengths",
]

MINIMUM_DOMAIN = 1_000_000  # SP 800-38G Rev. 1 (draft of February 2025), section 5.1
MOST_CHARACTERS = 1 << 16  # of one value; the standard allows more, nobody needs them


class FF1:
    """Encrypts texts to texts of the same length and alphabet, a column at a time.

    FF1 is a permutation of all texts of one length: a value may be its own ciphertext, once in a
    domain on average. It has no integrity: a wrong key or tweak gives another text and no error.

    Args:
        key: 16, 24 or 32 bytes.
        alphabet: a name of `ALPHABETS`, or 2 to 65,536 different characters.
        minimum_domain: how many values there must be; lower only for known-answer tests.

    Raises:
        PolicyError: if the alphabet is none.
    """

    def __init__(
        self,
        key: bytes | Secret,
        alphabet: str | Alphabet = "digits",
        *,
        minimum_domain: int = MINIMUM_DOMAIN,
    ) -> None:
        self.alphabet = alphabet if isinstance(alphabet, Alphabet) else Alphabet.of(alphabet)
        self._cipher = ColumnCipher(
            key if isinstance(key, Secret) else Secret(key), len(self.alphabet)
        )
        self._minimum = minimum_domain
        self.minimum_length = max(2, minimum_length(len(self.alphabet), minimum_domain))

    def encrypt(self, values: Any, tweak: bytes = b"") -> Any:
        """Return the ciphertexts of one text, a sequence of texts or an Arrow array, in its form.

        Missing values stay missing.

        Raises:
            SmallDomainError: if a single text is too short.
            UnencryptableError: if texts of a column are too short, or hold other characters.
        """
        return self._crypt(values, tweak, decrypt=False)

    def decrypt(self, values: Any, tweak: bytes = b"") -> Any:
        """Return the texts of ciphertexts; the reverse of ``encrypt``."""
        return self._crypt(values, tweak, decrypt=True)

    @discreet
    def _crypt(self, values: Any, tweak: bytes, *, decrypt: bool) -> Any:
        if isinstance(values, str):
            if len(values) < self.minimum_length:
                raise SmallDomainError(len(self.alphabet), len(values), self._minimum)
            return self._column(pa.array([values]), tweak, decrypt=decrypt)[0].as_py()
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if isinstance(values, pa.Array):
            return self._column(values, tweak, decrypt=decrypt)
        array = pa.array(values, pa.large_string(), from_pandas=True)
        return self._column(array, tweak, decrypt=decrypt).to_pylist()

    def _column(self, array: pa.Array, tweak: bytes, *, decrypt: bool) -> pa.Array:
        texts = Texts.of(array)
        numerals, strange = self.alphabet.numerals(texts.characters)
        if strange.any():
            raise UnencryptableError(
                "values", OTHER_CHARACTERS, texts.rows_of(np.flatnonzero(strange))
            )
        self.refuse_lengths(texts.lengths, texts.present)
        crypted = self.crypt(numerals, texts.lengths, tweak, decrypt=decrypt)
        return texts.with_characters(self.alphabet.characters(crypted)).to_array(array.type)

    def refuse_lengths(self, lengths: np.ndarray, present: np.ndarray) -> None:
        """Refuse values that are too short or too long, where there are any.

        Raises:
            UnencryptableError: with their positions.
        """
        for rows, reason in unfit_lengths(lengths, present, self.minimum_length):
            raise UnencryptableError("values", reason, rows, CURE)

    def crypt(
        self, numerals: np.ndarray, lengths: np.ndarray, tweak: bytes | np.ndarray, *, decrypt: bool
    ) -> np.ndarray:
        """Return the numerals of values that lie one behind the other, transformed.

        The tweak is one for all, or a matrix with one of 16 bytes for each value.
        """
        return self._cipher.crypt(numerals, lengths, tweak, decrypt=decrypt)


CURE = "encrypt more or less of the value, or use the technique 'encrypt' or 'tokenise'"
OTHER_CHARACTERS = "characters that are not in the alphabet"


def unfit_lengths(
    lengths: np.ndarray, present: np.ndarray, minimum: int
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the rows of values that are too short or too long, if there are any, and why."""
    short = np.flatnonzero(present & (lengths < minimum))
    if len(short):
        reason = f"fewer than {minimum} characters to encrypt, which have too few possible values"
        yield short, reason
    long = np.flatnonzero(lengths > MOST_CHARACTERS)
    if len(long):
        yield long, f"more than {MOST_CHARACTERS:,} characters to encrypt"


def minimum_length(radix: int, minimum_domain: int = MINIMUM_DOMAIN) -> int:
    """Return the least length at which an alphabet has so many values."""
    length, domain = 1, radix
    while domain < minimum_domain:
        length, domain = length + 1, domain * radix
    return length
