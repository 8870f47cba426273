"""Dates, and those of birth among them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST_YEAR, LAST_YEAR = 1850, 2100
MONTHS = (  # their beginnings in English, German, French, Spanish, Italian, Dutch, Portuguese
    ("jan", "jän", "gen", "ene"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "maa", "mrt"),
    ("apr", "avr", "abr"),
    ("may", "mai", "mag", "mei"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "ott", "out"),
    ("nov",),
    ("dec", "dez", "déc", "dic"),
)
NAMES = sorted((name for names in MONTHS for name in names), key=len, reverse=True)
MONTH = rf"(?:{'|'.join(NAMES)})[a-zà-ÿ]{{0,7}}\.?"
ZONE = r"(?: ?(?:Z|[+-][0-9]{2}:?[0-9]{2}))?"
TIME = rf"(?:[T ][0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?{ZONE})?"
NUMERIC = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})(?![0-9])")
NUMBERS = re.compile(r"[0-9]+")
WORDS = re.compile(r"[^\W\d_]+")
BIRTH = (
    "born", "birth*", "dob", "d.o.b", "bday", "geboren", "geburt*", "geb", "né", "née", "naissance",
    "nacid*", "nacimiento", "fecha de nacimiento", "nato il", "nata il", "nascita", "geboorte*",
    "nascid*", "nascimento", "født", "fødsels*", "född", "födelse*", "syntym*", "urodzon*",
    "urodzenia", "ur", "narozen*", "născut*", "naștere", "rođen*", "rojen*",
)  # fmt: skip


def is_date(text: str) -> bool:
    """Return whether a text begins with a date that there is: in numbers, with a year."""
    found = NUMERIC.match(text)
    if found is None:
        return False
    first, middle, last = found[1], int(found[3]), found[4]
    if len(first) == 4:
        return len(last) <= 2 and _exists(first, middle, int(last))
    if len(first) > 2 or len(last) not in {2, 4}:
        return False
    return _exists(last, middle, int(first)) or _exists(last, int(first), middle)


def is_written_date(text: str) -> bool:
    """Return whether a text is a date that there is: day, name of the month, year."""
    numbers = NUMBERS.findall(text.partition(":")[0])
    names = [word.lower()[:4] for word in WORDS.findall(text)]
    months = [
        number
        for number, beginnings in enumerate(MONTHS, 1)
        if any(name.startswith(beginnings) for name in names)
    ]
    if not months or len(numbers) < 2:
        return False
    return _exists(numbers[1], months[0], int(numbers[0]))


def _exists(year: str, month: int, day: int) -> bool:
    number = int(year) + (1900 if len(year) == 2 else 0)
    try:
        date(number, month, day)
    except ValueError:
        return False
    return FIRST_YEAR <= number <= LAST_YEAR


def date_detectors() -> Iterable[Detector]:
    """Return the detectors of dates and of dates of birth."""
    numeric = rf"[0-9]{{1,4}}(?:-[0-9]{{1,2}}-|/[0-9]{{1,2}}/|\.[0-9]{{1,2}}\.)[0-9]{{1,4}}{TIME}"
    written = (
        rf"(?i)(?:[0-9]{{1,2}}(?:st|nd|rd|th|\.|º)?[ -](?:of |de )?{MONTH}[ -](?:de )?[0-9]{{4}}"
        rf"|{MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}})"
    )
    kinds = (
        ("", numeric, is_date, "in numbers"),
        ("_written", written, is_written_date, "in words"),
    )
    found = []
    for suffix, pattern, check, form in kinds:
        found.append(
            Detector(
                name=f"date{suffix}",
                entity="date",
                summary=f"dates {form}",
                pattern=pattern,
                check=check,
                score=0.6,
                edges="number",
            )
        )
        found.append(
            Detector(
                name=f"date_of_birth{suffix}",
                entity="date_of_birth",
                summary=f"dates of birth {form}, where words say so",
                pattern=pattern,
                check=check,
                score=0.1,
                context=BIRTH,
                context_score=0.9,
                edges="number",
            )
        )
    return found
