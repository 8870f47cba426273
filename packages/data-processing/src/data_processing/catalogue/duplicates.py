"""Steps on rows that repeat one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from data_processing.steps.parameters import ColumnName, Columns, Rule, described, each_once
from data_processing.steps.step import step

if TYPE_CHECKING:
    from util_services.engines.stages import Rows, Tabled

Differences = Annotated[list[Literal["case", "whitespace", "accents"]], AfterValidator(each_once)]


@step(table=True)
def remove_duplicates(
    rows: Rows,
    *,
    subset: Annotated[
        Columns, described("Columns that make two rows equal; all columns if none are named.")
    ] = [],  # noqa: B006 - a default of a model, which copies it
    keep: Annotated[
        Literal["first", "last", "none", "any"],
        described(
            "Which row of a group stays: the first or last in the order of 'order_by', else of the "
            "input; none of them; or any, left to the engine."
        ),
    ] = "first",
    order_by: Annotated[
        Columns,
        described(
            "Columns whose ascending order decides which row is first; rows without a value in "
            "them come behind all others, whichever is kept."
        ),
    ] = [],  # noqa: B006
    ignore: Annotated[
        Differences,
        described("Differences between texts that do not count; the published text is unchanged."),
    ] = [],  # noqa: B006
) -> Tabled:
    """Remove rows that repeat another row.

    Rows are equal when the columns named in 'subset', or all columns, are equal; 'ignore' leaves
    out differences in case, whitespace and accents. The row that 'keep' and 'order_by' choose stays
    as it is, and the rows that stay keep their order. The report counts groups and rows.
    """
    from data_processing.cleaning import duplicates

    return duplicates.remove_duplicates(rows, subset, keep, order_by, ignore)


class Comparison(Rule):
    """How the values of one column are compared."""

    method: Annotated[
        Literal["exact", "jaro_winkler", "levenshtein", "words"],
        described(
            "How near two texts are, from 0 to 1: equal or not; by Jaro and Winkler, made for "
            "names; by the characters to change; or by the words that they share, in any order."
        ),
    ] = "jaro_winkler"
    weight: Annotated[
        float, described("How much the column counts.", gt=0, allow_inf_nan=False)
    ] = 1.0


class Block(Rule):
    """Rows that are compared with one another: those that are equal in some columns."""

    columns: Annotated[Columns, described("The columns.", min_length=1)]
    characters: Annotated[
        int | None,
        described("Only the first characters of texts must be equal, so many of them.", ge=1),
    ] = None


@step(table=True)
def link_duplicates(
    rows: Rows,
    *,
    compare: Annotated[
        dict[ColumnName, Comparison],
        described("Columns whose values tell whether two rows are one.", min_length=1),
    ],
    blocks: Annotated[
        list[Block],
        described(
            "Which rows are compared: those that are equal in the columns of any block.",
            min_length=1,
        ),
    ],
    threshold: Annotated[
        float, described("The score from which two rows are linked.", gt=0, le=1)
    ] = 0.85,
    ignore: Annotated[
        Differences,
        described(
            "Differences between texts that do not count.",
            default_factory=lambda: ["case", "whitespace", "accents"],
        ),
    ],
    keep: Annotated[
        Literal["all", "first", "last", "most_complete"],
        described(
            "Which rows of a cluster stay: all; the first or the last; or the one with the most "
            "values, of several the first."
        ),
    ] = "all",
    max_block_rows: Annotated[
        int, described("Rows that are equal in a block with more others are not compared.", ge=2)
    ] = 1000,
    cluster_column: Annotated[
        str, described("The new column that tells the cluster of a row.")
    ] = "cluster_id",
    score_column: Annotated[
        str, described("The new column that tells how near a row is to another of its cluster.")
    ] = "score",
) -> Tabled:
    """Link rows that probably speak of the same person or thing, though they differ.

    Rows that agree in a block are compared; their score is the weighted mean of how near their
    values are, of the columns in which both have one, if these have half of all weight. Rows from
    the threshold on are linked, and rows that are linked over others make one cluster. The cluster
    of a row is the number of its first row, from 0; the score is that of its nearest, missing where
    a row is alone. The report counts pairs and clusters.
    """
    from data_processing.cleaning import linking

    return linking.link(
        rows,
        linking.Plan(
            {name: (rule.method, rule.weight) for name, rule in compare.items()},
            tuple((tuple(one.columns), one.characters) for one in blocks),
            threshold,
            tuple(ignore),
            keep,
            max_block_rows,
            cluster_column,
            score_column,
        ),
    )
