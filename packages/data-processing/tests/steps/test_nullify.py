"""Tokens for missing values become missing, in the columns named and nowhere else."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from util_services.errors import ConfigurationError


def nullify(*tokens, columns=("a",), **options):
    return {"step": "nullify", "columns": list(columns), "tokens": list(tokens), **options}


def test_dp_02_words_are_tokens_only_where_they_are_named(cleaned):
    table = {"a": ["NA", "N/A", "na", None, "x"], "country": ["NA", "N/A", "na", None, "x"]}

    done = cleaned(table, nullify("N/A", "-"))

    assert done.column("a") == ["NA", None, "na", None, "x"]
    assert done.column("country") == table["country"]
    assert dict(done.note.changed) == {"a": 1}


def test_dp_03_an_empty_text_is_missing_only_on_demand(cleaned):
    assert cleaned({"a": ["", " "]}, nullify("-")).column("a") == ["", " "]
    assert cleaned({"a": ["", " "]}, nullify("")).column("a") == [None, " "]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ([], ["N/A", " n/a\u00a0", "ñ/a", "n/ab"]),
        (["case"], [None, " n/a\u00a0", "ñ/a", "n/ab"]),
        (["case", "whitespace"], [None, None, "ñ/a", "n/ab"]),
        (["case", "whitespace", "accents"], [None, None, None, "n/ab"]),
    ],
)
def test_differences_can_be_ignored_on_both_sides(cleaned, ignore, expected):
    for token in ("n/a", "N/a" if ignore else "n/a"):
        done = cleaned({"a": ["N/A", " n/a\u00a0", "ñ/a", "n/ab"]}, nullify(token, ignore=ignore))
        assert done.column("a") == expected


@pytest.mark.parametrize(
    ("values", "kind", "tokens", "expected"),
    [
        ([-999, 1, None], pa.int32(), ["-999"], [None, 1, None]),
        ([0.0, -0.0, 9.5], pa.float64(), ["0"], [None, None, 9.5]),
        ([Decimal("9.99")], pa.decimal128(5, 2), ["9.99"], [None]),
        ([dt.date(9999, 12, 31)], pa.date32(), ["9999-12-31"], [None]),
        ([dt.datetime(1900, 1, 1)], pa.timestamp("us"), ["1900-01-01"], [None]),  # noqa: DTZ001
        ([True, False], pa.bool_(), ["false"], [True, None]),
    ],
)
def test_tokens_in_other_columns_are_read_as_their_values(cleaned, values, kind, tokens, expected):
    done = cleaned(pa.table({"a": pa.array(values, kind)}), nullify(*tokens))

    assert done.column("a") == expected
    assert done.table.schema.field("a").type == kind


def test_a_token_that_is_no_value_of_the_column_is_refused_unread(cleaned):
    with pytest.raises(ConfigurationError) as refused:
        cleaned({"a": [1]}, nullify("secret"))

    assert str(refused.value) == (
        "steps[0] (nullify): The column 'a' holds int64, of which not every token is a value; "
        "name tokens such as '-1' for numbers, or leave the column out."
    )


def test_a_step_without_tokens_is_refused(cleaned):
    with pytest.raises(ConfigurationError, match=r"steps\[0\] \(nullify\)\.tokens"):
        cleaned({"a": ["x"]}, nullify())


def test_spark_nullifies_the_same(cleaned, cleaned_on_spark):
    table = pa.table({"a": ["N/A", "n/a ", "x", None] * 3})
    step = nullify("n/a", ignore=["case", "whitespace"])

    assert cleaned_on_spark(table, step).table.equals(cleaned(table, step).table)
