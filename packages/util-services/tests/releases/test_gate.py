"""Every rule of a policy is tested, and a refusal names each that is missed."""

from dataclasses import replace

import pytest
from pydantic import BaseModel

from util_services.datasets.layout import Layout
from util_services.errors import CancelledError, DatasetError
from util_services.flow.beside import CHANGES, RECIPE, STATE
from util_services.flow.operate import Dataset
from util_services.releases.checks import Candidate, ReleaseCheck, Rule
from util_services.releases.gate import judge, refusal
from util_services.releases.policy import ReleasePolicy

CELL = "4711-cell"


class Nothing(BaseModel):
    """A config without keys."""


class Signed:
    """A policy as it was signed, with the configs of its checks."""

    def __init__(self, policy, names):
        self.policy, self.checks = policy, {name: Nothing() for name in names}


@pytest.fixture
def gate(flow):
    """Return a function that tests a dataset of three rows, and tells what it misses."""
    flow.put("in.csv", b"ward,stay\nA,1\nA,2\nB,1\n")

    def run(requester="bob", checks=(), limit_rows=None, staged=None, **policy):
        dataset, _ = flow.read("in.csv", limit_rows=limit_rows)
        policy = ReleasePolicy(
            **{
                "purpose": "research",
                "released_by": ["bob", "Zoë Adams"],
                "columns": {"ward": "quasi_identifier", "stay": "insensitive"},
            }
            | policy
        )
        candidate = Candidate(
            [], Layout("csv"), Dataset(None, replace(dataset, **(staged or {}))), policy
        )
        known = {check.name: check for check in checks}
        return judge(candidate, Signed(policy, known), requester, known)

    return run


def missed(rules):
    return [(rule.check, rule.rule, rule.found) for rule in rules if not rule.holds]


def test_a_dataset_that_meets_its_policy_misses_nothing(gate):
    rules = gate()

    assert len(rules) == 5
    assert missed(rules) == []


def test_a_slice_is_never_let_out(gate):
    assert missed(gate(limit_rows=2)) == [
        ("policy", "the whole dataset, and no slice of it", "a slice of 2 rows at most")
    ]


@pytest.mark.parametrize(
    ("requester", "may"),
    [("bob", True), ("BOB", True), ("zoe\u0308 adams", True), ("eve", False), ("", False)],
)
def test_only_those_that_the_policy_names_may_ask(gate, requester, may):
    rules = [rule for rule in gate(requester) if not rule.holds]

    assert [rule.rule for rule in rules] == ([] if may else ["asked for by one of 'released_by'"])


def test_columns_that_are_missing_or_not_in_the_policy_are_named(gate):
    rules = gate(columns={"ward": "insensitive", "sex": "sensitive"})

    assert missed(rules) == [
        (
            "policy",
            "just the columns of the policy",
            "'stay' not in the policy, 'sex' not in the data",
        )
    ]


def test_a_dataset_may_not_be_smaller_than_the_policy_says(gate):
    assert missed(gate(minimum_rows=3)) == []
    assert missed(gate(minimum_rows=4)) == [("policy", "at least 4 rows", "3 rows")]


@pytest.mark.parametrize("kind", [CHANGES, STATE])
def test_nothing_with_cells_of_the_source_may_stand_beside_a_release(gate, kind):
    (rule,) = missed(gate(staged={"beside": {kind: "file"}}))

    assert rule[1] == "nothing beside the data that holds cells of the source"
    assert missed(gate(staged={"beside": {RECIPE: "file"}})) == []


def test_rows_that_were_set_aside_may_not_stand_beside_a_release(gate, flow):
    dataset, _ = flow.read("in.csv")
    objects = (replace(dataset.objects[0], quarantined=2),)

    (rule,) = missed(gate(staged={"objects": objects}))

    assert rule[2] == "a quarantine of 2 records"


def test_each_rule_of_each_check_counts(gate):
    def two(candidate, config):
        yield Rule("one", "it is so", True)
        yield Rule("two", "it is not so", False)

    rules = gate(checks=[ReleaseCheck("pair", Nothing, two)])

    assert rules[-2] == Rule("one", "it is so", True, "pair")
    assert missed(rules) == [("pair", "two", "it is not so")]


def test_a_check_that_cannot_be_made_refuses_the_release_and_leaks_nothing(gate):
    def unlucky(candidate, config):
        raise ValueError(CELL)

    def unhappy(candidate, config):
        yield Rule("one", "it is so", True)
        raise DatasetError("The column is gone.")

    checks = [ReleaseCheck("unlucky", Nothing, unlucky), ReleaseCheck("unhappy", Nothing, unhappy)]
    rules = gate(checks=checks)

    assert missed(rules) == [
        ("unlucky", "can be tested", "stopped on an unexpected ValueError"),
        ("unhappy", "can be tested", "The column is gone"),
    ]
    assert CELL not in refusal([rule for rule in rules if not rule.holds])


def test_a_run_that_is_cancelled_in_a_check_is_cancelled(gate):
    def slow(candidate, config):
        raise CancelledError("The run was cancelled.")

    with pytest.raises(CancelledError):
        gate(checks=[ReleaseCheck("slow", Nothing, slow)])


def test_checks_are_not_made_on_columns_that_are_not_there(gate):
    called = []
    check = ReleaseCheck("classes", Nothing, lambda *given: called.append(given) or ())

    rules = gate(checks=[check], columns={"ward": "sensitive", "age": "sensitive"})

    assert called == []
    assert not all(rule.holds for rule in rules)


def test_a_refusal_names_the_first_rules_and_counts_the_rest():
    rules = [Rule(f"rule {n}", f"found {n}", False, "check") for n in range(7)]

    assert refusal(rules[:1]) == (
        "The release is refused, for it misses 1 rule of its policy: check: rule 0 (found 0)."
    )
    sentence = refusal(rules)
    assert "7 rules" in sentence
    assert all(f"rule {n} (found {n})" in sentence for n in range(5))
    assert sentence.endswith("; and 2 more, which the report names.")
