"""Masking, generalisation, dates, noise, shuffling and check digits against the plain way."""

import datetime as dt
import ipaddress
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import CellsError, PolicyError, UnencryptableError
from util_services.keys import Keyset

KEYS = Keyset.generate()
TEXTS = st.lists(
    st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=12)),
    min_size=1,
    max_size=20,
)


def applied(values, kind=None, **rule):
    table = pa.table({"a": pa.array(values, kind)})
    policy = PseudonymisationPolicy("k", "d", {"a": rule})
    return pseudonymise(table, policy, KEYS)[0]["a"].to_pylist()


@settings(max_examples=80, deadline=None)
@given(
    values=TEXTS,
    first=st.integers(0, 3),
    last=st.integers(0, 3),
    character=st.sampled_from(["*", "•", "😀"]),
    separators=st.sampled_from(["", "-@.", "é"]),
)
def test_masks_are_those_of_a_loop_over_characters(values, first, last, character, separators):
    def mask(text):
        if len(text) <= first + last:
            first_, last_ = 0, 0
        else:
            first_, last_ = first, last
        return "".join(
            letter
            if place < first_ or place >= len(text) - last_ or letter in separators
            else character
            for place, letter in enumerate(text)
        )

    found = applied(
        values,
        pa.string(),
        technique="mask",
        keep_first=first,
        keep_last=last,
        character=character,
        separators=separators,
    )

    assert found == [None if text is None else mask(text) for text in values]


@settings(max_examples=60, deadline=None)
@given(values=TEXTS, first=st.integers(0, 3), last=st.integers(0, 3))
def test_masks_of_fixed_length_tell_no_length(values, first, last):
    def mask(text):
        if len(text) <= first + last:
            return "****"
        return text[:first] + "****" + (text[-last:] if last else "")

    rule = {"technique": "mask", "keep_first": first, "keep_last": last, "length": 4}
    assert applied(values, pa.string(), **rule) == [v if v is None else mask(v) for v in values]


def test_addresses_show_their_first_character_and_domain_and_nothing_else_does():
    values = ["ann@example.org", "a@b", "no address", "@", "", "x@y@z", None]

    found = applied(values, technique="mask", form="email")

    assert found == ["a***@example.org", "***@b", "***", "***", "***", "***", None]


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    width=st.sampled_from([0.1, 1, 2.5, 10, 100]),
    origin=st.sampled_from([0, 0.5, -3]),
)
def test_a_value_lies_in_the_bin_that_is_printed_for_it(values, width, origin):
    found = applied(values, technique="generalise", by="bins", width=width, origin=origin)

    for value, label in zip(values, found, strict=True):
        low, high = map(float, re.fullmatch(r"\[(\S+), (\S+)\)", label).groups())
        slack = 1e-9 * max(1, abs(value))
        assert low - slack <= value < high + slack


def test_edges_rounding_dates_prefixes_and_networks():
    assert applied([1, 18, 64, 65, None], technique="generalise", by="edges", edges=[18, 65]) == [
        "< 18",
        "[18, 65)",
        "[18, 65)",
        ">= 65",
        None,
    ]
    assert applied([14, 15, -26, None], technique="generalise", by="rounding", base=10) == [
        10,
        20,
        -30,
        None,
    ]
    days = [dt.date(2024, 12, 30), dt.date(1, 1, 1), None]
    levels = {
        "decade": ["2020s", "0000s", None],
        "year": ["2024", "0001", None],
        "quarter": ["2024-Q4", "0001-Q1", None],
        "month": ["2024-12", "0001-01", None],
        "week": ["2025-W01", "0001-W01", None],
    }
    for level, expected in levels.items():
        assert applied(days, technique="generalise", by="date", level=level) == expected
    assert applied(["0150", "01", None], technique="generalise", by="prefix", keep=2) == [
        "01*",
        "*",
        None,
    ]
    networks = applied(["192.0.2.77", "2001:db8::1", None], technique="generalise", by="ip")
    assert ipaddress.ip_address("192.0.2.77") in ipaddress.ip_network(networks[0])
    assert networks[1:] == ["2001:db8::/48", None]
    with pytest.raises(CellsError, match="row 1 "):
        applied(["192.0.2.77", "not one"], technique="generalise", by="ip")


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["p", "q", "r"]),
            st.one_of(st.none(), st.dates(dt.date(2, 1, 1), dt.date(9998, 12, 31))),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_intervals_of_an_entity_stay_and_dates_come_back(rows):
    frame = pd.DataFrame(
        {
            "who": [who for who, _ in rows],
            "day": pd.Series([day for _, day in rows], dtype=object),
            "text": pd.Series([day and day.isoformat() for _, day in rows], dtype=object),
        }
    )
    rule = {"technique": "date_shift", "entity": "who", "days": 100}
    policy = PseudonymisationPolicy(
        "k", "d", {"who": {"technique": "encrypt"}, "day": rule, "text": rule}
    )

    done, report = pseudonymise(frame, policy, KEYS)
    back, _ = depseudonymise(done, report, KEYS)

    assert back["day"].tolist() == frame["day"].tolist()
    assert back["text"].tolist() == frame["text"].tolist()
    shifts = {}
    for (who, day), moved in zip(rows, done["day"], strict=True):
        if day is not None:
            shifts.setdefault(who, set()).add((moved - day).days)
    assert all(len(found) == 1 and 0 < abs(*found) <= 100 for found in shifts.values())


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"a": {"technique": "date_shift", "entity": "a"}, "b": "retain"}, "depends on another"),
        (
            {
                "a": {"technique": "date_shift", "entity": "b"},
                "b": {"technique": "date_shift", "entity": "c"},
            },
            "depends on another",
        ),
        ({"a": {"technique": "date_shift", "entity": "x"}}, "does not have"),
        ({"a": {"technique": "shuffle", "within": ["d"]}}, "cannot be compared"),
        ({"a": {"technique": ["hash"]}}, "must be a mapping with 'technique'"),
    ],
)
def test_rules_that_lean_on_what_cannot_bear_them_are_refused(rules, sentence):
    day = ["2020-01-01"]
    table = pa.table({"a": day, "b": day, "c": ["x"], "d": [[1]]})

    with pytest.raises(PolicyError, match=sentence):
        pseudonymise(table, PseudonymisationPolicy("k", "d", rules, unmatched="keep"), KEYS)


@pytest.mark.parametrize(
    "rules",
    [
        {"who": {"technique": "encrypt", "normalise": "casefold"}},
        {"who": {"technique": "tokenise", "normalise": "nfc"}},
        {"who -> $.name": {"technique": "encrypt"}},
        {"who -> $.name": {"technique": "hash"}, "who -> $.id": {"technique": "retain"}},
    ],
)
def test_dates_are_not_shifted_by_what_would_come_back_in_another_form(rules):
    table = pa.table({"who": ['{"name": "Ann", "id": 1}'], "day": ["1980-02-29"]})
    rule = {"technique": "date_shift", "entity": "who"}

    with pytest.raises(PolicyError, match="'who', which comes back in another form"):
        pseudonymise(table, PseudonymisationPolicy("k", "d", rules | {"day": rule}), KEYS)


def test_dates_are_shifted_by_what_never_comes_back_in_whatever_form():
    table = pa.table({"who": ["Ann", "ANN"], "day": ["1980-02-29"] * 2})
    rules = {
        "who": {"technique": "hash", "normalise": "casefold"},
        "day": {"technique": "date_shift", "entity": "who"},
    }

    done, _ = pseudonymise(table, PseudonymisationPolicy("k", "d", rules), KEYS)

    assert "1980-02-29" not in done["day"].to_pylist()


@pytest.mark.parametrize(
    ("entity", "is_reversible"),
    [("hash", False), ("redact", False), ("drop", False), ("retain", True), ("encrypt", True)],
)
def test_dates_are_said_to_come_back_if_their_entity_does(entity, is_reversible):
    table = pa.table({"who": ["p"], "day": ["1980-02-29"], "id": ["7"]})
    rules = {
        "who": entity,
        "day": {"technique": "date_shift", "entity": "who"},
        "id": {"technique": "encrypt"},
    }

    done, report = pseudonymise(table, PseudonymisationPolicy("k", "d", rules), KEYS)
    back, told = depseudonymise(done, report, KEYS)

    assert report["columns"][1]["reversible"] == is_reversible
    assert ("day" in told["restored"]) == is_reversible
    assert (back["day"].to_pylist() == ["1980-02-29"]) == is_reversible
    assert back["id"].to_pylist() == ["7"]


def test_moments_out_of_reach_are_refused():
    with pytest.raises(CellsError, match="thousands of years"):
        applied([-(2**62)], pa.timestamp("s"), technique="encrypt")


@pytest.mark.parametrize("text", ["1980-2-9", "29.02.1980", "1981-02-29", "", "1980-02-29 "])
def test_dates_in_another_form_are_refused(text):
    frame = pd.DataFrame({"who": ["p", "p"], "day": ["1980-02-29", text]})
    rule = {"technique": "date_shift", "entity": "who"}

    with pytest.raises(UnencryptableError, match="'day', row 1 "):
        pseudonymise(frame, PseudonymisationPolicy("k", "d", {"who": "hash", "day": rule}), KEYS)


@pytest.mark.parametrize(
    "form",
    ["%Y", "%m/%Y", "%d.%m.", "%d.%m.%y", "%H:%M", "%G-W%V-%u", "%s", "day", "%", "%Y-%m-%d %Z"],
)
def test_forms_that_do_not_hold_a_whole_date_are_refused_before_any_value_is_read(form):
    table = pa.table({"who": pa.array([], pa.string()), "day": pa.array([], pa.string())})
    rule = {"technique": "date_shift", "entity": "who", "format": form}

    with pytest.raises(PolicyError, match=r"rules.day: 'format' .*%Y-%m-%d"):
        pseudonymise(table, PseudonymisationPolicy("k", "d", {"who": "hash", "day": rule}), KEYS)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "29.02.1980"),
        ("%Y%m%d", "00010831"),
        ("%d %B %Y", "01 May 2020"),
        ("%Y-%m-%d %H:%M", "2020-12-31 23:59"),
        ("%Y-%j", "2024-366"),
    ],
)
def test_other_forms_of_whole_dates_are_shifted_and_come_back(form, text):
    table = pa.table({"who": ["p"], "day": [text]})
    rule = {"technique": "date_shift", "entity": "who", "format": form, "days": 30}

    done, report = pseudonymise(
        table, PseudonymisationPolicy("k", "d", {"who": "encrypt", "day": rule}), KEYS
    )

    assert done["day"].to_pylist() != [text]
    assert depseudonymise(done, report, KEYS)[0]["day"].to_pylist() == [text]


def test_dates_that_would_leave_the_calendar_are_refused():
    frame = pd.DataFrame({"who": [str(n) for n in range(50)], "day": [dt.date(9999, 12, 31)] * 50})
    rule = {"technique": "date_shift", "entity": "who"}

    with pytest.raises(UnencryptableError, match="years 1 to 9999"):
        pseudonymise(frame, PseudonymisationPolicy("k", "d", {"who": "hash", "day": rule}), KEYS)


@pytest.mark.parametrize(
    ("distribution", "deviation"), [("gaussian", 3), ("laplace", 3 * 2**0.5), ("uniform", 3**0.5)]
)
@pytest.mark.parametrize("chosen", ["deterministic", "random"])
def test_noise_has_the_declared_distribution(distribution, deviation, chosen):
    values = [float(number) for number in range(40_000)]
    rule = {"technique": "noise", "distribution": distribution, "scale": 3, "policy": chosen}

    amounts = np.array(applied(values, **rule)) - np.array(values)

    assert abs(amounts.mean()) < 0.15
    assert abs(amounts.std() / deviation - 1) < 0.05
    assert applied(values, **rule) == (applied(values, **rule)) or chosen == "random"


@pytest.mark.parametrize(
    "change",
    [{"scale": 6}, {"distribution": "laplace"}, {"minimum": -1e9}, {"maximum": 1e9}],
    ids=str,
)
def test_noise_of_two_releases_does_not_cancel(change):
    values = np.arange(2_000.0)
    rule = {"technique": "noise", "scale": 3}

    first = np.array(applied(values, **rule)) - values
    second = np.array(applied(values, **(rule | change))) - values

    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
    assert np.abs(2 * first - second).min() > 1e-9


def test_noise_of_two_columns_is_not_the_same():
    values = [float(number) for number in range(50)]
    rule = {"technique": "noise", "scale": 3}
    policy = PseudonymisationPolicy("k", "d", {"a": rule, "b": rule})

    done, report = pseudonymise(pd.DataFrame({"a": values, "b": values}), policy, KEYS)

    assert not set(done["a"]) & set(done["b"])
    assert [one["distinct"] for one in report["columns"]] == [50, 50]


def test_a_warning_tells_where_equal_values_with_noise_stay_equal():
    policy = PseudonymisationPolicy("k", "d", {"a": {"technique": "noise", "scale": 3}})

    _, report = pseudonymise(pd.DataFrame({"a": [1.0] * 90 + list(range(60))}), policy, KEYS)

    assert "of 'a', which may tell it" in report["warnings"][0]


def test_dates_of_one_entity_under_two_ranges_are_not_shifted_by_one_draw():
    people = [f"p{number}" for number in range(300)]
    day = dt.date(2000, 1, 1)
    rules = {
        "who": "hash",
        "near": {"technique": "date_shift", "entity": "who", "days": 30},
        "far": {"technique": "date_shift", "entity": "who", "days": 60},
    }
    frame = pd.DataFrame({"who": people, "near": [day] * 300, "far": [day] * 300})

    done, _ = pseudonymise(frame, PseudonymisationPolicy("k", "d", rules), KEYS)
    near = np.array([(moved - day).days for moved in done["near"]])
    far = np.array([(moved - day).days for moved in done["far"]])

    assert abs(np.corrcoef(near, far)[0, 1]) < 0.35
    assert (near % 30 == far % 30).mean() < 0.2


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e18])
@pytest.mark.parametrize("chosen", ["deterministic", "random"])
def test_numbers_that_noise_does_not_change_are_refused(value, chosen):
    with pytest.raises(CellsError, match=r"row 2 .*so large that noise"):
        applied([1.0, None, value], technique="noise", scale=3, policy=chosen)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": 0.3}, "'scale' is less than 1"),
        ({"scale": 3, "minimum": 5, "maximum": 5}, "'minimum' must be less"),
        ({"scale": 3, "minimum": 6, "maximum": 5}, "'minimum' must be less"),
        ({"scale": 3, "minimum": float("nan")}, "finite"),
    ],
    ids=str,
)
def test_noise_that_cannot_be_meant_is_refused(options, sentence):
    with pytest.raises(PolicyError, match=sentence):
        applied([1], technique="noise", **options)


def test_noise_on_integers_is_whole_and_within_bounds():
    found = applied([1, None, 100], technique="noise", scale=50, minimum=0, maximum=100)

    assert all(number is None or (type(number) is int and 0 <= number <= 100) for number in found)
    with pytest.raises(CellsError, match="beyond 2\\^53"):
        applied([2**53 + 1], technique="noise", scale=1)
    with pytest.raises(PolicyError, match="cast it first"):
        applied([Decimal(1)], technique="noise", scale=1)


def test_shuffles_stay_within_groups_and_lose_nothing():
    frame = pd.DataFrame({"g": ["x", "y", None] * 100, "h": [1, 1, 2] * 100, "a": range(300)})
    rules = {
        "g": {"technique": "retain"},
        "h": {"technique": "retain"},
        "a": {"technique": "shuffle", "within": ["g", "h"]},
    }

    done, _ = pseudonymise(frame, PseudonymisationPolicy("", "", rules))

    assert done["a"].tolist() != frame["a"].tolist()
    for group in range(3):
        assert sorted(done["a"][group::3]) == list(range(group, 300, 3))


def test_a_warning_tells_of_rows_that_are_alone_in_their_group():
    frame = pd.DataFrame({"g": ["x", "y", "y", "z"], "a": range(4)})
    rules = {"g": "retain", "a": {"technique": "shuffle", "within": ["g"]}}

    done, report = pseudonymise(frame, PseudonymisationPolicy("", "", rules))

    assert done["a"][0] == 0
    assert report["warnings"][0].startswith("2 values of 'a' stay in their rows")


@pytest.mark.parametrize("technique", ["hash", "encrypt"])
def test_texts_without_a_digit_do_not_become_one(technique):
    rule = {"technique": technique, "normalise": "digits"}

    with pytest.raises(CellsError, match=r"'a', rows 1, 3 .*texts without a digit"):
        applied(["+47 12", "unknown", None, "ask"], **rule)
    assert len(set(applied(["+47 12", "4712", ""], **rule))) == 2


def luhn_fits(number):
    digits = [int(digit) for digit in number][::-1]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


def iban_fits(text):
    bare = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in bare[4:] + bare[:4])) % 97 == 1


@pytest.mark.parametrize("number", ["4111111111111111", "378282246310005", "6011 1111 1111 1117"])
def test_cards_stay_valid_and_come_back(number):
    rule = {"technique": "format_preserving_encrypt", "check_digit": "luhn", "separators": " "}
    frame = pd.DataFrame({"a": [number] * 3})

    done, report = pseudonymise(frame, PseudonymisationPolicy("k", "d", {"a": rule}), KEYS)

    assert luhn_fits(done["a"][0].replace(" ", ""))
    assert done["a"][0] != number
    pd.testing.assert_frame_equal(depseudonymise(done, report, KEYS)[0], frame)
    with pytest.raises(UnencryptableError, match="check digit"):
        applied([number[:-1] + str((int(number[-1]) + 1) % 10)], **rule)


@pytest.mark.parametrize(
    ("text", "alphabet"),
    [("DE89 3704 0044 0532 0130 00", "digits"), ("GB82WEST12345698765432", "alphanumeric_upper")],
)
def test_ibans_stay_valid_and_come_back(text, alphabet):
    rule = {
        "technique": "format_preserving_encrypt",
        "check_digit": "iban",
        "alphabet": alphabet,
        "separators": " ",
    }
    frame = pd.DataFrame({"a": [text, None]})

    done, report = pseudonymise(frame, PseudonymisationPolicy("k", "d", {"a": rule}), KEYS)

    assert iban_fits(done["a"][0])
    assert done["a"][0][:2] == text[:2]
    pd.testing.assert_frame_equal(depseudonymise(done, report, KEYS)[0], frame)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.none(), st.from_regex(r"[0-9]{2}-[0-9]{6,9}( [0-9]{2})?", fullmatch=True)),
        min_size=1,
        max_size=20,
    ),
    prefix=st.integers(0, 2),
)
def test_separators_and_prefixes_stay_where_they_are(values, prefix):
    rule = {"technique": "format_preserving_encrypt", "separators": "- ", "keep_prefix": prefix}
    table = pa.table({"a": pa.array(values, pa.string())})

    done, report = pseudonymise(table, PseudonymisationPolicy("k", "d", {"a": rule}), KEYS)

    for before, after in zip(values, done["a"].to_pylist(), strict=True):
        if before is not None:
            assert re.sub(r"\d", "0", before) == re.sub(r"\d", "0", after)
            assert before[:prefix] == after[:prefix]
    assert depseudonymise(done, report, KEYS)[0]["a"].to_pylist() == values


def test_from_a_delimiter_on_all_stays():
    rule = {"technique": "format_preserving_encrypt", "alphabet": "lower", "preserve_from": "@"}

    (found,) = applied(["annabel@example.org"], **rule)

    assert re.fullmatch(r"[a-z]{7}@example\.org", found)
    assert not found.startswith("annabel")


def test_constants_keep_nulls_unless_told_otherwise():
    assert applied([1, None], technique="redact") == ["[REDACTED]", None]
    assert applied([1, None], technique="replace", value=0, hide_nulls=True) == [0, 0]
    assert applied([1, None], technique="nullify") == [None, None]
    with pytest.raises(PolicyError, match="not of the type int64"):
        applied([1], technique="replace", value="x")
