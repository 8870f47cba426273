"""Generalisation: a wider class in place of each value."""

from __future__ import annotations

import ipaddress
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.techniques.dates import parsed
from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import is_text, joined, plain
from field_pseudonymisation.techniques.technique import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

MONTHS_OF_QUARTER = 3
EXACT = 1 << 53


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


class Generalise(Base):
    """Bins, rounding, date parts, prefixes and networks."""

    def __post_init__(self) -> None:
        kind, by = self.target.type, self.options.by
        if by in {"bins", "edges", "rounding"} and not _is_number(kind):
            raise PolicyError(f"'by: {by}' works on numbers, not on {kind}; cast the column first")
        if by == "date" and not (
            is_text(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
        ):
            raise PolicyError(f"'by: date' works on dates, moments and texts, not on {kind}")
        if by in {"prefix", "ip"} and not is_text(kind):
            raise PolicyError(f"'by: {by}' works on texts, not on {kind}")

    @property
    def output(self) -> pa.DataType:
        """Texts; numbers stay numbers when they are rounded."""
        return self.target.type if self.options.by == "rounding" else pa.string()

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the classes."""
        work = {
            "bins": self._bins,
            "edges": self._edges,
            "rounding": self._rounded,
            "date": self._dates,
            "prefix": self._prefixes,
            "ip": self._networks,
        }[self.options.by]
        return per_distinct(plain(values), work).cast(self.output)

    def _numbers(self, values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers, 0 for missing ones, and which are not missing."""
        present = values.is_valid().to_numpy(zero_copy_only=False)
        filled = pc.fill_null(values.cast(pa.float64(), safe=False), 0.0)
        numbers = filled.to_numpy(zero_copy_only=False)
        odd = ~np.isfinite(numbers)
        odd |= np.abs(numbers) >= EXACT
        if odd.any():
            raise CellsError(
                self.target.column,
                "numbers that are not finite or beyond 2^53",
                np.flatnonzero(odd),
                "correct or nullify them",
            )
        return numbers, present

    def _bins(self, values: pa.Array) -> pa.Array:
        numbers, present = self._numbers(values)
        width, origin = self.options.width, self.options.origin
        bins = np.floor((numbers - origin) / width)
        low = origin + bins * width
        bins += (numbers >= low + width).astype(float) - (numbers < low)  # what rounding did
        found, index = np.unique(bins, return_inverse=True)
        edges = [(origin + n * width, origin + (n + 1) * width) for n in found]
        labels = [f"[{_shown(low)}, {_shown(high)})" for low, high in edges]
        return _labelled(labels, index, present)

    def _edges(self, values: pa.Array) -> pa.Array:
        numbers, present = self._numbers(values)
        edges = self.options.edges
        inner = [f"[{_shown(a)}, {_shown(b)})" for a, b in itertools.pairwise(edges)]
        labels = [f"< {_shown(edges[0])}", *inner, f">= {_shown(edges[-1])}"]
        return _labelled(labels, np.searchsorted(edges, numbers, side="right"), present)

    def _rounded(self, values: pa.Array) -> pa.Array:
        base = self.options.base
        numbers, present = self._numbers(values)
        rounded = np.rint(numbers / base) * base
        result = pa.array(rounded, mask=~present)
        try:
            return result.cast(values.type)
        except pa.ArrowInvalid:
            raise CellsError(
                self.target.column,
                f"multiples of 'base' that {values.type} cannot hold",
                (),
                "choose a whole 'base'",
            ) from None

    def _dates(self, values: pa.Array) -> pa.Array:
        moments = values
        if is_text(values.type):
            moments = parsed(values, self.options.format, self.target.column)
        elif pa.types.is_timestamp(values.type) and values.type.tz:
            moments = pc.local_timestamp(values)
        year = pc.utf8_lpad(pc.year(moments).cast(pa.string()), 4, "0")
        match self.options.level:
            case "decade":
                return joined(pa.string(), pc.utf8_slice_codeunits(year, 0, 3), "0s")
            case "year":
                return year
            case "quarter":
                quarter = pc.quarter(moments).cast(pa.string())
                return joined(pa.string(), year, quarter, separator="-Q")
            case "month":
                month = pc.utf8_lpad(pc.month(moments).cast(pa.string()), 2, "0")
                return joined(pa.string(), year, month, separator="-")
            case _:
                iso = pc.iso_calendar(moments)
                week = pc.utf8_lpad(pc.struct_field(iso, "iso_week").cast(pa.string()), 2, "0")
                owner = pc.struct_field(iso, "iso_year").cast(pa.string())
                weeks = joined(pa.string(), pc.utf8_lpad(owner, 4, "0"), week, separator="-W")
                return pc.if_else(moments.is_valid(), weeks, pa.scalar(None, pa.string()))

    def _prefixes(self, values: pa.Array) -> pa.Array:
        keep = self.options.keep
        cut = pc.utf8_slice_codeunits(values, 0, keep)
        hidden = joined(values.type, cut, "*")
        is_short = pc.less_equal(pc.utf8_length(values), keep)
        return pc.if_else(is_short, pa.scalar("*", values.type), hidden)

    def _networks(self, values: pa.Array) -> pa.Array:
        found: list[str | None] = []
        wrong = []
        for row, text in enumerate(values.to_pylist()):
            try:
                found.append(None if text is None else self._network(text))
            except ValueError:
                found.append(None)
                wrong.append(row)
        if wrong:
            raise CellsError(self.target.column, "texts that are no IP addresses", wrong)
        return pa.array(found, pa.string())

    def _network(self, text: str) -> str:
        address = ipaddress.ip_address(text)
        length = self.options.ipv4 if address.version == 4 else self.options.ipv6
        return str(ipaddress.ip_network((address, length), strict=False))


def _labelled(labels: list[str], index: np.ndarray, present: np.ndarray) -> pa.Array:
    return pa.array(labels, pa.string()).take(pa.array(index, mask=~present))


def _shown(number: float) -> str:
    whole: Any = int(number) if float(number).is_integer() else number
    return f"{whole:.12g}" if isinstance(whole, float) else str(whole)
