"""Techniques inside of nested values: JSON in texts, and lists and structs.

Each value is a leaf with a place. The leaves of one rule and one type are worked on together, as a
column would be, and put back where they were: lists keep their length and order, missing keys stay
missing, and 0, "" and false are values.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.paths import matches, parse_path
from field_pseudonymisation.techniques.catalogue import DROP
from field_pseudonymisation.techniques.encoding import is_text, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from field_pseudonymisation.paths import Part
    from field_pseudonymisation.techniques.technique import Technique, Transform

JSON_TYPES = ((bool, pa.bool_()), (int, pa.int64()), (float, pa.float64()), (str, pa.string()))


@dataclass(frozen=True, slots=True)
class PathRule:
    """A technique for the places that a path names; ``bind`` returns its transform for a type."""

    path: str
    technique: Technique
    bind: Callable[[pa.DataType], Transform]
    is_used: bool = True  # whether there is anything to do, on the way back

    @property
    def pattern(self) -> tuple[Part, ...]:
        """The parts of the path."""
        return parse_path(self.path)


@dataclass(slots=True)
class _Leaf:
    row: int
    holder: Any
    key: Part
    place: tuple[Part, ...]
    value: Any


@dataclass
class Nested:
    """The rules inside of one column."""

    column: str
    type: pa.DataType
    rules: tuple[PathRule, ...]
    unmatched: str
    original: pa.DataType | None = None  # what a reverse brings back
    counts: dict[str, int] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    _bound: dict[tuple[int, pa.DataType], Transform] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the paths, and that there is anything inside of the column."""
        for rule in self.rules:
            if not rule.pattern:
                raise PolicyError(f"the path '{rule.path}' names the whole column; leave it out")
        if not is_text(self.type) and not pa.types.is_nested(self.type):
            raise PolicyError(f"there is nothing inside of a column of the type {self.type}")

    @property
    def output(self) -> pa.DataType:
        """JSON stays JSON; leaves of lists and structs get the types of their techniques."""
        return self.type if is_text(self.type) else self._retyped(self.type, ())

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values with their leaves transformed."""
        return self._worked(values, self.output, is_reverse=False)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values with those leaves as they were that can be had."""
        return self._worked(values, self.original or self.type, is_reverse=True)

    def _worked(self, values: pa.Array, kind: pa.DataType, *, is_reverse: bool) -> pa.Array:
        values = plain(values)
        is_json = is_text(values.type)
        documents = (
            self._documents(values) if is_json else values.to_pylist(maps_as_pydicts="strict")
        )
        leaves: defaultdict[tuple[int, pa.DataType], list[_Leaf]] = defaultdict(list)
        dropped = []
        for row, document in enumerate(documents):
            wrapped = [document]
            for leaf in _leaves(row, wrapped, 0, ()):
                number = self._rule_of(leaf, is_reverse=is_reverse)
                if number is None:
                    if self.unmatched == "drop" and not is_reverse:
                        dropped.append(leaf)
                    continue
                if self.rules[number].technique.name == DROP:
                    dropped.append(leaf)
                elif leaf.value is not None:
                    leaves[number, self._leaf_type(leaf, is_json=is_json)].append(leaf)
            documents[row] = wrapped[0]
        for (number, leaf_type), found in leaves.items():
            self._transform(number, leaf_type, found, is_reverse=is_reverse)
        for leaf in reversed(dropped):
            if isinstance(leaf.holder, dict):
                leaf.holder.pop(leaf.key, None)
            else:
                leaf.holder[leaf.key] = None
        if is_json:
            return pa.array([_written(document) for document in documents], pa.string()).cast(kind)
        return pa.array(documents, kind)

    def _documents(self, values: pa.Array) -> list[Any]:
        documents = []
        for row, text in enumerate(values.to_pylist()):
            try:
                documents.append(
                    None if text is None else json.loads(text, object_pairs_hook=_once)
                )
            except (ValueError, RecursionError):
                raise CellsError(self.column, "a text that is no JSON", [row]) from None
        return documents

    def _rule_of(self, leaf: _Leaf, *, is_reverse: bool) -> int | None:
        found = [n for n, rule in enumerate(self.rules) if matches(rule.pattern, leaf.place)]
        if len(found) > 1:
            raise PolicyError(
                f"The paths '{self.rules[found[0]].path}' and '{self.rules[found[1]].path}' inside "
                f"of the column '{self.column}' name the same place; narrow one of them."
            )
        if found:
            return found[0] if self.rules[found[0]].is_used else None
        if self.unmatched == "error" and leaf.value is not None and not is_reverse:
            raise CellsError(
                self.column,
                "a value at a place for which there is no rule",
                [leaf.row],
                "add a rule for each place, or set 'unmatched' to 'keep' or 'drop'",
            )
        return None

    def _leaf_type(self, leaf: _Leaf, *, is_json: bool) -> pa.DataType:
        if not is_json:
            kind = self.type
            for part in leaf.place:
                kind = kind.field(part).type if pa.types.is_struct(kind) else _item(kind)
            return kind
        for python, kind in JSON_TYPES:
            if isinstance(leaf.value, python):
                return kind
        raise CellsError(self.column, "an empty list or object where a value is wanted", [leaf.row])

    def _transform(
        self, number: int, kind: pa.DataType, leaves: list[_Leaf], *, is_reverse: bool
    ) -> None:
        transform = self._bind(number, kind)
        rows = [leaf.row for leaf in leaves]
        try:
            values = pa.array([leaf.value for leaf in leaves], kind)
        except (pa.ArrowException, UnicodeError, OverflowError):
            raise CellsError(
                self.column, "an integer beyond 64 bits, or half a character", rows[:1]
            ) from None
        try:
            done = transform.reverse(values, {}) if is_reverse else transform.apply(values, {})
        except CellsError as error:
            there = [rows[position] for position in error.positions]
            raise type(error)(self.column, error.reason, there, error.cure) from None
        for leaf, value in zip(
            leaves, done if isinstance(done, list) else done.to_pylist(), strict=True
        ):
            leaf.holder[leaf.key] = value

    def _bind(self, number: int, kind: pa.DataType) -> Transform:
        key = number, kind
        if key not in self._bound:
            self._bound[key] = self.rules[number].bind(kind)
        return self._bound[key]

    def _retyped(self, kind: pa.DataType, place: tuple[Part, ...]) -> pa.DataType:
        if pa.types.is_struct(kind):
            parts = []
            for part in kind:
                name = (*place, part.name)
                if self._type_rule(name, part.type) != DROP:
                    parts.append(part.with_type(self._retyped(part.type, name)).with_nullable(True))
            return pa.struct(parts)
        if pa.types.is_nested(kind):
            return pa.list_(self._retyped(_item(kind), (*place, 0)))
        number = self._type_rule(place, kind)
        return self._bind(number, kind).output if isinstance(number, int) else kind

    def _type_rule(self, place: tuple[Part, ...], kind: pa.DataType) -> int | str | None:
        for number, rule in enumerate(self.rules):
            if matches(rule.pattern, place):
                return DROP if rule.technique.name == DROP else number
        is_leaf = not pa.types.is_nested(kind)
        return DROP if is_leaf and self.unmatched == "drop" else None


def _item(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        raise PolicyError("paths do not lead into maps; cast the column to a struct or to JSON")
    return kind.value_type


def _leaves(row: int, holder: Any, key: Part, place: tuple[Part, ...]) -> Iterator[_Leaf]:
    """Yield the leaves at and below a place: whatever is neither list nor object, or is empty."""
    value = holder[key]
    if isinstance(value, dict) and value:
        for name in list(value):
            yield from _leaves(row, value, name, (*place, name))
    elif isinstance(value, list) and value:
        for index in range(len(value)):
            yield from _leaves(row, value, index, (*place, index))
    elif not isinstance(value, dict | list):
        yield _Leaf(row, holder, key, place, value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _written(document: Any) -> str | None:
    if document is None:
        return None
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"))
    return text
