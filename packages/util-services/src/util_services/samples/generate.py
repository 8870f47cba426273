"""Make the samples: registrations of a hospital in a region that does not exist, and its visits.

Run ``python -m util_services.samples.generate`` after a change. The bytes depend on the seed alone:
only ``Random.random`` is drawn from, the one method whose sequence Python promises to keep.

What is reserved for fiction stands for what could be somebody's: example.org and its kin for mail,
the telephone ranges that regulators keep free for films, account numbers of a bank code that no
bank has (their check digits are right).
"""

from __future__ import annotations

import json
import random
import unicodedata
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

SEED = 20240229
PATIENTS = 900
EXACT_DUPLICATES = 50
NEAR_DUPLICATES = 50

GIVEN_NAMES = (
    "Agnieszka", "Aino", "Anaïs", "André", "Ángel", "Björn", "Božena", "Chloé", "Dimitris", "Ewa",
    "Ferenc", "François", "Gülşen", "Håkon", "Inês", "Iñaki", "Jiří", "Jörg", "Jürgen", "Kaïs",
    "Katarzyna", "Léa", "Luka", "Lærke", "Maria", "Mária", "Márton", "Niamh", "Noël", "Ólafur",
    "Øyvind", "Paweł", "Renée", "Sofia", "Søren", "Ștefan", "Tereza", "Ülle", "Wojciech", "Zoë",
)  # fmt: skip
FAMILY_NAMES = (
    "Ångström-Lind", "Bąk", "Brånemark", "Căpraru", "Çelikbaş", "D'Amico-Rossi", "de la Peña",
    "Dvořáková", "Eðvarðsson", "Ferreira", "Gärtner", "Grønvold", "Horváthová", "Île-Marchand",
    "Jõesaar", "Kowalczyk", "Łukaszewska", "MacTíre", "Müller-Weiß", "Ní Bhriain", "Nyström",
    "O'Dálaigh", "Österlund", "Papadaki", "Quiñones", "Rößler", "Šimková", "Szűcs", "Tănase",
    "Usai", "van der Meer", "Vidović", "Wiśniewski", "Yılmaz", "Žagar",  # noqa: RUF001 - Turkish
)  # fmt: skip
CITIES = {
    "Lindmünde": "010",
    "São Nuvem": "014",
    "Østerhavn-Nord": "021",
    "Zámkovice": "023",
    "Brénoux-sur-Aive": "048",
    "Kreutenau": "104",
    "Vareşti de Sus": "117",
    "Hollinmere": "201",
}
SEXES = ("F", "F", "F", "M", "M", "M", "f", "m", "female", "male", "Female", "Male ", "w", "d")
WARDS = ("Cardiology", "Surgery", "Paediatrics", "Neurology", "Oncology", "ICU", "icu", "Maternity")
DIAGNOSES = (
    "I10", "I21.4", "I50.9", "J18.9", "J45.0", "E11.9", "E10.1", "K35.8", "K80.2", "M16.1",
    "S72.0", "G40.9", "C50.9", "C61", "N39.0", "O80", "A09", "F32.1", "Z38.0", "j18.9",
)  # fmt: skip
MAIL_DOMAINS = ("example.org", "example.com", "example.net", "mail.example.org")
PHONES = ("+49 30 23125 {}", "+44 7700 900{}", "+33 1 99 00 1{}", "030/23125-{}", "(01) 99 00 2{}")
MISSING = (None, None, None, "", "NA", "n/a", "-")
NOTES = (
    "Admitted via A&E, stable.",
    'Patient says "no allergies", to be confirmed.',
    "Family informed; follow-up in 6 weeks,\nblood pressure twice a day.",
    "Called {given} {family} on {phone}, no answer.",
    "Send the letter to {email}, copy to the GP.",
    'Referred by "Praxis am Ufer", {city}.\r\nBring: X-ray, medication list, insurance card.',
    "Transferred from {city}; diet: low salt, no sugar.",
    "Prefers to be called “{given}”.",
    "Billed to {iban}, see invoice.",
    "  Sleeps badly , pain 4/10 ",
)
UNFOLDED = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "ð": "d", "ı": "i"})  # noqa: RUF001
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
FIRST_ADMISSION = date(2023, 1, 1)
FIRST_BIRTH = date(1929, 1, 1)
FICTIONAL_BANK = "00000000"  # German bank codes never begin with 0
GERMANY_AS_DIGITS = "1314"  # D and E, in the check digit rule of ISO 13616


@dataclass(frozen=True, slots=True)
class Registration:
    """One row; None is a missing field, an empty text a quoted empty one."""

    patient_id: str
    given_name: str | None
    family_name: str | None
    sex: str | None
    birth_date: str | None
    postcode: str | None
    city: str | None
    email: str | None
    phone: str | None
    iban: str | None
    admission_date: str
    discharge_date: str | None
    ward: str | None
    diagnosis_code: str | None
    length_of_stay: str | None
    temperature: str | None
    income: str | None
    notes: str | None
    updated: str


class Draw:
    """Chance, drawn from one seeded sequence of numbers."""

    def __init__(self, seed: int) -> None:
        self.number = random.Random(seed).random  # noqa: S311 - sample data, not a secret

    def chance(self, share: float) -> bool:
        """Return True in this share of the calls."""
        return self.number() < share

    def between(self, low: int, high: int) -> int:
        """Return an integer of the closed range."""
        return low + int(self.number() * (high - low + 1))

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[self.between(0, len(choices) - 1)]

    def bell(self, middle: float, spread: float) -> float:
        """Return a number near the middle, within three spreads of it."""
        return middle + spread * (sum(self.number() for _ in range(6)) - 3)

    def digits(self, count: int) -> str:
        """Return a text of decimal digits."""
        return "".join(str(self.between(0, 9)) for _ in range(count))


def patients_csv(seed: int = SEED) -> str:
    """Return the sample as CSV text: UTF-8 in mind, lines ending in a line feed."""
    draw = Draw(seed)
    people = [_registration(draw, number) for number in range(PATIENTS)]
    again = [draw.one_of(people) for _ in range(EXACT_DUPLICATES)]
    nearly = [_near_duplicate(draw, draw.one_of(people)) for _ in range(NEAR_DUPLICATES)]
    rows = people + again + nearly
    places = [draw.number() for _ in rows]
    mixed = [rows[index] for index in sorted(range(len(rows)), key=places.__getitem__)]
    header = ",".join(field.name for field in fields(Registration))
    return "".join(f"{line}\n" for line in (header, *map(_csv_line, mixed)))


def visits_jsonl(seed: int = SEED) -> str:
    """Return one stay of each patient as JSON lines, whose numbers are numbers."""
    draw = Draw(seed)
    people = [_registration(draw, number) for number in range(PATIENTS)]
    return "".join(f"{json.dumps(_visit(one), ensure_ascii=False)}\n" for one in people)


def _visit(row: Registration) -> dict[str, str | int | float | None]:
    numbers = {"length_of_stay": int, "temperature": float, "income": float}
    return {
        "patient_id": row.patient_id,
        "ward": _told(row.ward),
        "diagnosis_code": _told(row.diagnosis_code),
        **{
            name: None if (text := _told(getattr(row, name))) is None else kind(text)
            for name, kind in numbers.items()
        },
    }


def _told(value: str | None) -> str | None:
    """Return a value that is one, None for the many ways to say that there is none."""
    return None if value in MISSING else value


def _registration(draw: Draw, number: int) -> Registration:
    given, family = draw.one_of(GIVEN_NAMES), draw.one_of(FAMILY_NAMES)
    city = draw.one_of(tuple(CITIES))
    email = f"{_folded(given)}.{_folded(family)}{number}@{draw.one_of(MAIL_DOMAINS)}"
    phone = draw.one_of(PHONES).format(draw.digits(3))
    iban = _iban(FICTIONAL_BANK + draw.digits(10))
    admitted = FIRST_ADMISSION + timedelta(days=draw.between(0, 729))
    stay = max(0, round(draw.bell(6, 4)))
    discharged = admitted + timedelta(days=stay)
    note = draw.one_of(NOTES).format(given=given, family=family, phone=phone, email=email,
                                     city=city, iban=iban)  # fmt: skip
    birth = FIRST_BIRTH + timedelta(days=draw.between(0, 34_000))
    return Registration(
        patient_id=f"{number * 37 + 12:07d}",
        given_name=_gap(draw, 0.01, _untidy(draw, given)),
        family_name=_untidy(draw, family),
        sex=_gap(draw, 0.03, draw.one_of(SEXES)),
        birth_date=_gap(draw, 0.01, birth.isoformat()),
        postcode=_gap(draw, 0.02, CITIES[city] + draw.digits(2)),
        city=_gap(draw, 0.03, _misspelt(draw, city)),
        email=_gap(draw, 0.06, email),
        phone=_gap(draw, 0.08, phone),
        iban=_gap(draw, 0.05, iban),
        admission_date=admitted.isoformat(),
        discharge_date=_gap(draw, 0.07, discharged.isoformat()),
        ward=_gap(draw, 0.02, draw.one_of(WARDS)),
        diagnosis_code=_gap(draw, 0.02, draw.one_of(DIAGNOSES)),
        length_of_stay=_gap(draw, 0.04, _odd(draw, str(stay), ("999", "-3", "365"))),
        temperature=_gap(draw, 0.05, _temperature(draw)),
        income=_gap(draw, 0.12, _income(draw)),
        notes=_gap(draw, 0.25, note),
        updated=_moment(draw, admitted),
    )


def _near_duplicate(draw: Draw, row: Registration) -> Registration:
    """Return a row that a person would take for the same patient, and a computer would not."""
    kind = draw.between(0, 3)
    if kind == 0:
        later = datetime.fromisoformat(row.updated) + timedelta(days=draw.between(1, 90))
        return replace(row, updated=_iso(later), ward=draw.one_of(WARDS))
    if kind == 1:
        return replace(row, email=row.email.upper() if row.email else None)
    if kind == 2:
        return replace(row, family_name=f" {(row.family_name or '').upper()} ")
    plain = unicodedata.normalize("NFKD", row.given_name or "").encode("ascii", "ignore").decode()
    return replace(row, given_name=plain)


def _gap(draw: Draw, share: float, value: str) -> str | None:
    return draw.one_of(MISSING) if draw.chance(share) else value


def _odd(draw: Draw, value: str, outliers: Sequence[str]) -> str:
    return draw.one_of(outliers) if draw.chance(0.01) else value


def _temperature(draw: Draw) -> str:
    return _odd(draw, f"{draw.bell(37.1, 0.6):.1f}", ("371", "98.6", "3.69"))


def _income(draw: Draw) -> str:
    usual = 12_000 + 70_000 * draw.number() * draw.number()
    return _odd(draw, f"{usual:.2f}", ("9999999.00", "-1.00", "0.01"))


def _untidy(draw: Draw, name: str) -> str:
    """Return a name as hurried hands type it."""
    if draw.chance(0.88):
        return name
    forms = (
        name.upper(),
        name.lower(),
        f" {name}",
        f"{name}  ",
        f"{name}{NO_BREAK_SPACE}",
        unicodedata.normalize("NFD", name),
    )
    return draw.one_of(forms)


def _misspelt(draw: Draw, city: str) -> str:
    if draw.chance(0.85):
        return city
    at = draw.between(1, len(city) - 2)
    forms = (
        city.upper(),
        city.lower(),
        f"{city} ",
        city[:at] + city[at + 1 :],
        city[: at - 1] + city[at] + city[at - 1] + city[at + 1 :],
        unicodedata.normalize("NFKD", city).encode("ascii", "ignore").decode(),
    )
    return draw.one_of(forms)


def _folded(name: str) -> str:
    """Return a name in the letters of a mail address."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(UNFOLDED))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())


def _iban(account: str) -> str:
    """Return a German account number with the check digits of ISO 13616."""
    return f"DE{98 - int(account + GERMANY_AS_DIGITS + '00') % 97:02d}{account}"


def _moment(draw: Draw, day: date) -> str:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return _iso(midnight + timedelta(seconds=draw.between(0, 40 * 86_400)))


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _csv_line(row: Registration) -> str:
    return ",".join(_csv_field(value) for value in astuple(row))


def _csv_field(value: str | None) -> str:
    """Return a field as RFC 4180 has it; csv.writer cannot tell a missing from an empty one."""
    if value is None:
        return ""
    if value and not any(character in value for character in ',"\r\n'):
        return value
    return '"' + value.replace('"', '""') + '"'


if __name__ == "__main__":
    Path(__file__).with_name("patients.csv").write_bytes(patients_csv().encode())
    Path(__file__).with_name("visits.jsonl").write_bytes(visits_jsonl().encode())
