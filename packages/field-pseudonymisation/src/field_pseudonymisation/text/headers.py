"""What the names of columns tell of their values, where these tell little or nothing."""

from __future__ import annotations

import re

from field_pseudonymisation.detectors.context import ContextWords
from field_pseudonymisation.detectors.national import national_detectors
from field_pseudonymisation.detectors.places import POSTCODE_WORDS

TEXT = "text"  # free texts, which may hold anything
NUMBERED = re.compile(r"[\s_-]*\d+$")  # address_2, phone1
SHORT = 3  # characters: shorter words tell something beside a number alone, not in a name
WORDS = {  # entities by words in the names of columns; the first that fits counts
    "email": ("email*", "e mail", "mail address", "epost", "e post", "courriel", "correo*"),
    "phone": (
        *("phone*", "mobile", "mobilnummer", "mobiltelefon*", "telephone", "tel", "telefon*"),
        *("tlf*", "téléphone*", "teléfono*", "telefoon*", "fax", "msisdn", "handynummer"),
        *("cell phone", "cellphone"),
    ),
    "national_id": ("ssn", "national id", "passport*", "identity number", "tax id"),
    "iban": (
        *("iban", "bank account", "account number", "account no", "account nr", "kontonummer"),
        *("kontonr", "rekeningnummer", "numéro de compte", "número de cuenta"),
    ),
    "payment_card": (
        *("card number", "card no", "card nr", "credit card*", "creditcard*", "kreditkarte*"),
        *("kortnummer", "tarjeta de crédito"),
    ),
    "person_name": (
        *("first name", "last name", "given name", "family name", "full name", "surname"),
        *("forename", "middle name", "maiden name", "patient name", "person name", "vorname"),
        *("customer name", "client name", "contact name", "contact person", "next of kin"),
        *("nachname", "nom", "prénom", "prenom", "apellido*", "nombre*", "cognome", "voornaam"),
        *("achternaam", "imię", "nazwisko", "fornavn", "etternavn", "efternavn", "förnamn"),
        *("efternamn", "pasientnavn", "kundenavn", "kontaktperson", "ansprechpartner*"),
    ),
    "address": (
        *("street*", "home address", "postal address", "addr", "adresse", "straße", "strasse"),
        *("rue", "dirección", "indirizzo", "straat", "adres", "gateadresse", "katuosoite"),
        *("address line", "anschrift", "adress", "direccion"),
    ),
    "date_of_birth": (
        *("birth date", "birthdate", "date of birth", "dob", "born", "birthday", "geburtsdatum"),
        *("date de naissance", "fecha de nacimiento", "data di nascita", "geboortedatum"),
        *("fødselsdato", "födelsedatum", "data urodzenia"),
    ),
    "postcode": POSTCODE_WORDS,
    "ip_address": ("ip", "ip addr*", "ipaddress", "remote addr"),
    "person_id": (
        *("patient id", "person id", "customer id", "client id", "employee id", "user id"),
        *("member id", "subject id", "case id", "mrn", "medical record*", "insurance number"),
        *("patient no", "person no", "customer no", "client no", "employee no", "member no"),
        *("patient number", "customer number", "client number", "employee number"),
        *("member number", "username", "user name", "login", "nickname", "screen name"),
        *("device id", "imei", "imsi", "mac address", "cookie id", "advertising id"),
    ),
    "credential": ("password*", "passwd", "pwd", "secret", "api key"),
    TEXT: (
        *("note", "notes", "comment*", "remark*", "free text", "freetext", "message", "anamnes*"),
        *("bemerkung*", "kommentar*", "anmerkung*", "notiz*", "remarque*", "commentaire*"),
        *("observacion*", "merknad*", "opmerking*"),
    ),
}
WHOLE = {  # entities by whole names, of words that mean something else in longer ones
    "name": "person_name",
    "naam": "person_name",
    "navn": "person_name",
    "namn": "person_name",
    "address": "address",
    "mail": "email",
    "mobil": "phone",
    "lat": "coordinates",
    "latitude": "coordinates",
    "lon": "coordinates",
    "lng": "coordinates",
    "long": "coordinates",
    "longitude": "coordinates",
}


class Headers:
    """The words, made ready to search."""

    def __init__(self) -> None:
        national = [word for one in national_detectors() for word in one.context]
        long = tuple(dict.fromkeys(word for word in national if len(word.rstrip("*")) >= SHORT))
        named = WORDS | {"national_id": (*WORDS["national_id"], *long)}
        self._words = {entity: ContextWords(words) for entity, words in named.items()}

    def entity_of(self, name: str) -> str:
        """Return what the name of a column says that it holds, empty if that is nothing."""
        whole = WHOLE.get(NUMBERED.sub("", name.strip().lower()))
        return whole or next(
            (entity for entity, words in self._words.items() if words.are_in_name(name)), ""
        )
