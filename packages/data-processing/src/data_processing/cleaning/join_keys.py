"""The keys of a join: which columns may be compared, and how missing values are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from data_processing.steps.kinds import WORDS, kind_of
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from data_processing.cleaning.tables import Frame
    from util_services.engines.stages import Rows

KEY, IS_MISSING = "key", "missing"


@dataclass(frozen=True, slots=True)
class Keys:
    """The columns of two datasets whose values are compared, pair by pair."""

    left: tuple[str, ...]
    right: tuple[str, ...]

    @classmethod
    def of(cls, on: Sequence[str], left_on: Sequence[str], right_on: Sequence[str]) -> Keys:
        """Return the keys that options name.

        Raises:
            ConfigurationError: unless they name as many of each side.
        """
        if bool(on) == bool(left_on or right_on):
            raise ConfigurationError("Give either 'on', or 'left_on' and 'right_on'.")
        if len(left_on) != len(right_on):
            raise ConfigurationError("'left_on' and 'right_on' must name as many columns.")
        return cls(tuple(on or left_on), tuple(on or right_on))

    def check(self, left: pa.Schema, right: pa.Schema, *, same_types: bool) -> None:
        """Refuse keys that cannot be compared.

        Args:
            left: the columns of the one dataset.
            right: the columns of the other.
            same_types: whether types must be equal, since values of both come out in one column.

        Raises:
            ConfigurationError: naming the first pair.
        """
        for one, other in zip(self.left, self.right, strict=True):
            kinds = left.field(one).type, right.field(other).type
            mine, theirs = map(kind_of, kinds)
            pair = f"The keys {quoted_name(one)} and {quoted_name(other)}"
            if "other" in (mine, theirs):
                raise ConfigurationError(
                    f"{pair} hold {kinds[0]} and {kinds[1]}, which are no keys; join by texts, "
                    "numbers, dates, times or truth values."
                )
            if mine != theirs and "missing" not in (mine, theirs):
                raise ConfigurationError(
                    f"{pair} hold {WORDS[mine]} and {WORDS[theirs]} ({kinds[0]}, {kinds[1]}); cast "
                    "one of them in a step before."
                )
            if same_types and kinds[0] != kinds[1]:
                raise ConfigurationError(
                    f"{pair} hold {kinds[0]} and {kinds[1]}, and with this 'how' the values of "
                    "both come out in one column; cast one of them in a step before."
                )

    def of_left(self, rows: Rows, columns: Mapping[str, str], *, missing_match: bool) -> Frame:
        """Return columns of the one dataset, and its keys as they are compared."""
        return _keyed(rows, self.left, columns, missing_match=missing_match)

    def of_right(self, rows: Rows, columns: Mapping[str, str], *, missing_match: bool) -> Frame:
        """Return columns of the other dataset, and its keys as they are compared."""
        return _keyed(rows, self.right, columns, missing_match=missing_match)

    def names(self, *, missing_match: bool) -> list[str]:
        """Return what the compared columns are called."""
        numbers = range(len(self.left))
        flags = [f"{IS_MISSING}_{number}" for number in numbers] if missing_match else []
        return [*(f"{KEY}_{number}" for number in numbers), *flags]


def _keyed(
    rows: Rows, names: Sequence[str], columns: Mapping[str, str], *, missing_match: bool
) -> Frame:
    """Return columns, and beside them keys in which missing values are equal to one another or not.

    Engines hold no missing value for equal to another: so it is filled with a value of its type,
    beside a truth value that tells it apart from that value.
    """
    keys = {f"{KEY}_{number}": rows.places[name] for number, name in enumerate(names)}
    chosen = rows.engine.select(rows.frame, {**columns, **keys})
    if not missing_match:
        return chosen
    schema = chosen.collect_schema()
    filled = []
    for number, key in enumerate(keys):
        is_missing = nw.col(key).is_null().alias(f"{IS_MISSING}_{number}")
        filled += [nw.col(key).fill_null(_filler(schema[key])).alias(key), is_missing]
    return chosen.with_columns(*filled)


def _filler(kind: Any) -> Any:
    """Return some value of a type of narwhals'."""
    if isinstance(kind, nw.Datetime):
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC if kind.time_zone else None)
    fillers = {
        nw.String: "",
        nw.Boolean: False,
        nw.Date: dt.date(1970, 1, 1),
        nw.Time: dt.time(0),
        nw.Float32: 0.0,
        nw.Float64: 0.0,
    }
    return next((value for one, value in fillers.items() if isinstance(kind, one)), 0)
