"""What is inside of structs, lists and JSON comes back with its type, or is refused before."""

import datetime as dt
import json

import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import AppliedTwiceError, CellsError
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")
KIND = pa.struct(
    [
        ("n", pa.int32()),
        ("day", pa.date32()),
        ("who", pa.struct([("name", pa.string()), ("born", pa.date32())])),
        ("seen", pa.list_(pa.timestamp("us"))),
        ("card", pa.int64()),
    ]
)
MOMENT = dt.datetime(2020, 2, 29, 12)  # noqa: DTZ001 - as the column has them
VALUE = {
    "n": 7,
    "day": dt.date(1980, 2, 29),
    "who": {"name": "Ann", "born": dt.date(1999, 12, 31)},
    "seen": [MOMENT, None],
    "card": 1234567,
}
COLUMN = pa.table({"a": pa.array([VALUE, None, VALUE], KIND)})


def there_and_back(table, rules, vaults=None):
    named = {f"a -> {path}": rule for path, rule in rules.items()}
    policy = PseudonymisationPolicy("clinic", "d", named, unmatched="keep")
    done, report = pseudonymise(table, policy, KEYS, vaults=vaults)
    return done, depseudonymise(done, report, KEYS, vaults=vaults)[0]


@pytest.mark.parametrize("technique", ["encrypt", "tokenise"])
@pytest.mark.parametrize(
    "paths", [["$.**"], ["$.who.*", "$.seen[*]", "$.n"], ["$.who.**"], ["$.n", "$.day"]], ids=str
)
def test_types_under_wildcards_of_structs_come_back(technique, paths, tmp_path):
    rules = {path: {"technique": technique} for path in paths}

    done, back = there_and_back(COLUMN, rules, tmp_path)

    assert done.schema != COLUMN.schema
    assert back.schema == COLUMN.schema
    assert back["a"].to_pylist() == COLUMN["a"].to_pylist()


def test_integers_of_structs_come_back_from_a_format():
    rules = {"$.card": {"technique": "format_preserving_encrypt", "width": 9}}

    done, back = there_and_back(COLUMN, rules)

    assert len(done["a"][0].as_py()["card"]) == 9
    assert back["a"].to_pylist() == COLUMN["a"].to_pylist()


def test_places_of_structs_that_cannot_be_had_stay_as_they_are():
    rules = {
        "$.n": {"technique": "redact"},
        "$.card": {"technique": "drop"},
        "$.seen": {"technique": "redact"},
        "$.who.born": {"technique": "generalise", "by": "date", "level": "year"},
        "$.who.name": {"technique": "encrypt"},
    }

    _, back = there_and_back(COLUMN, rules)

    assert back["a"].to_pylist()[0] == {
        "n": "[REDACTED]",
        "day": VALUE["day"],
        "who": {"name": "Ann", "born": "1999"},
        "seen": "[REDACTED]",
    }


@pytest.mark.parametrize(
    "rule",
    [
        {"technique": "format_preserving_encrypt", "width": 9},
        {"technique": "encrypt", "as": "text"},
        {"technique": "tokenise", "as": "text"},
    ],
    ids=str,
)
def test_numbers_of_json_that_would_come_back_as_texts_are_refused(rule, tmp_path):
    texts, numbers = ['{"n": "1234567"}', '{"n": 1234567}']

    with pytest.raises(CellsError, match=r"row 1 .*'\$\.n' that is no text.*'encrypt'"):
        there_and_back(pa.table({"a": [texts, numbers]}), {"$.n": rule}, tmp_path)
    _, back = there_and_back(pa.table({"a": [texts]}), {"$.n": rule}, tmp_path)
    assert json.loads(back["a"][0].as_py()) == json.loads(texts)


def test_numbers_of_json_that_never_come_back_may_count_as_texts():
    rule = {"technique": "hash", "as": "text"}
    table = pa.table({"a": ['{"n": "1"}', '{"n": 1}']})

    done, _ = pseudonymise(table, PseudonymisationPolicy("clinic", "d", {"a -> $.n": rule}), KEYS)

    first, second = done["a"].to_pylist()
    assert first == second
    assert json.loads(first)["n"].startswith("mac1.")


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", "Infinity"])
def test_numbers_that_json_cannot_give_back_are_refused(text):
    table = pa.table({"a": ['{"n": "x", "m": 1.5}', f'{{"n": "x", "m": {text}}}']})

    with pytest.raises(CellsError, match=r"row 1 .*number beyond 64 bits"):
        there_and_back(table, {"$.n": {"technique": "encrypt"}})


def test_the_json_null_is_no_missing_value():
    table = pa.table({"a": ["null", None, '{"n":"x"}']})

    done, back = there_and_back(table, {"$.n": {"technique": "encrypt"}})

    assert done["a"].to_pylist()[:2] == ["null", None]
    assert back["a"].to_pylist() == table["a"].to_pylist()


NULLS = pa.table({"a": ['{"n":"x"}', '{"n":null}']})
STRUCTS = pa.table({"a": [{"n": "x"}, {"n": None}]})


@pytest.mark.parametrize("table", [NULLS, STRUCTS], ids=["json", "struct"])
@pytest.mark.parametrize("technique", ["hash", "retain", "nullify"])
def test_missing_values_inside_are_refused_on_request(table, technique):
    rules = {"$.n": {"technique": technique, "nulls": "error"}}

    with pytest.raises(CellsError, match=r"row 1 .*a missing value at '\$\.n'"):
        there_and_back(table, rules)


def test_missing_values_of_a_retained_column_are_refused_on_request():
    policy = PseudonymisationPolicy("", "", {"a": {"technique": "retain", "nulls": "error"}})

    with pytest.raises(CellsError, match=r"row 1 .*missing values"):
        pseudonymise(pa.table({"a": ["x", None]}), policy)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"technique": "redact"}, "[REDACTED]"),
        ({"technique": "replace", "value": "none"}, "none"),
    ],
)
@pytest.mark.parametrize("table", [NULLS, STRUCTS], ids=["json", "struct"])
def test_missing_values_inside_are_hidden_on_request(table, rule, expected):
    policy = PseudonymisationPolicy("", "", {"a -> $.n": rule | {"hide_nulls": True}})

    done, _ = pseudonymise(table, policy)

    found = [json.loads(v) if isinstance(v, str) else v for v in done["a"].to_pylist()]
    assert found == [{"n": expected}] * 2


@pytest.mark.parametrize("table", [NULLS, STRUCTS], ids=["json", "struct"])
def test_tokens_inside_are_not_pseudonymised_twice_unawares(table):
    rules = {"a -> $.n": {"technique": "encrypt"}}
    policy = PseudonymisationPolicy("clinic", "d", rules)
    done, _ = pseudonymise(table, policy, KEYS)

    with pytest.raises(AppliedTwiceError, match="'a', row 0 "):
        pseudonymise(done, policy, KEYS)
    again = {"a -> $.n": {"technique": "encrypt", "again": True}}
    assert pseudonymise(done, PseudonymisationPolicy("clinic", "d", again), KEYS)[0] != done
