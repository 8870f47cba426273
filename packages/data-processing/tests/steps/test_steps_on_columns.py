"""Steps that choose, name, order and compute columns, and the choice of rows."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_names import ODD

from data_processing.cleaning.names import snake_case
from util_services.errors import ConfigurationError, DatasetError

TABLE = {"id": [1, 2, 3], "name": ["Ann", None, "Bo"], "age": [17, None, 40]}


def odd_table():
    return pa.table({name: [n, n + 1] for n, name in enumerate(ODD)})


def refused(cleaned, table, step):
    with pytest.raises(ConfigurationError) as error:
        cleaned(table, step)
    return str(error.value)


# --- filter_rows ---------------------------------------------------------------------------------


def test_rows_stay_where_the_condition_holds_and_not_where_it_is_missing(cleaned):
    done = cleaned(TABLE, {"step": "filter_rows", "keep": "age >= 18"})

    assert done.column("id") == [3]
    assert done.counts() == [(3, 1, 2, 0)]


def test_rows_go_where_a_condition_to_drop_holds_and_not_where_it_is_missing(cleaned):
    done = cleaned(TABLE, {"step": "filter_rows", "drop": "age >= 18"})

    assert done.column("id") == [1, 2]
    assert done.counts() == [(3, 2, 1, 0)]


def test_rows_that_do_not_stay_can_be_set_aside(cleaned):
    step = {"step": "filter_rows", "drop": "name IS NULL", "others": "quarantine"}

    done = cleaned(TABLE, step)

    assert done.counts() == [(3, 2, 0, 1)]
    assert done.quarantine == [
        {
            "row": 1,
            "step": "filter_rows",
            "reason": "the row is one that the condition leaves out",
            "record": {"id": 2, "name": None, "age": None},
        }
    ]


def test_a_condition_limits_the_choice_to_other_rows(cleaned):
    done = cleaned(TABLE, {"step": "filter_rows", "keep": "age >= 18", "where": "id < 3"})

    assert done.column("id") == [3]


@pytest.mark.parametrize("conditions", [{}, {"keep": "age > 1", "drop": "age > 1"}])
def test_one_condition_is_needed(cleaned, conditions):
    assert refused(cleaned, TABLE, {"step": "filter_rows", **conditions}) == (
        "steps[0] (filter_rows): Give either 'keep' or 'drop'."
    )


def test_a_mistake_in_a_condition_names_the_step(cleaned):
    assert refused(cleaned, TABLE, {"step": "filter_rows", "keep": "aeg > 1"}) == (
        "steps[0] (filter_rows): The expression 'aeg > 1' names the column 'aeg', which the "
        "dataset does not have. Did you mean 'age'? Write texts in ' and odd names in \"."
    )


# --- select, drop, reorder -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ({"step": "select_columns", "columns": ["age", "id"]}, ["age", "id"]),
        ({"step": "drop_columns", "columns": ["name"]}, ["id", "age"]),
        ({"step": "reorder_columns", "columns": ["age"]}, ["age", "id", "name"]),
        ({"step": "reorder_columns", "columns": ["name", "id"], "place": "last"},
         ["age", "name", "id"]),
    ],
)  # fmt: skip
def test_columns_come_out_in_the_order_that_is_asked_for(cleaned, step, names):
    done = cleaned(TABLE, step)

    assert done.table.equals(pa.table(TABLE).select(names))
    assert not done.note.changed


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_chosen_and_renamed(cleaned, name):
    others = [other for other in ODD if other != name]

    assert cleaned(odd_table(), {"step": "select_columns", "columns": [name]}).table.equals(
        odd_table().select([name])
    )
    assert cleaned(odd_table(), {"step": "drop_columns", "columns": [name]}).table.equals(
        odd_table().select(others)
    )
    turned = cleaned(
        {"x": [1], name: [2]}, {"step": "rename_columns", "columns": {name: "x", "x": name}}
    )
    assert turned.rows() == [{name: 1, "x": 2}]


@pytest.mark.parametrize("step", ["select_columns", "drop_columns", "reorder_columns"])
def test_a_column_that_is_not_there_is_named(cleaned, step):
    assert refused(cleaned, TABLE, {"step": step, "columns": ["nmae"]}) == (
        f"steps[0] ({step}): 'columns' names columns that the dataset does not have: 'nmae'. Did "
        "you mean 'name'? The dataset has 'id', 'name', 'age'."
    )


def test_at_least_one_column_is_left(cleaned):
    assert refused(cleaned, {"a": [1]}, {"step": "drop_columns", "columns": ["a"]}) == (
        "steps[0] (drop_columns): No column would be left; leave at least one."
    )


@pytest.mark.parametrize(
    "step",
    [
        {"step": "select_columns", "columns": ["id"]},
        {"step": "drop_columns", "columns": ["name"]},
        {"step": "rename_columns", "columns": {"name": "n"}},
    ],
)
def test_a_condition_cannot_take_columns_from_some_rows(cleaned, step):
    assert refused(cleaned, TABLE, {**step, "where": "id > 1"}) == (
        f"steps[0] ({step['step']}): 'where' cannot limit a step that takes columns away or "
        "renames them; take it out."
    )


def test_types_stay(cleaned):
    table = pa.table(
        {
            "small": pa.array([1], pa.uint8()),
            "at": pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")),
            "deep": pa.array([[{"a.b": None}]], pa.list_(pa.struct({"a.b": pa.int16()}))),
        }
    )

    done = cleaned(table, {"step": "reorder_columns", "columns": ["deep"]})

    assert done.table.schema.types == [table.schema.field(n).type for n in ("deep", "small", "at")]


# --- rename --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # ActiveSupport's documentation of String#underscore has the first two
        ("ActiveModel", "active_model"),
        ("HTMLTidyGenerator", "html_tidy_generator"),
        ("Patient ID", "patient_id"),
        ("patientId", "patient_id"),
        ("  date-of.birth (UTC) ", "date_of_birth_utc"),
        ("covid19", "covid19"),
        ("address2Line", "address2_line"),
        ("ID", "id"),
        ("Größe\u00a0in\u2003cm", "größe_in_cm"),
        ("cafe\u0301Noir", "café_noir"),
        ("名前", "名前"),
        ("already_there", "already_there"),
        ("__", ""),
        ("🦆", ""),
    ],
)
def test_snake_case_names(name, expected):
    assert snake_case(name) == expected


@given(st.text(max_size=20))
def test_a_snake_case_name_stays_as_it_is(name):
    once = snake_case(name)

    assert snake_case(once) == once


def test_names_are_given_by_a_map_before_the_rule(cleaned):
    table = {"Patient ID": [1], "dateOfBirth": [2], "x": [3]}
    step = {"step": "rename_columns", "columns": {"x": "Some Thing"}, "rule": "snake_case"}

    assert cleaned(table, step).rows() == [{"patient_id": 1, "date_of_birth": 2, "Some Thing": 3}]


@pytest.mark.parametrize(
    ("table", "options", "reason"),
    [
        ({"a": [1], "b": [1]}, {"columns": {"a": "b"}},
         "The columns 'b' and 'b' are equal, and engines cannot tell such apart; choose another "
         "name."),
        ({"a": [1], "b": [1]}, {"columns": {"a": "B"}},
         "The columns 'B' and 'b' differ in case alone, and engines cannot tell such apart; choose "
         "another name."),
        ({"a b": [1], "a-b": [1]}, {"rule": "snake_case"},
         "The columns 'a_b' and 'a_b' are equal, and engines cannot tell such apart; choose "
         "another name."),
        ({"a": [1], "***": [1]}, {"rule": "snake_case"},
         "The rule 'snake_case' leaves nothing of the names '***'; name them under 'columns'."),
    ],
)  # fmt: skip
def test_names_that_clash_are_refused(cleaned, table, options, reason):
    sentence = refused(cleaned, table, {"step": "rename_columns", **options})

    assert sentence == f"steps[0] (rename_columns): {reason}"


def test_an_empty_name_leaves_the_rule_to_work(cleaned):
    sentence = refused(cleaned, {"a": [1]}, {"step": "rename_columns", "columns": {"a": ""}})

    assert sentence == "steps[0] (rename_columns): A column would have no name; give it one."


# --- derive --------------------------------------------------------------------------------------


def test_columns_are_computed_from_the_columns_as_they_were(cleaned):
    table = {"weight": [80.0, None, 60.0], "height": [2.0, 1.5, 1.0]}
    columns = {
        "bmi": "weight / (height * height)",
        "height": "height * 100",
        "is_tall": "height > 1.8",
    }

    done = cleaned(table, {"step": "derive", "columns": columns})

    assert done.rows() == [
        {"weight": 80.0, "height": 200.0, "bmi": 20.0, "is_tall": True},
        {"weight": None, "height": 150.0, "bmi": None, "is_tall": False},
        {"weight": 60.0, "height": 100.0, "bmi": 60.0, "is_tall": False},
    ]
    assert dict(done.note.changed) == {"height": 3}


def test_a_condition_limits_which_rows_are_computed(cleaned):
    table = {"price": [1.0, 2.0], "currency": ["USD", "EUR"]}
    step = {
        "step": "derive",
        "columns": {"price": "price * 0.5", "was": "currency"},
        "where": "currency = 'USD'",
    }

    assert cleaned(table, step).rows() == [
        {"price": 0.5, "currency": "USD", "was": "USD"},
        {"price": 2.0, "currency": "EUR", "was": None},
    ]


def test_a_condition_leaves_nested_columns_alone(cleaned):
    table = pa.table(
        {
            "n": [1, 2, 3],
            "list": [[1], None, []],
            "struct": [{"a": [1]}, {"a": None}, None],
            "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int8())),
            "nothing": pa.nulls(3),
        }
    )

    done = cleaned(table, {"step": "derive", "columns": {"n": "n * 10"}, "where": "n <> 2"})

    assert done.column("n") == [10, 2, 30]
    assert done.table.drop_columns(["n"]).to_pydict() == table.drop_columns(["n"]).to_pydict()


def test_a_condition_cannot_change_the_type_of_some_rows(cleaned):
    step = {"step": "derive", "columns": {"id": "cast(id AS text)"}, "where": "id > 1"}

    assert refused(cleaned, TABLE, step) == (
        "steps[0] (derive): 'where' cannot limit a step that changes the type of a column; cast "
        "the whole column first."
    )


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"ID": "id + 1"}, "The columns 'id' and 'ID' differ in case alone, and engines cannot "
                           "tell such apart; choose another name."),
        ({"": "id + 1"}, "A column would have no name; give it one."),
        ({"x": "NULL"}, "The column 'x' would be of no type that a dataset holds; cast the "
                        "expression, as in cast(NULL AS text)."),
        ({"x": "INTERVAL 1 DAY"}, "The column 'x' would be of no type that a dataset holds; cast "
                                  "the expression, as in cast(NULL AS text)."),
    ],
)  # fmt: skip
def test_columns_that_cannot_be_are_refused(cleaned, columns, reason):
    sentence = refused(cleaned, TABLE, {"step": "derive", "columns": columns})

    assert sentence == f"steps[0] (derive): {reason}"


def test_a_value_that_cannot_be_computed_with_ends_the_run_without_being_quoted(cleaned):
    with pytest.raises(DatasetError) as error:
        cleaned({"t": ["x-secret"]}, {"step": "derive", "columns": {"n": "cast(t AS integer)"}})

    assert str(error.value) == (
        "steps[0] (derive): The expression 'cast(t AS integer)' casts a value that is not written "
        "as its type asks for a value of 't'; use try_cast for a missing value instead."
    )


def test_empty_tables_keep_their_columns_and_get_new_ones(cleaned):
    table = pa.table({"a": pa.array([], pa.int32())})

    done = cleaned(
        table,
        {"step": "derive", "columns": {"b": "a / 2", "c": "cast(a AS text)"}},
        {"step": "filter_rows", "keep": "b > 1"},
    )

    assert done.table.schema == pa.schema([("a", "int32"), ("b", "double"), ("c", "string")])


def test_spark_gives_the_same(cleaned, cleaned_on_spark):
    table = pa.table(
        {
            "Patient ID": range(40),
            "City": pa.array(["Rome", "ROME ", None, "Łódź"] * 10),
            "a.b": pa.array([0.5, None, -0.0, 2.5] * 10),
        }
    )
    recipe = [
        {"step": "rename_columns", "rule": "snake_case", "columns": {"a.b": "*"}},
        {"step": "derive", "columns": {"key": "upper(trim(city))", "half": '"*" / 2'}},
        {"step": "filter_rows", "drop": "half > 1", "others": "quarantine"},
        {"step": "reorder_columns", "columns": ["key"]},
    ]

    there, here = cleaned_on_spark(table, *recipe), cleaned(table, *recipe)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
    assert there.quarantine == here.quarantine
