"""What steps do to the columns of a dataset: types that change, columns that come and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of some columns.

    Attributes:
        types: the types of columns afterwards; those that are new stand behind all others.
        dropped: the columns that are gone.
    """

    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def __call__(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns afterwards."""
        fields = [
            one.with_type(self.types.get(one.name, one.type))
            for one in schema
            if one.name not in self.dropped
        ]
        new = [name for name in self.types if name not in schema.names]
        return pa.schema([*fields, *(pa.field(name, self.types[name]) for name in new)])


def check_new(schema: pa.Schema, option: str, *names: str) -> None:
    """Check that columns can be called so.

    Raises:
        ConfigurationError: if there is one already, or two of them are one but for case.
    """
    taken = {name.casefold() for name in schema.names}
    for name in names:
        if not name or name.casefold() in taken:
            raise ConfigurationError(
                f"'{option}' names the new column {quoted_name(name)}, but there is one already "
                "or the name is empty; choose another name."
            )
        taken.add(name.casefold())


def check_apart(step: str, looked_at: Mapping[str, Sequence[str]]) -> None:
    """Check that no rule of a step looks at a column that the step changes.

    Args:
        step: the name of the step.
        looked_at: the columns that a rule looks at beside its own, by the one that it changes.

    Raises:
        ConfigurationError: if one does, so that the result would depend on the order of rules.
    """
    for name, others in looked_at.items():
        for other in others:
            if other in looked_at:
                raise ConfigurationError(
                    f"The rule of {quoted_name(name)} looks at {quoted_name(other)}, which the "
                    f"step changes itself; put one of the two into a {step} step of its own."
                )


def free_name(schema: pa.Schema, wish: str) -> str:
    """Return a wish, lengthened until no column is called so."""
    taken = {name.casefold() for name in schema.names}
    while wish.casefold() in taken:
        wish += "_"
    return wish
