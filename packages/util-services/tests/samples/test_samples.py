import csv
import json
import pickle

import pytest

from util_services.errors import ConfigurationError
from util_services.samples import SAMPLES, UnknownSampleError, sample_path
from util_services.samples.generate import patients_csv, visits_jsonl

WORDS_FOR_NOTHING = {"", "NA", "n/a", "-"}


@pytest.fixture(scope="module")
def rows():
    with sample_path("patients.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_committed_sample_is_what_the_generator_makes():
    assert sample_path("patients.csv").read_bytes() == patients_csv().encode()
    assert sample_path("visits.jsonl").read_bytes() == visits_jsonl().encode()


def test_the_visits_are_those_of_the_patients_each_once(rows):
    visits = list(map(json.loads, sample_path("visits.jsonl").read_text("utf-8").splitlines()))

    assert {row["patient_id"] for row in rows} == {visit["patient_id"] for visit in visits}
    assert len({visit["patient_id"] for visit in visits}) == len(visits)
    for name, kind in (("length_of_stay", int), ("temperature", float), ("income", float)):
        assert {type(visit[name]) for visit in visits} == {kind, type(None)}


def test_another_seed_makes_another_sample():
    assert patients_csv(seed=1) != patients_csv()


def test_every_listed_sample_exists():
    assert all(sample_path(name).is_file() for name in SAMPLES)


def test_an_unknown_sample_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigurationError) as caught:
        sample_path("../secret.csv")

    sentence = (
        "There is no sample '../secret.csv'; bundled are 'patients.csv', 'visits.jsonl'. "
        "Name one of them."
    )
    assert str(caught.value) == sentence
    assert str(pickle.loads(pickle.dumps(UnknownSampleError("../secret.csv")))) == sentence  # noqa: S301 - our own bytes


def test_the_sample_is_as_messy_as_promised(rows):
    texts = [tuple(row.values()) for row in rows]
    ids = [row["patient_id"] for row in rows]

    assert len(rows) == 1000
    assert 40 <= len(texts) - len(set(texts)) <= 65
    assert 90 <= len(ids) - len(set(ids)) <= 110
    assert all(number.startswith("0") and len(number) == 7 for number in ids)
    assert any(row["postcode"].startswith("0") for row in rows)
    for column in ("sex", "email", "phone", "income", "notes"):
        assert {row[column] for row in rows} >= WORDS_FOR_NOTHING
    assert any("\n" in row["notes"] and "," in row["notes"] for row in rows)
    assert any('"' in row["notes"] for row in rows)
    assert any("\N{NO-BREAK SPACE}" in row["family_name"] for row in rows)


def test_missing_and_empty_fields_are_told_apart_in_the_bytes():
    text = sample_path("patients.csv").read_text("utf-8")

    assert ',"",' in text
    assert ",," in text


def test_addresses_and_numbers_belong_to_nobody(rows):
    for row in rows:
        if row["email"] not in WORDS_FOR_NOTHING:
            domain = row["email"].lower().rpartition("@")[2]
            assert domain.removeprefix("mail.") in {"example.org", "example.com", "example.net"}
        if row["iban"] not in WORDS_FOR_NOTHING:
            country, check, account = row["iban"][:2], row["iban"][2:4], row["iban"][4:]
            assert (country, account[:8]) == ("DE", "00000000")
            assert int(f"{account}1314{check}") % 97 == 1
