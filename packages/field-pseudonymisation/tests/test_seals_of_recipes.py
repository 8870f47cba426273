"""The seal of a recipe: a change shows, and a recipe of another version is read."""

import hashlib
import hmac
import json

import pandas as pd
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import PolicyError
from util_services.keys import Keyset, KeysetInfo

KEYS = Keyset.generate("clinic")
FRAME = pd.DataFrame({"a": ["1234567", "7654321"], "b": ["x", "y"]})
RULES = {"a": {"technique": "format_preserving_encrypt"}, "b": {"technique": "hash"}}


@pytest.fixture
def made():
    done, report = pseudonymise(FRAME, PseudonymisationPolicy("clinic", "d", RULES), KEYS)
    return done, report["recipe"]


def sealed(recipe, keys=KEYS):
    """Seal a recipe as the README says."""
    bare = {name: value for name, value in recipe.items() if name != "seal"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"))
    subkey = keys.primary.subkey("recipe", "seal").reveal()
    mac = hmac.new(subkey, text.encode(), hashlib.sha256).hexdigest()
    return bare | {"seal": {"key_id": keys.primary.id, "mac": mac}}


def test_a_seal_is_what_the_readme_says(made):
    assert sealed(made[1]) == made[1]


@pytest.mark.parametrize("is_file", [False, True])
def test_a_recipe_that_an_earlier_version_wrote_otherwise_is_read(made, is_file):
    done, recipe = made
    for column in recipe["columns"]:
        column["type"] = "text"  # another spelling of what only people read
        for rule in column["rules"]:
            del rule["salt"]  # a member that it did not have yet
    recipe = sealed(recipe)

    back, _ = depseudonymise(done, json.loads(json.dumps(recipe)) if is_file else recipe, KEYS)

    assert back["a"].tolist() == FRAME["a"].tolist()


@pytest.mark.parametrize("place", [(), ("columns", 1), ("columns", 0, "rules", 0)])
def test_a_recipe_that_says_more_than_is_understood_is_refused(made, place):
    done, recipe = made
    holder = recipe
    for part in place:
        holder = holder[part]
    holder["tweak_of"] = "rows"

    with pytest.raises(PolicyError, match="says more than this version"):
        depseudonymise(done, sealed(recipe), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe: recipe["columns"][0].update(type="text"),
        lambda recipe: recipe["columns"][1]["rules"][0].update(domain="e"),
        lambda recipe: recipe["columns"][0]["rules"][0].update(technique="retain"),
        lambda recipe: recipe["columns"][0]["rules"][0]["options"].update(length=0),
        lambda recipe: recipe["seal"].update(mac="0" * 64),
        lambda recipe: recipe.pop("unmatched"),
    ],
)
def test_any_change_shows_before_anything_else_is_made_of_it(made, change):
    done, recipe = made
    change(recipe)

    with pytest.raises(PolicyError, match=r"not as it was written|is damaged|No column"):
        depseudonymise(done, recipe, KEYS)


def test_a_recipe_that_names_no_key_for_a_keyed_technique_is_refused(made):
    done, recipe = made
    for column in recipe["columns"]:
        column["rules"][0].update(key_id=None, key_check=None)
    recipe["seal"] = None

    with pytest.raises(PolicyError, match="not as it was written"):
        depseudonymise(done, recipe, KEYS)


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        ("a", {"technique": "format_preserving_encrypt"}),
        ("day", {"technique": "date_shift", "entity": "b"}),
    ],
)
def test_a_policy_leads_back_from_tokens_alone(column, rule):
    frame = FRAME.assign(day=["1980-02-29", "1999-12-31"])
    rules = {"b": {"technique": "encrypt"}, column: rule}
    policy = PseudonymisationPolicy("clinic", "d", rules, unmatched="keep")
    done, _ = pseudonymise(frame, policy, KEYS)

    with pytest.raises(PolicyError, match=f"'{column}' do not tell under which key"):
        depseudonymise(done, policy, KEYS)
    back, told = depseudonymise(done, policy, KEYS.changed(KeysetInfo.rotated), columns=["b"])

    assert back["b"].tolist() == FRAME["b"].tolist()
    assert told["restored"] == ["b"]
