"""What every report says of itself, so that nobody reads more into it than it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.reports.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from util_services.reports.record import Report

TERMS = {
    "rows read": "The records of the input, those that could not be read among them.",
    "rows published": "The rows of the output.",
    "rows dropped": "Rows that a step left out, as its options say.",
    "SHA-256": "A fingerprint of the bytes of a file: sha256sum prints the same for equal bytes.",
}
NO_OUTPUT = {
    "rows read": TERMS["rows read"],
    "SHA-256": TERMS["SHA-256"],
}
QUARANTINED = {
    "rows quarantined": "Records that could not be read, set aside in a file beside the output."
}
MANY_OBJECTS = {
    "SHA-256 of many objects": "The fingerprint of what sha256sum prints of them all, in the order "
    "of their names; of part files, that of the manifest which lists them."
}
ACCOUNT = "Every row that was read is published, dropped by a step, or quarantined."
NO_ROWS = "It tells of the rows that were read; none of them was published."
LIMITS = (
    "The report states what was configured and counted. It does not judge whether data are "
    "personal or anonymous, nor whether they may be passed on.",
    "Names of columns and the options of steps are shown as they are; they count as public.",
)


def how_to_read(report: Report) -> Iterable[Section]:
    """Return the terms that the report uses, and what it does not say."""
    is_published = report.output is not None
    terms = dict(TERMS if is_published else NO_OUTPUT)
    text = ACCOUNT if is_published else NO_ROWS
    if report.rows.quarantined:
        terms |= QUARANTINED
    if report.input.objects or (report.output is not None and report.output.parts):
        terms |= MANY_OBJECTS
    return [
        Section(
            title="How to read this report",
            text=(text,),
            definitions=terms,
            limits=LIMITS,
        )
    ]
