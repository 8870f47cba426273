"""What a release policy may want of pseudonyms and of other cells, on written files."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.releasing import (
    PersonalData,
    Pseudonyms,
    personal_data,
    pseudonyms,
)
from util_services.datasets.csv_dialect import CsvDialect
from util_services.datasets.layout import Layout
from util_services.keys.keyset import Keyset
from util_services.releases.checks import Candidate
from util_services.releases.policy import ReleasePolicy

IDENTIFIERS = ["0004711", "0004712", None]
TOKEN = "mac1.00a1b2c3.AAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 - a pseudonym's form


@pytest.fixture(params=["parquet", "csv"])
def candidate(request, tmp_path):
    """Return a function that makes a candidate of columns and their roles."""

    def make(columns, **roles):
        file, frame = tmp_path / f"out.{request.param}", pd.DataFrame(columns)
        frame["row"] = "r"  # so that a missing value is no empty line of CSV
        if request.param == "csv":
            frame.to_csv(file, index=False)
            layout = Layout("csv", dialect=CsvDialect())
        else:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)
            layout = Layout("parquet")
        policy = ReleasePolicy(purpose="x", released_by=["bob"], columns=roles)
        return Candidate([file], layout, None, policy)

    return make


@pytest.mark.parametrize("technique", ["hash", "encrypt"])
def test_pseudonyms_are_known_by_their_form(candidate, technique):
    policy = PseudonymisationPolicy(keyset="k", domain="d", rules={"id": {"technique": technique}})
    frame, _ = pseudonymise(pd.DataFrame({"id": IDENTIFIERS}), policy, Keyset.generate())

    (rule,) = pseudonyms(candidate({"id": list(frame["id"])}, id="pseudonym"), Pseudonyms())

    assert (rule.rule, rule.found, rule.holds) == ("tokens alone in 'id'", "all are", True)


def test_identifiers_in_place_of_pseudonyms_are_counted(candidate):
    (rule,) = pseudonyms(candidate({"id": IDENTIFIERS}, id="pseudonym"), Pseudonyms())

    assert (rule.found, rule.holds) == ("2 cells are not", False)


def test_numbers_are_no_pseudonyms(candidate):
    (rule,) = pseudonyms(candidate({"id": [1, 2]}, id="pseudonym"), Pseudonyms())

    assert (rule.found, rule.holds) == ("2 cells are not", False)


def test_a_policy_may_vouch_for_pseudonyms_without_a_form(candidate):
    found = pseudonyms(
        candidate({"id": IDENTIFIERS}, id="pseudonym"), Pseudonyms(without_form=["id"])
    )

    assert [(rule.rule, rule.holds) for rule in found] == [("not tested: 'id'", True)]


def test_personal_data_is_counted_by_column_and_kind(candidate):
    made = candidate(
        {
            "note": ["ask a@example.com", "ask a@example.com", "none"],
            "ward": ["A", "B", None],
            "iban": ["DE89370400440532013000", "x", "y"],
        },
        note="insensitive",
        ward="quasi_identifier",
        iban="sensitive",
    )

    rules = {rule.rule: (rule.found, rule.holds) for rule in personal_data(made, PersonalData())}

    assert rules == {
        "no personal data in 'note'": ("2 of email", False),
        "no personal data in 'ward'": ("none found", True),
        "no personal data in 'iban'": ("1 of iban", False),
    }


def test_what_is_looked_for_and_where_is_the_policys_choice(candidate):
    made = candidate({"note": ["a@example.com"], "id": ["x"]}, note="insensitive", id="pseudonym")

    assert not any(not rule.holds for rule in personal_data(made, PersonalData(entities=["iban"])))
    (rule,) = personal_data(made, PersonalData(exempt=["note"]))
    assert (rule.rule, rule.holds) == ("not tested: 'note'", True)


def test_numbers_of_payment_cards_that_are_stored_as_floats_are_found(candidate):
    made = candidate(
        {"card": [4111111111111111.0, 0.5, float("inf"), None], "id": [TOKEN, TOKEN, TOKEN, TOKEN]},
        card="insensitive",
        id="pseudonym",
    )

    (rule,) = personal_data(made, PersonalData())

    assert (rule.found, rule.holds) == ("1 of payment_card", False)
