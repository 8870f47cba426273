"""Keys of the platform's former configuration are answered, and the documentation lists them."""

import re
from pathlib import Path

import pytest

from field_pseudonymisation import PseudonymisationPolicy
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.policy import OLDER_KEYS, OLDER_TECHNIQUES
from util_services.runs.check import FORMER_KEYS

PAGE = Path(__file__).parents[3] / "docs/pseudonymisation.md"
OF_OTHER_PACKAGES = {"ident", "supp_level", "generalisation_hierarchies"}


def documented():
    """Return the cells of the table by the key in its first column."""
    _, table = PAGE.read_text(encoding="utf-8").split("## From the former configuration")
    lines = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| `")]
    return {key: " ".join(rest) for first, *rest in lines for key in re.findall("`([^`]+)`", first)}


def test_the_documented_table_is_what_is_answered():
    assert set(documented()) == {*OLDER_KEYS, *OLDER_TECHNIQUES}
    assert set(FORMER_KEYS) - OF_OTHER_PACKAGES <= set(documented())


@pytest.mark.parametrize("key", [*OLDER_KEYS, *OLDER_TECHNIQUES])
def test_the_table_names_what_the_answer_names(key):
    answer = (OLDER_KEYS | OLDER_TECHNIQUES)[key]

    for name in re.findall("'([a-z_]+)'", answer):
        assert f"`{name}`" in documented()[key]


@pytest.mark.parametrize("key", OLDER_KEYS)
def test_a_former_key_is_answered_in_a_policy_and_in_a_rule(key):
    with pytest.raises(PolicyError, match=f"'{key}' is a key of the platform's former"):
        PseudonymisationPolicy.from_dict({key: "x"})
    with pytest.raises(PolicyError, match=f"'{key}' is a key of the platform's former"):
        PseudonymisationPolicy("k", "d", {"a": {"technique": "hash", key: "x"}})


def test_a_former_technique_is_answered_with_its_job():
    with pytest.raises(PolicyError, match="here it is the job 'depseudonymise_structured'"):
        PseudonymisationPolicy("k", "d", {"a": "decrypt"})
