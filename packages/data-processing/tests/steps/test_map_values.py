"""Texts replaced by those that a mapping names, in a recipe or in a table."""

import pandas as pd
import pyarrow as pa
import pytest

from data_processing import clean
from data_processing.cleaning import mapping as craft
from util_services.errors import ConfigurationError, DatasetError

SEXES = {"m": "male", "f": "female", "?": None}
TABLE = pa.table({"code": ["m", "f", "?"], "meaning": ["male", "female", None]})
TEXTS = ["m", "f", "?", "M", None, "x"]


def recode(**options):
    return {"step": "map_values", "columns": ["sex"], **options}


@pytest.fixture(params=["mapping", "table"])
def source(request, cleaned):
    """A function that recodes with either source of the same mapping."""

    def clean(table, **options):
        if request.param == "mapping":
            return cleaned(table, recode(mapping=SEXES, **options))
        return cleaned(table, recode(table="codes.csv", **options), tables={"codes.csv": TABLE})

    return clean


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["male", "female", None, "M", None, "x"]),
        ({"unmatched": "null"}, ["male", "female", None, None, None, None]),
        ({"unmatched": "other"}, ["male", "female", None, "other", None, "other"]),
        ({"unmatched": "other", "other": ""}, ["male", "female", None, "", None, ""]),
        ({"ignore": ["case"]}, ["male", "female", None, "male", None, "x"]),
    ],
)
def test_texts_become_what_the_mapping_names(source, options, expected):
    assert source({"sex": TEXTS}, **options).column("sex") == expected


def test_cells_that_are_not_named_are_counted(source):
    done = source({"sex": ["x", "x", "m", None, "y"]})

    assert dict(done.note.counts) == {"unmatched": 3}
    assert dict(done.note.changed) == {"sex": 1}


def test_a_text_that_is_not_named_stops_the_run_on_demand(source):
    with pytest.raises(DatasetError) as stopped:
        source({"sex": ["m", "secret"]}, unmatched="error")

    assert str(stopped.value) == (
        "steps[0] (map_values): "
        "The column 'sex' holds texts that are neither mapped nor allowed; name them, or set "
        "'unmatched' to keep, null or other."
    )


def test_missing_values_are_nothing_that_is_not_named(source):
    done = source(pa.table({"sex": pa.array([None, None], pa.string())}), unmatched="error")

    assert done.column("sex") == [None, None]


def test_a_chain_of_names_is_followed_one_step(cleaned):
    step = recode(mapping={"a": "b", "b": "a"})

    assert cleaned({"sex": ["a", "b"]}, step).column("sex") == ["b", "a"]


def test_the_table_has_a_state_that_can_be_saved(cleaned):
    done = cleaned({"sex": ["m"]}, recode(table="t"), tables={"t": TABLE})

    assert done.states == {
        0: [
            {"from": "?", "to": None},
            {"from": "f", "to": "female"},
            {"from": "m", "to": "male"},
        ]
    }
    assert done.note.facts == {"rows_of_table": 3}


def test_rows_that_repeat_or_name_nothing_do_not_matter(cleaned):
    table = pa.table({"a": ["m", "m", "M", None], "b": ["male", "male", "male", "x"]})
    step = recode(table="t", ignore=["case"])

    assert cleaned({"sex": ["m"]}, step, tables={"t": table}).column("sex") == ["male"]


@pytest.mark.parametrize("ignore", [[], ["case"]])
def test_a_table_that_contradicts_itself_is_refused_without_its_values(cleaned, ignore):
    texts = ["m", "m", "f"] if not ignore else ["m", "M", "f"]
    table = pa.table({"a": texts, "b": ["male", "man", "female"]})

    with pytest.raises(DatasetError) as refused:
        cleaned({"sex": ["m"]}, recode(table="t", ignore=ignore), tables={"t": table})

    assert str(refused.value) == (
        "steps[0] (map_values): 'table' has several values for 1 texts; leave one row for each."
    )


def test_a_mapping_that_contradicts_itself_is_refused(cleaned):
    step = recode(mapping={"m": "male", "M": "man"}, ignore=["case"])

    with pytest.raises(ConfigurationError, match="'mapping' has 1 keys that are equal to another"):
        cleaned({"sex": ["m"]}, step)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": ["m"]}),
        pa.table({"a": ["m"], "b": ["x"], "c": ["y"]}),
        pa.table({"a": [1], "b": ["x"]}),
    ],
)
def test_a_table_of_other_columns_is_refused_before_a_row_is_read(cleaned, table):
    with pytest.raises(ConfigurationError, match=r"steps\[0\] \(map_values\): 'table' must have"):
        cleaned({"sex": ["m"]}, recode(table="t"), tables={"t": table})


def test_a_table_that_cannot_be_held_is_refused(cleaned, monkeypatch):
    monkeypatch.setattr(craft, "MAX_ENTRIES", 2)

    with pytest.raises(DatasetError, match="'table' has more than 2 rows"):
        cleaned({"sex": ["m"]}, recode(table="t"), tables={"t": TABLE})


@pytest.mark.parametrize("options", [{}, {"mapping": SEXES, "table": "t"}])
def test_a_step_needs_one_mapping(cleaned, options):
    with pytest.raises(ConfigurationError, match="name either a 'mapping' or a 'table'"):
        cleaned({"sex": ["m"]}, recode(**options), tables={"t": TABLE})


def test_the_table_sees_no_part_of_the_rows_and_shares_the_pass(cleaned):
    steps = [
        {"step": "normalise_text", "columns": ["sex"], "case": "lower"},
        recode(table="t"),
        {"step": "normalise_text", "columns": ["sex"], "case": "upper"},
    ]

    done = cleaned({"sex": ["M", "F"]}, *steps, tables={"t": TABLE})

    assert done.column("sex") == ["MALE", "FEMALE"]


def test_a_frame_can_be_the_table():
    frame = pd.DataFrame({"sex": ["m", "f"]})

    recoded, _ = clean(frame, [recode(table="codes")], tables={"codes": TABLE.to_pandas()})

    assert recoded["sex"].tolist() == ["male", "female"]


def test_a_table_that_is_not_handed_over_is_asked_for():
    with pytest.raises(ConfigurationError, match="there is no table 'codes'"):
        clean(pd.DataFrame({"sex": ["m"]}), [recode(table="codes")])


def test_spark_recodes_the_same(cleaned, cleaned_on_spark):
    table = pa.table({"sex": TEXTS * 3})
    steps = [recode(table="t"), recode(mapping={"male": "m"}, unmatched="other")]

    found = cleaned_on_spark(table, *steps, tables={"t": TABLE})

    assert found.table.equals(cleaned(table, *steps, tables={"t": TABLE}).table)
    assert found.states == {0: cleaned(table, *steps, tables={"t": TABLE}).states[0]}
