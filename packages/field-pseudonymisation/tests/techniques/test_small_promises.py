"""Small promises: what needs no key, which names are equal, and what is not shown."""

import unicodedata

import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.techniques.technique import Target
from util_services.keys import Keyset

KEYS = Keyset.generate("k")
NOISE = {"technique": "noise", "scale": 3}


def test_fresh_noise_needs_neither_a_keyset_nor_a_domain():
    policy = PseudonymisationPolicy(rules={"a": NOISE | {"policy": "random"}})

    done, report = pseudonymise(pa.table({"a": [1.5, 2.5]}), policy)

    assert done["a"].to_pylist() != [1.5, 2.5]
    (told,) = report["columns"]
    assert (told["policy"], told["key_id"], told["domain"]) == ("random", None, None)
    with pytest.raises(PolicyError, match="'domain' is missing"):
        PseudonymisationPolicy(rules={"a": NOISE})


@pytest.mark.parametrize("where", ["policy", "rule"])
def test_a_domain_is_the_same_in_all_forms_of_unicode(where):
    def done(form):
        name = unicodedata.normalize(form, "Kléber")
        domain, own = (name, {}) if where == "policy" else ("x", {"domain": name})
        policy = PseudonymisationPolicy("k", domain, {"a": {"technique": "encrypt", **own}})
        return pseudonymise(pa.table({"a": ["x"]}), policy, KEYS)

    (first, report), (second, _) = done("NFC"), done("NFD")

    assert first.equals(second)
    assert depseudonymise(second, report, KEYS)[0]["a"].to_pylist() == ["x"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann@example.org", "a***@example.org"),
        ("ab@example.org", "a***@example.org"),
        ("a@example.org", "***@example.org"),
        ("@example.org", "***"),
        ("a\nb@example.org", "a***@example.org"),
    ],
)
def test_the_mask_of_an_address_shows_no_whole_name(address, expected):
    policy = PseudonymisationPolicy(rules={"a": {"technique": "mask", "form": "email"}})

    done, _ = pseudonymise(pa.table({"a": [address]}), policy)

    assert done["a"].to_pylist() == [expected]


def test_no_technique_gets_the_key_of_seals():
    target = Target("a", pa.string(), "recipe", "deterministic", "", KEYS)

    with pytest.raises(ValueError, match="kept for the seals"):
        target.subkey("seal")


@pytest.mark.parametrize("length", [5, 65_537])
def test_values_that_are_too_short_or_too_long_for_ff1_are_refused(length):
    rules = {"a": "format_preserving_encrypt"}

    with pytest.raises(CellsError, match=r"row 1.*characters to encrypt"):
        pseudonymise(
            pa.table({"a": ["1" * 9, "1" * length]}), PseudonymisationPolicy("k", "d", rules), KEYS
        )
