"""The columns of a dataset, as far as they are known without reading rows."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, DatasetError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and its Arrow type in words, such as ``string`` or ``decimal128(18, 2)``."""

    name: str
    type: str
    arrow: pa.DataType | None = field(default=None, compare=False, repr=False)  # None for texts


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """How the columns of a dataset differ from those that it was made of."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()  # name, former type, type

    def to_dict(self) -> dict[str, Any]:
        """Return the changes as plain data."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "retyped": [{"name": name, "from": old, "to": new} for name, old, new in self.retyped],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ColumnChanges:
        """Return the changes that ``to_dict`` describes."""
        retyped = ((one["name"], one["from"], one["to"]) for one in record["retyped"])
        return cls(tuple(record["added"]), tuple(record["removed"]), tuple(retyped))


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a dataset in order.

    Names that differ only in case count as duplicates: the engines cannot hold them apart.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        """Refuse what no engine can name.

        Raises:
            DatasetError: if a name is empty.
            RepeatedNamesError: if names are not unique.
        """
        nameless = [str(n) for n, column in enumerate(self.columns, 1) if not column.name]
        if nameless:
            raise DatasetError(
                f"Column {', '.join(nameless)} of the dataset has no name; name it in the header."
            )
        counts = Counter(column.name.casefold() for column in self.columns)
        repeated = [c.name for c in self.columns if counts[c.name.casefold()] > 1]
        if repeated:
            raise RepeatedNamesError(
                f"The dataset has column names that are equal, or equal but for case: "
                f"{quoted(repeated)}; rename them in the source."
            )

    @classmethod
    def of(cls, fields: pa.Schema) -> Schema:
        """Return the columns of an Arrow schema."""
        return cls(tuple(Column(one.name, str(one.type), one.type) for one in fields))

    @property
    def arrow(self) -> pa.Schema:
        """The columns as Arrow has them."""
        import pyarrow as pa

        return pa.schema([(column.name, column.arrow or pa.string()) for column in self.columns])

    def __iter__(self) -> Iterator[Column]:
        """Iterate over the columns."""
        return iter(self.columns)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def type_of(self, name: str) -> str:
        """Return the type of a column."""
        return next(column.type for column in self.columns if column.name == name)

    def free_name(self, wish: str) -> str:
        """Return ``wish``, lengthened until no column is called so."""
        taken = {name.casefold() for name in self.names}
        while wish.casefold() in taken:
            wish += "_"
        return wish

    def changes_from(self, former: Schema) -> ColumnChanges:
        """Return how these columns differ from former ones; their order does not count."""
        types = {column.name: column.type for column in former}
        kept = set(self.names)
        return ColumnChanges(
            added=tuple(name for name in self.names if name not in types),
            removed=tuple(name for name in former.names if name not in kept),
            retyped=tuple(
                (column.name, types[column.name], column.type)
                for column in self
                if types.get(column.name, column.type) != column.type
            ),
        )

    def require(self, wanted: Mapping[str, Iterable[str]]) -> None:
        """Check that the dataset has the columns that options name.

        Args:
            wanted: column names by the option that names them.

        Raises:
            UnknownColumnsError: for the first option with unknown names.
        """
        known = set(self.names)
        for option, names in wanted.items():
            unknown = [name for name in names if name not in known]
            if unknown:
                raise UnknownColumnsError(option, unknown, self.names)


def refuse_inexact(fields: pa.Schema) -> None:
    """Refuse columns whose values an engine would change without a word.

    Raises:
        DatasetError: naming the column and what to cast it to.
    """
    import pyarrow.types as kinds

    for one in fields:
        for inner in _nested(one.type):
            if kinds.is_decimal256(inner):
                raise DatasetError(
                    f"The column {quoted([one.name])} is a decimal of more than 38 digits, which "
                    "no engine holds exactly; cast it to text or a smaller decimal in the source."
                )
            if kinds.is_duration(inner):
                raise DatasetError(
                    f"The column {quoted([one.name])} is a duration, which engines take for a "
                    "bare number; cast it to whole numbers of a unit in the source."
                )


def _nested(kind: pa.DataType) -> Iterator[pa.DataType]:
    """Return a type and all types inside it."""
    yield kind
    for number in range(kind.num_fields):
        yield from _nested(kind.field(number).type)


class RepeatedNamesError(DatasetError):
    """Raised when columns of a dataset share a name."""


class UnknownColumnsError(ConfigurationError, KeyError):
    """Raised when an option names columns that the dataset does not have."""

    def __init__(self, option: str, unknown: Sequence[str], available: Sequence[str]) -> None:
        super().__init__(option, tuple(unknown), tuple(available))
        self.option, self.unknown, self.available = option, tuple(unknown), tuple(available)

    def __str__(self) -> str:
        """Return the sentence, with the nearest name where one is near."""
        near = difflib.get_close_matches(self.unknown[0], self.available, n=1)
        hint = f" Did you mean {quoted_name(near[0])}?" if near else ""
        return (
            f"'{self.option}' names columns that the dataset does not have: "
            f"{quoted(self.unknown)}.{hint} The dataset has {quoted(self.available)}."
        )
