"""A drawing for Graphviz (the DOT language)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import printable

if TYPE_CHECKING:
    from workspace_core.lineage.drawing import Drawing, Node

SHAPES = {
    "step": 'shape=box, style="filled", fillcolor="#dbe9f6"',
    "data": 'shape=box, style="rounded,filled", fillcolor="#ffffff"',
    "source data": 'shape=cylinder, style="filled", fillcolor="#e3f1df"',
    "code": 'shape=note, style="filled", fillcolor="#f4ecdc"',
    "imported": 'shape=cylinder, style="filled", fillcolor="#ece4f4"',
    "outside": 'shape=box, style="rounded,dotted,filled", fillcolor="#fdf3e7"',
    "unknown": 'shape=box, style="rounded,dashed,filled", fillcolor="#f2f2f2"',
}


def dot(drawing: Drawing) -> str:
    """Return a drawing in the DOT language; Graphviz places the nodes itself."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="sans-serif", fontsize=11];']
    lines += [f"  {_node(one)};" for one in drawing.nodes]
    for source, target, kind in drawing.lines:
        style = " [style=dashed]" if kind == "code" else ""
        lines.append(f"  {source} -> {target}{style};")
    return "\n".join([*lines, "}", ""])


def _node(node: Node) -> str:
    colour = ', color="#b3261e", penwidth=2' if node.warning else ""
    label = _quoted(node.title, node.subtitle)
    tip = f", tooltip={_quoted(node.warning)}" if node.warning else ""
    return f"{node.id} [label={label}, {SHAPES[node.kind]}{colour}{tip}]"


def _quoted(*lines: str) -> str:
    """Return lines as a quoted string, in which nothing but the border between them is special."""
    parts = [printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(parts) + '"'
