"""Pseudonymising anew has the originals in memory, and shows them to nobody."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import (
    PseudonymisationPolicy,
    depseudonymise,
    pseudonymise,
    repseudonymise,
)
from field_pseudonymisation.api import as_recipe
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.registry import techniques
from field_pseudonymisation.renewal import renewed_policy
from field_pseudonymisation.reverse import compile_recipe
from util_services.keys import Keyset, KeysetInfo

KEYS = Keyset.generate("clinic")
RULES = {  # what each technique may say of a text of digits
    "hash": {},
    "encrypt": {},
    "format_preserving_encrypt": {},
    "tokenise": {},
    "detect_text": {},
    "mask": {"keep_first": 3},
    "redact": {},
    "replace": {"value": "x"},
    "nullify": {},
    "drop": {},
    "retain": {},
    "generalise": {"by": "prefix", "keep": 6},
    "date_shift": {"entity": "who"},
    "noise": {"scale": 1e-9},
    "shuffle": {},
}
HIDING = {"hash", "encrypt", "format_preserving_encrypt", "tokenise"}
CONSTANT = {"redact", "replace", "nullify", "drop"}


def renewed(rule, tmp_path, former=None, values=("1234567", "7654321")):
    """Pseudonymise the column 'a' anew; return what comes out of it."""
    frame = pd.DataFrame({"a": values, "who": ["p", "q"]})
    rules = {"a": former or {"technique": "encrypt"}, "who": {"technique": "encrypt"}}
    done, report = pseudonymise(frame, PseudonymisationPolicy("clinic", "d", rules), KEYS)
    found, _ = repseudonymise(done, report, KEYS, rules={"a": rule}, vaults=tmp_path)
    return found["a"].tolist() if "a" in found else []


def test_every_registered_technique_is_known_here():
    assert set(RULES) == set(techniques())
    assert {n for n, one in techniques().items() if one.hides_values} == HIDING | CONSTANT


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_technique_shows_nothing_of_what_was_brought_back_or_is_refused(name, tmp_path):
    rule = {"technique": name, **RULES[name]}
    if name in HIDING | CONSTANT:
        assert not {"1234567", "7654321"} & set(renewed(rule, tmp_path))
        return

    with pytest.raises(PolicyError, match=f"'{name}' would show originals of 'a'.*approval"):
        renewed(rule, tmp_path)


@pytest.mark.parametrize(
    "option",
    [
        {"keep_prefix": 1},
        {"keep_suffix": 1},
        {"separators": "0"},
        {"preserve_from": "@"},
        {"check_digit": "iban"},
    ],
    ids=str,
)
def test_a_format_that_keeps_parts_is_refused_unless_they_showed_before(option, tmp_path):
    values = ("1234567890123456", "7654321098765432")
    rule = {"technique": "format_preserving_encrypt", **option}
    if "separators" in option:
        rule["alphabet"] = "123456789"

    with pytest.raises(PolicyError, match="more of them than before"):
        renewed(rule, tmp_path, values=values)
    if "check_digit" not in option:
        assert renewed(rule, tmp_path, former=rule, values=values) != list(values)


@pytest.mark.parametrize(("days", "is_refused"), [(1, True), (29, True), (30, False), (60, False)])
def test_dates_are_shifted_anew_as_far_as_before_at_least(days, is_refused, tmp_path):
    former = {"technique": "date_shift", "entity": "who", "days": 30}
    values = ("1980-02-29", "1999-12-31")
    rule = former | {"days": days}

    if is_refused:
        with pytest.raises(PolicyError, match="'date_shift' would show originals"):
            renewed(rule, tmp_path, former=former, values=values)
    else:
        assert not set(values) & set(renewed(rule, tmp_path, former=former, values=values))


def test_places_that_cannot_be_brought_back_stay_as_they_are_with_their_rule():
    rules = {
        "a -> $.who": {"technique": "encrypt"},
        "a -> $.mail": {"technique": "hash"},
        "a -> $.note": {"technique": "drop"},
    }
    frame = pd.DataFrame({"a": ['{"who":"ann","mail":"a@b","note":"x"}']})
    done, report = pseudonymise(frame, PseudonymisationPolicy("clinic", "d", rules), KEYS)
    rotated = KEYS.changed(KeysetInfo.rotated)

    anew, told = repseudonymise(done, report, KEYS, new_keys=rotated)

    old, new = json.loads(done["a"][0]), json.loads(anew["a"][0])
    assert new["mail"] == old["mail"]
    assert new["who"].split(".")[1] == rotated.primary.id
    (column,) = as_recipe(told).columns
    assert [(one.path, one.technique, one.key_id) for one in column.rules] == [
        ("$.who", "encrypt", rotated.primary.id),
        ("$.mail", "hash", KEYS.primary.id),
        ("$.note", "drop", None),
    ]
    found = depseudonymise(anew, told, rotated)[0]["a"][0]
    assert json.loads(found) == {"who": "ann", "mail": old["mail"]}


def renewal_of(rules, new, **options):
    """Return the policy for a column 'a' with former rules, and another of a domain before it."""
    values = {"a": ['{"x": "1", "y": "2"}'], "other": ["3"]}
    rules = rules | {"other": {"technique": "encrypt", "domain": "aaa"}}
    policy = PseudonymisationPolicy("clinic", "d", rules)
    done, report = pseudonymise(pd.DataFrame(values), policy, KEYS)
    recipe = as_recipe(report)
    back = compile_recipe(recipe, [(name, pa.string()) for name in done], KEYS)
    return renewed_policy(recipe, back, rules={"a": new}, keyset="clinic", **options)


@pytest.mark.parametrize(
    ("new", "options", "expected"),
    [
        ("encrypt", {}, ("d", "random")),
        ({"technique": "encrypt", "domain": "e"}, {}, ("e", "random")),
        ({"technique": "hash", "policy": "per_dataset"}, {}, ("d", "per_dataset")),
        ("hash", {"domain": "f", "policy": "deterministic"}, ("f", "deterministic")),
        ({"technique": "hash", "domain": "e"}, {"policy": "per_dataset"}, ("e", "per_dataset")),
        ("redact", {}, (None, None)),
    ],
)
def test_new_rules_have_the_domain_and_policy_of_the_former_unless_given(new, options, expected):
    policy = renewal_of({"a": {"technique": "encrypt", "policy": "random"}}, new, **options)

    (rule,) = (one for one in policy.made_rules if one.column == "a")
    assert (rule.options.domain, rule.options.policy) == expected


def test_a_new_rule_for_places_of_several_domains_names_its_own():
    rules = {
        "a -> $.x": {"technique": "encrypt"},
        "a -> $.y": {"technique": "encrypt", "domain": "e"},
    }

    with pytest.raises(PolicyError, match="'a' had more than one domain"):
        renewal_of(rules, "hash")
    assert renewal_of(rules, "hash", domain="f").domain == "f"
