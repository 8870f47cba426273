"""Expressions: known answers, SQL's logic beside SQLite's, and texts that want too much."""

import datetime as dt
import pickle
import sqlite3
import threading
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing.cleaning.patterns import unicode_pattern
from data_processing.steps.expressions import condition, parse
from util_services.errors import ConfigurationError, DatasetError

SECRET = "s3cr3t-cell"  # noqa: S105
NAN = float("nan")
WHITE = [chr(n) for n in range(0x110000) if chr(n).isspace()]
ROWS = {
    "i": pa.array([5, None, -3], pa.int64()),
    "small": pa.array([2**31 - 1, 1, None], pa.int32()),
    "u": pa.array([2**64 - 1, 1, None], pa.uint64()),
    "f": pa.array([2.5, None, -0.0]),
    "price": pa.array([Decimal("1.50"), Decimal("2.45"), None]),
    "t": pa.array(["17.9", " 5 ", "İß"]),
    "d": pa.array([dt.date(2024, 1, 31), None, dt.date(1, 1, 1)]),
    "at": pa.array([dt.datetime(2024, 1, 1, 10)] * 3, pa.timestamp("us")),  # noqa: DTZ001
    "zoned": pa.array(
        [dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.UTC)] * 3, pa.timestamp("us", "Europe/Berlin")
    ),
    "clock": pa.array([dt.time(7)] * 3, pa.time64("us")),
    "yes": pa.array([True, None, False]),
    "kind": pa.array(["a", "b", None]).dictionary_encode(),
    "list": pa.array([[1], None, []]),
    "nothing": pa.nulls(3),
}


def values(text, columns=None):
    """Return the value of an expression for each row, and its type."""
    table = pa.table(ROWS if columns is None else columns)
    expression = parse(text, table.schema)
    found = expression(table.to_pandas(types_mapper=pd.ArrowDtype)).array.__arrow_array__()
    assert found.type == expression.type
    return found.to_pylist(), str(found.type)


def refused(text, columns=None):
    with pytest.raises(ConfigurationError) as error:
        parse(text, pa.table(ROWS if columns is None else columns).schema)
    return str(error.value)


# --- known answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # arithmetic: exact where the columns are, and wide enough
        ("i / 2", [2.5, None, -1.5]),
        ("i // 2", [2, None, -1]),
        ("i % 2", [1, None, -1]),
        ("-i * 2 - 1", [-11, None, 5]),
        ("f // 2", [1.0, None, 0.0]),
        ("-7.5e0 // 2", [-3.0] * 3),
        ("price % 2", [Decimal("1.50"), Decimal("0.45"), None]),
        ("coalesce(price, 0.125)", [Decimal("1.500"), Decimal("2.450"), Decimal("0.125")]),
        ("small + small", [2**32 - 2, 2, None]),
        ("-small", [1 - 2**31, -1, None]),
        ("abs(i)", [5, None, 3]),
        ("u + 0.5", [Decimal("18446744073709551615.5"), Decimal("1.5"), None]),
        ("0.1 + 0.2", [Decimal("0.3")] * 3),
        ("price * price", [Decimal("2.2500"), Decimal("6.0025"), None]),
        ("9007199254740993 + i", [9007199254740998, None, 9007199254740990]),
        ("f + 0.1", [2.6, None, 0.1]),
        ("f / nullif(f, 0)", [1.0, None, None]),
        ("try(i / (i + 3))", [0.625, None, None]),
        ("try(sqrt(i))", [5**0.5, None, None]),
        ("i ^ 2", [25.0, None, 9.0]),
        ("power(i, 2) = exp(2 * ln(abs(i)))", [False, None, False]),
        ("round(f)", [3.0, None, 0.0]),
        ("round(price, 1)", [Decimal("1.5"), Decimal("2.5"), None]),
        ("round(-2.5)", [Decimal("-3")] * 3),
        ("floor(i)", [5, None, -3]),
        ("floor(price)", [Decimal(1), Decimal(2), None]),
        ("ceil(f)", [3.0, None, 0.0]),
        ("greatest(i, 0)", [5, 0, 0]),
        ("least(i, NULL, f)", [2.5, None, -3.0]),
        ("1.", [Decimal("1.0")] * 3),
        ("1.5e3", [1500.0] * 3),
        # texts, with Unicode's rules
        ("lower(t)", ["17.9", " 5 ", "i̇ß"]),
        ("upper(t)", ["17.9", " 5 ", "İSS"]),
        ("trim(t)", ["17.9", "5", "İß"]),
        ("t ILIKE 'i̇SS'", [False, False, True]),
        ("t LIKE '1_.%'", [True, False, False]),
        ("t NOT LIKE '1%'", [False, True, True]),
        ("length(t)", [4, 3, 2]),
        ("length('e\u0301')", [2] * 3),
        ("substring(t, 1, 2)", ["17", " 5", "İß"]),
        ("left(t, 1) || right(t, 1)", ["19", "  ", "İß"]),
        ("t || NULL", [None] * 3),
        ("concat(t, NULL, 'x')", ["17.9x", " 5 x", "İßx"]),
        ("starts_with(t, '1') OR ends_with(t, 'ß')", [True, False, True]),
        ("contains(t, '5')", [False, True, False]),
        (r"regexp_matches(t, '^\s*\d')", [True, True, False]),
        (r"regexp_matches(t, '^\w+$')", [False, False, True]),
        ("regexp_matches('É', 'é', 'i')", [True] * 3),
        ("kind = 'a'", [True, False, None]),
        ("'it''s'", ["it's"] * 3),
        # dates and moments, in UTC
        ("d = '2024-01-31'", [True, None, False]),
        ("d > '2024-01-30 23:59'", [True, None, False]),
        ("d + 1", [dt.date(2024, 2, 1), None, dt.date(1, 1, 2)]),
        ("d + INTERVAL 1 MONTH", [dt.date(2024, 2, 29), None, dt.date(1, 2, 1)]),
        ("d - INTERVAL '1' HOUR < d", [True, None, True]),
        ("d - date '2024-01-01'", [30, None, -738885]),
        ("at - at < INTERVAL 1 DAY", [True] * 3),
        ("at > d", [False, None, True]),
        ("zoned = '2024-01-02T00:30:00+01:00'", [True] * 3),
        ("zoned = '2024-01-01 23:30'", [True] * 3),
        ("cast(zoned AS date)", [dt.date(2024, 1, 1)] * 3),
        ("extract(hour FROM zoned)", [23] * 3),
        ("extract(hour FROM clock)", [7] * 3),
        ("year(d) * 100 + month(d)", [202401, None, 101]),
        ("day(d)", [31, None, 1]),
        ("date_diff('day', d, '2024-03-01')", [30, None, 738945]),
        ("date_trunc('month', d)", [dt.date(2024, 1, 1), None, dt.date(1, 1, 1)]),
        # casts: a text is what its type asks for, or no value of it
        ("try_cast(t AS double)", [17.9, 5.0, None]),
        ("try_cast(t AS integer)", [None, 5, None]),
        ("try_cast(t AS decimal(5, 2))", [Decimal("17.90"), Decimal("5.00"), None]),
        ("try_cast('1,5' AS double)", [None] * 3),
        ("try_cast('nan' AS double)", [None] * 3),
        ("try_cast('0x1f' AS integer)", [None] * 3),
        ("try_cast('yes' AS boolean)", [None] * 3),
        ("try_cast(' TRUE ' AS boolean)", [True] * 3),
        ("try_cast('01/02/2024' AS date)", [None] * 3),
        ("try_cast('2024-02-30' || '' AS date)", [None] * 3),
        ("try_cast('2024-01-05T10:00' || '' AS date)", [None] * 3),
        ("cast(f AS integer)", [3, None, 0]),
        ("cast(2.5 AS integer)", [3] * 3),
        ("cast(price AS text)", ["1.50", "2.45", None]),
        ("small::text", ["2147483647", "1", None]),
        # choices
        ("CASE WHEN i > 0 THEN 'in' WHEN i < 0 THEN 'out' END", ["in", None, "out"]),
        ("CASE i WHEN 5 THEN 1 WHEN 5 THEN 2 ELSE 0 END", [1, 0, 0]),
        ("if(yes, 1, 2)", [1, 2, 2]),
        ("coalesce(i, f, 0)", [5.0, 0.0, -3.0]),
        ("nullif(i, 5)", [None, None, -3]),
        ("i IN (5, NULL)", [True, None, None]),
        ("i NOT IN (5)", [False, None, True]),
        ("i BETWEEN -3 AND 4", [False, None, True]),
        ("nothing IS NULL", [True] * 3),
        ("list IS NOT NULL", [True, False, True]),
        ("list = list", [True, None, True]),
        ("yes IS NOT FALSE", [True, True, False]),
        ("i IS DISTINCT FROM 5", [False, True, True]),
    ],
)
def test_values_are_those_that_sql_and_unicode_say(text, expected):
    assert values(text)[0] == expected


WIDE = {
    "big": pa.array([Decimal("0.12")], pa.decimal128(38, 2)),
    "fine": pa.array([Decimal("0.123456")], pa.decimal128(7, 6)),
}


@pytest.mark.parametrize(
    "text",
    [
        "coalesce(big, fine)",
        "greatest(fine, big)",
        "least(big, 0.123)",
        "if(big > 0, big, fine)",
        "CASE WHEN big > 0 THEN 0.123456 ELSE big END",
        "big % fine",
    ],
)
def test_decimals_that_would_be_rounded_are_refused(text):
    assert "that need more than 38 digits, and would be rounded; cast them" in refused(text, WIDE)


def test_the_whole_part_of_a_division_of_decimals_is_refused():
    assert "takes the whole part of a division of decimals" in refused("fine // 2", WIDE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("big = fine", False),
        ("fine > big", True),
        ("big IN (fine)", False),
        ("nullif(fine, big)", Decimal("0.123456")),
        ("big + fine", Decimal("0.243456")),
        ("coalesce(cast(big AS decimal(20, 2)), fine)", Decimal("0.120000")),
    ],
)
def test_decimals_of_different_places_are_computed_with_exactly(text, expected):
    assert values(text, WIDE)[0] == [expected]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5", "int64"),
        ("if(yes, 1, 0)", "int64"),
        ("small", "int32"),
        ("small + 1", "int64"),
        ("99999999999999999999", "decimal128(38, 0)"),
        ("i / 1", "double"),
        ("price + 1", "decimal128(13, 2)"),
        ("kind", "string"),
        ("zoned", "timestamp[us, tz=UTC]"),
        ("d + INTERVAL 1 DAY", "date32[day]"),
        ("d + INTERVAL 1 HOUR", "timestamp[us]"),
        ("NULL", "null"),
    ],
)
def test_the_type_of_the_values_is_known_beforehand(text, kind):
    assert values(text)[1] == kind


def test_an_expression_is_the_same_for_no_rows_and_after_a_journey():
    table = pa.table(ROWS)
    expression = pickle.loads(pickle.dumps(parse("lower(t) || 'x'", table.schema)))  # noqa: S301

    frame = table.to_pandas(types_mapper=pd.ArrowDtype)

    assert list(expression(frame[:0])) == []
    assert list(expression(frame[1:].set_index(pd.Index([9, 7])))) == [" 5 x", "i̇ßx"]
    assert list(expression(frame[1:].set_index(pd.Index([9, 7]))).index) == [9, 7]
    assert expression.columns == ("t",)


def test_threads_compute_beside_one_another():
    expression = parse("upper(t)", pa.table(ROWS).schema)
    frame = pa.table(ROWS).to_pandas(types_mapper=pd.ArrowDtype)
    found = []

    threads = [
        threading.Thread(target=lambda: found.append(list(expression(frame)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [["17.9", " 5 ", "İSS"]] * 4


def test_dp_31_white_space_is_that_of_unicode():
    texts = {"t": pa.array([f"{white}x{white}" for white in WHITE])}

    assert values("trim(t)", texts)[0] == ["x"] * len(WHITE)


def test_dp_47_classes_of_patterns_are_those_of_unicode():
    texts = {"t": pa.array([*WHITE, "é", "_", "٣", "-"])}

    is_white = values(r"regexp_matches(t, '^\s$')", texts)[0]
    is_word = values(r"regexp_matches(t, '^[\w]$')", texts)[0]
    is_other = values(r"regexp_matches(t, '^\W$')", texts)[0]
    is_digit = values(r"regexp_matches(t, '^\d$')", texts)[0]

    assert is_white == [True] * len(WHITE) + [False] * 4
    assert is_word == [False] * len(WHITE) + [True, True, True, False]
    assert is_other == [not word for word in is_word]
    assert is_digit == [False] * len(WHITE) + [False, False, True, False]


def test_dp_18_a_result_that_is_not_a_number_is_missing():
    found, _ = values("x - x", {"x": pa.array([1.0, float("inf"), None])})

    assert found == [0.0, None, None]


def test_dp_19_zeros_are_equal():
    assert values("x = 0", {"x": pa.array([-0.0, 0.0])})[0] == [True, True]


# --- SQL's logic, beside SQLite's ----------------------------------------------------------------

numbers = st.sampled_from(["a", "b", "c", "0", "1", "2", "NULL"])


def conditions(inner):
    return st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
        st.builds("({} IS NULL)".format, inner),
        st.builds("({} IS NOT TRUE)".format, inner),
        st.builds("(CASE WHEN {} THEN {} ELSE {} END)".format, inner, inner, inner),
        st.builds("coalesce({}, {})".format, inner, inner),
    )


comparisons = st.one_of(
    st.builds("({} = {})".format, numbers, numbers),
    st.builds("({} <> {})".format, numbers, numbers),
    st.builds("({} < {})".format, numbers, numbers),
    st.builds("({} >= {})".format, numbers, numbers),
    st.builds("({} IS NULL)".format, numbers),
    st.builds("({} IS NOT DISTINCT FROM {})".format, numbers, numbers),
    st.builds("({} BETWEEN {} AND {})".format, numbers, numbers, numbers),
    st.builds("({} IN ({}, {}))".format, numbers, numbers, numbers),
    st.builds("({} NOT IN ({}, {}))".format, numbers, numbers, numbers),
    st.builds("(nullif({}, {}) = {})".format, numbers, numbers, numbers),
    st.builds("(({} + {}) * {} > {})".format, numbers, numbers, numbers, numbers),
)


@given(text=st.recursive(comparisons, conditions, max_leaves=6))
@settings(max_examples=150, deadline=None)
def test_conditions_hold_where_sqlite_says_so(text):
    rows = [(a, b, c) for a in (None, 0, 1) for b in (None, 0, 2) for c in (None, 1)]
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER)")
    database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    query = f"SELECT {text} FROM t ORDER BY rowid"  # noqa: S608 - made of the words above
    expected = [None if one is None else bool(one) for (one,) in database.execute(query)]
    database.close()
    columns = {n: pa.array([row["abc".index(n)] for row in rows], pa.int64()) for n in "abc"}

    assert values(text, columns)[0] == expected


# --- names ---------------------------------------------------------------------------------------

ODD_NAMES = [
    "*", "a.b", 'quote"d', "it's", "a b", " ", "naïve 名前 🦆", "select", "c0", "c1", "row",
    "value", "x) FROM y --", "{x}", "%s", "\\", "$1", "?", "\t", "a\nb", "COLUMNS(*)", "/* x */",
    "end", "current_date", "[0]", "🦆", "NULL", "true",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_dp_44_a_column_of_any_name_is_named_in_quotes(name):
    columns = {name: [1, 2], "c0 ": [10, 20]}
    quoted = name.replace('"', '""')

    assert values(f'"{quoted}" + "c0 "', columns)[0] == [11, 22]


def test_names_are_exact_though_duckdb_takes_no_heed_of_case():
    columns = {"Age": [1]}

    assert values("Age", columns)[0] == [1]
    assert refused("age", columns) == (
        "The expression 'age' names the column 'age', which the dataset does not have. Did you "
        "mean 'Age'? Write texts in ' and odd names in \"."
    )


def test_a_name_with_a_dot_wants_quotes():
    columns = {"a.b": [1]}

    assert values('"a.b"', columns)[0] == [1]
    assert "Did you mean 'a.b'? Write texts in ' and odd names in \"." in refused("a.b", columns)


def test_a_column_may_be_called_like_the_parts_of_a_query():
    columns = {"value": [1], "row": [2], "c1": [3], "c0": [4]}

    assert values("value * 1000 + row * 100 + c1 * 10 + c0", columns)[0] == [1234]


# --- what goes together --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("t >= 18", "uses a text as a number; cast it, as in try_cast(price AS double)."),
        ("t + 1", "uses a text as a number; cast it, as in try_cast(price AS double)."),
        ("t IN (17.9)", "uses a text as a number; cast it, as in try_cast(price AS double)."),
        ("i = '5'", "uses a number as a text; cast it, as in cast(price AS text)."),
        ("t || i", "uses a number as a text; cast it, as in cast(price AS text)."),
        ("concat(t, i)", "uses a number as a text; cast it, as in cast(price AS text)."),
        ("length(i)", "uses a number as a text; cast it, as in cast(price AS text)."),
        ("yes AND i", "uses a number as a truth value; write a comparison, as in age >= 18."),
        ("NOT t", "uses a text as a truth value; write a comparison, as in age >= 18."),
        ("i IS TRUE", "uses a number as a truth value; write a comparison, as in age >= 18."),
        ("i = yes", "uses a number as a truth value; write a comparison, as in age >= 18."),
        ("coalesce(i, t)", "uses a number as a text; cast it, as in cast(price AS text)."),
        ("d = 5", "uses a number as a date; cast it, as in try_cast(born AS date)."),
        ("d = 'soon'", "holds a date that is none; write dates as '2024-01-31'."),
        ("d = '2024-02-30'", "holds a date that is none; write dates as '2024-01-31'."),
        ("date '2024-02-30'", "holds a date that is none; write dates as '2024-01-31'."),
        ("d = t", "uses a text as a date; cast it, as in try_cast(born AS date)."),
        ("year(t)", "uses a text as a date; cast it, as in try_cast(born AS date)."),
        ("cast(list AS text)", "uses a list, a struct or bytes as a text; cast it, as in"),
        ("zoned > at", "uses a date with a time as a moment in a time zone; cast it,"),
    ],
)
def test_values_of_several_kinds_do_not_mix(text, reason):
    assert refused(text).startswith(f"The expression '{text}' {reason}"[:-1])


def test_a_condition_is_true_or_false():
    schema = pa.table(ROWS).schema

    assert condition("i > 1", schema).columns == ("i",)
    with pytest.raises(ConfigurationError) as error:
        condition("i + 1", schema)
    assert str(error.value) == (
        "The expression 'i + 1' is no condition; write one such as \"age >= 18\"."
    )


# --- failures quote no cell ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "cast(t AS integer)",
            "The expression 'cast(t AS integer)' casts a value that is not written as its type "
            "asks for a value of 't'; use try_cast for a missing value instead.",
        ),
        (
            "i / (i - i)",
            "The expression 'i / (i - i)' divides by zero for a value of 'i'; use nullif(x, 0), or "
            "try(…) for a missing value instead.",
        ),
        (
            "ln(i)",
            "The expression 'ln(i)' goes beyond the numbers that a type or a function knows for a "
            "value of 'i'; use try(…) for a missing value instead.",
        ),
        (
            "(i + 9223372036854775807) - 1",
            "The expression '(i + 9223372036854775807) - 1' goes beyond the numbers that a type or "
            "a function knows for a value of 'i'; use try(…) for a missing value instead.",
        ),
        (
            "1 / 0",
            "The expression '1 / 0' divides by zero for a value; use nullif(x, 0), or try(…) for a "
            "missing value instead.",
        ),
    ],
)
def test_dp_46_a_value_that_cannot_be_computed_with_is_not_quoted(text, sentence):
    table = pa.table({"t": [SECRET], "i": pa.array([-1 if "ln" in text else 12345])})
    expression = parse(text, table.schema)

    with pytest.raises(DatasetError) as error:
        expression(table.to_pandas(types_mapper=pd.ArrowDtype))

    assert str(error.value) == sentence
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


# --- texts that want more than they may ----------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1", "(SELECT 1)", "i IN (SELECT 1)", "EXISTS (SELECT 1)", "FROM t", "*", "t.*",
        "COLUMNS('a')", "i AS x", "i x", "i; DROP TABLE t", "i; i", "SET threads = 1", "PRAGMA x",
        "ATTACH 'x'", "COPY t TO 'x'", "INSTALL x", "read_text('/etc/passwd')", "getenv('HOME')",
        "read_csv('x')", "sniff_csv('x')", "getvariable('x')", "current_setting('x')",
        "query('select 1')", "nextval('x')", "pg_sleep(1)", "now()", "current_date", "random()",
        "uuid()", "current_user", "version()", "hash(i)", "typeof(i)", "error('x')", "count(*)",
        "sum(i)", "any_value(i)", "list(i)", "row_number() OVER ()", "i OVER ()", "unnest(list)",
        "list[1]", "[1]", "{'a': 1}", "row(1)", "struct_pack(a := 1)",
        "list_transform(list, x -> x)", "repeat(t, 100000)",
        "lpad(t, 1000000000, 'x')", "replace(t, 'a', 'b')", "range(10)",
        "t SIMILAR TO 'x'", "t LIKE 'x' ESCAPE '!'", "t COLLATE nocase", "t GLOB 'x'", "~i",
        "i & 1",
        "i << 100", "i BETWEEN SYMMETRIC 1 AND 0", "at AT TIME ZONE 'UTC'", "$1", "?", ":x",
        "E'\\x41'", "$$x$$", "x'ff'", "cast(i AS foo)", "cast(i AS integer[])", "cast(t AS json)",
        "cast(t AS enum('a'))", "cast(i AS decimal(50, 2))", "cast(i AS struct(a integer))",
        "round(i, i)", "round(i, -400)", "INTERVAL 1 CENTURY", "INTERVAL (i) DAY",
        "INTERVAL '-1' DAY",
        "extract(epoch FROM at)", "date_diff('x', d, d)", "trim(BOTH 'x' FROM t)", "1e400", "1e",
        "9" * 39, "i +", "NOT", "", "  ", "'", '"', "--", "/*", "i > 1 /*",
        "regexp_matches(t, t)", "regexp_matches(t, '(')", "regexp_matches(t, '(?=x)')",
        "regexp_matches(t, '(a{1000}){1000}')", r"regexp_matches(t, '\bx')",
        "regexp_matches(t, '[[:alpha:]]')", "regexp_matches(t, 'x', 'g')", "i > 1\0",
        "'\0'", "'\ud800'",
        "text_lower(t)", "c0", "row",
    ],
)  # fmt: skip
def test_whatever_is_not_admitted_is_refused_in_a_sentence(text):
    sentence = refused(text)

    assert sentence.startswith(("The expression ", "An expression must be ", "The pattern "))
    assert sentence.endswith(".")
    assert "\x1b" not in sentence


def test_an_unknown_function_is_named():
    assert refused("getenv('HOME')") == (
        "The expression 'getenv('HOME')' uses 'getenv', which expressions do not know in this "
        "form; see the page 'Expressions' of the documentation."
    )


@pytest.mark.parametrize("text", ["i > 1 -- */ OR true", "i /* ' */ > 1", "i > 1;"])
def test_comments_have_no_meaning(text):
    assert values(text)[0] == [True, None, False]


def test_a_text_cannot_leave_its_quotes():
    columns = {"t": pa.array(["'; DROP TABLE x; --", "\\", "' OR true --"])}

    assert values("t = '''; DROP TABLE x; --'", columns)[0] == [True, False, False]
    assert values("t = '\\'", columns)[0] == [False, True, False]
    assert values("t = ''' OR true --'", columns)[0] == [False, False, True]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "i" + ")" * 5000,
        "(" * 9000,
        "NOT " * 2400 + "yes",
        "- " * 4900 + "i",
        "CASE WHEN " * 400 + "yes" + " THEN 1 END" * 400,
        "abs(" * 1600 + "i" + ")" * 1600,
        "cast(" * 500 + "i" + " AS integer)" * 500,
        "i" + "::integer" * 1000,
        "i" + "[1]" * 3000,
        "[" * 5000,
        "i" + " + i" * 2400,
        "i" + " IS NULL" * 1200,
        "nullif(" * 20 + "i" + ", 1)" * 20,
        "(" * 20 + "i" + " BETWEEN 1 AND 2)::integer" * 20,
        "CASE (" * 20 + "i" + ") WHEN 1 THEN 2 WHEN 3 THEN 4 END" * 20,
        "x" * 10_001,
    ],
    ids=lambda text: text[:12],
)
def test_a_bomb_is_refused_before_it_goes_off(text):
    assert len(refused(text)) < 500  # without the limits: minutes, or the memory's end


def test_long_chains_are_no_bombs():
    among = " OR ".join(f"t = '{n}'" for n in range(600))
    joined = " || ".join(["t"] * 300)
    listed = f"i IN ({', '.join(map(str, range(1500)))})"

    assert values(among)[0] == [False, False, False]
    assert values(joined)[0][1] == " 5 " * 300
    assert values(listed)[0] == [True, None, False]


def test_deep_expressions_within_the_limits_are_computed():
    assert values("(" * 24 + "i" + ")" * 24)[0] == [5, None, -3]
    assert values("NOT " * 20 + "yes")[0] == [True, None, False]
    nested = "i"
    for _ in range(12):  # which DuckDB's optimiser would take minutes for
        nested = f"(({nested}) IN (1, 2))::integer"
    assert values(nested)[0] == [0, None, 0]


def test_a_pattern_takes_time_linear_in_the_text():
    texts = {"t": pa.array(["a" * 50_000])}

    assert values("regexp_matches(t, '^(a|a)*b$')", texts)[0] == [False]
    assert values("t LIKE '%a%a%a%a%a%a%b'", texts)[0] == [False]


def test_no_file_is_left_by_what_does_not_fit_into_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    values("upper(t) || t", {"t": pa.array(["a" * 1000] * 10_000)})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"[\S]", r"uses \S, which is not admitted: in brackets, write [^\s] by itself."),
        (r"\bx", r"uses \b, which is not admitted: a border of words has no meaning that holds"),
        ("[[:digit:]]", r"uses [:…:], which is not admitted: it knows ASCII alone; write \p{…}"),
        ("(?=x)", "cannot be read; write it in the syntax of RE2, which has no references back"),
        ("a\\", "cannot be read; write it in the syntax of RE2"),
    ],
)
def test_a_pattern_that_knows_ascii_alone_is_refused(pattern, reason):
    with pytest.raises(ConfigurationError) as error:
        unicode_pattern(pattern)

    assert str(error.value).startswith(f"The pattern '{pattern}' {reason}")


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"^[]\s]+$", "] \u2003", "x"),
        (r"^[^]\d]$", "x", "]"),
        (r"^\\s$", r"\s", " "),
        (r"^[\\s]$", "s", " "),
        (r"^\S\D$", "ab", "a1"),
        (r"^\p{Greek}$", "λ", "l"),
    ],
)
def test_brackets_and_escapes_of_patterns_stay_what_they_are(pattern, matching, other):
    texts = {"t": pa.array([matching, other])}
    quoted = pattern.replace("'", "''")

    assert values(f"regexp_matches(t, '{quoted}')", texts)[0] == [True, False]
