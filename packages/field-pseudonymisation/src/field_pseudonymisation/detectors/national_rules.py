"""The rules of national identifiers: what their digits say, and how they are checked.

All take the identifier without separators, in upper case. Each names its issuer's rule.
"""

from __future__ import annotations

from datetime import date

from field_pseudonymisation.detectors.checksums import luhn, mod_11_10, weighted

LETTERS_OF_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
LETTERS_OF_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
CENTURIES_OF_HETU = dict.fromkeys("-UVWXY", 1900) | dict.fromkeys("ABCDEF", 2000) | {"+": 1800}
LETTERS_OF_PPS = "WABCDEFGHIJKLMNOPQRSTUV"
MONTHS_OF_CODICE = "ABCDEHLMPRST"
DIGITS_OF_CODICE = dict(zip("LMNPQRSTUV", "0123456789", strict=True))
ODD_VALUES = (
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),  # 0 to 9, and A to J
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
    *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),  # K to Z
)
ODD_OF_CODICE = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", ODD_VALUES, strict=True))
NOT_OF_NINO = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def is_day(year: int, month: int, day: int) -> bool:
    """Return whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _is_day_of_any_century(year: int, month: int, day: int) -> bool:
    return is_day(1900 + year, month, day) or is_day(2000 + year, month, day)


def _pairs(digits: str) -> tuple[int, int, int]:
    return int(digits[:2]), int(digits[2:4]), int(digits[4:6])


def nl_bsn(text: str) -> bool:
    """Dutch burgerservicenummer: the eleven-test."""
    return int(text) > 0 and weighted(text, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def no_fodselsnummer(text: str) -> bool:
    """Norwegian fødselsnummer and D-nummer: date, number of its century, two check digits."""
    day, month, year = _pairs(text)
    number = int(text[6:9])
    if number < 500 or (number >= 900 and year >= 40):
        century = 1900
    elif year < 40:
        century = 2000
    elif number < 750 and year >= 54:
        century = 1800
    else:
        return False
    first = weighted(text[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    second = weighted(text, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    month, day = month - 40 * (month > 40), day - 40 * (day > 40)
    return first == second == 0 and is_day(century + year, month, day)


def de_tax_id(text: str) -> bool:
    """German steuerliche Identifikationsnummer: one digit two or three times, MOD 11,10."""
    counts = sorted((text[:10].count(digit) for digit in set(text[:10])), reverse=True)
    repeats = counts[0] in {2, 3} and all(count == 1 for count in counts[1:])
    return text[0] != "0" and repeats and mod_11_10(text)


def fr_nir(text: str) -> bool:
    """French numéro de sécurité sociale: month, department, key of MOD 97."""
    bare = text[:5] + text[5:7].replace("2A", "19").replace("2B", "18") + text[7:]
    if not bare.isdigit():
        return False
    month = int(bare[3:5])
    is_month = 1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99
    return is_month and bare[0] in "123478" and 97 - int(bare[:13]) % 97 == int(bare[13:])


def es_dni(text: str) -> bool:
    """Spanish DNI: letter by the remainder of 23."""
    return text[8] == LETTERS_OF_DNI[int(text[:8]) % 23]


def es_nie(text: str) -> bool:
    """Spanish NIE: X, Y, Z stand for 0, 1, 2, then as a DNI."""
    return es_dni(str("XYZ".index(text[0])) + text[1:])


def pl_pesel(text: str) -> bool:
    """Polish PESEL: date with its century in the month, check digit."""
    year, month, day = _pairs(text)
    century = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}[month // 20]
    total = weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1))
    return total % 10 == 0 and is_day(century + year, month % 20, day)


def gb_nino(text: str) -> bool:
    """British National Insurance number: letters that are not given out."""
    return (
        text[0] not in "DFIQUV"
        and text[1] not in "DFIOQUV"
        and text[:2] not in NOT_OF_NINO
        and text[8] in "ABCD"
    )


def gb_nhs(text: str) -> bool:
    """British NHS number: weights 10 to 1, modulus 11."""
    return weighted(text, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0 and len(set(text)) > 1


def it_codice_fiscale(text: str) -> bool:
    """Italian codice fiscale: month, day, check letter; digits may be letters (omocodia)."""
    places = (6, 7, 9, 10, 12, 13, 14)
    digits = [DIGITS_OF_CODICE.get(text[place], text[place]) for place in places]
    if not all(one.isdigit() for one in digits) or text[8] not in MONTHS_OF_CODICE:
        return False
    day = int(digits[2] + digits[3])
    year, month = int(digits[0] + digits[1]), MONTHS_OF_CODICE.index(text[8]) + 1
    total = sum(ODD_OF_CODICE[one] for one in text[:15:2])
    total += sum(int(one) if one.isdigit() else ord(one) - 65 for one in text[1:15:2])
    return chr(65 + total % 26) == text[15] and _is_day_of_any_century(
        year, month, day - 40 * (day > 40)
    )


def be_rrn(text: str) -> bool:
    """Belgian Rijksregisternummer and BIS number: key of MOD 97, of 2 before it from 2000 on."""
    year, month, day = _pairs(text)
    key, month = int(text[9:]), month % 20
    is_known = month <= 12 and (month == 0 or day == 0 or _is_day_of_any_century(year, month, day))
    is_of_2000 = year < 50 and key == 97 - int("2" + text[:9]) % 97
    return is_known and (key == 97 - int(text[:9]) % 97 or is_of_2000)


def dk_cpr(text: str) -> bool:
    """Danish CPR number: date with its century in the seventh digit; no check digit since 2007."""
    day, month, year = _pairs(text)
    seventh = int(text[6])
    if seventh < 4 or (seventh in {4, 9} and year >= 37):
        century = 1900
    elif seventh in {4, 9} or year < 58:
        century = 2000
    else:
        century = 1800
    return is_day(century + year, month, day)


def se_personnummer(text: str) -> bool:
    """Swedish personnummer and samordningsnummer: date, Luhn digit."""
    bare = text[-10:]
    year, month, day = _pairs(bare)
    return luhn(bare) and _is_day_of_any_century(year, month, day - 60 * (day > 60))


def fi_hetu(text: str) -> bool:
    """Finnish henkilötunnus: date, sign of the century, check character by the remainder of 31."""
    day, month, year = _pairs(text)
    number = int(text[:6] + text[7:10])
    century = CENTURIES_OF_HETU.get(text[6])
    return (
        century is not None
        and int(text[7:10]) > 1
        and LETTERS_OF_HETU[number % 31] == text[10]
        and is_day(century + year, month, day)
    )


def cz_rodne_cislo(text: str) -> bool:
    """Czech and Slovak rodné číslo of ten digits: date, divisible by 11."""
    year, month, day = _pairs(text)
    bare = next((month - more for more in (70, 50, 20) if month > more), month)
    check = int(text[:9]) % 11 % 10
    full = 1900 + year if year >= 54 else 2000 + year
    return check == int(text[9]) and is_day(full, bare, day)


def ro_cnp(text: str) -> bool:
    """Romanian CNP: sex and century, date, county, check digit."""
    century = {"1": 1900, "2": 1900, "3": 1800, "4": 1800, "5": 2000, "6": 2000}.get(text[0], 1900)
    year, month, day = _pairs(text[1:])
    rest = weighted(text[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    county = int(text[7:9])
    return (
        text[0] != "0"
        and (1 <= county <= 48 or county in {51, 52, 70, 80, 81, 82, 83})
        and (1 if rest == 10 else rest) == int(text[12])
        and is_day(century + year, month, day)
    )


def bg_egn(text: str) -> bool:
    """Bulgarian EGN: date with its century in the month, check digit."""
    year, month, day = _pairs(text)
    century, month = {0: (1900, month), 1: (1800, month - 20), 2: (2000, month - 40)}.get(
        (month > 40) * 2 or (month > 20) * 1, (0, 0)
    )
    check = weighted(text[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return check == int(text[9]) and is_day(century + year, month, day)


def pt_nif(text: str) -> bool:
    """Portuguese NIF: weights 9 to 2, modulus 11."""
    check = -weighted(text[:8], (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return text[0] != "0" and check % 10 == int(text[8])


def at_svnr(text: str) -> bool:
    """Austrian Sozialversicherungsnummer: check digit in the fourth place, date or its stand-in."""
    check = weighted(text, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    day, month, year = _pairs(text[4:])
    is_known = month in {13, 14, 15} or _is_day_of_any_century(year, month, day)
    return text[0] != "0" and check == int(text[3]) and is_known


def ch_ahv(text: str) -> bool:
    """Swiss AHV number: 756 and the check digit of EAN-13."""
    return text.startswith("756") and weighted(text, (1, 3) * 6 + (1,)) % 10 == 0


def gr_amka(text: str) -> bool:
    """Greek AMKA: date, Luhn digit."""
    day, month, year = _pairs(text)
    return luhn(text) and _is_day_of_any_century(year, month, day)


def ie_pps(text: str) -> bool:
    """Irish PPS number: check letter by the remainder of 23, a second letter counts nine times."""
    total = weighted(text[:7], (8, 7, 6, 5, 4, 3, 2))
    if len(text) == 9 and text[8] in "ABH":  # a W there is the old mark of a wife, and no part
        total += 9 * (ord(text[8]) - 64)
    return LETTERS_OF_PPS[total % 23] == text[7]


def ee_isikukood(text: str) -> bool:
    """Estonian isikukood and Lithuanian asmens kodas: date, two rounds of weights."""
    century = {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000, "7": 2100,
               "8": 2100}.get(text[0])  # fmt: skip
    check = weighted(text[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(text[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    year, month, day = _pairs(text[1:])
    return century is not None and check == int(text[10]) and is_day(century + year, month, day)


def lv_personas_kods(text: str) -> bool:
    """Latvian personas kods of the form with a date: check digit, century in the seventh digit."""
    day, month, year = _pairs(text)
    check = (1101 - weighted(text[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10
    if text[6] not in "012":
        return False
    return check == int(text[10]) and is_day(1800 + 100 * int(text[6]) + year, month, day)


def hr_oib(text: str) -> bool:
    """Croatian OIB: MOD 11,10."""
    return mod_11_10(text)


def si_emso(text: str) -> bool:
    """Slovenian EMŠO and JMBG: date of seven digits, modulus 11."""
    day, month, year = int(text[:2]), int(text[2:4]), int(text[4:7])
    check = -weighted(text[:12], (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10
    century = 1000 if year >= 800 else 2000
    return check == int(text[12]) and is_day(century + year, month, day)


def is_kennitala(text: str) -> bool:
    """Icelandic kennitala of a person: date, ninth digit checks, the last is the century."""
    day, month, year = _pairs(text)
    century = {"9": 1900, "0": 2000}.get(text[9])
    check = weighted(text[:9], (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    return century is not None and check == 0 and is_day(century + year, month, day)


def us_ssn(text: str) -> bool:
    """Social Security number of the USA: areas, groups and numbers that are not given out."""
    return (
        text[:3] not in {"000", "666"}
        and text[0] != "9"
        and text[3:5] != "00"
        and text[5:] != "0000"
        and text not in {"078051120", "219099999", "457555462"}  # printed on specimens
    )


def us_itin(text: str) -> bool:
    """Taxpayer number of the USA for those without a Social Security number."""
    group = int(text[3:5])
    is_given = 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
    return text[0] == "9" and is_given
