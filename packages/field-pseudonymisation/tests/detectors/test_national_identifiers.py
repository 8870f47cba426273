"""The rules of national identifiers, beside those of python-stdnum as an oracle."""

import datetime as dt
from importlib import import_module
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from field_pseudonymisation.detectors import national_rules
from field_pseudonymisation.detectors.national import national_detectors
from field_pseudonymisation.detectors.scanner import Scanner

DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PAIRS = ["".join(pair) for pair in product(DIGITS, repeat=2)]
DATED = {  # the module of the oracle, the beginning of a day and three digits, what may follow
    "no_fodselsnummer": ("no.fodselsnummer", lambda d, n: f"{d:%d%m%y}{n}", PAIRS),
    "pl_pesel": ("pl.pesel", lambda d, n: f"{d:%y%m%d}4{n}", DIGITS),
    "dk_cpr": ("dk.cpr", lambda d, n: f"{d:%d%m%y}{n}", DIGITS),
    "se_personnummer": ("se.personnummer", lambda d, n: f"{d:%y%m%d}{n}", DIGITS),
    "cz_rodne_cislo": ("cz.rc", lambda d, n: f"{d:%y%m%d}{n}", DIGITS),
    "ro_cnp": ("ro.cnp", lambda d, n: f"1{d:%y%m%d}{n[:2]}{n}", DIGITS),
    "bg_egn": ("bg.egn", lambda d, n: f"{d:%y%m%d}{n}", DIGITS),
    "gr_amka": ("gr.amka", lambda d, n: f"{d:%d%m%y}7{n}", DIGITS),
    "ee_isikukood": ("ee.ik", lambda d, n: f"3{d:%y%m%d}{n}", DIGITS),
    "lv_personas_kods": ("lv.pvn", lambda d, n: f"{d:%d%m%y}1{n}", DIGITS),
    "is_kennitala": ("is_.kennitala", lambda d, n: f"{d:%d%m%y}{n[:2]}", PAIRS),
    "be_rrn": ("be.nn", lambda d, n: f"{d:%y%m%d}{n}", PAIRS),
    "fi_hetu": ("fi.hetu", lambda d, n: f"{d:%d%m%y}-8{n[1:]}", DIGITS + LETTERS),
    "si_emso": ("si.emso", lambda d, n: f"{d:%d%m9%y}50{n}", DIGITS),
    "at_svnr": ("at.vnr", lambda d, n: f"{n}1{min(d.day, 28):02d}{d:%m}", PAIRS),
    "fr_nir": ("fr.nir", lambda d, n: f"1{d:%y%m}75{n}{n}", PAIRS),
    "it_codice_fiscale": (
        "it.codicefiscale",
        lambda d, n: f"RSSMRA{d:%y}{'ABCDEHLMPRST'[d.month - 1]}{d:%d}H{n}",
        LETTERS,
    ),
}
PLAIN = {  # the module of the oracle, how it begins, how many digits, what may follow
    "nl_bsn": ("nl.bsn", "", 8, DIGITS),
    "de_tax_id": ("de.idnr", "", 10, DIGITS),
    "es_dni": ("es.dni", "", 8, LETTERS),
    "es_nie": ("es.nie", "X", 7, LETTERS),
    "gb_nhs": ("gb.nhs", "", 9, DIGITS),
    "pt_nif": ("pt.nif", "", 8, DIGITS),
    "hr_oib": ("hr.oib", "", 10, DIGITS),
    "ie_pps": ("ie.pps", "", 7, [a + b for a in LETTERS[:23] for b in ("", *"ABHW")]),
    "ch_ahv": ("ch.ssn", "756", 9, DIGITS),
    "us_ssn": ("us.ssn", "", 8, DIGITS),
    "us_itin": ("us.itin", "9557", 4, DIGITS),
}
WRITTEN = {  # as it is written with words that say what it is; examples that issuers publish
    "at_svnr": "Meine SVNR ist 1237 010180.",
    "be_rrn": "rijksregisternummer: 85.07.30-033.28",
    "ch_ahv": "AHV-Nummer 756.9217.0769.85",
    "cz_rodne_cislo": "rodné číslo 7103192745",
    "de_tax_id": "Steuer-ID 86 095 742 719",
    "es_dni": "DNI 12.345.678-Z",
    "es_nie": "NIE X-1234567-L",
    "fi_hetu": "henkilötunnus 131052-308T",
    "fr_nir": "n° de sécurité sociale 2 55 08 14 168 025 38",
    "gb_nhs": "NHS number 943 476 5919",
    "gb_nino": "National Insurance number AB 12 34 56 C",
    "hr_oib": "OIB 33392005961",
    "ie_pps": "PPS number 1234567FA",
    "it_codice_fiscale": "codice fiscale RSSMRA85T10A562S",
    "nl_bsn": "Uw BSN is 111222333",
    "pl_pesel": "PESEL 44051401359",
    "pt_nif": "NIF 123 456 789",
    "se_personnummer": "personnummer 811218-9876",
    "us_ssn": "SSN 536-90-4399",
}


def compare(name, module, texts):
    """Compare which texts are identifiers, here and by the oracle."""
    oracle = import_module(f"stdnum.{module}").is_valid
    rule = getattr(national_rules, name)
    assert [text for text in texts if rule(text)] == [text for text in texts if oracle(text)]


@pytest.mark.parametrize("name", DATED)
@given(
    day=st.dates(dt.date(1960, 1, 1), dt.date(1999, 12, 31)),
    number=st.integers(0, 999).map("{:03d}".format),
)
@settings(max_examples=50, deadline=None)
def test_identifiers_with_a_date_are_those_of_the_oracle(name, day, number):
    module, beginning, endings = DATED[name]

    compare(name, module, [beginning(day, number) + ending for ending in endings])


@pytest.mark.parametrize("name", PLAIN)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_identifiers_of_digits_are_those_of_the_oracle(name, data):
    module, beginning, size, endings = PLAIN[name]
    digits = data.draw(st.text(DIGITS, min_size=size, max_size=size))
    assume(name != "gb_nhs" or digits.strip("0"))  # ten zeros fit, and are nobody's number

    compare(name, module, [beginning + digits + ending for ending in endings])


@pytest.mark.parametrize(("name", "text"), WRITTEN.items())
def test_identifiers_are_found_as_they_are_written(name, text):
    (span,) = Scanner(national_detectors()).scan([text])[0]

    found = text[span.start : span.end]
    assert span.entity == "national_id"
    assert found[0] == next(one for one in text if one in found[0])
    assert text.rstrip(".").endswith(found)
    assert span.detector.startswith(name)


@pytest.mark.parametrize("text", ["BSN 111222334", "PESEL 44051401358", "AHV 756.9217.0769.84"])
def test_a_wrong_check_digit_is_no_identifier(text):
    assert Scanner(national_detectors()).scan([text]) == [[]]


@pytest.mark.parametrize("prefix", ["DA", "AO", "GB", "ZZ", "QQ"])
def test_letters_that_are_not_given_out_are_no_insurance_number(prefix):
    assert not national_rules.gb_nino(f"{prefix}123456C")


def test_identifiers_are_those_of_many_countries():
    countries = {country for one in national_detectors() for country in one.countries}

    assert len(countries) >= 25
    assert all(one.check is not None and one.context for one in national_detectors())
