"""Dates: shifted by a number of days for each person, so that intervals of a person stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import CellsError, PolicyError, UnencryptableError
from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import is_text, plain
from field_pseudonymisation.techniques.prf import numbers_of
from field_pseudonymisation.techniques.technique import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 86_400
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
TWO_YEARS = 19_358, 20_089  # 2023-01-01 to 2024-12-31
FIRST_DAY, LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31


class DateShift(Base):
    """Adds days that depend on the key and on the value of another column, the entity."""

    def __post_init__(self) -> None:
        kind = self.target.type
        is_date = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
        if not is_date and not is_text(kind):
            raise PolicyError(f"'date_shift' works on dates, moments and texts, not on {kind}")
        if is_text(kind) and not holds_whole_dates(self.options.format):
            raise PolicyError(
                "'format' does not tell all days of the years 1 to 9999 apart, so that shifted "
                "dates could not be read back; give day, month and year of four digits, as "
                "'%Y-%m-%d' does"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        """The entity."""
        return (self.options.entity,)

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the shifted dates."""
        return self._shifted(plain(values), others[self.options.entity], 1)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the dates shifted back; the entity must be as it was."""
        return self._shifted(plain(values), others[self.options.entity], -1)

    def _shifted(self, values: pa.Array, entity: pa.Array, sign: int) -> pa.Array:
        nameless = pc.and_(entity.is_null(), values.is_valid())
        if pc.any(nameless).as_py():
            raise CellsError(
                self.target.column,
                "a date without an entity to shift it by",
                np.flatnonzero(nameless.to_numpy(zero_copy_only=False)),
                "fill or drop these rows",
            )
        days = pc.multiply(per_distinct(plain(entity), self._days), pa.scalar(sign, pa.int64()))
        if is_text(values.type):
            moments = parsed(values, self.options.format, self.target.column)
            shifted = self._add(moments, days)
            return pc.strftime(shifted, self.options.format).cast(values.type)
        return self._add(values, days)

    def _days(self, entity: pa.Array) -> pa.Array:
        present = entity.is_valid().to_numpy(zero_copy_only=False)
        span = self.options.days
        key = self.target.subkey("date_shift", str(span))  # two ranges of one draw would cancel it
        index = (numbers_of(entity.drop_null(), key)[:, 0] % np.uint64(2 * span)).astype(np.int64)
        days = np.zeros(len(entity), np.int64)
        days[present] = np.where(index < span, index - span, index - span + 1)
        return pa.array(days, mask=~present)

    def _add(self, values: pa.Array, days: pa.Array) -> pa.Array:
        kind = values.type
        if pa.types.is_date(kind):
            moved = pc.add(values.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), days)
            self._refuse_beyond(moved)
            return moved.cast(pa.int32()).cast(pa.date32()).cast(kind)
        per_day = SECONDS * PER_SECOND[kind.unit]
        numbers = values.cast(pa.int64())
        try:
            moved = pc.add_checked(numbers, pc.multiply_checked(days, per_day))
        except pa.ArrowInvalid:
            raise self._beyond(()) from None
        self._refuse_beyond(pa.array(np.floor_divide(_filled(moved), per_day), pa.int64()))
        return moved.cast(kind)

    def _refuse_beyond(self, days: pa.Array) -> None:
        numbers = _filled(days)
        beyond = np.flatnonzero((numbers < FIRST_DAY) | (numbers > LAST_DAY))
        if len(beyond):
            raise self._beyond(beyond)

    def _beyond(self, rows: Any) -> UnencryptableError:
        return UnencryptableError(
            self.target.column, "a date that would leave the years 1 to 9999", rows
        )


def _filled(array: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False))


def holds_whole_dates(form: str) -> bool:
    """Return whether a form writes days so that each is read back as itself.

    All days of two years are tried, one a leap year, and one of each year of the calendar.
    """
    spread = np.arange(FIRST_DAY, LAST_DAY, 365, dtype=np.int64)
    days = np.concatenate([spread, np.arange(*TWO_YEARS, dtype=np.int64), [LAST_DAY]])
    moments = pa.array(days * SECONDS, pa.int64()).cast(pa.timestamp("s"))
    try:
        texts = pc.strftime(moments, form)
        again = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    except pa.ArrowException:
        return False
    return bool(pc.all(pc.fill_null(pc.equal(again, moments), False)).as_py())


def parsed(texts: pa.Array, form: str, column: str) -> pa.Array:
    """Return texts as moments; each must be written exactly as the form says.

    Raises:
        UnencryptableError: with the rows of others.
    """
    moments = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    again = pc.strftime(moments, form)
    wrong = pc.and_(texts.is_valid(), pc.invert(pc.fill_null(pc.equal(again, texts), False)))
    if pc.any(wrong).as_py():
        raise UnencryptableError(
            column,
            "a date that is not written as 'format' says",
            np.flatnonzero(wrong.to_numpy(zero_copy_only=False)),
            "correct the data or 'format'",
        )
    return moments
