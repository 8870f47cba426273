"""A comparison as a page for browsers: one file that asks for nothing from anywhere."""

from __future__ import annotations

import html
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from util_services.errors import printable
from workspace_core.results.chart import chart
from workspace_core.results.table import legend, table

if TYPE_CHECKING:
    from workspace_core.results.comparison import Comparison

PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(comparison: Comparison, title: str) -> str:
    """Return drawings of all metrics and a table of them as HTML."""
    template = files("workspace_core.results").joinpath("page.html").read_text(encoding="utf-8")
    drawn = [chart(comparison, one) for one in comparison.names if comparison.numbers(one)]
    values = {
        "title": html.escape(printable(title)),
        "charts": "\n".join(drawn),
        "legend": html.escape(legend(comparison)),
        "table": table(comparison),
    }
    return PLACE.sub(lambda found: values[found[1]], template)
