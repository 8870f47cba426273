"""Run-config classes of the operations of this package."""

from enum import StrEnum
from typing import Any, Literal

import dagster as dg
from pydantic import Field, field_validator


class Difference(StrEnum):
    """A difference between texts; Dagster takes a list of an Enum, but not of a Literal."""

    case = "case"
    whitespace = "whitespace"
    accents = "accents"


def each_once(names: list[Any]) -> list[Any]:
    """Refuse a list in which an entry is repeated."""
    if len(set(names)) < len(names):
        raise ValueError("each entry may stand here once")
    return names


class ConvertFormatConfig(dg.Config):
    """Which columns are written; formats and dialects are those of reading and writing."""

    columns: list[str] = Field(
        default_factory=list,
        description="Columns that are written, in this order; all if none are named.",
    )

    @field_validator("columns")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        return each_once(names)


class RemoveDuplicatesConfig(dg.Config):
    """Which rows count as duplicates, and which of them stays."""

    subset: list[str] = Field(
        default_factory=list,
        description="Columns that make two rows equal; all columns if none are named.",
    )
    keep: Literal["first", "last", "none", "any"] = Field(
        default="first",
        description=(
            "Which row of a group stays: the first or last in the order of 'order_by', else of "
            "the input; none of them; or any, left to the engine."
        ),
    )
    order_by: list[str] = Field(
        default_factory=list,
        description=(
            "Columns whose ascending order decides which row is first; rows without a value in "
            "them come behind all others, whichever is kept."
        ),
    )
    ignore: list[Difference] = Field(
        default_factory=list,
        description="Differences between texts that do not count; the published text is unchanged.",
    )

    @field_validator("subset", "order_by", "ignore")
    @classmethod
    def _each_once(cls, names: list[Any]) -> list[Any]:
        return each_once(names)
