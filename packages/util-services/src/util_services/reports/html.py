"""The report of a run as one HTML page that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEMPLATE = "report.html.jinja"
OBJECTS_SHOWN = 50  # of an input in many objects
GENERATOR = '<meta name="generator" content="data-services">'  # tells our pages from others


def render_html(report: Mapping[str, Any]) -> str:
    """Return a self-contained page: readable in light and dark, on paper and on a phone."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("util_services", "reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = _words
    environment.filters["shown"] = _shown
    return environment.get_template(TEMPLATE).render(
        report=report, generator=GENERATOR, objects_shown=OBJECTS_SHOWN
    )


def _words(key: str) -> str:
    """Return a key of the report as words."""
    return key.replace("_", " ").capitalize()


def _shown(value: Any) -> str:
    """Return a value of the report as a person reads it."""
    match value:
        case None | "":
            return "\N{EN DASH}"
        case list() | tuple() | Mapping() if not value:  # the pattern {} is any mapping
            return "\N{EN DASH}"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}".replace(",", "\u202f")  # a narrow no-break space, as in SI
        case list() | tuple():
            return ", ".join(map(_shown, value))
        case Mapping():
            return ", ".join(
                f"{_words(key).lower()}: {_shown(item)}" for key, item in value.items()
            )
        case _:
            return str(value)
