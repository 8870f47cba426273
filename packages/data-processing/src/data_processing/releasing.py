"""What a release policy may want of the quality of a dataset, tested on what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data_processing.rules.checks import DataRule  # noqa: TC001 - pydantic reads the annotation
from util_services.releases.checks import ReleaseCheck, Rule, require_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.releases.checks import Candidate
    from util_services.releases.policy import ReleasePolicy

PLACE = "checks.quality"


class Quality(BaseModel):
    """Rules of ``validate_data`` that a release must keep, each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: list[DataRule] = Field(min_length=1, description="The rules, as of validate_data.")

    @field_validator("rules")
    @classmethod
    def _kept_by_all(cls, rules: list[DataRule]) -> list[DataRule]:
        if any("severity" in rule.model_fields_set for rule in rules):
            raise ValueError("a rule of a release is kept or missed; take 'severity' out")
        return rules


def quality_ready(config: Quality, policy: ReleasePolicy) -> None:
    """Refuse rules on columns that are not released."""
    for rule in config.rules:
        require_columns("columns", rule.columns, list(policy.columns))


def quality(candidate: Candidate, config: Quality) -> Iterator[Rule]:
    """Yield how each rule is kept."""
    from data_processing.catalogue.checks import validate_data
    from data_processing.step_operations import clean_in_run
    from data_processing.steps.recipe import Call, Recipe

    asked = [{**rule.model_dump(exclude_unset=True), "severity": "warn"} for rule in config.rules]
    options = validate_data.options(rules=asked)
    with candidate.scanned() as dataset:
        recipe = Recipe((Call(validate_data, options, None, PLACE),))
        outcome = clean_in_run(dataset, recipe, is_one_step=True)
    (note,) = outcome.facts["steps"]
    for check in note["facts"]["checks"]:
        found = f"{check['broken']} of {check['of']} break it"
        yield Rule(check["name"], found, check["passed"])


CHECKS = (ReleaseCheck("quality", Quality, quality, ready=quality_ready),)
