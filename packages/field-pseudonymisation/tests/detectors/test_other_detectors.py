"""Dates, credentials, postcodes and plates: found where they are meant, and left elsewhere."""

import secrets

import pytest

from field_pseudonymisation.detectors.catalogue import built_in_detectors
from field_pseudonymisation.detectors.scanner import Scanner

EVERYTHING = Scanner(built_in_detectors())


def found(text):
    return [(one.entity, text[one.start : one.end]) for one in EVERYTHING.scan([text])[0]]


@pytest.mark.parametrize(
    "text",
    [
        "born on 29/02/1980",
        "Geburtsdatum: 29.02.1980",
        "DOB 1980-02-29",
        "née le 29/2/1980",
        "fecha de nacimiento 29-02-1980",
        "geboren am 29. Februar 1980",
        "Date of birth: February 29, 1980",
        "née le 29 février 1980",
        "født 29.2.1980",
    ],
)
def test_dates_of_birth_are_told_by_their_words(text):
    ((entity, value),) = found(text)

    assert entity == "date_of_birth"
    assert text.endswith(value)
    assert value[0] in "129F"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on 2024-05-02 we met", "2024-05-02"),
        ("at 2024-05-02T10:15:00Z,", "2024-05-02T10:15:00Z"),
        ("on 2 May 2024.", "2 May 2024"),
        ("on 5/31/2024", "5/31/2024"),
    ],
)
def test_other_dates_are_dates(text, value):
    assert found(text) == [("date", value)]


@pytest.mark.parametrize("text", ["30/02/1980", "2024-13-01", "1.2.3", "7/11", "31 June 2024"])
def test_days_that_there_are_not_are_no_dates(text):
    assert found(text) == []


def test_passwords_are_found_and_nothing_around_them():
    secret = secrets.token_hex(8)

    for before, after in (
        ("postgresql://bob:", "@db.internal/x"),
        ("password=", ""),
        ('"api_key": "', '"'),
        ("Passwort: ", ""),
        ("PWD='", "'"),
        ("Server=db;User Id=a;Password=", ";Encrypt=yes"),
    ):
        text = f"{before}{secret}{after}"
        assert ("credential", secret) in found(text), before


def test_tokens_of_providers_are_found():
    letters = secrets.token_hex(40)

    for token in (
        "AKIA" + letters[:16].upper(),
        "ghp_" + letters[:36],
        "glpat-" + letters[:20],
        "xoxb-" + letters[:24],
        "sk_live_" + letters[:24],
        "AIza" + letters[:35],
        f"eyJ{letters[:20]}.eyJ{letters[:30]}.{letters[:40]}",
    ):
        assert found(f"with {token} you") == [("credential", token)]
    assert found(f"Authorization: Bearer {letters}") == [("credential", letters)]


@pytest.mark.parametrize("headers", ["", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n"])
def test_private_keys_are_found_whole(headers):
    body = "\n".join(secrets.token_hex(32) for _ in range(12))
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{headers}{body}\n-----END RSA PRIVATE KEY-----"

    assert found(f"see\n{key}\nbelow") == [("credential", key)]


@pytest.mark.parametrize(
    "text",
    [
        "the password is needed",
        "password: required",
        "Token: <your token>",
        "password=${PASSWORD}",
        "password: ********",
        "a secret: nobody knows",
    ],
)
def test_talk_of_passwords_is_none(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("London SW1A 1AA, UK", "SW1A 1AA"),
        ("PLZ: 20129", "20129"),
        ("code postal 75008", "75008"),
        ("postcode 1012 AB", "1012 AB"),
        ("Springfield, IL 62704-1234", "62704-1234"),
        ("kod pocztowy 00-950", "00-950"),
        ("postnummer 113 59", "113 59"),
    ],
)
def test_postcodes_are_found(text, value):
    assert found(text) == [("postcode", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Kennzeichen HH-AB 1234", "HH-AB 1234"),
        ("immatriculé AB-123-CD", "AB-123-CD"),
        ("number plate AB12 CDE", "AB12 CDE"),
        ("matrícula 1234 BCD", "1234 BCD"),
        ("kenteken 12-ABC-3", "12-ABC-3"),
        ("rejestracja WA 12345", "WA 12345"),
    ],
)
def test_plates_are_found_where_words_say_so(text, value):
    assert found(text) == [("licence_plate", value)]


@pytest.mark.parametrize(
    "text", ["Room AB 1234", "1234 people", "in 2019 and 75008 others", "IL 62"]
)
def test_short_forms_without_such_words_are_left(text):
    assert found(text) == []
