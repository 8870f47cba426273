"""Steps that prepare columns for models: scaling, encoding and binning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from data_processing.rules.features import BinRule, EncodeRule, ScaleRule  # noqa: TC001
from data_processing.steps.parameters import ColumnName, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


@step(plan=True)
def scale(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, ScaleRule],
        described("Columns of numbers, and how they are scaled.", min_length=1),
    ],
) -> Sequence[Any]:
    """Bring numbers to one scale; the columns become columns of floats.

    Statistics are exact and the same for every engine, the deviation has one degree of freedom less
    than there are values, and quantiles are those of Hyndman and Fan (1996), type 7. Missing and
    infinite values have no part in them and stay what they are. Where all values are equal they
    become 0, and the report warns of it.
    """
    from data_processing.cleaning.scaling import scaled

    return scaled(schema, columns)


@step(plan=True)
def encode(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, EncodeRule],
        described("Columns of texts, whole numbers or booleans, and their codes.", min_length=1),
    ],
) -> Sequence[Any]:
    """Make numbers of categories.

    Without declared categories, one_hot takes the most frequent values (of equally frequent ones
    the smaller first) and ordinal all values in ascending order, texts by their code points. A
    missing value is 0 in all columns of one_hot, and stays missing otherwise. Columns of one_hot
    take the place of the column, behind all others.
    """
    from data_processing.cleaning.encoding import encoded

    return encoded(schema, columns)


@step(plan=True)
def bin(  # noqa: A001 - the name that recipes know
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, BinRule],
        described("Columns of numbers, and their intervals.", min_length=1),
    ],
) -> Sequence[Any]:
    """Make intervals of numbers, written as [20, 30) where the left end belongs to them.

    A value always lies in the interval that is written for it. Intervals between quantiles or given
    edges reach to the infinities on both sides. Missing values stay missing. Quantiles are exact,
    by Hyndman and Fan (1996), type 7; equal ones make one edge.
    """
    from data_processing.cleaning.binning import binned

    return binned(schema, columns)
