"""What rows, or a dataset as a whole, must keep."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import model_validator

from data_processing.rules.meaning import refuse_meaningless
from data_processing.steps.parameters import Columns, DatasetPath, Rule, described

MEANT_FOR = {
    "type": ("type",),
    "min": ("range", "row_count"),
    "max": ("range", "row_count"),
    "pattern": ("pattern",),
    "values": ("allowed",),
    "expression": ("expression",),
    "dataset": ("foreign_key",),
    "key": ("foreign_key",),
    "max_age_hours": ("freshness",),
    "as_of": ("freshness",),
}
NEEDS = {
    "type": ("type",),
    "pattern": ("pattern",),
    "allowed": ("values",),
    "expression": ("expression",),
    "foreign_key": ("dataset",),
    "freshness": ("max_age_hours",),
}
OF_DATASET = ("row_count", "freshness")  # rather than of rows


class DataRule(Rule):
    """A rule that rows, or the dataset as a whole, must keep."""

    rule: Annotated[
        Literal[
            "not_null",
            "type",
            "unique",
            "range",
            "pattern",
            "allowed",
            "expression",
            "foreign_key",
            "row_count",
            "freshness",
        ],
        described(
            "What must hold: there is a value; it is of a type, or a text that is written as one; "
            "no other row has the same values in all 'columns'; a value lies from 'min' to 'max'; "
            "a whole text matches 'pattern'; a value is one of 'values'; a condition on several "
            "columns; the values of all 'columns' are a key of another dataset; the number of rows "
            "lies from 'min' to 'max'; the latest moment is not too old."
        ),
    ]
    columns: Annotated[
        Columns,
        described("The columns it is about, each by itself but for unique and foreign_key."),
    ] = []  # noqa: RUF012 - a default of a model, which copies it
    severity: Annotated[
        Literal["error", "warn", "quarantine"],
        described(
            "What a broken rule means: nothing is published; the report warns of it; or the rows "
            "that break it are set aside."
        ),
    ] = "error"
    name: Annotated[
        str | None, described("What the report calls the rule; by default the rule and its column.")
    ] = None
    type: Annotated[
        Literal["text", "integer", "number", "boolean", "date", "timestamp"] | None,
        described("The type of values, for type."),
    ] = None
    min: Annotated[Any, described("The least value or number of rows, for range, row_count.")] = (
        None
    )
    max: Annotated[
        Any, described("The greatest value or number of rows, for range, row_count.")
    ] = None
    pattern: Annotated[
        str | None, described("The regular expression of the whole text, for pattern.")
    ] = None
    values: Annotated[list[Any], described("The values there may be, for allowed.")] = []  # noqa: RUF012
    expression: Annotated[
        str | None, described('The condition, such as "admitted <= discharged".')
    ] = None
    dataset: Annotated[
        DatasetPath | None, described("The other dataset, for foreign_key: a path in the storage.")
    ] = None
    key: Annotated[
        list[str], described("Its columns, in the order of 'columns'; by default of these names.")
    ] = []  # noqa: RUF012
    max_age_hours: Annotated[
        float | None, described("How old the latest moment may be, for freshness.", ge=0)
    ] = None
    as_of: Annotated[
        str | None,
        described("The moment from which age is told, in ISO 8601; by default that of the run."),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> DataRule:
        refuse_meaningless(self, "rule", MEANT_FOR)
        for option in NEEDS.get(self.rule, ()):
            if getattr(self, option) in (None, []):
                raise ValueError(f"{self.rule} needs '{option}'")
        has_columns = self.rule not in ("expression", "row_count")
        if has_columns != bool(self.columns):
            raise ValueError(
                f"{self.rule} needs 'columns'"
                if has_columns
                else f"'columns' has no meaning for {self.rule}; take it out"
            )
        if self.rule in ("range", "row_count") and self.min is None and self.max is None:
            raise ValueError(f"{self.rule} needs 'min', 'max' or both")
        if self.key and len(self.key) != len(self.columns):
            raise ValueError("'key' must name as many columns as 'columns'")
        if self.rule in OF_DATASET and self.severity == "quarantine":
            raise ValueError(f"{self.rule} is about no row that could go to the quarantine")
        if self.rule == "row_count" and not all(
            bound is None or type(bound) is int for bound in (self.min, self.max)
        ):
            raise ValueError("'min' and 'max' of row_count must be whole numbers")
        return self
