"""Run-config classes of the operations of this package."""

from typing import Any

import dagster as dg
from pydantic import Field, field_validator, model_validator

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
    """The recipe of a cleaning, and what is kept of it beside the output."""

    steps: list[dict[str, Any]] = Field(
        default_factory=default_recipe,
        description=(
            "The steps in their order, each a mapping: 'step' names it, the other keys are its "
            "options, and 'where' limits it to rows for which a condition holds."
        ),
    )
    recipe: str | None = Field(
        default=None,
        description=(
            "A YAML or JSON file with the steps, in the storage of the input; 'steps' must then "
            "be empty, or left out."
        ),
    )
    state: str | None = Field(
        default=None,
        description=(
            "A file OUTPUT.state.json of an earlier run of the same steps: what these worked out "
            "over all rows there is applied here, instead of being worked out anew."
        ),
    )
    save_state: bool = Field(
        default=False,
        description=(
            "Publish OUTPUT.state.json, for later runs; it may hold values of cells, and so "
            "personal data."
        ),
    )
    change_log: bool = Field(
        default=False,
        description=(
            "Publish OUTPUT.changes.parquet with each changed cell before and after; it holds "
            "personal data."
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _file_instead_of_sample(cls, given: Any) -> Any:
        """Leave out the recipe for the sample, which nobody asked for, where a file is named."""
        if (
            isinstance(given, dict)
            and given.get("recipe")
            and given.get("steps") in (None, default_recipe())
        ):
            return {**given, "steps": []}
        return given
