"""What a run tells about itself: counts, digests, configuration and words, never a value.

`Section`, `Table` and `Figure` are what operations and plugins add to a report.
"""

from util_services.reports.html import render_html
from util_services.reports.markdown import render_markdown
from util_services.reports.plain import ReportError
from util_services.reports.record import (
    REPORT_SCHEMA,
    InputFacts,
    OutputFacts,
    Report,
    RowCounts,
    RunFacts,
    build_report,
)
from util_services.reports.section import Figure, Section, Table

__all__ = [
    "REPORT_SCHEMA",
    "Figure",
    "InputFacts",
    "OutputFacts",
    "Report",
    "ReportError",
    "RowCounts",
    "RunFacts",
    "Section",
    "Table",
    "build_report",
    "render_html",
    "render_markdown",
]
