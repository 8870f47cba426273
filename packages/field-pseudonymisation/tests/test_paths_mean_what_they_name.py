"""Paths inside of columns: lists and objects as a whole, and places that are not there."""

import json

import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import CellsError, PolicyError
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")
DOCUMENT = {"id": 7, "address": {"street": "Karl Johans gate 1", "tags": ["home"]}}
STRUCT = pa.struct(
    [
        ("id", pa.int64()),
        ("address", pa.struct([("street", pa.string()), ("tags", pa.list_(pa.string()))])),
    ]
)
CONSTANTS = {
    "drop": ({}, {"id": 7}),
    "nullify": ({}, {"id": 7, "address": None}),
    "redact": ({}, {"id": 7, "address": "[REDACTED]"}),
    "retain": ({}, DOCUMENT),
}


def table(kind, *documents):
    if kind is STRUCT:
        return pa.table({"a": pa.array(documents, STRUCT)})
    return pa.table({"a": [None if d is None else json.dumps(d) for d in documents]})


def done(given, rules, unmatched="keep"):
    named = {f"a -> {path}": rule for path, rule in rules.items()}
    policy = PseudonymisationPolicy("clinic", "d", named, unmatched=unmatched)
    return pseudonymise(given, policy, KEYS)


def values(given):
    return [json.loads(v) if isinstance(v, str) else v for v in given["a"].to_pylist()]


@pytest.mark.parametrize("unmatched", ["keep", "drop"])
@pytest.mark.parametrize("kind", ["json", STRUCT], ids=["json", "struct"])
@pytest.mark.parametrize("name", CONSTANTS)
def test_what_looks_at_no_value_takes_an_object_as_a_whole(name, kind, unmatched):
    options, expected = CONSTANTS[name]
    rules = {"$.address": {"technique": name, **options}, "$.id": {"technique": "retain"}}

    found, report = done(table(kind, DOCUMENT), rules, unmatched)

    assert values(found) == [expected]
    assert "Karl" not in json.dumps(report)


def test_a_list_is_replaced_as_a_whole_by_a_text():
    rules = {"$.tags": {"technique": "replace", "value": "none"}}

    assert values(done(table("json", {"tags": [1, {}]}, {"tags": []}), rules)[0]) == [
        {"tags": "none"},
        {"tags": "none"},
    ]


@pytest.mark.parametrize("technique", ["hash", "encrypt", "mask"])
def test_other_techniques_refuse_an_object_and_name_the_path_below(technique):
    rules = {"$.address": {"technique": technique}}

    with pytest.raises(CellsError, match=r"row 0 .*an object where.*'\$\.address\.\*\*'"):
        done(table("json", DOCUMENT), rules)
    with pytest.raises(PolicyError, match=r"'\$\.address' names an object; .*'\$\.address\.\*\*'"):
        done(table(STRUCT, DOCUMENT), rules)


@pytest.mark.parametrize("kind", ["json", STRUCT], ids=["json", "struct"])
def test_all_below_an_object_is_transformed_and_comes_back(kind):
    given = table(kind, DOCUMENT, None)

    found, report = done(given, {"$.address.**": {"technique": "encrypt"}})

    (first, second) = values(found)
    assert first["address"]["street"].startswith("siv1.")
    assert first["address"]["tags"][0].startswith("siv1.")
    assert (first["id"], second) == (7, None)
    assert values(depseudonymise(found, report, KEYS)[0]) == [DOCUMENT, None]


def test_a_document_that_is_but_a_value_is_transformed_too():
    found, report = done(pa.table({"a": ['"Karl"', "7"]}), {"$.**": {"technique": "encrypt"}})

    assert "Karl" not in str(found["a"])
    assert depseudonymise(found, report, KEYS)[0]["a"].to_pylist() == ['"Karl"', "7"]


@pytest.mark.parametrize("path", ["$.adress.street", "$.address.road", "$.id.x", "$.id[*]"])
@pytest.mark.parametrize("kind", ["json", STRUCT], ids=["json", "struct"])
def test_a_path_that_names_nothing_is_refused(kind, path):
    with pytest.raises(PolicyError, match="names nothing"):
        done(table(kind, None, DOCUMENT, None), {path: {"technique": "hash"}})


@pytest.mark.parametrize(
    "documents",
    [
        [None],
        [],
        [{"who": []}],
        [{"who": None}],
        [{}],
        [{}, {"who": [], "x": 1}],
        [{"who": [{}]}, {"who": [[]]}],
    ],
)
def test_a_path_is_not_refused_where_there_is_nothing_on_its_way(documents):
    done(table("json", *documents), {"$.who[*].tel": {"technique": "hash"}})
