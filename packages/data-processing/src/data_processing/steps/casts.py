"""How expressions turn values into others: which types there are, and how texts must be written.

A text is never guessed at: one that is not written as its type asks is no value of it, where
DuckDB's own casts would round '17.9' to 18, take 'yes' for true and 'nan' for a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_processing.steps.kinds import Kind

MAX_DIGITS = 38  # of a decimal

SPACE = r"[ \t\r\n]*"
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
DIGITS = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"


@dataclass(frozen=True, slots=True)
class Target:
    """A type that values are cast to.

    Attributes:
        sql: DuckDB's name of it.
        kind: what its values are.
        form: how a text of it is written, as a regular expression; None if any text is one.
    """

    sql: str
    kind: Kind
    form: str | None

    def of_text(self, sql: str) -> str:
        """Return the SQL of a text that is cast: itself, or one that no cast accepts."""
        if self.form is None:
            return sql
        return f"regexp_extract({sql}, '^{SPACE}({self.form}){SPACE}$', 1)"


TEXT = Target("VARCHAR", "text", None)
INTEGER = Target("BIGINT", "integer", r"[+-]?[0-9]+")
FLOAT = Target("DOUBLE", "float", DIGITS + r"(?:[eE][+-]?[0-9]+)?")
BOOLEAN = Target("BOOLEAN", "boolean", r"(?i:true|false)")
DATE = Target("DATE", "date", DAY)
MOMENT = Target("TIMESTAMP", "moment", f"{DAY}(?:[ T]{CLOCK})?")
ZONED = Target(
    "TIMESTAMP WITH TIME ZONE",
    "zoned",
    f"{DAY}(?:[ T]{CLOCK}(?:Z|[+-][0-9]{{2}}(?::[0-9]{{2}})?)?)?",
)
TARGETS: Mapping[str, Target] = {  # by sqlglot's names of types
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), FLOAT),
    **dict.fromkeys(("TEXT", "VARCHAR"), TEXT),
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ"), MOMENT),
    "TIMESTAMPTZ": ZONED,
}
OF_KINDS: Mapping[Kind, Target] = {"date": DATE, "moment": MOMENT, "zoned": ZONED}


def target_of(data_type: Any) -> Target | None:
    """Return what a parsed type means; None if values cannot be cast to it."""
    name = getattr(data_type.this, "name", None)
    parameters = data_type.expressions
    if any(value for key, value in data_type.args.items() if key not in ("this", "expressions")):
        return None
    if name == "DECIMAL":
        return _decimal([parameter.name for parameter in parameters])
    return None if parameters else TARGETS.get(str(name))


def _decimal(parameters: list[str]) -> Target | None:
    if len(parameters) != 2 or not all(number.isdecimal() for number in parameters):
        return None
    digits, scale = map(int, parameters)
    if not (1 <= digits <= MAX_DIGITS and scale <= digits):
        return None
    return Target(f"DECIMAL({digits}, {scale})", "decimal", DIGITS)
