"""Which columns come out, in which order and under which names, and columns computed of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from data_processing.cleaning.names import named_by, refuse_clashes
from util_services.engines.stage_batches import Map
from util_services.errors import ConfigurationError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from data_processing.cleaning.names import NameRule
    from data_processing.steps.expressions import Expression


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Columns of the input by their names in the output, in the order of the output."""

    names: Mapping[str, str]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return these columns."""
        return frame[list(self.names.values())].set_axis(list(self.names), axis="columns")

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out."""
        return pa.schema([given.field(old).with_name(new) for new, old in self.names.items()])


@dataclass(frozen=True, slots=True)
class Derivation:
    """New columns by their names, all computed from the columns as they go in."""

    columns: Mapping[str, Expression]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the new columns, in place of such as were called so before."""
        return frame.assign(**{name: compute(frame) for name, compute in self.columns.items()})

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out."""
        kinds = {field.name: field.type for field in given}
        kinds |= {name: expression.type for name, expression in self.columns.items()}
        return pa.schema(list(kinds.items()))


def arranged(step: str, schema: pa.Schema, names: Mapping[str, str]) -> Map:
    """Return the step that leaves some columns, under new names that map to the old ones.

    Raises:
        ConfigurationError: if no column is left, or names clash.
    """
    if not names:
        raise ConfigurationError("No column would be left; leave at least one.")
    refuse_clashes(names)
    same = {new for new, old in names.items() if new == old}
    written = (set(schema.names) | set(names)) - same
    arrangement = Arrangement(dict(names))
    return Map(step, arrangement, frozenset(written), arrangement.schema)


def dropped(step: str, schema: pa.Schema, columns: Sequence[str]) -> Map:
    """Return the step that takes some columns away."""
    left = [name for name in schema.names if name not in columns]
    return arranged(step, schema, {name: name for name in left})


def renamed(step: str, schema: pa.Schema, columns: Mapping[str, str], rule: NameRule) -> Map:
    """Return the step that gives columns the names that are given for them, or by a rule.

    Raises:
        ConfigurationError: if names clash, or the rule leaves nothing of a name.
    """
    names = {name: named_by(rule, name) for name in schema.names} | dict(columns)
    nameless = [old for old, new in names.items() if not new and old not in columns]
    if nameless:
        raise ConfigurationError(
            f"The rule '{rule}' leaves nothing of the names {quoted(nameless)}; name them under "
            "'columns'."
        )
    refuse_clashes(names.values())
    return arranged(step, schema, {new: old for old, new in names.items()})


def reordered(step: str, schema: pa.Schema, columns: Sequence[str], *, last: bool) -> Map:
    """Return the step that puts some columns in front of all others, or behind them."""
    others = [name for name in schema.names if name not in columns]
    order = [*others, *columns] if last else [*columns, *others]
    return arranged(step, schema, {name: name for name in order})


def derived(step: str, schema: pa.Schema, columns: Mapping[str, str]) -> Map:
    """Return the step that computes columns by expressions.

    Raises:
        ConfigurationError: if an expression cannot be computed, or has values of no type that a
            dataset holds, or if names clash.
    """
    from data_processing.steps.expressions import parse

    refuse_clashes([*schema.names, *(name for name in columns if name not in schema.names)])
    found = {name: parse(text, schema) for name, text in columns.items()}
    for name, expression in found.items():
        if types.is_null(expression.type) or types.is_interval(expression.type):
            raise ConfigurationError(
                f"The column {quoted_name(name)} would be of no type that a dataset holds; cast "
                "the expression, as in cast(NULL AS text)."
            )
    derivation = Derivation(found)
    reads = frozenset(name for one in found.values() for name in one.columns)
    return Map(step, derivation, frozenset(columns), derivation.schema, reads=reads)
