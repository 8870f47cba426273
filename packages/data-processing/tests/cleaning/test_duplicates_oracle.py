"""Compare with a model in plain Python that shares nothing with the code under test."""

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_processing import remove_duplicates
from data_processing.cleaning.folding import fold
from util_services.engines.local import LocalEngine

NAN = float("nan")
WORDS = [
    "",
    "a",
    "A",
    "a ",
    " A",
    "a  b",
    "A b",
    "Ä",
    "a\u0308",
    "ß",
    "SS",
    "\u00a0a\u3000",
    "日本",
]
FLOATS = [0.0, -0.0, NAN, 1.5, -1.5, float("inf")]
KINDS = {
    "int": (pa.int64(), st.sampled_from([0, 1, -1, 2**53, 2**53 + 1])),
    "float": (pa.float64(), st.sampled_from(FLOATS)),
    "single": (pa.float32(), st.sampled_from(FLOATS)),
    "text": (pa.string(), st.sampled_from(WORDS)),
    "bool": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.sampled_from([dt.date(1, 1, 1), dt.date(2024, 2, 29)])),
    "moment": (
        pa.timestamp("us"),
        st.sampled_from([dt.datetime(1969, 12, 31, 23, 59, 59, 999999)]),  # noqa: DTZ001
    ),
    "price": (pa.decimal128(9, 2), st.sampled_from([Decimal("0.10"), Decimal("0.11")])),
    "list": (pa.list_(pa.float64()), st.lists(st.none() | st.sampled_from(FLOATS), max_size=2)),
    "struct": (
        pa.struct({"x": pa.float32(), "t": pa.string()}),
        st.fixed_dictionaries({"x": st.sampled_from([NAN, None, 0.0, -0.0]), "t": st.just("a")}),
    ),
}
ORDERED = ["int", "float", "text", "date", "price"]


@st.composite
def problems(draw):
    """Draw a table and options for it."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3))
    names = [f"{kind} {n}" for n, kind in enumerate(kinds)]
    cells = [st.none() | KINDS[kind][1] for kind in kinds]
    rows = draw(st.lists(st.tuples(*cells), max_size=14))
    columns = {
        name: pa.array([row[n] for row in rows], KINDS[kind][0])
        for n, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    sortable = [name for name in names if name.split()[0] in ORDERED]
    options = {
        "subset": draw(st.lists(st.sampled_from(names), unique=True)),
        "keep": draw(st.sampled_from(["first", "last", "none", "any"])),
        "order_by": draw(
            st.lists(st.sampled_from(sortable), unique=True) if sortable else st.just([])
        ),
        "ignore": draw(st.lists(st.sampled_from(["case", "whitespace", "accents"]), unique=True)),
    }
    return pa.table(columns), options


def without_nan(value):
    match value:
        case float() if value != value:
            return None
        case list():
            return [without_nan(part) for part in value]
        case dict():
            return {key: without_nan(part) for key, part in value.items()}
    return value


def comparable(value, ignore):
    match value:
        case float():
            return value + 0.0  # -0.0 becomes 0.0
        case str():
            return "text", fold(value, ignore)
        case list():
            return tuple(part if part is None else part + 0.0 for part in value)
        case dict():
            return "struct", None if value["x"] is None else value["x"] + 0.0, value["t"]
    return value


def preferred(group, rows, order_by, choose):
    """Return the number of the row that is chosen, column by column."""
    for name in order_by:
        present = [n for n in group if rows[n][name] is not None]
        if present:
            best = choose(rows[n][name] for n in present)
            group = [n for n in present if rows[n][name] == best]
    return choose(group)


def model(table, *, subset, keep, order_by, ignore):
    """Return the rows that stay and the sizes of groups, by brute force."""
    rows = [without_nan(row) for row in table.to_pylist()]
    groups = {}
    for n, row in enumerate(rows):
        key = tuple(
            comparable(row[name], frozenset(ignore)) for name in subset or table.column_names
        )
        groups.setdefault(key, []).append(n)
    kept = []
    for group in groups.values():
        if len(group) == 1:
            kept += group
        elif keep in {"first", "last"}:
            kept.append(preferred(group, rows, order_by, min if keep == "first" else max))
        elif keep == "any":
            kept.append(group[0])
    sizes = sorted((len(group) for group in groups.values() if len(group) > 1), reverse=True)
    return sorted(kept), [rows[n] for n in sorted(kept)], sizes


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    problem=problems(),
    collide=st.booleans(),
    batch_rows=st.sampled_from([1, 7, 100_000]),
    group=st.sampled_from([1, 5]),
)
def test_the_job_does_what_the_model_does(
    dedupe, colliding_engine, collide, problem, batch_rows, group
):
    table, options = problem
    _, expected, sizes = model(table, **options)

    done = dedupe(
        table,
        row_group_rows=group,
        engine=colliding_engine if collide else LocalEngine,
        settings={"batch_rows": batch_rows},
        **options,
    )

    assert repr(done.rows()) == repr(expected)
    assert done.table.schema.names == table.schema.names
    assert done.table.schema.types == table.schema.types
    assert done.step.facts == {
        "duplicate_groups": len(sizes),
        "rows_in_duplicate_groups": sum(sizes),
        "largest_groups": sizes[:10],
    }
    assert len(table) == done.step.rows_out + done.step.rows_dropped


@settings(max_examples=100, deadline=None)
@given(problem=problems())
def test_the_call_on_a_frame_does_what_the_model_does(problem):
    table, options = problem
    kept, _, sizes = model(table, **options)
    frame = table.to_pandas(integer_object_nulls=True)  # a float would round 2**53 + 1
    frame.insert(0, "row", range(len(frame)))
    subset = options.pop("subset") or table.column_names

    result, report = remove_duplicates(frame, subset=subset, **options)

    assert result["row"].tolist() == kept
    assert report["rows"] == {"in": len(table), "out": len(kept), "dropped": len(table) - len(kept)}
    assert report["facts"]["largest_groups"] == sizes
    assert json.loads(json.dumps(report)) == report


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(problem=problems())
def test_removing_again_removes_nothing(dedupe, problem):
    table, options = problem
    once = dedupe(table, **options)

    again = dedupe(once.table, **options)

    assert repr(again.rows()) == repr(once.rows())
    assert again.step.rows_dropped == 0


@pytest.mark.parametrize(
    ("keep", "theirs"), [("first", "first"), ("last", "last"), ("none", False)]
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.sampled_from(WORDS),
            st.none() | st.integers(0, 2),
            st.none() | st.sampled_from(FLOATS),
        ),
        max_size=20,
    ),
    subset=st.lists(st.sampled_from(["t", "i", "x"]), unique=True, min_size=1),
)
def test_pandas_drops_the_same_rows_where_its_meaning_is_ours(keep, theirs, rows, subset):
    columns = zip(*rows, strict=True) if rows else [[], [], []]
    types = [pa.string(), pa.int64(), pa.float64()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    frame = pa.table(arrays, names=["t", "i", "x"]).to_pandas()

    result, _ = remove_duplicates(frame, subset=subset, keep=keep)

    expected = frame.drop_duplicates(subset, keep=theirs, ignore_index=True)
    assert repr(result) == repr(expected)
    assert result.dtypes.equals(expected.dtypes)
