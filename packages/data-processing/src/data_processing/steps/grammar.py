"""How a parsed expression is written anew, part by part, as the SQL that DuckDB computes.

A part without a rule, and an option of a part that no rule reads, is refused: so whatever reaches
DuckDB was put into words by `rules`, and what a later version of the parser may add is refused
rather than passed on.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyarrow import types
from sqlglot import expressions as ast

from data_processing.steps.casts import OF_KINDS, SPACE, Target
from data_processing.steps.kinds import DATED, WORDS, Kind, common_kind
from data_processing.steps.parsing import tree_of
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    import pyarrow as pa

MAX_WORK = 2_000  # parts, each as often as it is computed

CURES: Mapping[Kind, str] = {  # by what was wanted
    "integer": "cast it, as in try_cast(price AS double)",
    "text": "cast it, as in cast(price AS text)",
    "boolean": "write a comparison, as in age >= 18",
    "date": "cast it, as in try_cast(born AS date)",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an expression.

    Attributes:
        sql: how DuckDB computes it, in brackets wherever it is more than one word.
        kind: what its values are.
        work: how many parts are computed for it.
        literal: the text that it is, if it is one that stands in the expression.
        is_small: whether it is a column of whole numbers of fewer than 64 bits.
    """

    sql: str
    kind: Kind
    work: int = 1
    literal: str | None = None
    is_small: bool = False


@dataclass(slots=True)
class Grammar:
    """Writes one expression anew.

    Attributes:
        text: the expression, as the user wrote it.
        schema: the columns that it may read.
        rules: how each kind of node is written.
        type_of: returns the type of what a part in SQL makes of columns, None if it makes nothing.
        columns: those that it reads; the first is ``c0`` in SQL.
    """

    text: str
    schema: pa.Schema
    rules: Mapping[type, Rule]
    type_of: Callable[[str, Sequence[str]], pa.DataType | None]
    columns: list[str] = field(default_factory=list)

    def written(self) -> Part:
        """Return the whole expression.

        Raises:
            ConfigurationError: saying which part of it is not admitted, or does not go together
                with another.
        """
        found = self.part(tree_of(self.text))
        if found.work > MAX_WORK:
            raise self.refused("is too large", "split it over several steps")
        return found

    def part(self, node: Any) -> Part:
        """Return a part of the expression."""
        rule = self.rules.get(type(node))
        if rule is None:
            raise self.unknown(node)
        return rule(self, node)

    def parts(self, nodes: Sequence[Any], *kinds: Kind) -> list[Part]:
        """Return several parts, each of which must be of one of some kinds, or missing."""
        found = [self.part(node) for node in nodes]
        for one in found:
            if one.kind not in (*kinds, "missing"):
                raise self.mixed(one.kind, kinds[0])
        return found

    def alike(self, nodes: Sequence[Any]) -> tuple[list[Part], Kind]:
        """Return parts that are compared or stand for one another, and their common kind.

        A text that stands in the expression counts as a date or a moment beside one.
        """
        found = [self.part(node) for node in nodes]
        beside = common_kind(one.kind for one in found if one.literal is None)
        if beside in DATED:
            found = [self._dated(one, beside) for one in found]
        kind = common_kind(one.kind for one in found)
        if kind is None:
            first = next(one.kind for one in found if one.kind != "missing")
            other = next(one.kind for one in found if common_kind((first, one.kind)) is None)
            raise self.mixed(other, first) if first in DATED else self.mixed(first, other)
        return found, kind

    def require_decimal(self, sql: str, parts: Sequence[Part]) -> None:
        """Refuse a part that would be rounded, since its decimals need more than 38 digits.

        Args:
            sql: the part, whose values are decimals.
            parts: those of its parts whose values stay as they are.
        """
        found = self.type_of(sql, self.columns)
        if found is None:  # what cannot be computed at all is refused later
            return
        kinds = [self.type_of(one.sql, self.columns) for one in parts]
        places = [kind.scale for kind in kinds if kind is not None and types.is_decimal(kind)]
        if not types.is_decimal(found) or found.scale < max(places, default=0):
            raise self.refused(
                "puts decimals together that need more than 38 digits, and would be rounded",
                "cast them, as in cast(price AS decimal(20, 2))",
            )

    def _dated(self, part: Part, kind: Kind) -> Part:
        """Return a text that stands in the expression as the date or moment that it is."""
        if part.literal is None:
            return part
        if kind == "date" and len(part.literal.strip()) > len("2024-01-31"):
            kind = "moment"
        self.check_date(part.literal, OF_KINDS[kind])
        return Part(f"CAST({part.sql} AS {OF_KINDS[kind].sql})", kind)

    def check_date(self, text: str, target: Target) -> None:
        """Refuse a text that stands in the expression for a date and is none."""
        try:
            if re.fullmatch(f"{SPACE}{target.form}{SPACE}", text) is None:
                raise ValueError
            dt.datetime.fromisoformat(text.strip())
        except ValueError:
            raise self.refused("holds a date that is none", "write dates as '2024-01-31'") from None

    def options(self, node: Any, *known: str) -> list[Any]:
        """Return what a node is made of, by names; refuse whatever else it holds."""
        if any(value for name, value in node.args.items() if name not in known):
            raise self.unknown(node)
        return [node.args.get(name) for name in known]

    def constant(self, node: Any, what: str) -> str:
        """Return a text that must stand in the expression itself."""
        if not (isinstance(node, ast.Literal) and node.is_string):
            raise self.refused(f"has {what} that is no text in quotes", "write it down as it is")
        return str(node.this)

    def word(self, node: Any, known: Sequence[str]) -> str:
        """Return a word that stands for itself, such as a unit of time."""
        found = str(getattr(node, "name", "")).lower()
        for one in (found, found.removesuffix("s")):
            if isinstance(node, ast.Var | ast.Literal) and one in known:
                return one
        raise self.refused(
            f"uses {quoted_name(found)} as a unit of time", f"known are {', '.join(known)}"
        )

    def refused(self, what: str, cure: str) -> ConfigurationError:
        """Return the error that says what is wrong with the expression."""
        return ConfigurationError(f"The expression {quoted_name(self.text)} {what}; {cure}.")

    def unknown(self, node: Any) -> ConfigurationError:
        """Return the error that a part is not admitted."""
        what = node.name if isinstance(node, ast.Anonymous) else type(node).__name__.lower()
        return self.refused(
            f"uses {quoted_name(what)}, which expressions do not know in this form",
            "see the page 'Expressions' of the documentation",
        )

    def mixed(self, kind: Kind, other: Kind) -> ConfigurationError:
        """Return the error that values of two kinds do not go together."""
        return self.refused(
            f"uses {WORDS[kind]} as {WORDS[other]}", CURES.get(other, CURES["integer"])
        )


Rule = Callable[[Grammar, Any], Part]
