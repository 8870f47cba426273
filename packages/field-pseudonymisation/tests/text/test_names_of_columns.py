"""What is proposed where only the name of a column tells what it holds."""

import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import detect_personal_data, pseudonymise
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")


def rules(frame):
    policy, told = detect_personal_data(frame, keyset="clinic", domain="d")
    return {n: one["technique"] for n, one in policy.to_dict()["rules"].items()}, policy, told


@pytest.mark.parametrize(
    ("technique", "names"),
    [
        ("redact", "navn prenom pasientnavn contact_person next_of_kin Address1 address_2"),
        ("encrypt", "fnr personnummer bsn nhs_number iban kontonummer card_no client_no username"),
        ("encrypt", "mail epost tlf phone1 cellPhone device_id"),
        ("hash", "ip clientIp ip_address"),
        ("drop", "latitude lat lon password"),
        ("detect_text", "notes Comment freeText Bemerkungen"),
    ],
    ids=lambda value: value.split()[0],
)
def test_a_name_alone_is_enough_for_a_rule(technique, names):
    found, _, _ = rules(pd.DataFrame({name: ["x", "y"] for name in names.split()}))

    assert found == dict.fromkeys(names.split(), technique)


def test_words_inside_of_other_words_tell_nothing():
    names = "HospitalName ship_date equipment unit nights tip rural nominal plate_count long_stay"

    found, _, _ = rules(pd.DataFrame({name: ["x", "y"] for name in names.split()}))

    assert {name for name, one in found.items() if one != "retain"} <= {"plate_count"}


def test_notes_without_findings_in_the_sample_are_searched_all_the_same():
    _, policy, told = rules(pd.DataFrame({"notes": ["sleeps well", None]}))

    assert "# holds text: the name of the column alone; confidence 0.50" in told["policy"]
    later = pd.DataFrame({"notes": ["write to ann@example.org", "x"]})
    assert "ann@" not in pseudonymise(later, policy, KEYS)[0]["notes"][0]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([["1"], []]),
        pa.array([{"a": "1"}, None]),
        pa.array([1, 2]),
        pa.array([1.5, None]),
        pa.array([None, None], pa.string()),
        pa.array([None, None], pa.duration("s")),
    ],
    ids=lambda values: str(values.type),
)
@pytest.mark.parametrize("name", ["phone", "name", "notes", "ip", "lat", "born", "zip", "pwd"])
def test_what_is_proposed_runs_whatever_the_type_of_the_column(name, values):
    table = pa.table({name: values, "other": ["x", "y"]})

    _, policy, _ = rules(table)

    assert len(pseudonymise(table, policy, KEYS)[0]) == 2
