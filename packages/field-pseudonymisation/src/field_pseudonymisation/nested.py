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
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.paths import Wildcard, leads_on, matches, parse_path
from field_pseudonymisation.techniques.catalogue import DROP, RETAIN
from field_pseudonymisation.techniques.encoding import is_text, plain
from field_pseudonymisation.techniques.tokens import refuse_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from field_pseudonymisation.paths import Part, Pattern, Place
    from field_pseudonymisation.policy import Rule
    from field_pseudonymisation.techniques.technique import Options, Technique, Transform

    Becomes = Callable[[pa.DataType, Place], pa.DataType | "Fate"]

ANY_BELOW = "**"
ANY_DOCUMENT = -1
JSON_TYPES = ((bool, pa.bool_()), (int, pa.int64()), (float, pa.float64()), (str, pa.string()))


class Fate(Enum):
    """What becomes of a type at a place, where it is not another type."""

    GONE = 1
    OF_PARTS = 2  # what is in it decides


@dataclass(frozen=True, slots=True)
class PathRule:
    """A rule for the places that a path names; ``bind`` returns its transform for a type."""

    rule: Rule
    bind: Callable[[pa.DataType], Transform]
    is_used: bool = True  # whether there is anything to do, on the way back

    @property
    def path(self) -> str:
        """Where it is for."""
        return self.rule.path or ""

    @property
    def technique(self) -> Technique:
        """What is done there."""
        return self.rule.technique

    @property
    def options(self) -> Options:
        """What the rule says."""
        return self.rule.options

    @property
    def pattern(self) -> Pattern:
        """The parts of the path."""
        return parse_path(self.path)

    def names(self, place: Place, *, is_container: bool) -> bool:
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
    place: Place

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
            places = self._places(self.type, ()) if pa.types.is_nested(self.type) else [()]
            if is_text(self.type) or any(matches(rule.pattern, place) for place in places):
                continue
            raise PolicyError(f"the path '{rule.path}' names nothing inside of the column")

    @property
    def met(self) -> set[int]:
        """The rules that have met a place so far, and -1 once there was any document."""
        return self._met | ({ANY_DOCUMENT} if self._has_documents else set())

    def meet(self, place: int) -> None:
        """Count what ``met`` told elsewhere."""
        if place == ANY_DOCUMENT:
            self._has_documents = True
        else:
            self._met.add(place)

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
        if is_text(self.type):
            return self.type
        return self._walked(self.type, (), self._becomes)

    @property
    def restored(self) -> pa.DataType:
        """The type of what a reverse gives: leaves that cannot be had are of the type they have."""
        was = self.original or self.type
        return was if is_text(self.type) else self._walked(self.type, (), self._was)

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
                elif leaf.value is not None or (not is_reverse and self._is_for_null(rule, leaf)):
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
            return _type_at(kind, leaf.place)
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
            if is_first and rule.rule.is_keyed and is_text(now):
                refuse_tokens(values)
            done = self._done(rule, transform, values, is_reverse=is_reverse)
        except CellsError as error:
            there = [rows[position] for position in error.positions]
            raise type(error)(self.column, error.reason, there, error.cure) from None
        for leaf, value in zip(leaves, done, strict=True):
            leaf.holder[leaf.key] = value

    def _done(
        self, rule: PathRule, transform: Transform, values: pa.Array, *, is_reverse: bool
    ) -> list[Any]:
        """Return what becomes of values; inside of JSON, tokens tell the types of originals."""
        if not is_reverse:
            return list(transform.apply(values, {}).to_pylist())
        if is_text(self.type) and rule.technique.is_self_describing:
            return transform.reverse_each(values)
        return list(transform.reverse(values, {}).to_pylist())

    def _refuse_untold(
        self, rule: PathRule, transform: Transform, kind: pa.DataType, rows: list[int]
    ) -> None:
        """Refuse leaves of JSON that would come back as texts, since no schema tells their type."""
        as_text = getattr(getattr(transform, "options", None), "as_", "value") == "text"
        comes_back = rule.rule.is_undone
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

    def _walked(self, kind: pa.DataType, place: Place, becomes: Becomes) -> pa.DataType | Fate:
        """Return a type with what becomes of the types at its places."""
        fate = becomes(kind, place)
        if fate is not Fate.OF_PARTS or not pa.types.is_nested(kind):
            return kind if fate is Fate.OF_PARTS else fate
        if pa.types.is_struct(kind):
            found = [(part, self._walked(part.type, (*place, part.name), becomes)) for part in kind]
            parts = [part.with_type(one) for part, one in found if one is not Fate.GONE]
            return pa.struct([part.with_nullable(True) for part in parts])
        item, *others = (
            self._walked(_item(kind), (*place, number), becomes) for number in self._numbers
        )
        if any(one != item for one in others):
            raise PolicyError(
                "a path names some items of a list, and its technique gives another type, which "
                "would have to be that of all; use '[*]'"
            )
        return _list_of(kind, item)

    def _becomes(self, kind: pa.DataType, place: Place) -> pa.DataType | Fate:
        """Return the type of what a rule makes of a place of a type."""
        is_container = pa.types.is_nested(kind)
        number = self._type_rule(place, is_container=is_container)
        if number is None:
            is_gone = self.unmatched == "drop" and not is_container
            return Fate.GONE if is_gone and _is_member(place) else Fate.OF_PARTS
        rule = self.rules[number]
        if rule.technique.name == DROP and _is_member(place):
            return Fate.GONE
        if not is_container or rule.technique.looks_at_no_value:
            return self._bind(number, kind).output
        if rule.technique.name == RETAIN:
            return kind
        raise PolicyError(
            f"the path '{rule.path}' names {_name_of(kind)}; use '{rule.path}.{ANY_BELOW}' for "
            "all that is in it"
        )

    def _was(self, kind: pa.DataType, place: Place) -> pa.DataType | Fate:
        """Return the type that a place had, where a reverse brings it back."""
        number = self._type_rule(place, is_container=pa.types.is_nested(kind))
        is_back = number is not None and self.rules[number].is_used
        return _type_at(self.original or self.type, place) if is_back else Fate.OF_PARTS

    def _places(self, kind: pa.DataType, place: Place) -> Iterator[Place]:
        """Yield the places of a type, itself first; of lists, items that paths may tell apart."""
        yield place
        if pa.types.is_struct(kind):
            for part in kind:
                yield from self._places(part.type, (*place, part.name))
        elif pa.types.is_nested(kind):
            for number in self._numbers:
                yield from self._places(_item(kind), (*place, number))

    @cached_property
    def _numbers(self) -> list[int]:
        """The items of lists that paths may tell apart: those that they name, and any other."""
        named = {part for rule in self.rules for part in rule.pattern if isinstance(part, int)}
        return sorted({0, *named, max(named, default=0) + 1})

    def _type_rule(self, place: Place, *, is_container: bool) -> int | None:
        for number, rule in enumerate(self.rules):
            if rule.names(place, is_container=is_container):
                return number
        return None


def _list_of(kind: pa.DataType, item: pa.DataType) -> pa.DataType:
    """Return the type of lists of a kind with other items."""
    if pa.types.is_large_list(kind):
        return pa.large_list(item)
    return pa.list_(item, kind.list_size if pa.types.is_fixed_size_list(kind) else -1)


def _item(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        raise PolicyError("paths do not lead into maps; cast the column to a struct or to JSON")
    return kind.value_type


def _is_member(place: Place) -> bool:
    """Return whether a place is one of a struct, which can do without it; lists keep items."""
    return bool(place) and isinstance(place[-1], str)


def _type_at(kind: pa.DataType, place: Place) -> pa.DataType:
    for part in place:
        kind = kind.field(part).type if pa.types.is_struct(kind) else _item(kind)
    return kind


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
