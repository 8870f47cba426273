"""Accounts and cards: all countries and issuers, and nothing that only looks like one."""

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as oracle
from stdnum import luhn

from field_pseudonymisation.detectors.payment import IBAN_LENGTHS, is_iban, payment_detectors
from field_pseudonymisation.detectors.scanner import Scanner

CARDS = (  # that issuers publish for tests
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6205500000000000004",
    "6759649826438453",
)


def found(text):
    return [text[one.start : one.end] for one in Scanner(payment_detectors()).scan([text])[0]]


def with_checks(country, bban):
    return country + oracle.calc_check_digits(f"{country}00{bban}") + bban


def test_lengths_are_those_of_the_registry():
    lines = files("stdnum").joinpath("iban.dat").read_text().splitlines()
    registry = {}
    for line in lines:
        if parsed := re.match(r'([A-Z]{2}) .*bban="([^"]*)"', line):
            sizes = re.findall(r"(\d+)!?[nace]", parsed[2])
            registry[parsed[1]] = 4 + sum(map(int, sizes))

    assert registry.items() <= IBAN_LENGTHS.items()


@given(country=st.sampled_from(sorted(IBAN_LENGTHS)), data=st.data())
def test_accounts_of_all_countries_are_found_in_any_grouping(country, data):
    size = IBAN_LENGTHS[country] - 4
    bban = data.draw(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=size, max_size=size))
    account = with_checks(country, bban)
    grouped = " ".join(account[at : at + 4] for at in range(0, len(account), 4))

    for written in (account, account.lower(), grouped):
        assert found(f"From {written} to you.") == [written]


@given(country=st.sampled_from(sorted(IBAN_LENGTHS)), data=st.data())
def test_a_changed_character_is_no_account(country, data):
    size = IBAN_LENGTHS[country] - 4
    bban = data.draw(st.text("0123456789", min_size=size, max_size=size))
    account = with_checks(country, bban)
    place = data.draw(st.integers(4, len(account) - 1))
    other = str((int(account[place]) + data.draw(st.integers(1, 9))) % 10)

    assert is_iban(account)
    assert not is_iban(account[:place] + other + account[place + 1 :])


@pytest.mark.parametrize("card", CARDS)
def test_cards_of_all_issuers_are_found_in_any_grouping(card):
    grouped = " ".join(card[at : at + 4] for at in range(0, len(card), 4))

    for written in (card, grouped, grouped.replace(" ", "-")):
        assert found(f"x {written}, y") == [written]


@given(digits=st.text("0123456789", min_size=11, max_size=18))
def test_numbers_with_a_wrong_check_digit_are_no_cards(digits):
    right = luhn.calc_check_digit(digits)

    for wrong in set("0123456789") - {right}:
        assert found(f"card {digits}{wrong}") == []


def test_a_card_is_found_between_other_groups_of_digits():
    assert found("17 4111 1111 1111 1111 12/27 123") == ["4111 1111 1111 1111"]


@pytest.mark.parametrize(
    "text", ["x4111111111111111", "41111111111111110000", "4111111111111111-5", "4111111111111112"]
)
def test_parts_of_longer_numbers_are_no_cards(text):
    assert found(text) == []


def test_an_account_is_found_behind_what_begins_like_one():
    account = with_checks("NO", "86011117947")

    assert found(f"GB12 or {account}.") == [account]
