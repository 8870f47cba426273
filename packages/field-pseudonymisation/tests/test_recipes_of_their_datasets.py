"""A recipe is that of one dataset: another one does not come back by it unawares."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import PolicyError
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")
RULES = {
    "card": {"technique": "format_preserving_encrypt"},
    "mail": {"technique": "encrypt"},
    "name": {"technique": "redact"},
}
POLICY = PseudonymisationPolicy("clinic", "d", RULES, unmatched="keep")
FRAME = pd.DataFrame(
    {
        "card": ["1234567", None, "7654321"],
        "mail": ["åse", "", None],
        "name": ["a", "b", "c"],
        "n": [1, 2, 3],
    }
)


@pytest.fixture
def made():
    return pseudonymise(FRAME, POLICY, KEYS)


def test_an_imprint_is_what_its_description_says(made):
    done, report = made
    imprint = report["recipe"]["dataset"]

    texts = [text.encode() for text in done["card"].fillna("")]
    lengths = np.array([len(text) for text in texts], "<u8").tobytes()
    parts = hashlib.sha256(b"".join(texts)).digest() + hashlib.sha256(lengths).digest()
    assert imprint["rows"] == 3
    assert imprint["sha256"]["card"] == hashlib.sha256(parts).hexdigest()
    assert sorted(imprint["sha256"]) == ["card", "mail"]


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda done: done.iloc[:2], "it has 2 rows and not 3"),
        (lambda done: done.iloc[::-1], "the values of 'card' are others, or in another order"),
        (lambda done: done.assign(card=["1111111", None, "7654321"]), "the values of 'card'"),
        (lambda done: done.assign(card=["123456", None, "47654321"]), "the values of 'card'"),
    ],
    ids=["fewer", "another order", "another value", "the same letters"],
)
def test_another_dataset_is_refused_unless_it_is_asked_for(made, change, how):
    done, report = made
    other = change(done)

    with pytest.raises(PolicyError, match=f"is not the one that the recipe.*: {how}"):
        depseudonymise(other, report, KEYS)
    back, _ = depseudonymise(other, report, KEYS, other_dataset=True)

    assert len(back) == len(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda done: done.drop(columns=["card", "name"]),
        lambda done: done.assign(more=1, n=[3, 2, 1]),
        lambda done: done[["n", "mail", "card", "name"]],
        lambda done: done.assign(mail=done["mail"].astype("category"), name=["x", "y", "z"]),
    ],
    ids=["columns left out", "columns added", "columns moved", "another type"],
)
def test_what_is_beside_the_columns_that_come_back_does_not_matter(made, change):
    done, report = made

    back, _ = depseudonymise(change(done), report, KEYS)

    assert back["mail"].tolist()[:2] == ["åse", ""]


def test_columns_that_are_not_asked_for_may_have_changed(made):
    done, report = made

    back, _ = depseudonymise(done.assign(card="0000000"), report, KEYS, columns=["mail"])

    assert back["mail"].tolist()[:2] == ["åse", ""]
