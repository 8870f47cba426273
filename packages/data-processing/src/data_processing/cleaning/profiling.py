"""What is in the columns of a dataset, told in counts, round numbers and names, never in values.

Every number is worked out exactly by the engine and does not depend on batches or threads; what is
told of it is rounded or left out where few rows are behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa

from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.casting import Cast, Floating
from data_processing.cleaning.histograms import Borders, rounded
from data_processing.cleaning.number_texts import NumberFormat
from data_processing.cleaning.row_counts import rows_where, rows_with
from data_processing.cleaning.row_rules import WRITTEN_AS, written_as
from data_processing.cleaning.tables import SIZE, count, schema_of
from data_processing.steps.kinds import NUMBERS, kind_of
from util_services.engines.stages import Tabled
from util_services.errors import quoted_name
from util_services.reports import Figure, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from data_processing.cleaning.tables import Frame
    from data_processing.steps.kinds import Kind
    from util_services.engines.stages import Rows

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOKENS = (
    "", "-", "--", ".", "?", "n/a", "na", "n.a.", "#n/a", "nan", "null", "nil", "none", "missing",
    "unknown", "undefined", "tbd", "xxx", "999", "9999", "-1", "0000-00-00", "1900-01-01",
)  # fmt: skip
EMPTY = "(empty text)"
WRITTEN_NUMBERS = ("integer", "number")
AS_FLOATS = Cast(pa.float64(), Floating(NumberFormat()))
WRITTEN_SHARE = 0.95  # of the texts of a column, which is then told to be of a type
QUASI_ROWS = 2  # rows that share a value of a quasi-identifier on average, at the least
MOST_QUASI_IDENTIFIERS = 8  # the columns with most values, whose combinations are counted
COMPARED: tuple[Kind, ...] = ("text", "boolean", "date", "moment", "zoned", "time", *NUMBERS)
SHOWN = (
    "columns",
    "candidate_keys",
    "candidate_quasi_identifiers",
    "rows_in_small_groups_share",
    "min_count",
)
LIMITS = (
    "A candidate is told by counts alone: whether a column is a key, or lets a person be told from "
    "others, is for somebody to decide who knows what it holds.",
    "Texts are told to be written as a type by their form; no date of another form is guessed.",
)


@dataclass(slots=True)
class Column:
    """What is known of a column.

    Attributes:
        name: the column.
        type: what it holds, in Arrow's words.
        kind: the kind of its values.
        rows: of the dataset.
        missing: how many values are.
        distinct: how many different ones there are; None where they cannot be compared.
        quantiles: of the finite numbers, or of those that texts are written as.
        histogram: how many of these numbers lie in each bin.
        written_as: how many texts are written as values of a type.
        tokens: how many texts are a token that usually stands for a missing value.
    """

    name: str
    type: str
    kind: Kind
    rows: int
    missing: int
    distinct: int | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)
    histogram: Mapping[str, int] = field(default_factory=dict)
    written_as: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)

    @property
    def present(self) -> int:
        """How many values there are."""
        return self.rows - self.missing

    @property
    def is_key(self) -> bool:
        """Whether each row has a value of its own."""
        return self.rows > 1 and self.missing == 0 and self.distinct == self.rows

    @property
    def is_quasi_identifier(self) -> bool:
        """Whether rows share values, so that several such columns may single one out."""
        distinct = self.distinct or 0
        return distinct > 1 and self.present >= QUASI_ROWS * distinct

    @property
    def meant(self) -> str | None:
        """The type that nearly all texts are written as; the narrowest of several."""
        told = sum(self.tokens.values())
        texts = self.present - told
        for kind, number in self.written_as.items():
            if texts > 0 and number >= WRITTEN_SHARE * texts:
                return kind
        return None

    def facts(self, least: int) -> dict[str, Any]:
        """Return what the report holds; counts below a bound are None."""

        def told(number: int) -> int | None:
            return number if number == 0 or number >= least else None

        return {
            "column": self.name,
            "type": self.type,
            "written_as": self.meant,
            "missing": told(self.missing),
            "distinct": self.distinct,
            "quantiles": {f"{one:.0%}": value for one, value in self.quantiles.items()},
            "histogram": {label: told(n) for label, n in self.histogram.items()},
            "tokens": {token: told(n) for token, n in self.tokens.items()},
        }


def profile(rows: Rows, names: Sequence[str], least: int) -> Tabled:
    """Return the rows as they are, and what is told of them.

    Args:
        rows: the rows.
        names: the columns to look at, all if none are named.
        least: the least count of rows that is told.
    """
    schema, total = schema_of(rows), count(rows.engine, rows.frame)
    columns = [_counted(rows, schema.field(name), total) for name in names or schema.names]
    _look_at_texts(rows, [one for one in columns if one.kind == "text"], schema)
    for column, numbers in _numbers(rows, columns):
        _measure(rows, column, numbers, least)
    keys = [one.name for one in columns if one.is_key]
    quasi = [one for one in columns if one.is_quasi_identifier and not one.is_key]
    quasi = sorted(quasi, key=lambda one: -(one.distinct or 0))[:MOST_QUASI_IDENTIFIERS]
    alone = _alone(rows, [one.name for one in quasi], total, least)
    facts = {
        "columns": [one.facts(least) for one in columns],
        "candidate_keys": keys,
        "candidate_quasi_identifiers": [one.name for one in quasi],
        "rows_in_small_groups_share": alone,
        "min_count": least,
    }
    return Tabled(
        rows.frame,
        0,
        facts=facts,
        warnings=_warnings(columns),
        limits=LIMITS,
        sections=(_section(columns, keys, quasi, alone, least),),
    )


def _counted(rows: Rows, of: pa.Field, total: int) -> Column:
    """Return a column with its missing and distinct values counted."""
    values, kind = nw.col(rows.places[of.name]), kind_of(of.type)
    frame = rows.frame.select(values)
    (found,) = rows.engine.rows(frame.select(values.null_count().alias("missing")))
    column = Column(of.name, str(of.type), kind, total, int(found["missing"] or 0))
    if kind in COMPARED:
        present = frame.filter(~values.is_null())
        (found,) = rows.engine.rows(present.select(values.n_unique().alias("distinct")))
        column.distinct = int(found["distinct"] or 0)
    return column


def _numbers(rows: Rows, columns: Sequence[Column]) -> Iterator[tuple[Column, Frame]]:
    """Yield the columns of numbers, or of texts that are written as such, with those finite."""
    for column in columns:
        if column.kind in NUMBERS:
            yield column, _finite(rows.frame, rows.places[column.name])
    texts = [one for one in columns if one.meant in WRITTEN_NUMBERS and not one.is_key]
    if texts:
        places = {f"text_{n}": rows.places[one.name] for n, one in enumerate(texts)}
        schema = pa.schema([(place, pa.float64()) for place in places])
        given = rows.engine.select(rows.frame, places)
        read = rows.engine.materialise(rows.engine.map_batches(given, _read, schema))
        yield from ((one, _finite(read, place)) for one, place in zip(texts, places, strict=True))


def _finite(frame: Frame, place: str) -> Frame:
    value = nw.col(place).cast(nw.Float64)
    return frame.select(value.alias("value")).filter(nw.col("value").is_finite())


def _read(texts: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers that texts are written as; missing where one is none."""
    return with_arrays(
        texts, {str(name): AS_FLOATS(array_of(texts[name])).array for name in texts.columns}
    )


def _measure(rows: Rows, column: Column, numbers: Frame, least: int) -> None:
    """Tell quantiles and a histogram of a column of numbers, as far as enough rows are behind."""
    present = count(rows.engine, numbers)
    shares = [one for one in SHARES if present * min(one, 1 - one) >= least]
    if not shares:
        return
    wanted = [
        nw.col("value").quantile(share, interpolation="linear").alias(f"quantile_{n}")
        for n, share in enumerate(shares)
    ]
    (found,) = rows.engine.rows(numbers.select(*wanted))
    exact = [float(found[f"quantile_{n}"]) for n in range(len(shares))]
    column.quantiles = dict(zip(shares, map(rounded, exact), strict=True))
    borders = Borders.between(exact[0], exact[-1])
    column.histogram = _histogram(rows, numbers, borders)


def _histogram(rows: Rows, numbers: Frame, borders: Borders) -> dict[str, int]:
    """Return how many numbers lie in each bin, below all and above all of them."""
    reached = [
        (nw.col("value") >= border).cast(nw.Int64).sum().alias(f"from_{n}")
        for n, border in enumerate(borders.values)
    ]
    (found,) = rows.engine.rows(numbers.select(nw.len().alias(SIZE), *reached))
    above = [int(found[SIZE]), *(int(found[f"from_{n}"] or 0) for n in range(len(reached)))]
    counts = [more - less for more, less in zip(above, [*above[1:], 0], strict=True)]
    return dict(zip(borders.labels(), counts, strict=True))


def _look_at_texts(rows: Rows, columns: Sequence[Column], schema: pa.Schema) -> None:
    """Tell what the texts of columns are written as, and how many are suspicious tokens."""
    asked = [(column, kind) for column in columns for kind in WRITTEN_AS]
    conditions = [written_as(kind, column.name, schema) for column, kind in asked]
    found = rows_where(rows, conditions, is_true=True)
    for (column, kind), number in zip(asked, found, strict=True):
        column.written_as = {**column.written_as, kind: number}
    counted = rows_with(rows, [column.name for column in columns], TOKENS)
    for column, tokens in zip(columns, counted, strict=True):
        column.tokens = {token or EMPTY: number for token, number in tokens.items() if number}


def _alone(rows: Rows, names: Sequence[str], total: int, least: int) -> float | None:
    """Return the share of rows whose combination of values fewer than some rows have."""
    if not names or not total:
        return None
    keys = {f"key_{n}": rows.places[name] for n, name in enumerate(names)}
    sizes = rows.engine.select(rows.frame, keys).group_by(*keys).agg(nw.len().alias(SIZE))
    small = sizes.filter(nw.col(SIZE) < least).select(nw.col(SIZE).sum().alias(SIZE))
    (found,) = rows.engine.rows(small)
    return rounded(int(found[SIZE] or 0) / total)


def _warnings(columns: Sequence[Column]) -> tuple[str, ...]:
    told = []
    for column in columns:
        if column.rows and not column.present:
            told.append(f"The column {quoted_name(column.name)} holds no value.")
        elif column.distinct == 1 and column.rows > 1 and not column.missing:
            told.append(f"The column {quoted_name(column.name)} holds one value alone.")
    return tuple(told)


def _section(
    columns: Sequence[Column],
    keys: Sequence[str],
    quasi: Sequence[Column],
    alone: float | None,
    least: int,
) -> Section:
    """Return what the report shows of the columns."""
    few = f"< {least}"

    def told(number: int) -> int | str:
        return number if number == 0 or number >= least else few

    overview = tuple(
        (one.name, one.type, one.meant or "", told(one.missing), _distinct(one)) for one in columns
    )
    tokens = tuple(
        (one.name, ", ".join(f"{token}: {told(number)}" for token, number in one.tokens.items()))
        for one in columns
        if one.tokens
    )
    numbers = tuple(
        (one.name, *(one.quantiles.get(share, "") for share in SHARES))
        for one in columns
        if one.quantiles
    )
    tables = [
        Table("Columns", ("column", "type", "written as", "missing", "distinct"), overview),
        Table(
            "Quantiles of numbers",
            ("column", *(f"{share:.0%}" for share in SHARES)),
            numbers,
            "Rounded to two digits; left out where few rows lie beyond.",
        ),
        Table("Tokens that often stand for a missing value", ("column", "rows by token"), tokens),
    ]
    missing = {
        one.name: round(100 * one.missing / one.rows, 1) if told(one.missing) != few else None
        for one in columns
        if one.rows
    }
    figures = [Figure.of("Missing values", "bars", missing, unit="percent")] if missing else []
    for one in columns:
        counts = {
            label: float(number) if number == 0 or number >= least else None
            for label, number in one.histogram.items()
        }
        if counts:
            note = f"Bins of fewer than {least} rows are left out."
            title = f"Numbers in {quoted_name(one.name)}"
            figures.append(Figure.of(title, "columns", counts, unit="rows", note=note))
    return Section(
        "Profile",
        facts={
            "candidate_keys": list(keys),
            "candidate_quasi_identifiers": [one.name for one in quasi],
            "rows_in_small_groups_share": alone,
        },
        tables=tuple(table for table in tables if table.rows),
        figures=tuple(figures),
        definitions={
            "candidate key": "a column in which each row has a value of its own",
            "candidate quasi-identifier": (
                "a column whose values several rows share; together such columns may single a "
                "person out"
            ),
            "rows in small groups": (
                f"rows whose values in all candidate quasi-identifiers fewer than {least} rows have"
            ),
        },
        shows=SHOWN,
    )


def _distinct(column: Column) -> str | int:
    return "" if column.distinct is None else column.distinct
