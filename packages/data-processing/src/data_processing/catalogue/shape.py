"""Steps that make several columns of one, one of several, rows of lists, and columns of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from data_processing.steps.parameters import ColumnName, Columns, Rule, described, each_once
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

Names = Annotated[list[str], AfterValidator(each_once)]


class JsonValue(Rule):
    """Where in a JSON document a value is, and of which type."""

    path: Annotated[
        str, described("Where the value is: a JSON Pointer (RFC 6901), such as /address/lines/0.")
    ]
    type: Annotated[
        Literal["auto", "text", "integer", "float", "boolean", "json"],
        described(
            "The type of the column: 'auto' is text for JSON, and the type that it has for a "
            "struct; 'text' takes numbers as they are written, and 'json' anything as JSON."
        ),
    ] = "auto"


@step(plan=True)
def split_column(
    schema: pa.Schema,
    *,
    column: Annotated[ColumnName, described("The column of texts.")],
    into: Annotated[Names, described("Names of the columns that come out.", min_length=1)],
    delimiter: Annotated[str | None, described("The text between two parts.")] = None,
    pattern: Annotated[
        str | None,
        described(r"An expression (RE2) that matches what is between two parts, such as \s*[,;]."),
    ] = None,
    positions: Annotated[
        list[int], described("After how many characters the text is cut, such as [2, 5].")
    ] = [],  # noqa: B006 - a default of a model, which copies it
    too_many: Annotated[
        Literal["error", "rest", "drop", "quarantine"],
        described(
            "What becomes of a text of more parts: an error, the last column gets the rest, the "
            "rest is dropped, or the row is set aside."
        ),
    ] = "error",
    too_few: Annotated[
        Literal["error", "null", "quarantine"],
        described(
            "What becomes of a text of fewer parts: an error, what is not there is missing, or the "
            "row is set aside."
        ),
    ] = "error",
    keep_column: Annotated[bool, described("Whether the column stays beside its parts.")] = False,
) -> Sequence[Any]:
    r"""Split the texts of a column into several columns: at a delimiter, a pattern or places.

    One of 'delimiter', 'pattern' and 'positions' is given. The parts stand in the place of the
    column. A missing text has missing parts, and an empty one has one part, which is empty.
    Characters are code points; classes such as \s are those of Unicode.
    """
    from data_processing.cleaning.splitting import Cut, split

    cut = Cut.of(delimiter, pattern, positions)
    return split(
        "split_column",
        schema,
        column,
        into,
        cut,
        too_many=too_many,
        too_few=too_few,
        keeps=keep_column,
    )


@step(plan=True)
def merge_columns(
    schema: pa.Schema,
    *,
    columns: Annotated[Columns, described("Columns that are joined, in this order.", min_length=2)],
    into: Annotated[str, described("The name of the column that comes out.")],
    separator: Annotated[str, described("What stands between two values.")] = " ",
    missing: Annotated[
        Literal["skip", "null", "empty"],
        described(
            "What a missing value does: it is left out with its separator, makes the whole text "
            "missing, or counts as an empty text."
        ),
    ] = "skip",
    keep_columns: Annotated[
        bool, described("Whether the columns stay beside what is made of them.")
    ] = False,
) -> Sequence[Any]:
    """Join the values of several columns into one text.

    The text stands in the place of the first of the columns. If all values are missing it is
    missing, unless 'missing' is 'empty'. Whole numbers, decimals, dates, moments and truth values
    are written in their one form (1.50, 2024-01-31, true); floats have none and are refused.
    """
    from data_processing.cleaning.splitting import merge

    found = merge("merge_columns", schema, columns, into, separator, missing, keeps=keep_columns)
    return [found]


@step(plan=True)
def explode(
    schema: pa.Schema,
    *,
    column: Annotated[ColumnName, described("The column of lists, or of delimited texts.")],
    delimiter: Annotated[
        str | None, described("What stands between two parts of a text; none for lists.")
    ] = None,
    empty: Annotated[
        Literal["keep", "drop"],
        described(
            "What becomes of a row whose list is empty or missing: it stays with a missing value, "
            "or is dropped and counted."
        ),
    ] = "keep",
) -> Sequence[Any]:
    """Make a row of each element of a list, or of each part of a delimited text.

    The rows of one row follow one another in the order of its elements; all other columns are
    repeated. The report tells rows in and out. An empty text is one part, which is empty.
    """
    from data_processing.cleaning.exploding import explode as explosion

    return explosion("explode", schema, column, delimiter, empty)


@step(plan=True)
def flatten_json(
    schema: pa.Schema,
    *,
    column: Annotated[ColumnName, described("The column of JSON texts, structs or lists.")],
    columns: Annotated[
        dict[str, JsonValue],
        described("Where values are, by the names of the columns that come out.", min_length=1),
    ],
    on_error: Annotated[
        Literal["error", "null", "quarantine"],
        described(
            "What becomes of a text that is no JSON, and of a value of another type: an error, it "
            "is missing, or the row is set aside."
        ),
    ] = "error",
    undeclared: Annotated[
        Literal["count", "error"],
        described("Whether keys that lead to none of the columns are counted, or an error."),
    ] = "count",
    keep_column: Annotated[bool, described("Whether the column stays beside its values.")] = False,
) -> Sequence[Any]:
    """Take values out of JSON texts or structs into columns of their own.

    What comes out is declared: a path (RFC 6901) and a type for each column. A path that leads
    nowhere in a document, and a null, give a missing value. Numbers are taken as they are written;
    a document that repeats a key, or is nested deeper than 100, counts as no JSON. Keys are counted
    and never named, since they may be values.
    """
    from data_processing.cleaning.flattening import flatten

    wanted = {name: (value.path, value.type) for name, value in columns.items()}
    return flatten("flatten_json", schema, column, wanted, on_error, undeclared, keeps=keep_column)
