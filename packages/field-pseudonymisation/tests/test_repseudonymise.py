"""New pseudonyms in the place of former ones: as if made of the originals, and of nobody's else."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from field_pseudonymisation import (
    PseudonymisationPolicy,
    depseudonymise,
    pseudonymise,
    repseudonymise,
)
from field_pseudonymisation.errors import PolicyError, TokenError
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.errors import KeysError

KEYS, OTHER = Keyset.generate("clinic"), Keyset.generate("registry")
ROTATED = KEYS.changed(KeysetInfo.rotated)
TECHNIQUES = {
    "encrypt": {"technique": "encrypt"},
    "hash": {"technique": "hash"},
    "ff1": {"technique": "format_preserving_encrypt"},
}


def policy_of(domain="study", keyset="clinic", **rules):
    return PseudonymisationPolicy(keyset, domain, rules)


def people():
    return pd.DataFrame(
        {
            "id": np.array([17, 18, 17], "int64"),
            "ward": pd.Categorical(["b", "a", None]),
            "mail": ["ann@example.org", None, "ann@example.org"],
            "age": [71, 8, 71],
        },
        index=["x", "y", "z"],
    )


@given(
    st.lists(st.text("0123456789", min_size=6, max_size=9) | st.none(), max_size=6),
    st.sampled_from(sorted(TECHNIQUES)),
    st.sampled_from(["encrypt", "ff1"]),
)
def test_it_is_what_pseudonymising_the_originals_anew_would_give(values, new, old):
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    done, report = pseudonymise(frame, policy_of(a=TECHNIQUES[old]), KEYS)

    anew, _ = repseudonymise(
        done, report, KEYS, new_keys=OTHER, rules={"a": TECHNIQUES[new]}, domain="later"
    )

    wanted = policy_of("later", "registry", a=TECHNIQUES[new])
    pd.testing.assert_frame_equal(anew, pseudonymise(frame, wanted, OTHER)[0], check_dtype=False)


def test_types_index_and_the_columns_that_nothing_brings_back_stay():
    rules = {"id": "encrypt", "ward": "encrypt", "mail": "hash", "age": "retain"}
    done, report = pseudonymise(people(), policy_of(**rules), KEYS)
    before = done.copy(deep=True)

    anew, told = repseudonymise(done, report, KEYS, new_keys=OTHER)
    back, _ = depseudonymise(anew, told, OTHER)

    pd.testing.assert_frame_equal(done, before)
    assert told["kept"] == ["mail", "age"]
    assert told["keyset"] == "registry"
    assert not set(anew["id"]) & set(done["id"])
    pd.testing.assert_series_equal(anew["mail"], done["mail"])
    expected = people().assign(mail=done["mail"])
    pd.testing.assert_frame_equal(back, expected, check_categorical=False)


def test_who_holds_the_former_keys_alone_reads_nothing_of_it():
    done, report = pseudonymise(people()[["id"]], policy_of(id="encrypt"), KEYS)

    anew, told = repseudonymise(done, report, KEYS, new_keys=OTHER)

    for recipe in (told, report):
        with pytest.raises(KeysError, match="'clinic' has no key"):
            depseudonymise(anew, recipe, KEYS, other_dataset=True)


def test_a_rotated_keyset_takes_the_place_of_what_it_was():
    done, report = pseudonymise(people()[["id"]], policy_of(id="encrypt"), KEYS)

    anew, told = repseudonymise(done, report, ROTATED)

    assert {one["key_id"] for one in told["columns"]} == {ROTATED.primary.id}
    again = depseudonymise(anew, told, ROTATED)[0]
    pd.testing.assert_frame_equal(again, people()[["id"]])


def test_a_table_of_arrow_comes_out_as_one():
    table = pa.table({"a": pa.array([5, None, 7], pa.int16())})
    done, report = pseudonymise(table, policy_of(a="encrypt"), KEYS)

    anew, told = repseudonymise(done, report, KEYS, domain="later")

    assert isinstance(anew, pa.Table)
    assert anew["a"].to_pylist() != done["a"].to_pylist()
    assert depseudonymise(anew, told, KEYS)[0].equals(table)


def test_tokens_of_a_vault_are_made_anew(tmp_path):
    done, report = pseudonymise(
        people()[["mail"]], policy_of(mail="tokenise"), KEYS, vaults=tmp_path
    )

    anew, told = repseudonymise(done, report, KEYS, domain="later", vaults=tmp_path)

    assert anew["mail"].iloc[0] == anew["mail"].iloc[2] != done["mail"].iloc[0]
    back = depseudonymise(anew, told, KEYS, vaults=tmp_path)[0]
    pd.testing.assert_frame_equal(back, people()[["mail"]])


def test_a_frame_that_the_recipe_is_not_of_is_refused_unless_that_is_said():
    done, report = pseudonymise(people()[["mail"]], policy_of(mail="encrypt"), KEYS)
    some = done.iloc[:1]

    with pytest.raises(PolicyError, match="rows"):
        repseudonymise(some, report, KEYS)
    anew, told = repseudonymise(some, report, KEYS, other_dataset=True)

    assert depseudonymise(anew, told, KEYS)[0]["mail"].tolist() == ["ann@example.org"]


def test_a_value_that_is_no_pseudonym_stops_it():
    done, report = pseudonymise(people()[["mail"]], policy_of(mail="encrypt"), KEYS)
    done.iloc[0, 0] = "ann@example.org"

    with pytest.raises(TokenError) as caught:
        repseudonymise(done, report, KEYS, other_dataset=True)
    assert "ann" not in str(caught.value)


def test_shuffled_values_are_for_data_as_they_were():
    done, report = pseudonymise(people()[["mail"]], policy_of(mail="encrypt"), KEYS)

    with pytest.raises(PolicyError):
        repseudonymise(done, report, KEYS, rules={"mail": {"technique": "shuffle"}})


def test_an_empty_frame_stays_one():
    empty = people()[["id", "mail"]].iloc[:0]
    done, report = pseudonymise(empty, policy_of(id="encrypt", mail="encrypt"), KEYS)

    anew, told = repseudonymise(done, report, KEYS, new_keys=OTHER)

    assert len(anew) == 0
    assert told["rows"] == 0
    assert depseudonymise(anew, told, OTHER)[0]["id"].dtype == np.dtype("int64")
