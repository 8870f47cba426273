"""What a run tells about itself beside its output: counts, digests and configuration, no values."""

from util_services.reports.html import render_html
from util_services.reports.record import REPORT_SCHEMA, RunFacts, build_report, to_json

__all__ = ["REPORT_SCHEMA", "RunFacts", "build_report", "render_html", "to_json"]
