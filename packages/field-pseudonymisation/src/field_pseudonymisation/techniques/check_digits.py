"""Check digits of numbers that lie in the rows of a matrix, all of one length."""

from __future__ import annotations

import numpy as np

IBAN_HEAD = 4  # country and check digits
ZERO, CAPITAL_A = ord("0"), ord("A")


def luhn(digits: np.ndarray) -> np.ndarray:
    """Return the check digit that goes behind each row of digits (ISO/IEC 7812-1, annex B)."""
    doubled = digits.astype(np.int64)
    doubled[:, ::-1][:, ::2] *= 2
    doubled -= 9 * (doubled > 9)
    return np.asarray(-doubled.sum(axis=1) % 10)


def mod97(characters: np.ndarray) -> np.ndarray:
    """Return the two check digits, as one number, behind each row (ISO/IEC 7064, MOD 97-10)."""
    rest = np.zeros(len(characters), np.int64)
    for column in characters.T.astype(np.int64):
        is_digit = column < CAPITAL_A
        number = np.where(is_digit, column - ZERO, column - CAPITAL_A + 10)
        rest = (rest * np.where(is_digit, 10, 100) + number) % 97
    return np.asarray(98 - rest * 100 % 97)


def iban(characters: np.ndarray) -> np.ndarray:
    """Return the check digits of IBANs (ISO 13616-1), whatever stands in their place."""
    return mod97(np.concatenate([characters[:, IBAN_HEAD:], characters[:, :2]], axis=1))
