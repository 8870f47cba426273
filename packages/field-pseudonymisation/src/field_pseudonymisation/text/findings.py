"""What a report says of free texts: counts, and what was not looked for; never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from field_pseudonymisation import findings
from field_pseudonymisation.detectors.catalogue import NOT_LOOKED_FOR
from field_pseudonymisation.text.registry import detectors
from field_pseudonymisation.text.transform import FOUND, DetectText
from util_services.reports import Section, Table

if TYPE_CHECKING:
    from field_pseudonymisation.plan import ColumnPlan, Plan

BY_MODEL = (
    "Names were looked for by a language model, which misses some and takes other words for names."
)
NOT_ALL_IS_FOUND = (
    "What is found in texts is what patterns, check digits and words beside them tell; values that "
    "are misspelt or of another form stay as they are."
)


def limits_of(plan: Plan) -> tuple[str, ...]:
    """Return what the pseudonymisation of a plan does not do."""
    if not _text_columns(plan):
        return findings.LIMITS
    others = (one for one in findings.LIMITS if one != findings.NO_TEXTS)
    missing = f"Not looked for in texts: {'; '.join(not_looked_for(plan))}."
    has_model = any(transform.options.model for _, transform in _text_columns(plan))
    return (*others, NOT_ALL_IS_FOUND, *((BY_MODEL,) if has_model else ()), missing)


def not_looked_for(plan: Plan) -> tuple[str, ...]:
    """Return what nothing looks for, and what a rule has left out."""
    known = {one.entity for one in detectors().values()}
    columns = [transform for _, transform in _text_columns(plan)]
    everywhere = set.intersection(
        *({one.entity for one in transform.looked_for} for transform in columns)
    )
    nobody = [what for entity, what in NOT_LOOKED_FOR.items() if entity not in everywhere]
    return (*nobody, *sorted(known - everywhere))


def texts_told(plan: Plan) -> list[dict[str, Any]]:
    """Return what was found in each column of free texts."""
    return [
        {
            "column": column.name,
            "texts": plan.rows - column.nulls,
            "texts_with_findings": column.counts.get("texts_with_findings", 0),
            "found": {
                name.removeprefix(FOUND): count
                for name, count in sorted(column.counts.items())
                if name.startswith(FOUND)
            },
            "looked_for": sorted(one.name for one in transform.looked_for),
        }
        for column, transform in _text_columns(plan)
    ]


def text_sections(plan: Plan) -> tuple[Section, ...]:
    """Return the section of a report on free texts; none where there are none."""
    told = texts_told(plan)
    if not told:
        return ()
    looked_for = [one for _, transform in _text_columns(plan) for one in transform.looked_for]
    entities = {one.name: one.entity for one in looked_for}
    rows = tuple(
        (one["column"], entities[name], name, count)
        for one in told
        for name, count in one["found"].items()
    )
    facts = {
        "texts": sum(one["texts"] for one in told),
        "texts_with_findings": sum(one["texts_with_findings"] for one in told),
        "not_looked_for": list(not_looked_for(plan)),
    }
    table = Table("What was found", ("Column", "Entity", "Detector", "Count"), rows)
    return (Section("Free texts", facts=facts, tables=(table,)),)


def _text_columns(plan: Plan) -> list[tuple[ColumnPlan, DetectText]]:
    return [
        (column, column.transform)
        for column in plan.kept
        if isinstance(column.transform, DetectText)
    ]
