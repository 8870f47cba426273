"""What a profile tells of columns, and what it never tells."""

import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing import clean
from data_processing.cleaning.histograms import Borders
from util_services.errors import ConfigurationError
from util_services.samples import sample_path

PROFILE = {"step": "profile_data"}


def profiled(cleaned, table, **options):
    done = cleaned(table, {**PROFILE, **options})
    assert done.table.equals(table if isinstance(table, pa.Table) else pa.table(table))
    return done.note


def columns_of(facts):
    """Return what is told of columns by their names, without what there is nothing of."""
    return {
        one["column"]: {
            key: fact
            for key, fact in one.items()
            if key == "missing" or (key != "column" and fact not in ({}, None))
        }
        for one in facts["columns"]
    }


def test_columns_are_told_by_types_and_counts(cleaned):
    table = {
        "id": [f"{n:03}" for n in range(40)],
        "n": [*range(28), *[None] * 12],
        "flag": [True, False] * 20,
        "one": [7] * 40,
        "gone": pa.nulls(40, pa.string()),
        "list": [[n] for n in range(40)],
    }

    note = profiled(cleaned, table, min_count=1)

    columns = columns_of(note.facts)
    assert columns["id"] == {
        "type": "string",
        "missing": 0,
        "distinct": 40,
        "written_as": "integer",
    }
    assert (columns["n"]["missing"], columns["n"]["distinct"]) == (12, 28)
    assert columns["flag"] == {"type": "bool", "missing": 0, "distinct": 2}
    assert columns["list"] == {"type": "list<l: int64>", "missing": 0}
    assert note.facts["candidate_keys"] == ["id"]
    assert note.facts["candidate_quasi_identifiers"] == ["flag"]
    assert note.warnings == (
        "The column 'one' holds one value alone.",
        "The column 'gone' holds no value.",
    )


def test_dp_24_quantiles_are_those_of_type_7_rounded_to_two_digits(cleaned):
    values = [float(n * n) for n in range(1, 201)]

    note = profiled(cleaned, {"v": [*values, math.inf, None]})

    expected = {
        f"{share:.0%}": np.quantile(values, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)
    }
    assert columns_of(note.facts)["v"]["quantiles"] == {
        share: float(f"{value:.1e}") for share, value in expected.items()
    }


def test_texts_that_are_written_as_numbers_have_the_quantiles_of_these_numbers(cleaned):
    numbers = [float(n * n % 997) / 2 for n in range(400)]
    texts = [*("+" * (n % 2 == 0) + str(n) for n in numbers), *["n/a"] * 5, None]

    columns = columns_of(profiled(cleaned, {"v": [*numbers, *[None] * 6], "t": texts}).facts)

    assert columns["t"]["written_as"] == "number"
    assert columns["t"]["quantiles"] == columns["v"]["quantiles"]
    assert columns["t"]["histogram"] == columns["v"]["histogram"]


def test_texts_that_are_keys_or_no_numbers_have_no_quantiles(cleaned):
    table = {
        "id": [str(n) for n in range(100)],
        "half": ["1" if n % 2 else "one" for n in range(100)],
        "day": ["2024-01-31"] * 100,
    }

    columns = columns_of(profiled(cleaned, table).facts)

    assert not any("quantiles" in one or "histogram" in one for one in columns.values())


def test_quantiles_beyond_which_few_rows_lie_are_left_out(cleaned):
    def shares(rows):
        note = profiled(cleaned, {"v": list(map(float, range(rows)))}, min_count=10)
        return list(columns_of(note.facts)["v"].get("quantiles", {}))

    assert shares(19) == []
    assert shares(20) == ["50%"]
    assert shares(40) == ["25%", "50%", "75%"]
    assert shares(200) == ["5%", "25%", "50%", "75%", "95%"]


def test_counts_of_few_rows_are_left_out(cleaned):
    table = {"a": [None] * 9 + ["x"] * 91, "b": ["n/a"] * 3 + ["-"] * 10 + ["y"] * 87}

    columns = columns_of(profiled(cleaned, table).facts)

    assert columns["a"]["missing"] is None
    assert columns["b"]["tokens"] == {"-": 10, "n/a": None}


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "22", "-3"], "integer"),
        (["1", "2.5", "-3e2"], "number"),
        (["true", "false"], "boolean"),
        (["2024-01-31", "1999-12-01"], "date"),
        (["2024-01-31T10:00:00Z"], "timestamp"),
        (["1", "two"], None),
        (["NA", ""], None),
        (["1", "NA", ""], "integer"),
    ],
)
def test_texts_are_told_to_be_of_the_type_that_they_are_written_as(cleaned, texts, kind):
    note = profiled(cleaned, {"t": texts * 3})

    assert columns_of(note.facts)["t"].get("written_as") == kind


def test_the_share_of_rows_that_few_others_are_like_is_told(cleaned):
    table = {"sex": ["f", "m"] * 50, "ward": ["A"] * 90 + ["B"] * 10}

    note = profiled(cleaned, table, min_count=10)

    assert note.facts["candidate_quasi_identifiers"] == ["sex", "ward"]
    assert note.facts["rows_in_small_groups_share"] == 0.1  # five of each sex in ward B


def test_no_value_of_a_cell_is_told(cleaned):
    rare = ["Quagga", "1234567.891", "zyzzyva@example.org"]
    numbers = [*map(float, range(300)), 98765432.125, -4321.0625]
    table = {
        "text": rare + ["usual"] * 299,
        "number": numbers,
        "id": [f"P-{n * 7919:07}" for n in range(302)],
    }
    table = {name: values[:302] for name, values in table.items()}

    note = profiled(cleaned, table)
    told = json.dumps([note.facts, note.warnings, [one.to_dict() for one in note.sections]])

    for value in [*rare, "usual", "98765432", "4321", *table["id"]]:
        assert value not in told


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
)
def test_round_borders_hold_what_they_are_made_for(values):
    low, high = min(values), max(values)

    borders = Borders.between(low, high)

    ends = borders.values
    assert ends[0] <= low
    assert high <= ends[-1]
    assert len(ends) <= 14
    assert len(borders.labels()) == len(ends) + 1


def test_the_bins_of_a_histogram_hold_all_numbers(cleaned):
    values = [float(n % 37) ** 3 for n in range(1000)]

    note = profiled(cleaned, {"v": values}, min_count=1)

    assert sum(columns_of(note.facts)["v"]["histogram"].values()) == 1000


@pytest.mark.parametrize(
    "table", [{"a": pa.array([], pa.float64()), "b": pa.array([], pa.string())}]
)
def test_a_dataset_without_rows_has_a_profile(cleaned, table):
    note = profiled(cleaned, table)

    assert columns_of(note.facts)["a"] == {"type": "double", "missing": 0, "distinct": 0}
    assert note.facts["rows_in_small_groups_share"] is None


def test_columns_that_there_are_not_are_refused(cleaned):
    with pytest.raises(ConfigurationError, match="nme"):
        cleaned({"name": ["x"]}, {**PROFILE, "columns": ["nme"]})


def test_the_profile_of_the_sample_finds_what_is_wrong_with_it():
    frame = pd.read_csv(sample_path("patients.csv"), dtype="str", keep_default_na=False)

    _, report = clean(frame, [PROFILE])

    (step,) = report["steps"]
    columns = columns_of(step["facts"])
    assert columns["birth_date"]["written_as"] == "date"
    assert columns["income"]["written_as"] == "number"
    assert columns["notes"]["tokens"].keys() == {"(empty text)", "-", "n/a", "na"}
    assert step["facts"]["candidate_keys"] == []  # there are duplicates


def test_spark_tells_the_same(cleaned_on_spark, cleaned):
    table = pa.table(
        {
            "n": [float(n * n % 101) for n in range(300)],
            "t": [None if n % 7 == 0 else str(n % 3) for n in range(300)],
        }
    )

    assert cleaned_on_spark(table, PROFILE).note.facts == cleaned(table, PROFILE).note.facts
