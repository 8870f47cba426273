"""Run-config classes of the operations of this package."""

from typing import Any

import dagster as dg
from pydantic import Field, field_validator

from data_processing.steps.parameters import each_once


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


def default_recipe() -> list[dict[str, Any]]:
    """Return a recipe for the bundled sample."""
    return [
        {"step": "normalise_text", "columns": ["city"], "collapse_whitespace": True},
        {"step": "remove_duplicates"},
    ]


class CleanDataConfig(dg.Config):
    """The recipe of a cleaning."""

    steps: list[dict[str, Any]] = Field(
        default_factory=default_recipe,
        description=(
            "The steps in their order, each a mapping: 'step' names it, the other keys are its "
            "options, and 'where' limits it to rows for which a condition holds."
        ),
    )
