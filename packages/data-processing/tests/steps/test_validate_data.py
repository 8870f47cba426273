"""Rules that rows, or the dataset as a whole, must keep."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing import clean
from util_services.engines.failures import BrokenRulesError
from util_services.errors import ConfigurationError

MARKED = "Loxodonta"
TABLE = pa.table(
    {
        "id": [1, 2, 2, 4, None, None],
        "age": [30, -1, 200, None, 40, 41],
        "code": ["D-01", "d01", None, "D-99", f"{MARKED}", "D-02"],
        "born": ["1990-01-31", "1990-02-30", "x", None, "1990-1-3", "2000-02-29"],
        "ward": ["A", "B", "C", None, "A", "A"],
    }
)
WARDS = pa.table({"name": ["A", "B", "B"], "beds": [1, 2, 3]})


def check(*rules, **options):
    return {"step": "validate_data", "rules": list(rules), **options}


def broken(cleaned, *rules, table=TABLE, tables=None):
    """Return how many rows break each rule, which are all warnings."""
    warned = [{"severity": "warn", **rule} for rule in rules]
    done = cleaned(table, check(*warned), tables=tables)
    assert done.table.equals(table)
    return [one["broken"] for one in done.note.facts["checks"]]


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ({"rule": "not_null", "columns": ["id"]}, 2),
        ({"rule": "range", "columns": ["age"], "min": 0, "max": 120}, 2),
        ({"rule": "range", "columns": ["age"], "min": 41}, 3),
        ({"rule": "range", "columns": ["born"], "min": "1990-01-01", "max": "1990-12-31"}, 2),
        ({"rule": "pattern", "columns": ["code"], "pattern": "D-[0-9]{2}"}, 2),
        ({"rule": "pattern", "columns": ["code"], "pattern": "D|-"}, 5),
        ({"rule": "allowed", "columns": ["ward"], "values": ["A", "B"]}, 1),
        ({"rule": "allowed", "columns": ["age"], "values": [30, 40, 41]}, 2),
        ({"rule": "unique", "columns": ["id"]}, 2),
        ({"rule": "unique", "columns": ["ward"]}, 3),
        ({"rule": "unique", "columns": ["id", "age"]}, 0),
        ({"rule": "expression", "expression": "age > id"}, 1),
        ({"rule": "type", "columns": ["born"], "type": "date"}, 3),
        ({"rule": "type", "columns": ["age"], "type": "integer"}, 0),
        ({"rule": "type", "columns": ["age"], "type": "date"}, 5),
        ({"rule": "type", "columns": ["code"], "type": "integer"}, 5),
        ({"rule": "row_count", "min": 6, "max": 6}, 0),
        ({"rule": "row_count", "min": 7}, 1),
        ({"rule": "row_count", "max": 5}, 1),
    ],
)
def test_rows_that_break_a_rule_are_counted(cleaned, rule, rows):
    assert broken(cleaned, rule) == [rows]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("integer", ["0", "-7", "+12", "9" * 40], ["", "1.0", "1e3", " 1", "٣", "1,000"]),
        ("number", ["1", "-1.5", ".5", "1.", "1e-3"], ["", "1,5", "NaN", "inf", "1 "]),
        ("boolean", ["true", "false"], ["yes", "TRUE", "1", ""]),
        ("date", ["2024-02-29", "0001-01-01"], ["2023-02-29", "24-01-01", "2024-1-1", "infinity"]),
        (
            "timestamp",
            ["2024-01-31T12:00:00Z", "2024-01-31 12:00:00+02:00", "2024-01-31 12:00:00"],
            ["2024-01-31T25:00:00Z", "now", "2024-01-31x"],
        ),
    ],
)
def test_a_text_is_of_a_type_if_it_is_written_as_one(cleaned, kind, right, wrong):
    table = pa.table({"t": [*right, None, *wrong]})
    rule = {"rule": "type", "columns": ["t"], "type": kind, "severity": "quarantine"}

    done = cleaned(table, check(rule))

    assert done.column("t") == [*right, None]


def test_keys_of_another_dataset_are_looked_up_and_a_missing_one_is_none(cleaned):
    rule = {"rule": "foreign_key", "columns": ["ward"], "dataset": "wards", "key": ["name"]}

    assert broken(cleaned, rule, tables={"wards": WARDS}) == [1]


def test_rows_that_break_a_rule_are_set_aside_once_for_the_first(cleaned):
    rules = [
        {"rule": "range", "columns": ["age"], "min": 0, "max": 120},
        {"rule": "unique", "columns": ["id"]},
        {"rule": "foreign_key", "columns": ["ward"], "dataset": "wards", "key": ["name"]},
    ]

    done = cleaned(
        TABLE,
        check(*({**rule, "severity": "quarantine"} for rule in rules)),
        tables={"wards": WARDS},
    )

    assert done.table.equals(TABLE.take([0, 3, 4, 5]))
    assert done.counts() == [(6, 4, 0, 2)]
    assert [one["broken"] for one in done.note.facts["checks"]] == [2, 2, 1]
    reasons = {one["row"]: one["reason"] for one in done.quarantine}
    assert reasons == dict.fromkeys([1, 2], "the row breaks the rule range of 'age'")


def test_rows_with_a_repeated_or_unknown_key_are_set_aside_in_order(cleaned):
    table = pa.table({"k": ["b", "a", "b", None, "c", "z", "d"], "n": list(range(7))})
    rules = [
        {"rule": "unique", "columns": ["k"], "severity": "quarantine"},
        {
            "rule": "foreign_key",
            "columns": ["k"],
            "dataset": "others",
            "severity": "quarantine",
        },
    ]

    done = cleaned(table, check(*rules), tables={"others": pa.table({"k": ["a", "d", "c", "b"]})})

    assert done.table.schema.names == ["k", "n"]
    assert all(list(one["record"]) == ["k", "n"] for one in done.quarantine)
    assert done.column("n") == [1, 3, 4, 6]
    assert [one["reason"] for one in done.quarantine] == [
        "the row breaks the rule unique of 'k'",
        "the row breaks the rule unique of 'k'",
        "the row breaks the rule foreign_key of 'k'",
    ]


def test_a_broken_rule_of_severity_error_stops_the_run_and_tells_all_of_them(cleaned):
    rules = [
        {"rule": "range", "columns": ["age"], "min": 0, "max": 120},
        {"rule": "pattern", "columns": ["code"], "pattern": "D-[0-9]{2}", "name": "codes"},
        {"rule": "not_null", "columns": ["id"], "severity": "warn"},
        {"rule": "row_count", "min": 7},
    ]

    with pytest.raises(BrokenRulesError) as error:
        cleaned(TABLE, check(*rules))

    assert str(error.value) == (
        "steps[0] (validate_data): the data break 3 of the rules of severity error: range of 'age' "
        "by 2 of 6 rows; codes by 2 of 6 rows; row_count; nothing was published. Correct the data, "
        "or give these rules the severity warn or quarantine."
    )
    assert MARKED not in str(error.value)


def test_broken_rules_of_severity_warn_are_warnings_and_all_rows_stay(cleaned):
    done = cleaned(TABLE, check({"rule": "not_null", "columns": ["id"], "severity": "warn"}))

    assert done.table.equals(TABLE)
    assert done.note.warnings == ("The rule not_null of 'id' is broken by 2 of 6 rows.",)


def test_the_score_is_the_mean_share_of_rows_that_keep_each_rule(cleaned):
    rules = [
        {"rule": "not_null", "columns": ["id", "ward"], "severity": "warn"},
        {"rule": "row_count", "max": 1, "severity": "warn"},
    ]

    facts = cleaned(TABLE, check(*rules)).note.facts

    assert facts["quality_score_share"] == pytest.approx((4 / 6 + 5 / 6 + 0) / 3, abs=1e-6)
    assert (facts["rules"], facts["rules_broken"]) == (3, 3)


@pytest.mark.parametrize(
    ("values", "hours", "is_kept"),
    [
        ([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 3)], 24, True),  # noqa: DTZ001
        ([dt.datetime(2024, 1, 1), None], 24, False),  # noqa: DTZ001
        ([dt.datetime(2024, 1, 3, tzinfo=dt.UTC)], 12, True),
        ([dt.date(2024, 1, 3)], 11, False),
        ([None], 24, False),
    ],
)
def test_the_latest_moment_tells_whether_a_dataset_is_fresh(cleaned, values, hours, is_kept):
    kind = pa.date32() if type(values[0]) is dt.date else None
    table = pa.table({"seen": pa.array(values, kind or pa.array(values).type)})
    rule = {
        "rule": "freshness",
        "columns": ["seen"],
        "max_age_hours": hours,
        "as_of": "2024-01-03T12:00:00Z",
    }

    assert broken(cleaned, rule, table=table) == [int(not is_kept)]


def test_a_dataset_without_rows_breaks_no_rule_of_rows_but_that_on_their_number(cleaned):
    rules = [{"rule": "not_null", "columns": ["id"]}, {"rule": "unique", "columns": ["id"]}]

    done = cleaned(TABLE.slice(0, 0), check(*rules))

    assert done.note.facts["quality_score_share"] == 1
    with pytest.raises(BrokenRulesError, match="row_count"):
        cleaned(TABLE.slice(0, 0), check({"rule": "row_count", "min": 1}))


def test_dp_44_any_text_is_the_name_of_a_column(cleaned):
    table = pa.table({'a.b "*"': [1, 1, 2], "it's": ["x", "y", "{0}"]})
    rules = [
        {"rule": "unique", "columns": ['a.b "*"']},
        {"rule": "allowed", "columns": ["it's"], "values": ["x", "it's", "{0}"]},
    ]

    assert broken(cleaned, *rules, table=table) == [2, 1]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"rule": "range", "columns": ["age"]}, "range needs 'min', 'max' or both"),
        ({"rule": "range", "min": 1}, "range needs 'columns'"),
        ({"rule": "range", "columns": ["age"], "min": 1, "type": "date"}, "'type' has no meaning"),
        ({"rule": "row_count", "min": 1.5}, "must be whole numbers"),
        ({"rule": "row_count", "min": 1, "severity": "quarantine"}, "is about no row"),
        ({"rule": "pattern", "columns": ["code"]}, "pattern needs 'pattern'"),
        ({"rule": "unique", "columns": ["agee"]}, "agee"),
        ({"rule": "range", "columns": ["age"], "min": "old"}, "another kind than those of 'age'"),
        ({"rule": "range", "columns": ["age"], "min": True}, "another kind than those of 'age'"),
        ({"rule": "range", "columns": ["code"], "min": 0}, "letter by letter; use cast_types"),
        ({"rule": "range", "columns": ["code"], "min": "D", "max": 9.5}, "letter by letter"),
        ({"rule": "pattern", "columns": ["age"], "pattern": "x"}, "rules[0]: "),
        ({"rule": "pattern", "columns": ["code"], "pattern": "("}, "rules[0]: "),
        ({"rule": "expression", "expression": "age +"}, "rules[0]: "),
        ({"rule": "expression", "expression": "age"}, "is no condition"),
        ({"rule": "freshness", "columns": ["age"], "max_age_hours": 1}, "holds no dates"),
        (
            {"rule": "freshness", "columns": ["age"], "max_age_hours": 1, "as_of": "today"},
            "ISO 8601",
        ),
        (
            {"rule": "foreign_key", "columns": ["age"], "dataset": "wards", "key": ["name"]},
            "hold a number and a text",
        ),
        ({"rule": "foreign_key", "columns": ["ward"], "dataset": "wards"}, "ward"),
    ],
)
def test_rules_that_make_no_sense_are_refused_before_rows_are_read(cleaned, rule, message):
    with pytest.raises(ConfigurationError) as error:
        cleaned(TABLE, check(rule), tables={"wards": WARDS})

    assert message in str(error.value)
    assert MARKED not in str(error.value)


@settings(max_examples=30)
@given(st.lists(st.none() | st.integers(-3, 3), max_size=30))
def test_what_is_set_aside_and_what_stays_are_all_rows(values):
    frame = pd.DataFrame({"n": pd.array(values, "int64[pyarrow]")})
    rules = [
        {"rule": "unique", "columns": ["n"], "severity": "quarantine"},
        {"rule": "range", "columns": ["n"], "min": 0, "severity": "quarantine"},
    ]

    cleaned, report = clean(frame, [check(*rules)])

    kept = [n for n in values if n is None or (values.count(n) == 1 and n >= 0)]
    assert [None if pd.isna(n) else n for n in cleaned["n"]] == kept
    assert report["rows"]["quarantined"] == len(values) - len(kept)


def test_spark_finds_the_same(cleaned_on_spark, cleaned):
    rules = [
        {"rule": "range", "columns": ["age"], "min": 0, "max": 120, "severity": "quarantine"},
        {"rule": "unique", "columns": ["id"], "severity": "quarantine"},
        {"rule": "foreign_key", "columns": ["ward"], "dataset": "wards", "key": ["name"],
         "severity": "warn"},
    ]  # fmt: skip
    given = (TABLE, check(*rules))

    found = cleaned_on_spark(*given, tables={"wards": WARDS})
    expected = cleaned(*given, tables={"wards": WARDS})

    assert found.rows() == expected.rows()
    assert found.note.facts == expected.note.facts
