"""Pseudonyms in texts made anew: all of them, nothing else, and never their originals."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.api import as_recipe
from field_pseudonymisation.errors import CellsError, PolicyError, TokenError
from field_pseudonymisation.plan import compile_policy
from field_pseudonymisation.renewal import renewed_policy, renewed_recipe
from field_pseudonymisation.reverse import compile_recipe
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.errors import DisabledKeyError

KEYS = Keyset.generate("clinic")
ROTATED = KEYS.changed(KeysetInfo.rotated)
OLD, NEW = KEYS.primary.id, ROTATED.primary.id
NOTE = "😀 ann@example.org, tel. +47 22 12 34 56; ann@example.org, IP 192.0.2.17"
ENTITIES = {"email": "encrypt", "phone": {"technique": "hash"}, "*": "redact"}


def anew(texts, entities=None, *, path="", change=lambda text: text, keys=ROTATED, **given):
    """Pseudonymise texts, and then anew; return both, the new recipe and the plan."""
    rule = {"technique": "detect_text", "entities": entities or ENTITIES}
    policy = PseudonymisationPolicy("clinic", "d", {f"a{path}": rule}, unmatched="keep")
    done, report = pseudonymise(pd.DataFrame({"a": texts}), policy, KEYS)
    old = [change(text) if isinstance(text, str) else None for text in done["a"]]
    recipe, fields = as_recipe(report), [("a", pa.string())]
    back = compile_recipe(recipe, fields, keys, renews=True)
    rules = given.pop("rules", {})
    policy = renewed_policy(recipe, back, rules=rules, keyset="clinic", **given)
    plan = compile_policy(policy, fields, keys, former=back.former)
    batch = {"a": pa.array(old, pa.string())}
    back.imprint.add(batch, len(old))
    new = plan.apply(back.apply(batch, len(old)), len(old))["a"].to_pylist()
    return old, new, renewed_recipe(recipe, plan, back), plan


def restored(texts, recipe, keys):
    return depseudonymise(pd.DataFrame({"a": texts}), recipe, keys)[0]["a"].tolist()


def test_what_leads_back_is_under_the_new_key_and_the_rest_of_the_text_stays():
    (old,), (new,), recipe, plan = anew([NOTE])

    emails = [piece.split(",")[0] for piece in new.split("EMAIL(")[1:]]
    assert len(emails) == 2
    assert emails[0] == emails[1]
    assert f"siv1.{NEW}." in emails[0]
    assert f"siv1.{OLD}." not in new
    assert new.split("PHONE(")[1].split(";")[0] == old.split("PHONE(")[1].split(";")[0]
    assert "[IP_ADDRESS]" in new
    assert plan.columns[0].transform.counts == {"pseudonyms_renewed": 2, "pseudonyms_kept": 1}
    hashed = old.split("tel. ")[1].split(";")[0]
    without_old = ROTATED.changed(lambda info: info.disabled(OLD))
    assert restored([new], recipe, without_old) == [
        NOTE.replace("+47 22 12 34 56", hashed).replace("192.0.2.17", "[IP_ADDRESS]")
    ]


def test_missing_and_empty_texts_and_those_without_findings_stay():
    _, new, recipe, _ = anew(["", "nothing", NOTE, None], {"*": "encrypt"})

    assert new[:2] == ["", "nothing"]
    assert new[3] is None
    assert restored(new, recipe, ROTATED)[2] == NOTE


def test_texts_inside_of_json_are_made_anew_too():
    texts = [json.dumps({"n": [NOTE, None, "x"], "z": 0})]

    _, (new,), recipe, _ = anew(texts, {"*": "encrypt"}, path=" -> $.n[*]")

    assert f"siv1.{NEW}." in new
    assert f".{OLD}." not in new
    assert json.loads(restored([new], recipe, ROTATED)[0]) == {"n": [NOTE, None, "x"], "z": 0}


def test_a_new_domain_holds_for_entities_that_named_their_own():
    entities = {"email": {"technique": "encrypt", "domain": "mails"}, "*": "encrypt"}

    _, (new,), recipe, _ = anew([NOTE], entities, domain="other", keys=KEYS)

    assert {rule.domain for rule in recipe.columns[0].rules} == {"other"}
    joined, _ = pseudonymise(
        pd.DataFrame({"a": ["ann@example.org"]}),
        PseudonymisationPolicy("clinic", "other", {"a": {"technique": "encrypt"}}),
        KEYS,
    )
    assert joined["a"][0] in new


def test_a_pseudonym_that_was_changed_is_refused_with_its_row():
    def flipped(text):
        return text[:-8] + ("A" if text[-8] != "A" else "B") + text[-7:]

    with pytest.raises(TokenError, match=r"Column 'a', row 1 "):
        anew(
            ["x", "ann@example.org"], change=lambda text: flipped(text) if "siv1" in text else text
        )


def test_a_disabled_key_is_refused():
    with pytest.raises(DisabledKeyError):
        anew([NOTE], keys=ROTATED.changed(lambda info: info.disabled(OLD)))


def test_new_rules_for_texts_are_refused():
    with pytest.raises(PolicyError, match="pseudonyms in texts keep their rules; leave it out"):
        anew([NOTE], rules={"a": {"technique": "hash"}})


def test_what_would_be_read_as_a_pseudonym_afterwards_is_refused():
    def trapped(text):
        return text.replace("trap", f"X({len(text) - 3}):")

    with pytest.raises(CellsError, match="bring them back and pseudonymise them again"):
        anew(
            ["trap ann@example.org"],
            {"*": {"technique": "encrypt"}},
            change=trapped,
            policy="random",
        )
