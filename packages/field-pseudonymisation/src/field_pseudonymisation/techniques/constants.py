"""Techniques that look at no value: redact, replace, nullify, drop, retain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.techniques.technique import Base

if TYPE_CHECKING:
    from collections.abc import Mapping


class Redact(Base):
    """A text in place of every value."""

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return pa.string()

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the text for each value."""
        return constant(values, pa.scalar(self.options.text, self.output), self.options.hide_nulls)


class Replace(Base):
    """A declared value of the column's own type in place of every value."""

    def __post_init__(self) -> None:
        kind, value = self.target.type, self.options.value
        try:
            self._value = pa.scalar(value, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise _other_type(kind) from None
        if pa.types.is_integer(kind) and self._value.as_py() != value:  # 1.7 would become 1
            raise _other_type(kind)

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the declared value for each value."""
        return constant(values, self._value, self.options.hide_nulls)


class Nullify(Base):
    """Nothing in place of every value."""

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return missing values."""
        return pa.nulls(len(values), self.output)


class Retain(Base):
    """Every value as it is."""

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values."""
        return values

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values."""
        return values


def _other_type(kind: pa.DataType) -> PolicyError:
    return PolicyError(f"'value' is not of the type {kind}; correct it, or use 'redact'")


def constant(values: pa.Array, value: pa.Scalar, hide_nulls: bool) -> pa.Array:  # noqa: FBT001
    """Return one value for each, missing ones missing unless these are hidden too."""
    if hide_nulls or not values.null_count:
        return pa.repeat(value, len(values))
    return pc.if_else(values.is_valid(), value, pa.scalar(None, value.type))
