"""Steps on all rows of a table, or on several tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from data_processing.cleaning.function_names import Function  # noqa: TC001 - read by pydantic
from data_processing.steps.parameters import (
    ColumnName,
    Columns,
    DatasetPath,
    Rule,
    described,
    each_once,
)
from data_processing.steps.step import step

if TYPE_CHECKING:
    from util_services.engines.stages import Rows, Tabled

Names = Annotated[list[str], AfterValidator(each_once)]


class Aggregate(Rule):
    """What a column tells of a group of rows."""

    function: Annotated[
        Function,
        described(
            "How values become one: 'count' without 'of' counts rows; 'first' and 'last' are the "
            "values of these rows, 'any' the first that is present; 'std' has n - 1 degrees of "
            "freedom."
        ),
    ]
    of: Annotated[ColumnName | None, described("The column of the values; none to count rows.")] = (
        None
    )


@step(table=True)
def sort_rows(
    rows: Rows,
    *,
    by: Annotated[
        Columns, described("Columns that decide, the first before the second.", min_length=1)
    ],
    descending: Annotated[
        Columns, described("Those of them whose greatest value comes first.")
    ] = [],  # noqa: B006 - a default of a model, which copies it
    missing: Annotated[
        Literal["first", "last"],
        described("The end at which rows without a value stand, whichever way a column goes."),
    ] = "last",
) -> Tabled:
    """Put rows into the order of some columns.

    Rows that are equal in it keep the order that they had. Texts are ordered by code points: 'B'
    comes before 'a', and '10' before '9'.
    """
    from data_processing.cleaning.sorting import sort

    return sort(rows, by, descending, missing)


@step(table=True)
def sample_rows(
    given: Rows,
    *,
    rows: Annotated[
        int | None, described("How many rows are taken, or of each group of 'by'.", ge=0)
    ] = None,
    share: Annotated[
        float | None,
        described(
            "Which share of all rows, or of each group, is taken, between 0 and 1.", ge=0, le=1
        ),
    ] = None,
    by: Annotated[
        Columns, described("Columns whose values make groups, of each of which rows are taken.")
    ] = [],  # noqa: B006
    seed: Annotated[int, described("Decides which rows are taken.", ge=0, lt=2**63)] = 0,
) -> Tabled:
    """Take some rows by chance, in the order that they have.

    Either 'rows' or 'share' is given. The same seed takes the same rows of the same input,
    whichever engine is at work; a larger sample of one seed holds the smaller one. Numbers of rows
    are rounded to the nearest. A missing value makes a group of its own.
    """
    from data_processing.cleaning.sampling import sample

    return sample(given, rows, share, by, seed)


@step(table=True)
def join_datasets(
    rows: Rows,
    *,
    right: Annotated[DatasetPath, described("The other dataset: a path in the same storage.")],
    on: Annotated[Columns, described("The key: columns that both datasets have.")] = [],  # noqa: B006
    left_on: Annotated[Columns, described("The key here, where names differ.")] = [],  # noqa: B006
    right_on: Annotated[Names, described("The key of the other dataset, in the same order.")] = [],  # noqa: B006
    how: Annotated[
        Literal["inner", "left", "right", "outer", "semi", "anti"],
        described(
            "Which rows come out: those with a match ('inner'), also those of this dataset "
            "('left'), of the other ('right') or of both ('outer') without one; or this dataset's "
            "columns alone of rows with a match ('semi') or without one ('anti')."
        ),
    ] = "left",
    cardinality: Annotated[
        Literal["one_to_one", "one_to_many", "many_to_one", "many_to_many"],
        described(
            "How often a key may stand here and there; one that stands more often is an error. It "
            "has no meaning for 'semi' and 'anti'."
        ),
    ] = "many_to_one",
    null_equals_null: Annotated[
        bool, described("Whether a missing key matches a missing one; else it matches nothing.")
    ] = False,
    right_columns: Annotated[
        Names,
        described("Columns of the other dataset that come out; all but its key if none is named."),
    ] = [],  # noqa: B006
    suffix: Annotated[
        str, described("What lengthens the name of such a column where this dataset has it too.")
    ] = "_right",
) -> Tabled:
    """Join rows with those of another dataset that have the same key.

    By default it is a look-up: each row stays, once, with the columns of the one row over there
    that has its key. The key is given by 'on', or by 'left_on' and 'right_on', and comes out under
    the names that it has here. Rows stand in the order of this dataset, then of the other. The
    report tells how many rows of each have a match.
    """
    from data_processing.cleaning.join_keys import Keys
    from data_processing.cleaning.joining import Plan, join

    keys = Keys.of(on, left_on, right_on)
    plan = Plan(keys, how, cardinality, null_equals_null, tuple(right_columns), suffix)
    return join(rows, rows.others[right], plan)


@step(table=True)
def concat_datasets(
    rows: Rows,
    *,
    others: Annotated[
        list[DatasetPath],
        described("The other datasets, in their order: paths in the same storage.", min_length=1),
    ],
    missing_columns: Annotated[
        Literal["error", "fill"],
        described(
            "What becomes of a column that not all datasets have: an error, or its values are "
            "missing there."
        ),
    ] = "error",
    as_text: Annotated[
        Names, described("Columns that become text, since datasets have them in several types.")
    ] = [],  # noqa: B006
) -> Tabled:
    """Put the rows of other datasets behind those of this one.

    Columns of one name stand below each other, wherever they stand in their datasets; those that
    others bring come last. Types must be equal; whole numbers, floats and texts of several sizes
    come out in the largest. Whole numbers, decimals, dates, moments and truth values can be made
    text by 'as_text'.
    """
    from data_processing.cleaning.concatenating import concatenate

    return concatenate(rows, others, missing_columns, as_text)


@step(table=True)
def aggregate_data(
    rows: Rows,
    *,
    columns: Annotated[
        dict[str, Aggregate],
        described(
            "What is told of each group, by the names of the columns, such as {total: {of: amount, "
            "function: sum}}.",
            min_length=1,
        ),
    ],
    by: Annotated[
        Columns, described("Columns whose values make groups; none for all rows as one.")
    ] = [],  # noqa: B006
) -> Tabled:
    """Make one row of each group of rows, with counts, sums and the like.

    A missing value in 'by' makes a group of its own. Missing values have no part in a function; of
    none there is no result, and their count is 0. Sums are exact: of whole numbers in 64 bits, of
    decimals with 38 digits, of floats rounded once. Groups stand in the order in which they first
    appear.
    """
    from data_processing.cleaning.aggregating import Wanted, aggregate

    wanted = {name: Wanted(one.function, one.of) for name, one in columns.items()}
    return aggregate(rows, by, wanted)


@step(table=True)
def pivot(
    rows: Rows,
    *,
    names_from: Annotated[ColumnName, described("The column whose values become columns.")],
    values_from: Annotated[ColumnName, described("The column whose values stand in them.")],
    columns: Annotated[
        dict[str, str],
        described(
            "The names of the new columns by the values that become them, such as {'2023': y2023}.",
            min_length=1,
        ),
    ],
    by: Annotated[
        Columns, described("Columns whose values make the rows; none for a single row.")
    ] = [],  # noqa: B006
    function: Annotated[
        Literal["only", "any", "count", "sum", "mean", "median", "std", "min", "max"],
        described(
            "What becomes of several values of one cell; with 'only' they are an error. 'any' is "
            "the first of them."
        ),
    ] = "only",
    undeclared: Annotated[
        Literal["error", "count"],
        described("Whether rows with a value that is not declared, or none, are an error."),
    ] = "error",
) -> Tabled:
    """Make columns of the values of a column.

    The values are declared, since names of columns count as public. A row comes out for each group
    of 'by', in the order in which groups first appear, also where none of its values is declared; a
    cell without a value is missing, and a count of none is 0. All other columns are left out.
    """
    from data_processing.cleaning.pivoting import pivot as pivoted

    return pivoted(rows, by, names_from, values_from, columns, function, undeclared)


@step(table=True)
def unpivot(
    rows: Rows,
    *,
    columns: Annotated[
        Columns, described("Columns that become rows, in this order.", min_length=1)
    ],
    names_to: Annotated[str, described("The new column of their names.")] = "name",
    values_to: Annotated[str, described("The new column of their values.")] = "value",
    missing: Annotated[
        Literal["keep", "drop"], described("Whether a missing value makes a row.")
    ] = "keep",
) -> Tabled:
    """Make rows of columns: one for each of them of each row, with its name and its value.

    All other columns are repeated. The rows of one row follow one another. The columns must be of
    one kind; whole numbers, floats and texts of several sizes come out in the largest.
    """
    from data_processing.cleaning.pivoting import unpivot as unpivoted

    return unpivoted(rows, columns, names_to, values_to, missing)
