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
GAPS_BETWEEN = re.compile(r"(?<=[0-9)])[ \u00a0\u202f./-]+(?=[0-9(])")
OTHER_NUMBERS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\b|(?:19|20)[0-9]{2}[-/](?:19|20)[0-9]{2}\b")
FEW = 2  # different digits, of which no number that is given out is made
GROUPED = re.compile(r"[0-9][ \u00a0\u202f./()-]")
NOT_A_DIGIT = re.compile(r"[^0-9]")
PHONE_WORDS = (
    *("phone*", "telephone", "tel", "telef*", "mobile", "mobil", "cell", "fax", "call*", "dial"),
    *("sms", "whatsapp", "contact number", "my number", "reach*", "ring", "hotline", "voicemail"),
    *("messages to", "message to", "text me", "texted", "phoned", "answering at", "handy"),
    *("rufnummer", "anruf*", "rückruf", "téléphone", "portable", "appel*", "teléfono", "móvil"),
    *("llam*", "cellulare", "chiam*", "telefoon", "bel", "gsm", "puhelin", "komórk*", "dzwoń*"),
    *("telemóvel", "cellphone", "mobilnummer", "mobiltelefon*", "mobiele"),
)


def international_parts(text: str) -> Iterable[Part]:
    """Return the longest part that is a number of its country, then the whole."""
    ends = [found.start() for found in GAPS_BETWEEN.finditer(text)]
    for end in (len(text), *reversed(ends)):
        digits = international_digits(text[:end])
        if MOST >= len(digits) > FEWEST and is_of_country(digits):
            yield 0, end
            break
    yield 0, len(text)


def phone_parts(text: str) -> Iterable[Part]:
    """Return the number without what follows an open bracket, and what shorter groups leave."""
    start, end = 0, len(text)
    if text.count("(") > text.count(")"):
        first = text.find("(")
        start, end = (1, end) if first == 0 else (0, first)
    yield start, end
    for found in reversed([*GAPS_BETWEEN.finditer(text, start, end)]):
        yield start, found.start()


def is_international(text: str) -> bool:
    """Return whether a number with ``+`` or ``00`` before it has a country's calling code."""
    digits = international_digits(text)
    is_long = FEWEST < len(digits) <= MOST
    return is_long and bool(calling_code(digits)) and not OTHER_NUMBERS.match(text)


def international_digits(text: str) -> str:
    """Return the digits of a number from its calling code on, without its extension."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number.replace("(0)", ""))
    return digits.removeprefix("00")


def is_of_country(digits: str) -> bool:
    """Return whether digits behind a calling code are a number of one of its countries."""
    code = calling_code(digits)
    return any(one.fullmatch(digits[len(code) :]) for one in patterns_of_code(code))


def is_north_american(text: str) -> bool:
    """Return whether area and exchange code are those of the North American Numbering Plan."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number)[-10:]
    return digits[0] in "23456789" and digits[1:3] != "11" and digits[3] in "23456789"


def is_grouped(text: str) -> bool:
    """Return whether a text is a number in groups, and no date."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number)
    return FEWEST <= len(digits) <= MOST and len(set(digits)) > FEW and not is_other(number)


def is_other(number: str) -> bool:
    """Return whether a number is a date, or the years from and to."""
    return is_date(number) or bool(OTHER_NUMBERS.match(number))


def is_national(text: str) -> bool:
    """Return whether a number with a zero before it is one of a European country."""
    number, _ = without_extension(text)
    digits = NOT_A_DIGIT.sub("", number)
    if len(digits) < FEWEST_ALONE or not GROUPED.search(number) or is_other(number):
        return False
    return digits.startswith("0") and any(one.fullmatch(digits) for one in national_patterns())


def without_extension(text: str) -> tuple[str, str]:
    """Return a number and its extension."""
    found = re.search(r"[ \u00a0\u202f]?(?:x|ext|#)", text, re.IGNORECASE)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])


def calling_code(digits: str) -> str:
    """Return the calling code (ITU-T E.164) that digits begin with, empty if they do not."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    sizes = (1, 2, 3)
    codes = (digits[:size] for size in sizes if len(digits) >= size)
    return next((code for code in codes if int(code) in COUNTRY_CODE_TO_REGION_CODE), "")


@lru_cache(maxsize=512)
def patterns_of_code(code: str) -> tuple[Any, ...]:
    """Return what numbers behind a calling code look like."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    if not code:
        return ()
    found = (
        PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
        for region in COUNTRY_CODE_TO_REGION_CODE[int(code)]
    )
    return tuple(
        re.compile(str(one.general_desc.national_number_pattern))
        for one in found
        if one is not None and one.general_desc is not None
    )


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
            parts=international_parts,
            check=is_international,
            score=0.75,
            context=PHONE_WORDS,
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
            context=PHONE_WORDS,
            context_score=0.9,
            edges="number",
        ),
        Detector(
            name="phone_national",
            entity="phone",
            summary="phone numbers of European countries with a zero before them, in groups",
            pattern=rf"(?i)\(?0[0-9]{{1,5}}\)?(?:{GAPS}{{1,3}}[0-9]{{2,8}}){{1,5}}{EXTENSION}",
            parts=phone_parts,
            check=is_national,
            score=0.55,
            context=PHONE_WORDS,
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
            context=PHONE_WORDS,
            context_score=0.7,
            edges="number",
        ),
    )
