"""Columns and datasets are found in options however these are nested."""

from typing import Annotated

from data_processing.steps.parameters import (
    ColumnName,
    Columns,
    DatasetPath,
    Rule,
    columns_in,
    datasets_in,
    described,
    options_of,
)


class Inner(Rule):
    beside: ColumnName | None = None
    table: DatasetPath | None = None


def work(
    *,
    table: Annotated[DatasetPath | None, described("A dataset.")] = None,
    column: ColumnName | None = None,
    either: Columns | DatasetPath | None = None,
    rules: dict[ColumnName, Inner] = {},  # noqa: B006
    note: str | None = None,
):
    pass


OPTIONS = options_of(work, "work")


def test_names_that_may_be_left_out_are_found_where_they_are_given():
    options = OPTIONS(table="t.csv", column="a", either="u.csv", note="n")

    assert datasets_in(options) == {"table": ["t.csv"], "either": ["u.csv"]}
    assert columns_in(options) == {"column": ["a"]}


def test_names_in_lists_and_rules_are_found():
    options = OPTIONS(either=["b", "c"], rules={"d": {"beside": "e", "table": "v.csv"}})

    assert columns_in(options) == {"either": ["b", "c"], "rules": ["d"], "rules.d.beside": ["e"]}
    assert datasets_in(options) == {"rules.d.table": ["v.csv"]}


def test_options_that_are_left_out_name_nothing():
    assert columns_in(OPTIONS()) == datasets_in(OPTIONS()) == {}
