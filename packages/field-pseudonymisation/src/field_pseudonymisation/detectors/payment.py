"""Bank accounts and payment cards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.checksums import luhn, mod_97
from field_pseudonymisation.detectors.detector import Detector
from field_pseudonymisation.detectors.groups import leading_groups

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Part

SEPARATOR = r"[ \x{A0}\x{202F}-]"
IBAN_LENGTHS = {  # characters by country, of the SWIFT IBAN registry (ISO 13616)
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
SHORTEST, LONGEST = min(IBAN_LENGTHS.values()), max(IBAN_LENGTHS.values())
CARDS = (  # first digits, from and to, and the lengths of their numbers (ISO/IEC 7812)
    (4, 4, (13, 16, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),  # American Express
    (300, 305, (14, 16, 19)),  # Diners Club
    (3095, 3095, (14, 16, 19)),  # Diners Club
    (36, 36, (14, 16, 19)),  # Diners Club
    (38, 39, (14, 16, 19)),  # Diners Club
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (644, 659, (16, 17, 18, 19)),  # Discover
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (2131, 2131, (15,)),  # JCB
    (1800, 1800, (15,)),  # JCB
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (56, 69, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro and others
)
FEWEST, MOST = 12, 19  # digits of a card
CARD = rf"[1-6][0-9]{{3}}(?:{SEPARATOR}?[0-9]){{8,15}}"  # the first four are never apart
CARD_WORDS = (
    *(
        "card*",
        "cc",
        "credit",
        "debit",
        "visa",
        "mastercard",
        "amex",
        "american express",
        "maestro",
    ),
    *("diners", "discover", "jcb", "unionpay", "pan", "kreditkarte*", "kartennummer", "carte"),
    *("tarjeta", "carta di credito", "creditcard*", "cartão", "karta", "kort*", "luottokort*"),
)
BARE = re.compile(r"[^0-9A-Za-z]")


def iban_parts(text: str) -> Iterable[Part]:
    """Return the only part that has the length of its country."""
    wanted = IBAN_LENGTHS.get(text[:2].upper())
    if wanted is None:
        return
    count = 0
    for place, character in enumerate(text):
        count += character.isalnum()
        if count == wanted:
            yield 0, place + 1
            return


def is_iban(text: str) -> bool:
    """Return whether a text is an IBAN: length of its country and check digits (ISO 13616)."""
    bare = BARE.sub("", text).upper()
    if len(bare) != IBAN_LENGTHS.get(bare[:2]) or not bare.isascii():
        return False
    return 2 <= int(bare[2:4]) <= 98 and mod_97(bare[4:] + bare[:4])


def is_card(text: str) -> bool:
    """Return whether a text is the number of a payment card: issuer, length and check digit."""
    digits = BARE.sub("", text)
    has_issuer = any(
        first <= int(digits[: len(str(first))]) <= last and len(digits) in lengths
        for first, last, lengths in CARDS
    )
    return has_issuer and luhn(digits)


def is_like_card(text: str) -> bool:
    """Return whether a text has the length and check digit of a card, of whatever issuer."""
    digits = BARE.sub("", text)
    return FEWEST <= len(digits) <= MOST and digits[0] in "23456" and luhn(digits)


def payment_detectors() -> Iterable[Detector]:
    """Return the detectors of accounts and cards."""
    countries = "|".join(sorted(IBAN_LENGTHS))
    return (
        Detector(
            name="iban",
            entity="iban",
            summary="bank accounts by IBAN, of all countries: length and check digits",
            pattern=(
                rf"(?i)(?:{countries})[0-9]{{2}}"
                rf"(?:{SEPARATOR}?[A-Z0-9]){{{SHORTEST - 4},{LONGEST - 4}}}"
            ),
            parts=iban_parts,
            check=is_iban,
            score=0.95,
            rescans=True,
        ),
        Detector(
            name="payment_card",
            entity="payment_card",
            summary="payment cards: issuer, length and Luhn digit",
            pattern=CARD,
            parts=leading_groups(FEWEST, MOST),
            check=is_card,
            score=0.9,
            edges="number",
            rescans=True,
        ),
        Detector(
            name="payment_card_in_context",
            entity="payment_card",
            summary="numbers with the Luhn digit of other issuers, where words say card",
            pattern=CARD,
            parts=leading_groups(FEWEST, MOST),
            check=is_like_card,
            score=0.2,
            context=CARD_WORDS,
            context_score=0.8,
            edges="number",
            rescans=True,
        ),
    )
