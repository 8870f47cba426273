"""What a release policy may want of a table's classes, on files as they would be published."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from dataframe_anonymisation.releasing import PrivacyModels, privacy_models
from util_services.datasets.layout import Layout
from util_services.errors import DataServicesError
from util_services.releases.checks import Candidate
from util_services.releases.policy import ReleasePolicy

# Ward and sex make classes of 2, 2 and 3 rows with 1, 2 and 2 diagnoses.
FRAME = pd.DataFrame(
    {
        "ward": ["A", "A", "B", "B", "B", "B", "B"],
        "sex": ["f", "f", "m", "m", "f", "f", "f"],
        "diagnosis": ["x", "x", "x", "y", "x", "y", "y"],
    }
)
ROLES = {"ward": "quasi_identifier", "sex": "quasi_identifier", "diagnosis": "sensitive"}


@pytest.fixture
def rules(tmp_path):
    """Return a function that tests the table in a Parquet file."""

    def check(frame=FRAME, roles=ROLES, **config):
        file = tmp_path / "out.parquet"
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)
        policy = ReleasePolicy(purpose="x", released_by=["bob"], columns=roles)
        candidate = Candidate([file], Layout("parquet"), None, policy)
        return list(privacy_models(candidate, PrivacyModels(**config)))

    return check


@pytest.mark.parametrize(("k", "failing"), [(2, 0), (3, 2), (4, 3)])
def test_each_class_must_have_k_rows(rules, k, failing):
    (rule,) = rules(k=k)

    assert rule.holds == (failing == 0)
    assert rule.rule == f"k-anonymity with k = {k}"
    fails = f", fails in {failing} of 3 classes" if failing else ""
    assert rule.found == f"measured 2{fails}"


def test_each_sensitive_column_must_be_diverse(rules):
    _, rule = rules(k=2, l=2)

    assert not rule.holds
    assert "of 'diagnosis' with l = 2" in rule.rule
    assert rule.found == "measured 1, fails in 1 of 3 classes"


# Ward B, f has three rows of two persons, ward A two rows of one.
PERSONS = FRAME.assign(person=["p1", "p1", "p2", "p3", "p4", "p4", "p5"], doctor="d")
PSEUDONYM = ROLES | {"person": "pseudonym"}


def test_where_pseudonyms_tell_whose_rows_these_are_persons_count(rules):
    anonymous, diverse, risk = rules(PERSONS, PSEUDONYM, k=2, l=2, maximum_average_risk=0.6)

    assert (anonymous.rule, anonymous.holds) == ("k-anonymity of persons with k = 2", False)
    assert anonymous.found == "measured 1, fails in 1 of 3 classes"
    assert diverse.found == "measured 1, fails in 1 of 3 classes"
    assert (risk.found, risk.holds) == ("0.6000", True)  # 3 classes of 1, 2 and 2 persons


def test_rows_of_one_person_hide_nobody(rules):
    frame = FRAME.assign(person="the same")

    (rule,) = rules(frame, PSEUDONYM, k=2)

    assert (rule.found, rule.holds) == ("measured 1, fails in 3 of 3 classes", False)
    assert rules(frame, ROLES | {"person": "insensitive"}, k=2)[0].holds


def test_of_several_columns_of_pseudonyms_the_policy_says_which_are_persons(rules):
    roles = PSEUDONYM | {"doctor": "pseudonym"}

    (named,) = rules(PERSONS, roles, k=1, entity="person")
    assert named.holds
    with pytest.raises(DataServicesError, match="'entity' which of 'person', 'doctor' it is"):
        rules(PERSONS, roles, k=1)
    with pytest.raises(DataServicesError, match="'entity' names 'ward'"):
        rules(PERSONS, roles, k=1, entity="ward")


def test_the_average_risk_is_that_of_classes_by_rows(rules):
    assert [rule.holds for rule in rules(k=2, maximum_average_risk=0.43)] == [True, True]
    (_, rule) = rules(k=2, maximum_average_risk=0.42)
    assert (rule.found, rule.holds) == ("0.4286", False)


def test_a_table_without_rows_satisfies_nothing(rules):
    assert not all(rule.holds for rule in rules(FRAME.iloc[:0], k=2, maximum_average_risk=0.5))


def test_models_that_contradict_themselves_are_refused(rules):
    with pytest.raises(DataServicesError):
        rules(k=2, l=2, variant="recursive")


@pytest.mark.parametrize("given", [{}, {"k": 0}, {"k": 5, "m": 2}, {"k": 5, "L": 2}])
def test_a_policy_without_k_or_with_an_unknown_model_is_refused(given):
    with pytest.raises(ValidationError):
        PrivacyModels(**given)
