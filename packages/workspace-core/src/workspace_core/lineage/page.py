"""A drawing as a page for browsers: one file that asks for nothing from anywhere."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from util_services.errors import printable

if TYPE_CHECKING:
    from workspace_core.lineage.drawing import Drawing, Node

COLUMN, ROW, WIDTH, HEIGHT, MARGIN = 250, 62, 190, 44, 24  # pixels
MOST_LETTERS = 28
PLACE = re.compile(r"\{\{(\w+)\}\}")
LEGEND = ("step", "data", "source data", "code", "imported", "outside", "unknown")


def page(drawing: Drawing, title: str, *, width: int = 1024, height: int = 800) -> str:
    """Return a drawing as HTML.

    Args:
        drawing: what is shown.
        title: of the page.
        width: of the drawing, in pixels.
        height: of the drawing, in pixels.
    """
    places = {
        one.id: (MARGIN + one.column * COLUMN, MARGIN + one.row * ROW) for one in drawing.nodes
    }
    whole_width = 2 * MARGIN + (drawing.columns - 1) * COLUMN + WIDTH
    whole_height = 2 * MARGIN + (drawing.rows - 1) * ROW + HEIGHT
    lines = [
        _line(source, target, kind, places[source], places[target])
        for source, target, kind in drawing.lines
    ]
    nodes = [_node(one, *places[one.id]) for one in drawing.nodes]
    facts = {
        one.id: {"title": one.title, "warning": one.warning, "facts": one.facts}
        for one in drawing.nodes
    }
    legend = "".join(
        f'<span class="{_class(one)}"><i></i>{one}</span>'
        for one in LEGEND
        if any(node.kind == one for node in drawing.nodes)
    )
    template = files("workspace_core.lineage").joinpath("page.html").read_text(encoding="utf-8")
    values = {
        "title": html.escape(printable(title)),
        "width": str(width),
        "height": str(height),
        "view": f"0 0 {whole_width} {whole_height}",
        "legend": legend,
        "facts": json.dumps(facts).replace("<", "\\u003c"),
        "lines": "\n".join(lines),
        "nodes": "\n".join(nodes),
    }
    return PLACE.sub(lambda found: values[found[1]], template)


def _node(node: Node, x: int, y: int) -> str:
    late = " late" if node.warning else ""
    title = html.escape(printable(node.title))
    return (
        f'<g class="node {_class(node.kind)}{late}" id="{node.id}" tabindex="0" role="button" '
        f'aria-label="{title}" transform="translate({x},{y})">'
        f'<rect width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text x="10" y="18">{_fitting(node.title)}</text>'
        f'<text class="sub" x="10" y="34">{_fitting(node.subtitle)}</text>'
        f"<title>{title}</title></g>"
    )


def _line(
    source: str, target: str, kind: str, begins: tuple[int, int], ends: tuple[int, int]
) -> str:
    x, y, u, v = begins[0] + WIDTH, begins[1] + HEIGHT // 2, ends[0], ends[1] + HEIGHT // 2
    bend = max(40, abs(u - x) // 2)
    path = f"M{x},{y}C{x + bend},{y} {u - bend},{v} {u},{v}"
    return f'<path class="line {kind}" data-from="{source}" data-to="{target}" d="{path}"/>'


def _fitting(text: str) -> str:
    shown = printable(text)
    if len(shown) > MOST_LETTERS:
        shown = f"{shown[: MOST_LETTERS // 3]}…{shown[-MOST_LETTERS + MOST_LETTERS // 3 + 1 :]}"
    return html.escape(shown)


def _class(kind: str) -> str:
    return kind.replace(" ", "-")
