"""What a data protection impact assessment (article 35(7)) begins with.

It is an input: the description, the measurements and the measures that are on record, beside what
people have stated of necessity and risk. Whether the risk is acceptable it does not say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from util_services.processing_record.document import Chapter, Document, Listing, Part, Statement
from util_services.processing_record.grouping import groups
from util_services.processing_record.parts import NOBODY, Told
from util_services.processing_record.record import controller, general_measures, remarks

if TYPE_CHECKING:
    from util_services.processing_record.document import Source
    from util_services.processing_record.known import Known

KIND = "assessment-input"


def assessment_input(known: Known) -> Document:
    """Return the input of a data protection impact assessment, as far as it is known."""
    return Document(
        kind=KIND,
        title="Input of a data protection impact assessment (article 35 GDPR)",
        at=known.at,
        since=known.since,
        remarks=(
            *remarks(known),
            "Whether an assessment is required (article 35(1), (3)), and whether the risk is "
            "acceptable, is for the controller to judge.",
        ),
        general=Chapter(
            "All activities",
            (
                replace(controller(known), article="35(1)"),
                replace(general_measures(known), article="35(7)(d)"),
            ),
        ),
        activities=tuple(
            Chapter(
                told.group.title,
                (
                    replace(told.purposes(), article="35(7)(a)"),
                    replace(told.runs(), article="35(7)(a)"),
                    replace(told.categories(), article="35(7)(a)"),
                    replace(told.recipients(), article="35(7)(a)"),
                    replace(told.transfers(), article="35(7)(a)"),
                    replace(told.erasure(), article="35(7)(b)"),
                    _necessity(told),
                    _risks(told),
                    replace(told.measures(), article="35(7)(d)"),
                    _consulted(told),
                ),
            )
            for told in (Told(known, group) for group in groups(known))
        ),
    )


def _necessity(told: Told) -> Part:
    """Return why the processing is needed, and how much of the data it left out."""
    statements: list[Statement] = []
    gaps: list[str] = []
    told.assessed("legitimate_interests", "Legitimate interests", "", statements, gaps)
    told.assessed(
        "necessity",
        "Necessity",
        "why the processing is necessary for its purpose",
        statements,
        gaps,
    )
    told.assessed("proportionality", "Proportionality", "why it is proportionate", statements, gaps)
    gone = [one for one in told.columns.values() if not (one.is_published or one.is_released)]
    if gone:
        names = [one.name for one in gone]
        sources = tuple(dict.fromkeys(source for one in gone for source in one.sources))
        text = f"Columns that are in no result: {', '.join(names)}."
        statements.append(Statement(text, sources, {"columns_left_out": names}))
    for run in told.group.runs:
        dropped = run.counts.get("dropped", 0) + run.counts.get("quarantined", 0)
        if dropped:
            facts = {"run": run.id, "rows_left_out": dropped, "rows_read": run.counts.get("in")}
            text = f"Rows that the run {run.id} left out: {dropped} of {run.counts.get('in')}."
            statements.append(Statement(text, run.sources[-1:], facts))
    title = "Necessity and proportionality"
    return Part("necessity", title, "35(7)(b)", tuple(statements), tuple(gaps))


def _risks(told: Told) -> Part:
    """Return the risks as people have assessed them, and as runs have measured them."""
    statements: list[Statement] = []
    gaps: list[str] = []
    stated = told.group.stated.assessment.risks if told.group.stated is not None else None
    if stated is None:
        gaps.append(f"{NOBODY} the risks to the rights and freedoms of data subjects.")
    for position, risk in enumerate(stated or ()):
        measures = f"; measures: {'; '.join(risk.measures)}" if risk.measures else ""
        text = f"{risk.risk} Likelihood: {risk.likelihood}; severity: {risk.severity}{measures}"
        source = told.stated_at("assessment", "risks", position)
        statements.append(Statement(text, source, risk.model_dump(mode="json")))
    rows = []
    remarks_of_steps: dict[str, list[Source]] = {}
    for one in told.steps:
        for measured in one.description.risks:
            facts = {
                "risk": measured.risk,
                "before": measured.before,
                "after": measured.after,
                "operation": one.step.operation,
                "run": one.run.id,
            }
            rows.append(Statement("", (one.report,), facts))
        for text in (*one.step.warnings, *one.step.limits):
            sources = remarks_of_steps.setdefault(text, [])
            if one.report not in sources:
                sources.append(one.report)
    if not rows:
        gaps.append("No run has measured the risk of re-identification ('assess_risk' does).")
    for text, sources in remarks_of_steps.items():
        statements.append(Statement(text, tuple(sources), {"remark": text}))
    headings = {
        "risk": "risk",
        "before": "before",
        "after": "after",
        "operation": "operation",
        "run": "run",
    }
    listings = (Listing("Measured risks", headings, tuple(rows)),) if rows else ()
    title = "Risks to the rights and freedoms of data subjects"
    return Part("risks", title, "35(7)(c)", tuple(statements), tuple(gaps), listings)


def _consulted(told: Told) -> Part:
    """Return who was asked."""
    statements: list[Statement] = []
    gaps: list[str] = []
    told.assessed(
        "advice_of_the_officer",
        "Advice of the data protection officer",
        "what the data protection officer advises",
        statements,
        gaps,
    )
    told.assessed(
        "views_of_data_subjects",
        "Views of data subjects",
        "what data subjects or their representatives say",
        statements,
        gaps,
    )
    return Part("consulted", "Who was consulted", "35(2), 35(9)", tuple(statements), tuple(gaps))
