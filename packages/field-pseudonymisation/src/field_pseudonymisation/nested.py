"""Techniques inside of nested values: JSON in texts, and lists and structs.

Each value is a leaf with a place. The leaves of one rule and one type are worked on together, as a
column would be, and put back where they were: lists keep their length and order, missing keys stay
missing, and 0, "" and false are values.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.paths import Wildcard, leads_on, matches, parse_path
from field_pseudonymisation.techniques.catalogue import DROP, RETAIN
from field_pseudonymisation.techniques.encoding import is_text, plain
from field_pseudonymisation.techniques.tokens import refuse_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from field_pseudonymisation.paths import Part, Pattern
    from field_pseudonymisation.techniques.technique import Technique, Transform

ANY_BELOW = "**"
JSON_TYPES = ((bool, pa.bool_()), (int, pa.int64()), (float, pa.float64()), (str, pa.string()))


@dataclass(frozen=True, slots=True)
class PathRule:
    """A technique for the places that a path names; ``bind`` returns its transform for a type."""

    path: str
    technique: Technique
    bind: Callable[[pa.DataType], Transform]
    is_used: bool = True  # whether there is anything to do, on the way back
    options: Any = None  # what the rule says; None on the way back

    @property
    def pattern(self) -> Pattern:
        """The parts of the path."""
        return parse_path(self.path)

    def names(self, place: tuple[Part, ...], *, is_container: bool) -> bool:
        """Return whether it is for a place; ``**`` is for what is in lists and objects alone."""
        if is_container and self.pattern[-1] is Wildcard.SOME:
            return False
        return matches(self.pattern, place)

    @property
    def takes_containers(self) -> bool:
        """Whether lists and objects become something, or stay, as a whole."""
        return self.technique.looks_at_no_value or self.technique.name == RETAIN


@dataclass(slots=True)
class _Leaf:
    row: int
    holder: Any
    key: Part
    place: tuple[Part, ...]

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    @property
    def is_container(self) -> bool:
        return isinstance(self.value, dict | list)

    def parts(self) -> Iterator[_Leaf]:
        """Yield what is in a list or an object."""
        names = list(self.value) if isinstance(self.value, dict) else range(len(self.value))
        for name in names:
            yield _Leaf(self.row, self.value, name, (*self.place, name))


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
    _met: set[int] = field(default_factory=set)
    _has_documents: bool = False

    def __post_init__(self) -> None:
        """Check the paths, and that there is anything inside of the column."""
        for rule in self.rules:
            if not rule.pattern:
                raise PolicyError(f"the path '{rule.path}' names the whole column; leave it out")
        if not is_text(self.type) and not pa.types.is_nested(self.type):
            raise PolicyError(f"there is nothing inside of a column of the type {self.type}")

    def require_places(self) -> None:
        """Refuse paths of lists and structs that name nothing.

        Raises:
            PolicyError: naming the first.
        """
        for rule in self.rules:
            if pa.types.is_nested(self.type) and not _is_in(rule.pattern, self.type):
                raise PolicyError(f"the path '{rule.path}' names nothing inside of the column")

    def require_met(self) -> None:
        """Refuse paths that have met nothing in any row, once all rows are done.

        Raises:
            PolicyError: naming the first. Missing values and empty lists and objects on the way,
                in which the place might have been, are not held against a path.
        """
        for number, rule in enumerate(self.rules):
            if self._has_documents and is_text(self.type) and number not in self._met:
                raise PolicyError(
                    f"rules.{self.column} -> {rule.path}: the path names nothing in any row of the "
                    "column; correct it, or leave it out."
                )

    @property
    def output(self) -> pa.DataType:
        """JSON stays JSON; leaves of lists and structs get the types of their techniques."""
        return self.type if is_text(self.type) else self._retyped(self.type, ())

    @property
    def restored(self) -> pa.DataType:
        """The type of what a reverse gives: leaves that cannot be had are of the type they have."""
        return self._restored(self.type, self.original or self.type, ())

    def _restored(self, now: pa.DataType, was: pa.DataType, place: tuple[Part, ...]) -> pa.DataType:
        is_container = pa.types.is_nested(now)
        number = self._type_rule(place, is_container=is_container)
        if is_text(self.type) or (number is not None and self.rules[number].is_used):
            return was
        if pa.types.is_struct(now) and pa.types.is_struct(was):
            parts = [
                part.with_type(
                    self._restored(part.type, was.field(part.name).type, (*place, part.name))
                )
                for part in now
            ]
            return pa.struct(parts)
        if is_container and pa.types.is_nested(was) and not pa.types.is_struct(was):
            return pa.list_(self._restored(_item(now), _item(was), (*place, 0)))
        return now

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values with their leaves transformed."""
        return self._worked(values, self.output, is_reverse=False)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values with those leaves as they were that can be had."""
        return self._worked(values, self.restored, is_reverse=True)

    def _worked(self, values: pa.Array, kind: pa.DataType, *, is_reverse: bool) -> pa.Array:
        values = plain(values)
        is_json = is_text(values.type)
        documents = (
            self._documents(values) if is_json else values.to_pylist(maps_as_pydicts="strict")
        )
        leaves: defaultdict[tuple[int, pa.DataType, pa.DataType], list[_Leaf]] = defaultdict(list)
        dropped = []
        for row, document in enumerate(documents):
            self._has_documents |= document not in (None, {}, [])
            for leaf in self._leaves(_Leaf(row, documents, row, ())):
                number = self._rule_of(leaf, is_reverse=is_reverse)
                if number is None:
                    if self.unmatched == "drop" and not is_reverse:
                        dropped.append(leaf)
                    continue
                rule = self.rules[number]
                if not rule.is_used or (leaf.is_container and rule.technique.name == RETAIN):
                    continue
                if rule.technique.name == DROP:
                    dropped.append(leaf)
                elif leaf.value is not None or self._is_for_null(rule, leaf):
                    constant = getattr(rule.options, "value", None)
                    now = self._leaf_type(leaf, self.type, constant)
                    was = self._leaf_type(leaf, self.original or self.type, constant)
                    leaves[number, now, was].append(leaf)
        for (number, now, was), found in leaves.items():
            self._transform(number, now, was, found, is_reverse=is_reverse)
        for leaf in reversed(dropped):
            if isinstance(leaf.holder, dict):
                leaf.holder.pop(leaf.key, None)
            else:
                leaf.holder[leaf.key] = None
        if is_json:
            present = values.is_valid().to_pylist()
            texts = [
                _written(document) if is_there else None
                for document, is_there in zip(documents, present, strict=True)
            ]
            return pa.array(texts, pa.string()).cast(kind)
        return pa.array(documents, kind)

    def _documents(self, values: pa.Array) -> list[Any]:
        documents = []
        for row, text in enumerate(values.to_pylist()):
            try:
                documents.append(None if text is None else _read(text))
            except (ValueError, RecursionError):
                raise CellsError(
                    self.column, "a text that is no JSON, or has a number beyond 64 bits", [row]
                ) from None
        return documents

    def _leaves(self, leaf: _Leaf) -> Iterator[_Leaf]:
        """Yield the leaves at and below a place: values, and what a rule takes as a whole."""
        if not leaf.is_container or self._takes(leaf):
            yield leaf
            return
        if not leaf.value:
            self._meet_on_the_way(leaf)
        for part in leaf.parts():
            yield from self._leaves(part)

    def _takes(self, leaf: _Leaf) -> bool:
        """Return whether a rule is for a list or an object itself."""
        for rule in self.rules:
            if rule.names(leaf.place, is_container=True):
                if rule.takes_containers or not rule.is_used:
                    return True
                raise CellsError(
                    self.column,
                    f"{_named(leaf.value)} where the path '{rule.path}' wants a value",
                    [leaf.row],
                    f"use '{rule.path}.{ANY_BELOW}' for all that is in it",
                )
        return False

    def _meet_on_the_way(self, leaf: _Leaf) -> None:
        """Count rules as met that lead on from a place, not the whole, where there is nothing."""
        if leaf.place:
            on = (n for n, rule in enumerate(self.rules) if leads_on(rule.pattern, leaf.place))
            self._met.update(on)

    def _rule_of(self, leaf: _Leaf, *, is_reverse: bool) -> int | None:
        is_container = leaf.is_container
        found = [
            number
            for number, rule in enumerate(self.rules)
            if rule.names(leaf.place, is_container=is_container)
        ]
        self._met.update(found)
        if leaf.value is None:
            self._meet_on_the_way(leaf)
        if len(found) > 1:
            raise PolicyError(
                f"The paths '{self.rules[found[0]].path}' and '{self.rules[found[1]].path}' inside "
                f"of the column '{self.column}' name the same place; narrow one of them."
            )
        if found:
            return found[0]
        if self.unmatched == "error" and leaf.value is not None and not is_reverse:
            raise CellsError(
                self.column,
                "a value at a place for which there is no rule",
                [leaf.row],
                "add a rule for each place, or set 'unmatched' to 'keep' or 'drop'",
            )
        return None

    def _is_for_null(self, rule: PathRule, leaf: _Leaf) -> bool:
        """Return whether a missing value becomes something.

        Raises:
            CellsError: if the rule refuses it.
        """
        if getattr(rule.options, "nulls", "keep") == "error":
            raise CellsError(
                self.column,
                f"a missing value at '{rule.path}', refused by 'nulls: error'",
                [leaf.row],
            )
        return bool(getattr(rule.options, "hide_nulls", False))

    def _leaf_type(self, leaf: _Leaf, kind: pa.DataType, value: Any) -> pa.DataType:
        """Return the type of a leaf of a column of a type; leaves of JSON tell their own."""
        if pa.types.is_nested(kind):
            for part in leaf.place:
                kind = kind.field(part).type if pa.types.is_struct(kind) else _item(kind)
            return kind
        if leaf.is_container:
            return pa.string()
        if leaf.value is None:  # a constant takes its place
            return pa.string() if value is None else pa.scalar(value).type
        for python, kind in JSON_TYPES:
            if isinstance(leaf.value, python):
                return kind
        raise CellsError(self.column, "an empty list or object where a value is wanted", [leaf.row])

    def _transform(
        self,
        number: int,
        now: pa.DataType,
        was: pa.DataType,
        leaves: list[_Leaf],
        *,
        is_reverse: bool,
    ) -> None:
        """Put what a rule makes of leaves, of a type now and of one originally, in their places."""
        transform = self._bind(number, was)
        rows = [leaf.row for leaf in leaves]
        if not is_reverse and is_text(self.type):
            self._refuse_untold(self.rules[number], transform, now, rows)
        try:
            values = pa.array([_value_of(leaf, now) for leaf in leaves], now)
        except (pa.ArrowException, UnicodeError, OverflowError):
            raise CellsError(
                self.column, "an integer beyond 64 bits, or half a character", rows[:1]
            ) from None
        rule = self.rules[number]
        try:
            is_first = not is_reverse and not getattr(rule.options, "again", False)
            if is_first and rule.technique.is_keyed and is_text(now):
                refuse_tokens(values)
            done = transform.reverse(values, {}) if is_reverse else transform.apply(values, {})
        except CellsError as error:
            there = [rows[position] for position in error.positions]
            raise type(error)(self.column, error.reason, there, error.cure) from None
        for leaf, value in zip(
            leaves, done if isinstance(done, list) else done.to_pylist(), strict=True
        ):
            leaf.holder[leaf.key] = value

    def _refuse_untold(
        self, rule: PathRule, transform: Transform, kind: pa.DataType, rows: list[int]
    ) -> None:
        """Refuse leaves of JSON that would come back as texts, since no schema tells their type."""
        as_text = getattr(getattr(transform, "options", None), "as_", "value") == "text"
        comes_back = rule.technique.is_reversible and rule.technique.name != RETAIN
        tells_type = rule.technique.is_self_describing and not as_text
        if comes_back and not tells_type and not is_text(kind):
            raise CellsError(
                self.column,
                f"a value at '{rule.path}' that is no text, and would come back as one",
                rows,
                "use 'encrypt' or 'tokenise' without 'as: text', or make texts of such values",
            )

    def _bind(self, number: int, kind: pa.DataType) -> Transform:
        key = number, kind
        if key not in self._bound:
            self._bound[key] = self.rules[number].bind(kind)
        return self._bound[key]

    def _retyped(self, kind: pa.DataType, place: tuple[Part, ...]) -> pa.DataType:
        is_container = pa.types.is_nested(kind)
        number = self._type_rule(place, is_container=is_container)
        if number is not None:
            rule = self.rules[number]
            if not is_container or rule.technique.looks_at_no_value:
                return self._bind(number, kind).output
            if rule.technique.name == RETAIN:
                return kind
            raise PolicyError(
                f"the path '{rule.path}' names {_name_of(kind)}; use '{rule.path}.{ANY_BELOW}' for "
                "all that is in it"
            )
        if pa.types.is_struct(kind):
            parts = []
            for part in kind:
                name = (*place, part.name)
                if not self._is_dropped(name, part.type):
                    parts.append(part.with_type(self._retyped(part.type, name)).with_nullable(True))
            return pa.struct(parts)
        if is_container:
            return pa.list_(self._retyped_items(kind, place))
        return kind

    def _retyped_items(self, kind: pa.DataType, place: tuple[Part, ...]) -> pa.DataType:
        """Return the type of all items of a list, which is one whatever paths name some of them."""
        named = {part for rule in self.rules for part in rule.pattern if isinstance(part, int)}
        numbers = sorted({0, *named, max(named, default=0) + 1})
        found = [self._retyped(_item(kind), (*place, number)) for number in numbers]
        if any(one != found[0] for one in found):
            raise PolicyError(
                "a path names some items of a list, and its technique gives another type, which "
                "would have to be that of all; use '[*]'"
            )
        return found[0]

    def _type_rule(self, place: tuple[Part, ...], *, is_container: bool) -> int | None:
        for number, rule in enumerate(self.rules):
            if rule.names(place, is_container=is_container):
                return number
        return None

    def _is_dropped(self, place: tuple[Part, ...], kind: pa.DataType) -> bool:
        is_container = pa.types.is_nested(kind)
        number = self._type_rule(place, is_container=is_container)
        if number is None:
            return self.unmatched == "drop" and not is_container
        return self.rules[number].technique.name == DROP


def _item(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        raise PolicyError("paths do not lead into maps; cast the column to a struct or to JSON")
    return kind.value_type


def _is_in(pattern: Pattern, kind: pa.DataType) -> bool:
    """Return whether a type has places that a pattern names."""
    if not pattern:
        return True
    first, rest = pattern[0], pattern[1:]
    if first is Wildcard.SOME:
        return _is_in(rest, kind) or any(_is_in(pattern, one) for _, one in _parts_of(kind))
    return any(
        first is Wildcard.ONE or first == name or (name is None and isinstance(first, int))
        for name, one in _parts_of(kind)
        if _is_in(rest, one)
    )


def _parts_of(kind: pa.DataType) -> list[tuple[str | None, pa.DataType]]:
    """Return names and types of what a type holds; of lists, one without a name."""
    if pa.types.is_struct(kind):
        return [(part.name, part.type) for part in kind]
    return [(None, _item(kind))] if pa.types.is_nested(kind) else []


def _value_of(leaf: _Leaf, kind: pa.DataType) -> Any:
    """Return a value as its technique gets it; of JSON, lists and objects are but present."""
    return "" if leaf.is_container and not pa.types.is_nested(kind) else leaf.value


def _named(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "a list"


def _name_of(kind: pa.DataType) -> str:
    return "an object" if pa.types.is_struct(kind) else "a list"


def _read(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_refuse_constant
    )


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond 64 bits")
    return number


def _refuse_constant(_: str) -> float:
    raise ValueError("JSON has no such number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _written(document: Any) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"))
    return text
