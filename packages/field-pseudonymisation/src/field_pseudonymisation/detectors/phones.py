"""Phone numbers of European countries and North America.

What is possible in which country is known to the library ``phonenumbers``, which is asked about
candidates alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.detectors.dates import is_date
from field_pseudonymisation.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Part

EUROPE = (
    *("AD", "AL", "AT", "BA", "BE", "BG", "BY", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI"),
    *("FO", "FR", "GB", "GI", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC"),
    *("MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "SM", "TR"),
    *("UA", "XK"),
)
FEWEST, MOST = 6, 15  # digits of a number; ITU-T E.164 allows no more than 15
FEWEST_ALONE = 8  # with the zero before it, where no words say that it is called
GAP = r"[ \x{A0}\x{202F}]"
GAPS = r"[ \x{A0}\x{202F}.()/-]"
EXTENSION = rf"(?:{GAP}?(?:x|ext\.?|extension|#){GAP}?[0-9]{{1,6}})?"
GROUPED = re.compile(r"[0-9][ \u00a0\u202f./()-]")
NOT_A_DIGIT = re.compile(r"[^0-9]")
PROSE = (
    *("phone*", "telephone", "tel", "telef*", "mobile", "mobil*", "cell*", "fax", "call*", "dial"),
    *("sms", "whatsapp", "contact number", "number is", "reach*", "ring", "hotline", "voicemail"),
    *("messages to", "message to", "text me", "texted", "phoned", "answering at", "handy"),
    *("rufnummer", "anruf*", "rückruf", "téléphone", "portable", "appel*", "teléfono", "móvil"),
    *("llam*", "cellulare", "chiam*", "telefoon", "bel", "gsm", "puhelin", "komórk*", "dzwoń*"),
    "telemóvel",
)


def phone_parts(text: str) -> Iterable[Part]:
    """Return the number with and without its extension, and without an open bracket at an end."""
    end = len(text)
    if text.count("(") > text.count(")"):
        first = text.find("(")
        yield (1, end) if first == 0 else (0, first)
        return
    yield 0, end


def is_international(text: str) -> bool:
    """Return whether a number with ``+`` or ``00`` before it is possible in its country."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number.replace("(0)", ""))
    if number.startswith("00"):
        digits = digits[2:]
    return FEWEST < len(digits) <= MOST and has_calling_code(digits)


def is_north_american(text: str) -> bool:
    """Return whether area and exchange code are those of the North American Numbering Plan."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number)[-10:]
    return digits[0] in "23456789" and digits[1:3] != "11" and digits[3] in "23456789"


def is_grouped(text: str) -> bool:
    """Return whether a text is a number in groups, and no date."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number)
    return FEWEST <= len(digits) <= MOST and not is_date(number) and len(set(digits)) > 2


def is_national(text: str) -> bool:
    """Return whether a number with a zero before it is one of a European country."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number)
    if len(digits) < FEWEST_ALONE or not GROUPED.search(number) or is_date(number):
        return False
    return digits.startswith("0") and any(one.fullmatch(digits) for one in national_patterns())


def without_extension(text: str) -> tuple[str, str]:
    """Return a number and its extension."""
    found = re.search(r"[ \u00a0\u202f]?(?:x|ext|#)", text, re.IGNORECASE)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])


def has_calling_code(digits: str) -> bool:
    """Return whether digits begin with the calling code of a country."""
    known = calling_codes()
    return any(int(digits[:size]) in known for size in (1, 2, 3))


@lru_cache(maxsize=1)
def calling_codes() -> frozenset[int]:
    """Return all calling codes (ITU-T E.164)."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return frozenset(COUNTRY_CODE_TO_REGION_CODE)


@lru_cache(maxsize=1)
def national_patterns() -> tuple[Any, ...]:
    """Return what national numbers look like in European countries, with their zero before them.

    Italian numbers keep their zero; those of countries without a zero before are not told apart
    from other numbers, and need context.
    """
    from phonenumbers import PhoneMetadata

    patterns: dict[str, None] = {}
    for region in EUROPE:
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata is None or metadata.general_desc is None:
            continue
        pattern = str(metadata.general_desc.national_number_pattern)
        if metadata.national_prefix == "0":
            patterns[f"0(?:{pattern})"] = None
        elif region in {"IT", "SM"}:
            patterns[pattern] = None
    return tuple(map(re.compile, patterns))


def phone_detectors() -> Iterable[Detector]:
    """Return the detectors of phone numbers."""
    return (
        Detector(
            name="phone_international",
            entity="phone",
            summary="phone numbers with the calling code of their country",
            pattern=rf"(?i)(?:\+|00)[0-9](?:{GAPS}{{0,3}}[0-9]){{6,16}}{EXTENSION}",
            parts=phone_parts,
            check=is_international,
            score=0.75,
            context=PROSE,
            context_score=0.95,
            edges="number",
        ),
        Detector(
            name="phone_north_american",
            entity="phone",
            summary="phone numbers of the North American Numbering Plan, in groups",
            pattern=(
                rf"(?i)(?:\+?1[ .-]?)?(?:\([0-9]{{3}}\){GAP}?|[0-9]{{3}}[.-])"
                rf"[0-9]{{3}}[ .-][0-9]{{4}}{EXTENSION}"
            ),
            check=is_north_american,
            score=0.7,
            context=PROSE,
            context_score=0.9,
            edges="number",
        ),
        Detector(
            name="phone_national",
            entity="phone",
            summary="phone numbers of European countries with a zero before them, in groups",
            pattern=rf"(?i)\(?0[0-9]{{1,5}}\)?(?:{GAPS}{{1,3}}[0-9]{{2,8}}){{1,5}}{EXTENSION}",
            check=is_national,
            score=0.55,
            context=PROSE,
            context_score=0.9,
            edges="number",
        ),
        Detector(
            name="phone_in_context",
            entity="phone",
            summary="other numbers in or without groups, where words say that they are called",
            pattern=rf"(?i)\(?\+?[0-9]{{1,5}}\)?(?:{GAPS}{{0,3}}[0-9]){{4,13}}{EXTENSION}",
            parts=phone_parts,
            check=is_grouped,
            score=0.2,
            context=PROSE,
            context_score=0.7,
            edges="number",
        ),
    )
