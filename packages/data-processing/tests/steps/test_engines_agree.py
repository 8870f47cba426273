"""Every step on odd data, on one machine and on a Spark cluster in several partitionings.

The local engine is the oracle; it is held to known answers in the modules of the steps.
"""

import datetime as dt
import math
import random
from decimal import Decimal

import pyarrow as pa
import pytest

from data_processing.catalogue import built_in_steps

ROWS = 60
UTC = dt.UTC
TEXTS = [
    "", " ", "a", "A ", "ß", "SS", "İ", "i̇", "é", "e\u0301", "\u00a0x\u3000", "名前 🦆", "\uffff",
    "\U0001f600", "a\0b", 'say "hi"', "it's", "a\r\nb", "\u202eabc", "1,5", "007", "NA", "cafÃ©",
]  # fmt: skip
DAYS = [dt.date(1, 1, 1), dt.date(1582, 10, 10), dt.date(1969, 12, 31), dt.date(9999, 12, 31)]
MOMENTS = [
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(1582, 10, 10, 1, 2, 3, 4, tzinfo=UTC),
    dt.datetime(2024, 3, 31, 0, 59, 59, 999_999, tzinfo=UTC),  # before clocks in Europe change
    dt.datetime(2024, 10, 27, 1, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]
FLOATS = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e-5, 0.1, 0.2, 0.3, 1e9, -1e9]
WHOLE = [2**63 - 1, -(2**63), 2**53 + 1, 2**53, 0, -1, 7]
PRICES = [Decimal("0.10"), Decimal("-0.01"), Decimal(10) ** 30, Decimal("123456789.99")]

NAME, TEXT, HOT = 'a.b "q"', "it's `x`", "*"  # names that an engine might take for something else


def odd_table(rows=ROWS, seed=5):
    """Return rows of every type, with missing values, duplicates, and one key of most rows."""
    draw = random.Random(seed)  # noqa: S311 - rows that a test can repeat

    def some(values, missing=0.15):
        return [None if draw.random() < missing else draw.choice(values) for _ in range(rows)]

    hot = ["hot" if draw.random() < 0.8 else draw.choice(["é", "b", None]) for _ in range(rows)]
    columns = {
        "n": pa.array(range(rows), pa.int32()),
        NAME: pa.array(some(TEXTS), pa.string()),
        TEXT: pa.array(some(TEXTS), pa.large_string()),
        HOT: pa.array(hot, pa.string()),
        "whole": pa.array(some(WHOLE), pa.int64()),
        "large": pa.array(some([2**64 - 1, 2**63, 3]), pa.uint64()),
        "small": pa.array(some([-128, 0, 1, 2, 3, 127]), pa.int8()),
        "float": pa.array(some(FLOATS), pa.float64()),
        "half": pa.array(some([0.5, -0.0, 1e10]), pa.float32()),
        "price": pa.array(some(PRICES), pa.decimal128(38, 2)),
        "day": pa.array(some(DAYS), pa.date32()),
        "at": pa.array(some(MOMENTS), pa.timestamp("us", "Europe/Berlin")),
        "naive": pa.array([m and m.replace(tzinfo=None) for m in some(MOMENTS)]),
        "nano": pa.array(some([1, -1, 10**18]), pa.timestamp("ns")),
        "time": pa.array(some([0, 86_399_999_999]), pa.time64("us")),
        "flag": pa.array(some([True, False]), pa.bool_()),
        "list": pa.array(some([[], ["a"], ["a", None], ["é", "b"]]), pa.list_(pa.string())),
        "date text": pa.array(some(["31/12/9999", "2024-02-29", "29/02/2023", "x"]), pa.string()),
        "number text": pa.array(some(["1.234,50", "9007199254740993", "-0,1", "x"]), pa.string()),
        "json": pa.array(some(['{"a": {"b": 1.50}}', "{", "[]", '{"a": "\\u0000é"}']), pa.string()),
        "nothing": pa.nulls(rows, pa.string()),
    }
    return pa.table(columns)


OTHER = pa.table(
    {
        NAME: pa.array(["", "a", None, "é", "名前 🦆", "a"]),
        "price": pa.array([Decimal("0.10"), None, *PRICES], pa.decimal128(38, 2)),
        "b.c": pa.array(range(6), pa.uint8()),
    }
)
CODES = pa.table({"from": ["a", "", "名前 🦆"], "to": ["é", "empty", None]})


def fill(**columns):
    return {"step": "fill_missing_values", "columns": columns}


def wanted(functions, *columns):
    return {f"{one} {of}": {"of": of, "function": one} for of in columns for one in functions}


NUMBERS = ("sum", "mean", "median", "std", "min", "max", "first", "count_missing")
QUOTED = NAME.replace('"', '""')  # as expressions quote it
# Chains that hold every step at least once; row-wise steps are one pass, whichever follow.
CHAINS = {
    "row-wise": [
        {"step": "cast_types", "columns": {
            "number text": {"type": "decimal", "decimal": ",", "thousands": ".",
                            "on_error": "quarantine"},
            "whole": {"type": "text"}, "price": {"type": "text"}, "at": {"type": "text"},
            "day": {"type": "timestamp"}}},
        {"step": "derive", "columns": {"key": f'upper(trim("{QUOTED}"))'}},
        {"step": "filter_rows", "drop": "small > 2", "others": "quarantine"},
        {"step": "flatten_json", "column": "json", "on_error": "null",
         "columns": {"b": {"path": "/a/b"}, "c": {"path": "/a", "type": "json"}}},
        {"step": "merge_columns", "columns": [TEXT, "key"], "into": "both", "separator": "\u00a0",
         "keep_columns": True},
        {"step": "normalise_text", "columns": ["both"], "case": "lower", "trim": True,
         "collapse_whitespace": True, "form": "NFKC"},
        {"step": "nullify", "columns": [TEXT], "tokens": ["NA", " ", "ß"],
         "ignore": ["case", "whitespace"]},
        {"step": "pad_text", "columns": [TEXT], "width": 5},
        {"step": "parse_dates", "columns": {
            "date text": {"formats": ["%d/%m/%Y", "%F"], "on_error": "flag"}}},
        {"step": "rename_columns", "columns": {NAME: HOT, HOT: NAME}},
        {"step": "reorder_columns", "columns": [HOT, "list"]},
        {"step": "repair_mojibake", "columns": [HOT]},
        {"step": "replace_text", "columns": [HOT], "pattern": r"\s+", "replacement": "_"},
        {"step": "drop_columns", "columns": ["nothing"]},
        {"step": "explode", "column": "list"},
    ],
    "recoded": [
        {"step": "map_values", "columns": [NAME, TEXT], "table": "codes", "unmatched": "keep"},
        {"step": "split_column", "column": "date text", "into": ["x", "y", "z"],
         "pattern": "[/-]", "too_few": "null", "too_many": "rest"},
        {"step": "concat_datasets", "others": ["other"], "missing_columns": "fill"},
    ],
    "fitted": [
        {"step": "drop_missing", "rows_above": 0.4, "columns_above": 0.9,
         "candidates": ["nothing"]},
        fill(**{
            "float": {"strategy": "mean", "by": [HOT]},
            "half": {"strategy": "median", "by": [HOT]},
            "price": {"strategy": "median"},
            NAME: {"strategy": "mode", "by": [HOT], "indicator": "was missing"},
            "at": {"strategy": "mode"},
            "flag": {"strategy": "constant", "value": True},
        }),
        {"step": "handle_outliers", "columns": {
            "float": {"action": "cap", "by": [HOT]},
            "small": {"method": "mad", "factor": 1, "action": "null"}}},
        {"step": "scale", "columns": {"half": {"method": "robust", "by": [HOT]}}},
        {"step": "bin", "columns": {"small": {"method": "quantile", "bins": 3, "into": "third"}}},
        {"step": "majority", "keys": [HOT], "columns": ["day"], "min_share": 0.1,
         "fill_missing": True},
        {"step": "encode", "columns": {
            HOT: {"method": "one_hot", "limit": 3},
            TEXT: {"method": "ordinal", "into": "place"}}},
        {"step": "harmonise", "columns": {
            NAME: {"method": "fingerprint"}, TEXT: {"method": "edit_distance"}}},
    ],
    "in order": [
        {"step": "sort_rows", "by": [NAME, "float", "at"], "descending": ["float"],
         "missing": "first"},
        fill(**{
            "small": {"strategy": "interpolate", "by": [HOT], "order_by": ["n"]},
            TEXT: {"strategy": "ffill", "order_by": ["float", "n"]},
            "day": {"strategy": "bfill", "by": [HOT], "order_by": ["n"]},
        }),
        {"step": "sample_rows", "rows": 9, "by": [HOT], "seed": 7},
        {"step": "select_columns", "columns": [HOT, NAME, "at", "small", TEXT, "day"]},
    ],
    "once": [
        {"step": "remove_duplicates", "subset": ["at", "price", "large", "list", "nano"]},
        {"step": "remove_duplicates", "subset": [NAME, "float"], "keep": "none"},
        {"step": "remove_duplicates", "subset": [TEXT], "keep": "last", "order_by": ["float"],
         "ignore": ["case", "whitespace", "accents"]},
        {"step": "remove_duplicates", "subset": [HOT], "keep": "last"},
    ],
    "joined": [
        {"step": "join_datasets", "right": "other", "on": [NAME], "how": "outer",
         "cardinality": "many_to_many", "null_equals_null": True},
        {"step": "unpivot", "columns": [NAME, "json"], "names_to": "k", "values_to": "v"},
        {"step": "pivot", "by": [HOT], "names_from": "k", "values_from": "v",
         "columns": {NAME: "name", "json": "json"}, "function": "max"},
    ],
    "by the hot key": [{"step": "aggregate_data", "by": [HOT], "columns": {
        **wanted(NUMBERS, "float"), **wanted(["sum", "median"], "small"),
        **wanted(["mean", "std", "max"], "price", "whole"),
        **wanted(["min", "last", "count_distinct"], "large", "at", "nano", "time", NAME),
        **wanted(["any"], "list")}}],
    "by odd keys": [{"step": "aggregate_data", "by": [NAME, "price", "at", "float"],
                     "columns": {"rows": {"function": "count"}}}],
    "linked": [
        {"step": "validate_data", "rules": [
            {"rule": "unique", "columns": ["n"], "severity": "quarantine"},
            {"rule": "not_null", "columns": [NAME], "severity": "warn"},
            {"rule": "range", "columns": ["small"], "min": 0, "max": 100, "severity": "quarantine"},
            {"rule": "foreign_key", "columns": [TEXT], "dataset": "other", "key": [NAME],
             "severity": "warn"}]},
        {"step": "link_duplicates", "compare": {NAME: {}, "date text": {}},
         "blocks": [{"columns": ["date text"]}], "threshold": 0.6, "keep": "most_complete"},
    ],
    "profiled": [
        {"step": "select_columns",
         "columns": [NAME, HOT, "whole", "float", "price", "at", "day", "list"]},
        {"step": "profile_data"},
    ],
}  # fmt: skip
TABLES = {"other": OTHER, "codes": CODES}


def told(done):
    """Return what came out as texts, in which zeros keep their signs and NaN is itself."""
    return {
        "columns": str(done.table.schema),
        "rows": list(map(repr, done.table.to_pylist())),
        "notes": done.notes,
        "states": repr(done.states),
        "quarantine": sorted(map(repr, done.quarantine)),
        "changes": sorted(map(repr, done.changes)),
    }


def test_every_step_is_compared():
    compared = {step["step"] for chain in CHAINS.values() for step in chain}

    assert compared == {step.name for step in built_in_steps()}


@pytest.mark.parametrize(
    ("chain", "rows", "partitions"),
    [
        *((chain, ROWS, 7) for chain in CHAINS),
        ("once", ROWS, 2),
        ("joined", 0, 2),
        ("linked", 1, 2),
        ("by the hot key", 1, 7),
    ],
)
def test_odd_data_come_out_alike(cleaned, cleaned_on_spark, chain, rows, partitions):
    recipe = CHAINS[chain]
    others = {name: table for name, table in TABLES.items() if name in repr(recipe)}
    given = {"tables": others, "may_stay": ["nothing"] if chain == "fitted" else []}
    table = odd_table().slice(0, rows)

    there = cleaned_on_spark(table, *recipe, partitions=partitions, **given)

    assert told(there) == told(cleaned(table, *recipe, **given))
