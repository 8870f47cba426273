import datetime as dt
import math
import random
from decimal import Decimal

import pyarrow as pa
import pytest

from util_services.engines.local import LocalEngine
from util_services.errors import DatasetError

NAN = float("nan")
ODD_NAMES = [
    "a b", 'quote"d', "it's", "dot.ted", "number", "key_0", "order_0", "order_0_rank", "size",
    "hash", "row_number", "file_row_number", "rowid", "select", "*", "%s", "{x}", "\\", "$1",
    '"; DROP TABLE x; --', "x) FROM y --", "naïve 名前 🦆", " ", "lhs", "rhs", "frame", "ds_0",
    "\t", "a\nb", "?", "COLUMNS(*)", "item_0",
]  # fmt: skip


class EngineOfManyThreads(LocalEngine):
    """An engine that shares its work among more threads than there may be cores."""

    def __enter__(self):
        super().__enter__()
        self.connection.execute("SET threads = 8")
        return self


def facts_of(*sizes):
    return {
        "duplicate_groups": len(sizes),
        "rows_in_duplicate_groups": sum(sizes),
        "largest_groups": sorted(sizes, reverse=True)[:10],
    }


ROWS = pa.table({"id": [1, 2, 3, 4, 5, 6], "key": ["a", "b", "a", "c", "a", "b"]})


@pytest.mark.parametrize(
    ("keep", "expected"),
    [("first", [1, 2, 4]), ("last", [4, 5, 6]), ("none", [4]), ("any", [1, 2, 4])],
)
def test_keep_decides_which_row_of_a_group_stays(dedupe, keep, expected):
    done = dedupe(ROWS, subset=["key"], keep=keep)

    assert done.column("id") == expected
    assert done.step.facts == facts_of(3, 2)
    assert done.step.rows_dropped == 6 - len(expected)


def test_all_columns_are_the_key_when_no_subset_is_named(dedupe):
    table = pa.table({"a": [1, 1, 1, 2], "b": ["x", "x", "y", "x"]})

    assert dedupe(table).rows() == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}]


def test_only_the_sizes_of_the_ten_largest_groups_are_reported(dedupe):
    sizes = range(2, 15)
    table = pa.table({"a": [size for size in sizes for _ in range(size)]})

    assert dedupe(table).step.facts == facts_of(*sizes)


@pytest.mark.parametrize(
    ("keep", "expected"), [("first", [3, 5]), ("last", [4, 6])], ids=["first", "last"]
)
def test_order_by_chooses_the_row_and_ties_go_by_the_order_of_the_input(dedupe, keep, expected):
    table = pa.table({"id": [1, 2, 3, 4, 5, 6], "key": [1, 1, 1, 1, 2, 2], "n": [3, 4, 2, 4, 0, 0]})

    assert dedupe(table, subset=["key"], keep=keep, order_by=["n"]).column("id") == expected


@pytest.mark.parametrize(
    ("keep", "expected"), [("first", [3, 5, 7]), ("last", [2, 6, 8])], ids=["first", "last"]
)
@pytest.mark.parametrize("missing", [None, NAN])
def test_a_row_without_a_value_to_order_by_is_behind_all_others(dedupe, keep, expected, missing):
    table = pa.table(
        {
            "id": range(1, 9),
            "key": [1, 1, 1, 1, 2, 2, 3, 3],
            "n": pa.array([missing, 2.0, 1.0, missing, 0.0, -0.0, missing, missing]),
        }
    )

    assert dedupe(table, subset=["key"], keep=keep, order_by=["n"]).column("id") == expected


@pytest.mark.parametrize(("keep", "expected"), [("first", [2]), ("last", [1])])
def test_later_columns_to_order_by_decide_where_earlier_ones_are_equal(dedupe, keep, expected):
    table = pa.table({"id": [1, 2, 3], "a": [1, 1, None], "b": [2, 1, 0]})
    table = table.append_column("key", pa.array([1, 1, 1]))

    done = dedupe(table, subset=["key"], keep=keep, order_by=["a", "b"])

    assert done.column("id") == expected


def test_ordering_by_text_is_warned_about(dedupe):
    table = pa.table({"id": [1, 2], "key": [1, 1], "n": ["9", "10"]})

    done = dedupe(table, subset=["key"], order_by=["n", "id"])

    assert done.column("id") == [2]
    assert done.step.warnings == (
        "'n' holds text, so 'order_by' ordered it as text: '10' comes before '9'.",
    )


@pytest.mark.parametrize("keep", ["none", "any"])
def test_an_order_without_effect_is_warned_about(dedupe, keep):
    table = ROWS.append_column("age", pa.array([3, 2, 1, 0, 0, 0]))

    done = dedupe(table, subset=["key"], keep=keep, order_by=["age"])

    assert done.rows() == dedupe(table, subset=["key"], keep=keep).rows()
    assert done.step.warnings == (f"'order_by' has no effect, because 'keep' is '{keep}'.",)


def test_dp_17_missing_values_are_equal_to_one_another(dedupe):
    table = pa.table({"a": pa.array([None, "", None, "None", "NA"]), "b": [None] * 5})

    assert dedupe(table).column("a") == [None, "", "None", "NA"]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_dp_18_nan_is_missing_unless_it_is_kept(dedupe, kind):
    table = pa.table({"a": pa.array([NAN, None, 1.0, NAN, None], kind)})

    kept = dedupe(table, keep_nan=True).column("a")

    assert dedupe(table).column("a") == [None, 1.0]
    assert [repr(value) for value in kept] == ["nan", "None", "1.0"]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.list_(pa.float64()), [[NAN], [None], [NAN]], [[None]]),
        (pa.list_(pa.float32(), 1), [[NAN], [None], None], [[None], None]),
        (pa.struct({"x": pa.float64()}), [{"x": NAN}, {"x": None}, None], [{"x": None}, None]),
        (pa.map_(pa.string(), pa.float64()), [[("k", NAN)], [("k", None)]], [[("k", None)]]),
        (
            pa.list_(pa.struct({"x y": pa.list_(pa.float64()), "n": pa.int8()})),
            [[{"x y": [NAN, 1.0], "n": 1}], [{"x y": [None, 1.0], "n": 1}], [None]],
            [[{"x y": [None, 1.0], "n": 1}], [None]],
        ),
    ],
    ids=["list", "fixed list", "struct", "map", "deep"],
)
def test_dp_18_nan_inside_containers_is_missing(dedupe, kind, values, expected):
    assert dedupe(pa.table({"a": pa.array(values, kind)})).column("a") == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.float64(), [-0.0, 0.0, -0.0]),
        (pa.float32(), [-0.0, 0.0, -0.0]),
        (pa.list_(pa.float64()), [[-0.0], [0.0], [-0.0]]),
        (pa.struct({"x": pa.float64()}), [{"x": -0.0}, {"x": 0.0}, {"x": -0.0}]),
    ],
    ids=["double", "float", "list", "struct"],
)
def test_dp_19_minus_zero_equals_zero_and_is_published_as_it_was(dedupe, kind, values):
    table = pa.table({"a": pa.array(values, kind)})

    assert repr(dedupe(table).column("a")) == repr(values[:1])
    assert repr(dedupe(table, keep_nan=True).column("a")) == repr(values[:1])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.bool_(), [True, False]),
        (pa.int8(), [-128, 127]),
        (pa.int64(), [2**53, 2**53 + 1]),
        (pa.uint64(), [2**64 - 1, 2**64 - 2]),
        (pa.float64(), [math.inf, -math.inf]),
        (pa.decimal128(38, 2), [Decimal(f"{10**35}.01"), Decimal(f"{10**35}.02")]),
        (pa.string(), ["a", "a "]),
        (pa.string(), ["a\0b", "a\0c"]),
        (pa.string(), ["\u00e9", "e\u0301"]),
        (pa.binary(), [b"\xff\x00", b"\xff"]),
        (pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        (pa.timestamp("us"), [-1, 0]),
        (pa.timestamp("ns"), [1, 2]),
        (pa.timestamp("ns", "UTC"), [1, 2]),
        (pa.time64("us"), [dt.time(1, 2, 3, 4), dt.time(1, 2, 3, 5)]),
        (pa.list_(pa.int64()), [[], [1]]),
        (pa.list_(pa.int64()), [[1, 2], [2, 1]]),
        (pa.list_(pa.list_(pa.string())), [[["a"], []], [["a", None]]]),
        (pa.struct({"x": pa.int8(), "y": pa.string()}), [{"x": 1, "y": "a"}, {"x": 1, "y": None}]),
        (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [("a", 2)]]),
    ],
    ids=str,
)
def test_dp_21_values_of_each_type_are_equal_by_value_and_unchanged(dedupe, kind, values):
    one, other = pa.array(values, kind).to_pylist()
    table = pa.table({"a": pa.array([one, other, None, one, None, other], kind)})

    done = dedupe(table)

    assert done.column("a") == [one, other, None]
    assert done.step.facts == facts_of(2, 2, 2)


def test_decimals_of_more_than_38_digits_are_refused_by_name(dedupe):
    table = pa.table({"sum": pa.array([Decimal(1)], pa.decimal256(50, 2))})

    with pytest.raises(DatasetError) as refused:
        dedupe(table)

    assert str(refused.value) == (
        "The column 'sum' is a decimal of more than 38 digits, which no engine holds exactly; cast "
        "it to text or a smaller decimal in the source."
    )


@pytest.mark.parametrize("memory_limit", [None, "200MB"])
@pytest.mark.parametrize("name", ["key", "file_row_number"])
def test_dp_38_rows_stay_unchanged_and_in_order_over_many_row_groups(dedupe, name, memory_limit):
    chance = random.Random(7)  # noqa: S311
    keys = [chance.randrange(40_000) for _ in range(150_000)]
    texts = [f"{key:x} {n}" for n, key in enumerate(keys)]
    table = pa.table({"n": range(len(keys)), name: keys, "text": texts})
    first, last = {}, {}
    for n, key in enumerate(keys):
        first.setdefault(key, n)
        last[key] = n

    for keep, kept in (("first", first), ("last", last)):
        done = dedupe(
            table,
            subset=[name],
            keep=keep,
            row_group_rows=5_000,
            engine=EngineOfManyThreads,
            settings={"memory_limit": memory_limit},
        )
        assert done.rows() == table.take(sorted(kept.values())).to_pylist()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_dp_44_any_text_is_a_column_name(dedupe, name):
    table = pa.table({name: [1, 1, 2, 2], "value": [4, 3, 2, 1]})

    done = dedupe(table, subset=[name], order_by=["value"])
    ordered = dedupe(table, subset=["value"], order_by=[name], keep="last")

    assert done.rows() == [{name: 1, "value": 3}, {name: 2, "value": 1}]
    assert ordered.rows() == table.to_pylist()


def test_dp_44_all_odd_names_work_in_one_table(dedupe):
    rows = [dict.fromkeys(ODD_NAMES, value) for value in ("a", "b", "a", "A\u00a0")]
    table = pa.Table.from_pylist(rows)

    assert dedupe(table).rows() == [rows[0], rows[1], rows[3]]
    assert dedupe(table, ignore=["case", "whitespace"]).rows() == rows[:2]


def test_names_that_differ_only_in_case_are_refused(dedupe):
    with pytest.raises(DatasetError) as refused:
        dedupe(pa.table({"Id": [1], "id": [2], "x": [3]}))

    assert str(refused.value) == (
        "The dataset has column names that are equal, or equal but for case: 'Id', 'id'; rename "
        "them in the source."
    )


@pytest.mark.parametrize("keep", ["first", "last", "none", "any"])
@pytest.mark.parametrize("ignore", [[], ["case"]])
@pytest.mark.parametrize(
    ("values", "sizes"),
    [([], []), (["x"], []), (["x"] * 300, [300]), ([f"{n}" for n in range(300)], [])],
    ids=["no row", "one row", "all equal", "all distinct"],
)
def test_extreme_tables(dedupe, values, sizes, keep, ignore):
    done = dedupe(pa.table({"a": pa.array(values, pa.string())}), keep=keep, ignore=ignore)

    left = [] if sizes and keep == "none" else values[:1] if sizes else values
    assert done.column("a") == left
    assert done.step.facts == facts_of(*sizes)
    assert done.table.column_names == ["a"]


def test_a_thousand_columns(dedupe):
    columns = {f"c{n}": [n, n, n, n + 1] for n in range(999)}
    table = pa.table(columns | {"text": ["a", "A", "a", "a"]})

    assert dedupe(table).rows() == table.take([0, 1, 3]).to_pylist()
    assert dedupe(table, ignore=["case"]).rows() == table.take([0, 3]).to_pylist()


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("first", [0, 1, 2, 4, 7]),
        ("last", [3, 5, 6, 7, 8]),
        ("none", [7]),
        ("any", [0, 1, 2, 4, 7]),
    ],
)
def test_collisions_of_hashes_lose_no_row(dedupe, colliding_engine, keep, expected):
    a = [1, 1, 2, 1, None, 2, None, 4, 1]
    b = ["x", "y", "x", "x", None, "x", None, "x", "y"]
    table = pa.table({"a": a, "b": b, "n": range(9)})

    done = dedupe(table, subset=["a", "b"], keep=keep, engine=colliding_engine)

    assert done.column("n") == expected
    assert done.step.facts == facts_of(2, 2, 2, 2)


@pytest.mark.parametrize("batch_rows", [1, 7, 100_000])
def test_the_size_of_batches_changes_nothing(dedupe, batch_rows):
    texts = [f"{'Ab'[n % 2]}{n % 11} " for n in range(60)]
    table = pa.table({"n": range(60), "text": texts, "x": pa.array([-0.0, None, NAN] * 20)})

    done = dedupe(
        table,
        subset=["text", "x"],
        keep="last",
        ignore=["case", "whitespace"],
        settings={"batch_rows": batch_rows},
    )

    expected = {
        (text.strip().lower(), None if x != x else x): n
        for n, text, x in zip(range(60), texts, [-0.0, None, NAN] * 20, strict=True)
    }
    assert done.column("n") == sorted(expected.values())


def test_ignore_keeps_other_columns_of_the_key_as_they_are(dedupe):
    row = {
        "text": "A",
        "when": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        "price": Decimal("1.50"),
        "large": 2**64 - 1,
        "list": [1, None],
        "struct": {"x": 0.5},
        "time": dt.time(1),
        "flag": None,
        "bytes": b"\0",
    }
    schema = pa.schema(
        {
            "text": pa.string(),
            "when": pa.timestamp("us", "UTC"),
            "price": pa.decimal128(18, 2),
            "large": pa.uint64(),
            "list": pa.list_(pa.int8()),
            "struct": pa.struct({"x": pa.float32()}),
            "time": pa.time64("us"),
            "flag": pa.bool_(),
            "bytes": pa.binary(),
        }
    )
    rows = [row, row | {"text": "a"}, row | {"large": 2**64 - 2}, row | {"price": Decimal("1.51")}]

    done = dedupe(pa.Table.from_pylist(rows, schema), ignore=["case"])

    assert done.rows() == [rows[0], rows[2], rows[3]]


def test_texts_inside_lists_are_compared_as_they_are_and_warned_about(dedupe):
    table = pa.table({"tags": [["a"], ["A"], ["a"]]})

    done = dedupe(table, ignore=["case"])

    assert done.column("tags") == [["a"], ["A"]]
    assert done.step.warnings == (
        "'tags' holds texts inside lists or structs, which 'ignore' does not reach.",
    )
