"""Which columns and places a rule is for, and what is told of names that stay."""

import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import PolicyError
from util_services.keys import Keyset

KEYS = Keyset.generate("k")


def policy(rules, unmatched="keep"):
    return PseudonymisationPolicy("k", "d", rules, unmatched=unmatched)


def changed(table, rules):
    """Return the columns, or members of one, whose values are others."""
    done, _ = pseudonymise(pa.table(table), policy(rules), KEYS)
    return [name for name in table if done[name].to_pylist() != table[name]]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a*", ["ab", "a[b]", "a?", "a\nb", "a -> b"]),
        ("*b", ["ab", "a\nb", "a -> b"]),
        ("a[b]", ["a[b]"]),
        ("a?", ["a?"]),
        ("*[b]", ["a[b]"]),
        ("a -> b", ["a -> b"]),
    ],
)
def test_a_star_alone_stands_for_more_than_itself(pattern, expected):
    table = {name: ["x"] for name in ("ab", "a[b]", "a?", "a\nb", "a -> b", "c")}

    assert changed(table, {pattern: "hash"}) == expected


@pytest.mark.parametrize("pattern", ["a?", "a[bc]", "[!c]b"])
def test_other_signs_of_patterns_match_nothing(pattern):
    with pytest.raises(PolicyError, match="matches no column"):
        changed({"ab": ["x"]}, {pattern: "hash"})


def test_a_column_with_an_arrow_in_its_name_goes_there_and_back():
    table = pa.table({"a -> b": ["x", None]})
    done, report = pseudonymise(table, policy({"a -> b": "encrypt"}), KEYS)

    assert depseudonymise(done, report, KEYS)[0].equals(table)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$['*']", '{"*":"#","**":"y","b":"z"}'),
        ("$['**']", '{"*":"x","**":"#","b":"z"}'),
        ("$.*", '{"*":"#","**":"#","b":"#"}'),
    ],
)
def test_a_quoted_star_is_the_name_of_a_member(path, expected):
    table = pa.table({"a": ['{"*":"x","**":"y","b":"z"}']})

    rule = {"technique": "redact", "text": "#"}
    done, _ = pseudonymise(table, policy({f"a -> {path}": rule}), KEYS)

    assert done["a"].to_pylist() == [expected]


@pytest.mark.parametrize("unmatched", ["keep", "error"])
@pytest.mark.parametrize("rules", [["$[1]"], ["$[0]"], ["$[0]", "$[1]"]])
def test_some_items_of_a_list_cannot_become_of_another_type(unmatched, rules):
    table = pa.table({"a": [[1, 2], [3, 4]]})

    with pytest.raises(PolicyError, match=r"some items of a list.*use '\[\*\]'"):
        pseudonymise(table, policy({f"a -> {path}": "hash" for path in rules}, unmatched), KEYS)


def test_some_items_of_a_list_become_others_of_its_type():
    table = pa.table({"a": [["x", "y"], ["z"], []]})
    rule = {"technique": "redact", "text": "#"}

    done, _ = pseudonymise(table, policy({"a -> $[1]": rule}), KEYS)

    assert done["a"].to_pylist() == [["x", "#"], ["z"], []]


@pytest.mark.parametrize(
    ("index", "is_told"),
    [
        (None, False),
        ([5, 7], False),
        (["ann@example.org", "bo@example.org"], True),
        (pd.to_datetime(["1980-02-29", "1999-12-31"]), True),
        (pd.MultiIndex.from_tuples([(1, "ann"), (2, "bo")]), True),
    ],
)
def test_an_index_that_may_hold_personal_data_is_told(index, is_told):
    frame = pd.DataFrame({"a": ["x", "y"]}, index=index)

    _, report = pseudonymise(frame, policy({"a": "hash"}), KEYS)

    assert any("index of the frame" in one for one in report["warnings"]) == is_told
    assert any("names of columns, and of members" in one for one in report["limits"])


def test_one_name_where_a_list_is_wanted_is_told_what_to_write():
    with pytest.raises(
        PolicyError, match=r"^rules\.a\.within: must be a list, such as \[NAME\]\.$"
    ):
        PseudonymisationPolicy("k", "d", {"a": {"technique": "shuffle", "within": "state"}})
