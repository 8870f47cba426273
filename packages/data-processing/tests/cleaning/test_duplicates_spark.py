"""The same rows and the same counts on a real Spark cluster as on one machine."""

import random
from decimal import Decimal

import pyarrow as pa
import pytest

from util_services.engines.failures import UnsupportedByEngineError
from util_services.engines.spark import SparkEngine

NAN = float("nan")
WORDS = ["", "a", "A", "a ", "ß", "SS", "\u00a0a\u3000", "Ä", "a\u0308", None]


def people(rows):
    """Return a table of many types in which each key is there several times."""
    chance = random.Random(3)  # noqa: S311

    def cells(*values):
        return [chance.choice(values) for _ in range(rows)]

    return pa.table(
        {
            "n": range(rows),
            "a.b": cells(*WORDS),
            "*": pa.array(cells(0.0, -0.0, NAN, None, 1.5), pa.float64()),
            "list": pa.array(cells([0.0], [-0.0], [], None, [None]), pa.list_(pa.float32())),
            "struct": pa.array(cells({"x": "a"}, {"x": None}, None)),
            "price": pa.array(cells(Decimal("0.10"), Decimal("0.11"), None), pa.decimal128(9, 2)),
            "large": pa.array(cells(2**64 - 1, 0), pa.uint64()),
            "when": pa.array(cells(1, 2, None), pa.timestamp("ns", "UTC")),
            "age": pa.array(cells(1, 2, 3, None), pa.int8()),
        }
    )


SUBSET = {"subset": ["a.b", "*", "struct"]}
TEXTS = {"subset": ["a.b"], "order_by": ["age", "price"], "ignore": ["case", "whitespace"]}
TYPES = {"subset": ["list", "large", "when", "price"], "order_by": ["a.b"]}


@pytest.mark.parametrize(
    ("keep", "options"),
    [
        ("first", SUBSET),
        ("none", SUBSET),
        ("first", TEXTS),
        ("last", TEXTS),
        ("last", TYPES),
        ("any", TYPES),
    ],
)
def test_every_option_keeps_the_same_rows(dedupe, spark_session, keep, options):
    table = people(1200)

    found = dedupe(table, engine=SparkEngine, keep=keep, row_group_rows=100, **options)

    expected = dedupe(table, keep=keep, **options)
    assert found.table.schema.types == expected.table.schema.types
    assert repr(found.rows()) == repr(expected.rows())
    assert found.step.engine == "spark"
    assert found.step.to_dict() == expected.step.to_dict() | {"engine": "spark"}


def test_nan_that_is_kept_is_a_value_of_its_own(dedupe, spark_session):
    table = people(300)

    found = dedupe(table, engine=SparkEngine, keep_nan=True, subset=["*"])

    assert repr(found.rows()) == repr(dedupe(table, keep_nan=True, subset=["*"]).rows())


def test_all_columns_are_the_key_when_no_subset_is_named(dedupe, spark_session):
    table = people(5).select(["a.b", "*", "list"])
    table = pa.concat_tables([table, table, table.slice(0, 2)])

    assert dedupe(table, engine=SparkEngine).rows() == dedupe(table).rows()


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(dedupe, spark_session, rows):
    table = people(rows)

    found = dedupe(table, engine=SparkEngine, ignore=["case"])

    assert repr(found.rows()) == repr(dedupe(table, ignore=["case"]).rows())
    assert found.table.schema.types == dedupe(table).table.schema.types


def test_many_rows_stay_in_order(dedupe, spark_session):
    chance = random.Random(7)  # noqa: S311
    keys = [chance.randrange(20_000) for _ in range(60_000)]
    table = pa.table({"n": range(len(keys)), "key": keys, "text": [f"{key:x}" for key in keys]})
    last = {key: n for n, key in enumerate(keys)}

    found = dedupe(table, engine=SparkEngine, subset=["key"], keep="last", row_group_rows=5_000)

    assert found.rows() == table.take(sorted(last.values())).to_pylist()


@pytest.mark.parametrize("ignore", [[], ["case"]])
def test_a_key_that_spark_cannot_compare_is_refused_by_name(dedupe, spark_session, ignore):
    table = pa.table(
        {"text": ["a"], "tags": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8()))}
    )

    with pytest.raises(UnsupportedByEngineError) as refused:
        dedupe(table, engine=SparkEngine, ignore=ignore)

    assert str(refused.value) == (
        "steps[0] (remove_duplicates): The engine 'spark' cannot compare maps, and 'tags' holds "
        "some; leave the column out, or set DATA_SERVICES_ENGINE=local."
    )
