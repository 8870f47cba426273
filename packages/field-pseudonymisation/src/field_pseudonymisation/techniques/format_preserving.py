"""Format-preserving encryption with FF1: texts of the same length and form.

What is encrypted are the characters of the alphabet, without those that are kept at either end;
separators stay where they are. Check digits are checked, left out and computed anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import PolicyError, SmallDomainError, UnencryptableError
from field_pseudonymisation.ff1 import (
    FF1,
    MINIMUM_DOMAIN,
    Alphabet,
    minimum_length,
    unfit_lengths,
)
from field_pseudonymisation.techniques import check_digits
from field_pseudonymisation.techniques.distinct import by_length, per_distinct
from field_pseudonymisation.techniques.encoding import is_text, plain
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKS: Mapping[str, int] = {"none": 0, "luhn": 1, "mod97": 2, "iban": 0}  # digits at the end
TWEAK_BYTES = 16
STRANGE = "characters that are neither in the alphabet nor separators"
WRONG_CHECK = "a check digit that does not fit the number"
CURE = "correct the data, or set 'on_unencryptable: null'"


class FormatPreservingEncryption(Base):
    """FF1 under a subkey of the domain; the tweak is the domain, with the parts that are kept.

    So what is encrypted under one kept prefix tells nothing of what is under another.
    """

    def __post_init__(self) -> None:
        options = self.options
        self._integer = pa.types.is_integer(self.target.type)
        if not self._integer and not is_text(self.target.type):
            raise PolicyError(
                f"'format_preserving_encrypt' works on texts and integers, not on "
                f"{self.target.type}; use 'encrypt'"
            )
        if self._integer and options.width is None:
            raise PolicyError(
                "'width' is missing; integers are encrypted as texts of that many digits"
            )
        check = options.check_digit
        alphabet = Alphabet.of(options.alphabet)
        if check == "luhn" and options.alphabet != "digits":
            raise PolicyError("a Luhn check digit wants 'alphabet: digits'")
        allowed = {"digits", "alphanumeric_upper"}
        if check in {"mod97", "iban"} and options.alphabet not in allowed:
            raise PolicyError("such a check digit wants 'alphabet' digits or alphanumeric_upper")
        if check != "none" and options.keep_suffix:
            raise PolicyError(
                "'keep_suffix' would keep the check digit, which has to change; leave out one of "
                "both"
            )
        if set(options.separators) & set(alphabet.letters):
            raise PolicyError("a character is in the alphabet and in 'separators'")
        if options.length is not None:
            kept = options.keep_prefix + options.keep_suffix + CHECKS[check]
            left = options.length - kept - (check_digits.IBAN_HEAD if check == "iban" else 0)
            if left < 1 or len(alphabet) ** left < MINIMUM_DOMAIN:
                raise SmallDomainError(len(alphabet), max(left, 0), MINIMUM_DOMAIN)

    @cached_property
    def _alphabet(self) -> Alphabet:
        return Alphabet.of(self.options.alphabet)

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return pa.string() if self._integer else self.target.type

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the ciphertexts."""
        texts = self._digits(plain(values)) if self._integer else plain(values)
        if self.options.on_unencryptable == "null":
            texts = self._without_unencryptable(texts)
        crypted = per_distinct(texts, partial(by_length, function=self._encrypted))
        self.count("fixed_points", pc.sum(pc.equal(texts, crypted)).as_py() or 0)
        return crypted.cast(self.output)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the original values."""
        texts = per_distinct(plain(values), partial(by_length, function=self._decrypted))
        return texts.cast(self.target.type)

    def _without_unencryptable(self, texts: pa.Array) -> pa.Array:
        """Return the texts with nulls where one cannot be encrypted."""
        bad = np.zeros(len(texts), bool)
        while True:
            try:
                self._parts(pc.if_else(pa.array(bad), None, texts), every=True)
            except _Every as found:
                bad[found.rows] = True
            else:
                self.count("unencryptable_nulls", bad.sum())
                return pc.if_else(pa.array(bad), pa.scalar(None, texts.type), texts)

    def _digits(self, values: pa.Array) -> pa.Array:
        width = self.options.width
        texts = pc.utf8_lpad(values.cast(pa.string()), width, "0")
        wrong = pc.fill_null(
            pc.or_(
                pc.less(values, pa.scalar(0, values.type)),
                pc.greater(pc.utf8_length(texts), width),
            ),
            False,
        )
        if pc.any(wrong).as_py():
            raise UnencryptableError(
                self.target.column,
                f"numbers below zero or of more than {width} digits",
                np.flatnonzero(wrong.to_numpy(zero_copy_only=False)),
                "set a larger 'width', or use 'encrypt'",
            )
        return texts

    def _encrypted(self, values: pa.Array) -> pa.Array:
        return self._crypted(values, decrypt=False)

    def _decrypted(self, values: pa.Array) -> pa.Array:
        return self._crypted(values, decrypt=True)

    def _crypted(self, values: pa.Array, *, decrypt: bool) -> pa.Array:
        ff1 = FF1(self.target.subkey("format_preserving_encrypt"), self._alphabet)
        parts = self._parts(values)
        domain = self.target.domain.encode()
        tweak = domain if parts.kept is None else _tweaks(domain, parts.texts, parts.kept)
        crypted = ff1.crypt(parts.numerals, parts.lengths, tweak, decrypt=decrypt)
        characters = self._alphabet.characters(crypted)
        texts = parts.texts
        if parts.chosen is not None:
            wide = np.promote_types(texts.characters.dtype, characters.dtype)
            written = texts.characters.astype(wide)
            written[parts.chosen] = characters
            characters = written
        if parts.body is not None:
            _write_checks(characters, parts.body, self.options.check_digit)
        return texts.with_characters(characters).to_array(values.type)

    def _parts(self, values: pa.Array, *, every: bool = False) -> _Parts:
        """Return what of the values is to be encrypted.

        Raises:
            UnencryptableError: with the rows of values that cannot be.
        """
        options, texts = self.options, Texts.of(values)
        numerals, strange = self._alphabet.numerals(texts.characters)
        is_whole = not strange.any() and options.check_digit == "none"
        if is_whole and not (options.keep_prefix or options.keep_suffix or options.preserve_from):
            self._refuse(texts, texts.lengths, every=every)
            return _Parts(texts, numerals, texts.lengths)
        row_of = np.repeat(np.arange(len(texts.lengths)), texts.lengths)
        points = np.frombuffer(options.separators.encode("utf-32-le"), np.uint32)
        body, kept = ~np.isin(texts.characters, points), None
        if options.preserve_from:
            kept = _from_first(texts, row_of, ord(options.preserve_from))
            body &= ~kept
        rank, counts = _ranks(body, texts, row_of)
        head = check_digits.IBAN_HEAD if options.check_digit == "iban" else 0
        chosen = body & (rank >= head)
        unfit = chosen & strange
        if unfit.any():
            self._tell(np.unique(row_of[unfit]), STRANGE, every=every)
        tail = CHECKS[options.check_digit]
        first, last = head + options.keep_prefix, counts - options.keep_suffix - tail
        chosen &= (rank >= first) & (rank < last[row_of])
        lengths = np.bincount(row_of[chosen], minlength=len(texts.lengths))
        self._refuse(texts, lengths, every=every)
        if options.keep_prefix or options.keep_suffix or head or kept is not None:
            is_check = (rank >= 2) & (rank < head) if head else rank >= (counts - tail)[row_of]
            stays = body & ~chosen & ~is_check
            kept = stays if kept is None else kept | stays
        whole = None
        if options.check_digit != "none":
            whole = _Body(np.flatnonzero(body), counts)
            wrong = whole.rows_with_wrong_check(texts.characters, options.check_digit)
            if len(wrong):
                self._tell(wrong, WRONG_CHECK, every=every)
        return _Parts(texts, numerals[chosen], lengths, chosen, whole, kept)

    def _refuse(self, texts: Texts, lengths: np.ndarray, *, every: bool) -> None:
        least = max(2, minimum_length(len(self._alphabet)))
        for rows, reason in unfit_lengths(lengths, texts.present, least):
            self._tell(rows, reason, every=every)

    def _tell(self, rows: np.ndarray, reason: str, *, every: bool) -> None:
        if every:
            raise _Every(rows)
        raise UnencryptableError(self.target.column, reason, rows, CURE)


class _Every(Exception):  # noqa: N818 - goes no further than this module
    """All rows that cannot be encrypted, for one reason."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.rows = rows


@dataclass(frozen=True, slots=True)
class _Body:
    """The characters of numbers, without separators: where they are, and how many in each row."""

    places: np.ndarray
    counts: np.ndarray

    def groups(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return rows of one length, and the places of their characters as a matrix."""
        starts = np.cumsum(self.counts) - self.counts
        found = []
        for count in np.unique(self.counts[self.counts > 0]):
            rows = np.flatnonzero(self.counts == count)
            found.append((rows, self.places[starts[rows, None] + np.arange(count)]))
        return found

    def rows_with_wrong_check(self, characters: np.ndarray, kind: str) -> np.ndarray:
        """Return the rows whose check digits do not fit."""
        wrong = [np.zeros(0, np.int64)]
        for rows, places in self.groups():
            there, right = _check_places(kind, places), _checks(characters[places], kind)
            wrong.append(rows[(characters[there] != right).any(axis=1)])
        return np.sort(np.concatenate(wrong))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is encrypted of texts: numerals, and where they stand (None for everywhere)."""

    texts: Texts
    numerals: np.ndarray
    lengths: np.ndarray
    chosen: np.ndarray | None = None
    body: _Body | None = None
    kept: np.ndarray | None = None  # characters that stay and are no separators; None by rule


def _tweaks(domain: bytes, texts: Texts, kept: np.ndarray) -> np.ndarray:
    """Return a tweak of 16 bytes for each row: SHA-256 of the domain and what the row keeps.

    The domain stands behind its length as four bytes. What is kept follows in its order in UTF-8:
    prefix and suffix are of known lengths, and only they stand before the delimiter.
    """
    ends = np.concatenate([[0], np.cumsum(kept)])
    stops = np.cumsum(texts.lengths)
    lengths = ends[stops] - ends[stops - texts.lengths]
    there = np.ones(len(lengths), bool)
    found = Texts(texts.characters[kept], lengths, there).to_array(pa.large_string())
    encoded = found.dictionary_encode()
    start = hashlib.sha256(len(domain).to_bytes(4, "big") + domain)
    digests = []
    for text in encoded.dictionary.to_pylist():
        one = start.copy()
        one.update(text.encode())
        digests.append(one.digest()[:TWEAK_BYTES])
    table = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, TWEAK_BYTES)
    return np.asarray(table[encoded.indices.to_numpy()])


def _from_first(texts: Texts, row_of: np.ndarray, delimiter: int) -> np.ndarray:
    """Return which characters stand at or behind the first delimiter of their row."""
    found = np.flatnonzero(texts.characters == delimiter)
    rows, first = np.unique(row_of[found], return_index=True)
    stops = np.cumsum(texts.lengths)
    stops[rows] = found[first]
    return np.asarray(np.arange(len(row_of)) >= stops[row_of])


def _ranks(chosen: np.ndarray, texts: Texts, row_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of chosen characters among those of their row, and how many it has."""
    counts = np.bincount(row_of[chosen], minlength=len(texts.lengths))
    before = np.cumsum(counts) - counts
    return np.cumsum(chosen) - 1 - before[row_of], counts


def _check_places(kind: str, places: np.ndarray) -> np.ndarray:
    if kind == "iban":
        return places[:, 2:4]
    return places[:, -CHECKS[kind] :]


def _checks(characters: np.ndarray, kind: str) -> np.ndarray:
    """Return the characters of the check digits that each row ought to have."""
    zero = np.uint8(check_digits.ZERO)
    if kind == "luhn":
        number = check_digits.luhn(characters[:, :-1] - zero)[:, None]
    else:
        found = (
            check_digits.iban(characters)
            if kind == "iban"
            else check_digits.mod97(characters[:, :-2])
        )
        number = np.stack([found // 10, found % 10], axis=1)
    return np.asarray(number + zero)


def _write_checks(characters: np.ndarray, body: _Body, kind: str) -> None:
    for _, places in body.groups():
        characters[_check_places(kind, places)] = _checks(characters[places], kind)
