"""E-mail, phones and addresses of the Internet, and what only looks like them."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from field_pseudonymisation.detectors.contact import contact_detectors
from field_pseudonymisation.detectors.phones import EUROPE, phone_detectors
from field_pseudonymisation.detectors.scanner import Scanner

CONTACT, PHONES = Scanner(contact_detectors()), Scanner(phone_detectors())
REGIONS = (*EUROPE, "US", "CA")


def found(text, scanner=CONTACT):
    return [(one.entity, text[one.start : one.end]) for one in scanner.scan([text])[0]]


def examples(region):
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    numbers = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
    assert all(numbers)
    return numbers


@pytest.mark.parametrize("region", REGIONS)
def test_phones_with_a_calling_code_are_found_in_all_forms(region):
    for number in examples(region):
        for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164):
            written = phonenumbers.format_number(number, form)
            with_zeros = "00" + written[1:]

            for text in (written, written.replace(" ", "-"), with_zeros):
                assert found(f"Ask {text}.", PHONES) == [("phone", text)]


@pytest.mark.parametrize("region", REGIONS)
def test_national_phones_are_found_where_words_say_so(region):
    for number in examples(region):
        written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)

        for text in (written, written.replace(" ", "")):
            assert found(f"Please call {text}.", PHONES) == [("phone", text)]


@pytest.mark.parametrize("region", ["GB", "DE", "FR", "NL", "BE", "CH", "SE", "US"])
def test_national_phones_in_groups_are_found_by_themselves(region):
    for number in examples(region):
        written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)

        assert found(f"Ask {written}.", PHONES) == [("phone", written)]


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("tel (030) 901820", "(030) 901820"),
        ("call 555-123-4567 ext. 12 now", "555-123-4567 ext. 12"),
        ("fax: +44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
        ("Tel.: 030/901820-12", "030/901820-12"),
        ("(212) 555-2368", "(212) 555-2368"),
        ("ring 0171.2345678!", "0171.2345678"),
    ],
)
def test_phones_are_found_as_people_write_them(text, phone):
    assert found(text, PHONES) == [("phone", phone)]


@pytest.mark.parametrize(
    "text",
    [
        "born 1980-02-29 in Oslo",
        "version 10.11.12.13",
        "order 123456789",
        "room 010 63, floor 2",
        "12.03.2024 10:15",
        "invoice 2024-000123",
        "1,234,567.89 EUR",
        "ISBN 978-3-16-148410-0",
        "+999 12345",
        "192.168.0.17",
    ],
)
def test_other_numbers_are_no_phones(text):
    assert found(text, PHONES) == []


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "o'neil+tag@sub.example.co.uk",
        "jürgen@müller.de",
        "a_b-c.d@x-y.example",
        "user%x@example.museum",
        "用户@例子.广告",
        "ann@xn--bcher-kva.example.xn--p1ai",
    ],
)
def test_addresses_of_mail_are_found(address):
    assert found(f"Write to <{address}>, please.") == [("email", address)]


@pytest.mark.parametrize(
    "text",
    ["@example", "a@b", "a@b.1", "a..b@example", "x@-y.org", "@handle and #tag", "a @ b.org."],
)
def test_other_texts_with_an_at_sign_are_no_mail(text):
    assert not any(entity == "email" for entity, _ in found(text))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://example.org/a?b=c#d.", "https://example.org/a?b=c#d"),
        ("(http://example.org/x_(y))", "http://example.org/x_(y)"),
        ("at www.example.co.uk, or", "www.example.co.uk"),
        ("«https://møller.no»", "https://møller.no"),
        ("example.com/path!", "example.com/path"),
        ("ftp://files.example.net:21/x", "ftp://files.example.net:21/x"),
    ],
)
def test_addresses_of_the_web_end_where_the_sentence_goes_on(text, address):
    assert found(text) == [("url", address)]


@pytest.mark.parametrize(
    "text",
    [
        "He came.It was late",
        "run setup.py or main.rs",
        "e.g. this, i.e. that",
        "U.S.A. and Ph.D.",
        "f(x.y) = 3.14",
        "std::vector and a::b",
        "README.md",
        "12:30:45",
    ],
)
def test_other_texts_with_points_are_no_addresses(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1",
        "10.0.0.0/8",
        "2001:db8::1",
        "fe80::1%eth0",
        "::ffff:192.0.2.128",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    ],
)
def test_addresses_of_the_internet_are_found(address):
    assert found(f"from {address}.") == [("ip_address", address)]


@pytest.mark.parametrize(
    "text", ["1.2.3.4.5", "256.1.1.1", "1.2.3", ".".join("0000"), "::", "aa:bb"]
)
def test_other_numbers_are_no_addresses_of_the_internet(text):
    assert found(f"x {text} y") == []
