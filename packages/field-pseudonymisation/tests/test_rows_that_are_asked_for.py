"""Of a de-pseudonymisation of some rows, no others are decrypted."""

import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.api import as_recipe
from field_pseudonymisation.errors import TokenError
from field_pseudonymisation.reverse import compile_recipe
from field_pseudonymisation.structured import RowSelection
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")
RULES = {
    "id": {"technique": "retain"},
    "mail": {"technique": "encrypt"},
    "card": {"technique": "format_preserving_encrypt"},
}


@pytest.fixture
def tokens():
    frame = pd.DataFrame(
        {"id": list("abcdef"), "mail": list("uvwxyz"), "card": [f"12345{n}" for n in range(6)]}
    )
    done, report = pseudonymise(frame, PseudonymisationPolicy("clinic", "d", RULES), KEYS)
    done.loc[1, "mail"] = "siv1.forgotten"
    fields = [(name, pa.string()) for name in done]
    return done, compile_recipe(as_recipe(report), fields, KEYS)


def restored(done, plan, selection, size=2):
    """Bring the rows of a selection back, in batches."""
    found = {name: [] for name in done}
    for first in range(0, len(done), size):
        part = done.iloc[first : first + size]
        batch = {name: pa.array(part[name], pa.string()) for name in part}
        for name, values in selection.apply(plan.apply, batch).items():
            found[name] += values.to_pylist()
    return found


def test_a_token_of_another_row_that_cannot_be_read_does_not_matter(tokens):
    selection = RowSelection.read(b"id\na\nf\nnobody\n", ["id", "mail", "card"])

    found = restored(*tokens, selection)

    assert found == {"id": ["a", "f"], "mail": ["u", "z"], "card": ["123450", "123455"]}
    assert (selection.seen, selection.selected, selection.found) == (6, 2, {"a", "f"})
    assert tokens[1].rows == 2


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_rows_in_errors_are_those_of_the_dataset(tokens, size):
    tokens[0].loc[4, "mail"] = "siv1.changed"
    selection = RowSelection.read(b"id\na\nc\ne\nf\n", ["id", "mail", "card"])

    with pytest.raises(TokenError) as refusal:
        restored(*tokens, selection, size)

    assert (refusal.value.column, refusal.value.positions) == ("mail", (4,))
