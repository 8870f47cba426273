"""Postcodes, licence plates and driving licences: short forms that need words beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Iterable

POSTCODE_WORDS = (
    "zip*", "postcode*", "post code*", "postal*", "plz", "postleitzahl*", "code postal", "cap",
    "código postal", "codigo postal", "cp", "postnummer", "postnr", "postinumero", "irányítószám",
    "kod pocztowy", "psč", "cod poștal", "poštna številka", "eircode",
)  # fmt: skip
PLATE_WORDS = (
    "plate*", "licence plate", "license plate", "number plate", "registration", "vehicle", "reg no",
    "kennzeichen", "nummernschild", "immatricul*", "targa", "matrícula", "matricula", "kenteken",
    "nummerplaat", "nummerplade", "registreringsnummer", "regnr", "rekisteri*", "rejestrac*", "spz",
    "rendszám", "înmatriculare", "tablica",
)  # fmt: skip
LICENCE_WORDS = (
    *("driver licen*", "drivers licen*", "driver's licen*", "driving licen*", "dl number"),
    *("führerschein*", "permis de conduire", "permiso de conducir", "patente di guida"),
    *("rijbewijs*", "prawo jazdy", "kørekort*", "körkort*", "førerkort*"),
)
SHORTEST_POSTCODE = 4
YEARS = re.compile(r"(?:19|20)[0-9]{2}-(?:19|20)[0-9]{2}")
STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|"
    "NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|VI|GU|AS|MP"
)
BRITISH_AREA = (
    "A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|"
    "K[ATWY]|L[ADELNSU]?|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|"
    "UB|W[ACDFNRSV]?|YO|ZE"
)
PLATES = (  # as they are written, with spaces or hyphens; most specific ones first
    r"[A-HJ-NP-TV-Z]{2}[ -][0-9]{3}[ -][A-HJ-NP-TV-Z]{2}",  # France, Italy
    r"[A-Z]{2}[0-9]{2} ?[A-Z]{3}",  # United Kingdom
    r"[A-ZÄÖÜ]{1,3}[ -][A-Z]{1,2} ?[0-9]{1,4}[EH]?",  # Germany
    r"[A-Z]{1,2}[ -]?[0-9]{1,6}[ -]?[A-Z]{0,3}",  # Austria, Switzerland, Norway, Denmark
    r"[0-9]{4}[ -]?[BCDFGHJ-NP-TV-Z]{3}",  # Spain
    r"[0-9]-[A-Z]{3}-[0-9]{3}",  # Belgium
    r"[A-Z0-9]{1,3}-[A-Z0-9]{2,3}-[A-Z0-9]{1,3}",  # Netherlands, Portugal
    r"[A-Z]{2,3} ?[0-9A-Z]{4,5}",  # Poland, Romania, Sweden, Finland, Hungary, the Baltic states
    r"[A-Z]{3}[ -]?[0-9]{2,4}[A-Z]?",
    r"[0-9][A-Z][0-9A-Z] ?[0-9]{4}",  # Czech Republic
)


def has_digit_and_letter(text: str) -> bool:
    """Return whether a text holds both."""
    return any(one.isdigit() for one in text) and any(one.isalpha() for one in text)


def has_enough_digits(text: str) -> bool:
    """Return whether a text holds at least five digits."""
    return sum(one.isdigit() for one in text) >= 5


def is_postcode(text: str) -> bool:
    """Return whether a text is as long as a postcode, and not the years from and to."""
    return len(text) >= SHORTEST_POSTCODE and not YEARS.fullmatch(text)


def place_detectors() -> Iterable[Detector]:
    """Return the detectors of postcodes, plates and licences."""
    return (
        Detector(
            name="postcode_british",
            entity="postcode",
            summary="British postcodes",
            pattern=rf"(?:{BRITISH_AREA})[0-9][0-9A-HJKMNP-Y]? ?[0-9][ABD-HJLNP-UW-Z]{{2}}",
            score=0.6,
            context=POSTCODE_WORDS,
            countries=("GB",),
        ),
        Detector(
            name="postcode_dutch",
            entity="postcode",
            summary="Dutch postcodes with their letters",
            pattern=r"[1-9][0-9]{3} ?(?:[A-EGHJ-NPR-TV-Z][A-EGHJ-NPR-TV-Z])",
            score=0.45,
            context=(*POSTCODE_WORDS, "nl", "nederland", "netherlands"),
            countries=("NL",),
        ),
        Detector(
            name="postcode_irish",
            entity="postcode",
            summary="Irish Eircodes",
            pattern=r"(?:[AC-FHKNPRTV-Y][0-9]{2}|D6W) [0-9AC-FHKNPRTV-Y]{4}",
            check=has_digit_and_letter,
            score=0.5,
            context=POSTCODE_WORDS,
            countries=("IE",),
        ),
        Detector(
            name="postcode_american",
            entity="postcode",
            summary="ZIP codes behind the abbreviation of a state",
            pattern=rf"(?:{STATES})[\s,]{{1,6}}[0-9]{{5}}(?:-[0-9]{{4}})?",
            parts=lambda text: ((text.index(next(filter(str.isdigit, text))), len(text)),),
            score=0.6,
            edges="number",
            countries=("US",),
        ),
        Detector(
            name="postcode_in_context",
            entity="postcode",
            summary="postcodes of any country, where words say so",
            pattern=(
                r"(?:[A-Z]{1,2}-)?[0-9]{2,5}(?:[ -][0-9]{2,4})?(?: ?[A-Z]{2})?"
                r"|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]"
            ),
            check=is_postcode,
            score=0.1,
            context=POSTCODE_WORDS,
            context_score=0.7,
            edges="number",
        ),
        Detector(
            name="licence_plate",
            entity="licence_plate",
            summary="licence plates of European countries, where words say so",
            pattern=f"(?:{'|'.join(PLATES)})",
            check=has_digit_and_letter,
            score=0.2,
            context=PLATE_WORDS,
            context_score=0.7,
        ),
        Detector(
            name="licence_plate_french",
            entity="licence_plate",
            summary="French licence plates with their hyphens",
            pattern=r"[A-HJ-NP-TV-Z]{2}-[0-9]{3}-[A-HJ-NP-TV-Z]{2}",
            score=0.55,
            context=PLATE_WORDS,
            context_score=0.8,
            countries=("FR",),
        ),
        Detector(
            name="driving_licence",
            entity="driving_licence",
            summary="numbers of driving licences, where words say so",
            pattern=r"[A-Z]{0,3}[0-9](?:[ -]?[0-9A-Z]){4,17}",
            check=has_enough_digits,
            score=0.1,
            context=LICENCE_WORDS,
            context_score=0.75,
            edges="number",
        ),
    )
