"""A policy that demands something of no column, or vouches for none, is not signed."""

import pytest
import yaml
from releasing_deployment import POLICY

from util_services.releases.checks import release_checks
from util_services.releases.errors import ReleasePolicyError
from util_services.releases.policy import checks_of, read_policy

WITHOUT = {"person": "pseudonym", "ward": "insensitive"}
VOUCHED = {"pseudonyms": {}, "personal_data": {}}


def checked(policy):
    return checks_of(
        "policy.yaml", read_policy("policy.yaml", yaml.safe_dump(policy).encode()), release_checks()
    )


def with_check(**checks):
    return POLICY | {"checks": POLICY["checks"] | checks}


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            with_check(personal_data={"exempt": ["wardd"]}),
            "personal_data: 'exempt' names 'wardd'; columns that it may name are "
            "'diagnosis', 'person', 'sex', 'ward'; did you mean 'ward'?",
        ),
        (with_check(personal_data={"entities": ["e_mail"]}), "personal_data: nothing looks for "),
        (
            with_check(pseudonyms={"without_form": ["ward"]}),
            "pseudonyms: 'without_form' names 'ward'; columns that it may name are 'person'",
        ),
        (
            with_check(objections={"list": "objections.csv", "column": "persons"}),
            "objections: 'column' names 'persons'",
        ),
        (
            with_check(quality={"rules": [{"rule": "not_null", "columns": ["wards"]}]}),
            "quality: 'columns' names 'wards'",
        ),
        (
            with_check(privacy_models={"k": 5, "entity": "sex"}),
            "privacy_models: 'entity' names 'sex'; columns that it may name are 'person'",
        ),
        (
            POLICY | {"columns": POLICY["columns"] | {"ward": "pseudonym"}},
            "privacy_models: persons are told apart by one column of pseudonyms; say with 'entity'",
        ),
        (
            POLICY | {"columns": POLICY["columns"] | {"diagnosis": "insensitive"}},
            "privacy_models: 'l' is about sensitive columns, and the policy calls none so",
        ),
        (
            POLICY | {"columns": WITHOUT},
            "privacy_models: classes are made by quasi-identifiers, and the policy calls no column",
        ),
        (
            with_check(privacy_models={"k": 5, "l": 2, "variant": "recursive"}),
            "privacy_models: 'c' belongs to the variant 'recursive'",
        ),
        (with_check(joined_view={"k": 5}), "joined_view: there are no further 'tables' to join"),
        (
            POLICY
            | {"columns": {"ward": "insensitive"}}
            | {"checks": {**VOUCHED, "joined_view": {"k": 5, "knows": "all_rows"}}},
            "joined_view: rows of a person are told by one column of pseudonyms",
        ),
    ],
)
def test_a_check_that_would_test_something_else_than_it_says_is_refused(policy, sentence):
    with pytest.raises(ReleasePolicyError) as refused:
        checked(policy)

    assert f"checks.{sentence}" in str(refused.value)


def test_checks_on_columns_of_the_policy_are_taken():
    asked = with_check(
        pseudonyms={"without_form": ["person"]},
        personal_data={"entities": ["email"], "exempt": ["ward"]},
        quality={"rules": [{"rule": "not_null", "columns": ["ward"]}]},
        joined_view={"k": 5, "knows": "all_rows"},
    )

    assert checked(asked).keys() == asked["checks"].keys()


def test_persons_who_are_told_by_all_their_rows_refuse_a_release_of_one_table(deployment):
    """Every class has five persons, but one of them alone has a row in both."""
    asked = POLICY | {"checks": POLICY["checks"] | {"joined_view": {"k": 2, "knows": "all_rows"}}}
    deployment.sign(asked)
    assert deployment.release().success
    persons = (deployment.root / "in.csv").read_text().splitlines(keepends=True)
    of_another_sex = persons[1].replace(",m,", ",f,")
    (deployment.root / "in.csv").write_text("".join([*persons, of_another_sex]))
    asked["checks"]["earlier_releases"] = {"criterion": "none"}
    deployment.sign(asked)

    sentence = deployment.refusal(out="other.csv")

    assert "1 rule of its policy: joined_view: 2 persons at least who are alike in all" in sentence
    assert "1 of 3 classes are smaller; the smallest has 1" in sentence


def test_numbers_whose_form_is_not_clear_are_not_looked_for_on_a_list(deployment):
    """An entry 7 is not found among numbers that are written as 7.0."""
    import pandas as pd

    rows = pd.read_csv(deployment.root / "in.csv").assign(case=[float(n) for n in range(20)])
    rows.to_parquet(deployment.root / "cases.parquet", index=False)
    (deployment.root / "objections.csv").write_text("case\n7\n")
    checks = POLICY["checks"] | {"objections": {"list": "objections.csv", "column": "case"}}
    columns = POLICY["columns"] | {"case": "insensitive"}
    deployment.sign(POLICY | {"checks": checks, "columns": columns})

    sentence = deployment.refusal(reading={"path": "cases.parquet"}, out="out.parquet")

    assert "objections: can be tested (entries of a list are found as texts and whole" in sentence
