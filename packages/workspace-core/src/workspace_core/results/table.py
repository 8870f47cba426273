"""A comparison as a table in HTML, for pages and notebooks: its styles are in its cells."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from util_services.errors import printable
from workspace_core.results.comparison import shown_value

if TYPE_CHECKING:
    from workspace_core.results.comparison import Comparison

# One hue from light to dark, told apart also by those who see no red or green; text stays dark.
LIGHTEST, DARKEST = (247, 251, 255), (156, 201, 227)
BETTER, WORSE = "#004d24", "#84110a"
CELL = "padding:4px 10px;border:1px solid #d5d3d8;color:#1c1b1f;background:#fff"


def table(comparison: Comparison, *, heatmap: bool = True) -> str:
    """Return a table with a row for each snapshot and a column for each metric.

    Args:
        comparison: what is shown.
        heatmap: let the colour of a number say how good it is among those of its metric.
    """
    names = comparison.names
    arrows = {name: "↓" if comparison.is_lower_better(name) else "↑" for name in names}
    heads = [
        *(_head(one) for one in ("snapshot", "time", "message")),
        *(_head(f"{name} {arrows[name]}", number=True) for name in names),
    ]
    rows = [_row(comparison, place, heatmap=heatmap) for place in range(len(comparison.entries))]
    return (
        '<table class="dws-metrics" style="border-collapse:collapse;font-size:13px">'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def legend(comparison: Comparison, *, heatmap: bool = True) -> str:
    """Return a sentence that says how the table is read."""
    said = ["↑ more is better, ↓ less is better."]
    if heatmap:
        said.append(
            "The stronger its colour, the better a number among those of its column; ★ is the best."
        )
    if comparison.baseline is not None:
        said.append(f"▲ and ▼: better and worse than {printable(comparison.baseline.label)}.")
    return " ".join(said)


def _row(comparison: Comparison, place: int, *, heatmap: bool) -> str:
    entry = comparison.entries[place]
    tags = f" {', '.join(entry.tags)}" if entry.tags else ""
    name = f"{entry.number:03d} {entry.hashval[:8]}{tags}"
    time = entry.timestamp[:16].replace("T", " ")
    cells = [_cell(name), _cell(time, wraps=False), _cell(entry.message)]
    cells += [_value(comparison, place, one, heatmap=heatmap) for one in comparison.names]
    return f"<tr>{''.join(cells)}</tr>"


def _value(comparison: Comparison, place: int, name: str, *, heatmap: bool) -> str:
    text = html.escape(printable(shown_value(comparison.entries[place].values.get(name))))
    goodness = comparison.goodness(name, place)
    if goodness is None:
        return f'<td style="{CELL};color:#605d66">{text}</td>'
    style = f"{CELL};text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
    if heatmap:
        style += f";background:{_colour(goodness)}"
    if comparison.best(name).entry is comparison.entries[place]:
        text, style = f"★ {text}", f"{style};font-weight:600"
    better = comparison.against_baseline(name, place)
    if better is not None and better != 0:
        sign, colour = ("▲", BETTER) if better > 0 else ("▼", WORSE)
        text += f' <span style="color:{colour}">{sign} {abs(better):.2g}</span>'
    return f'<td style="{style}">{text}</td>'


def _colour(goodness: float) -> str:
    mixed = (round(a + (b - a) * goodness) for a, b in zip(LIGHTEST, DARKEST, strict=True))
    return "#" + "".join(f"{one:02x}" for one in mixed)


def _head(text: str, *, number: bool = False) -> str:
    side = "right" if number else "left"
    return (
        f'<th scope="col" style="{CELL};text-align:{side};background:#f3f1f5">'
        f"{html.escape(printable(text))}</th>"
    )


def _cell(text: str, *, wraps: bool = True) -> str:
    style = f"{CELL};text-align:left{'' if wraps else ';white-space:nowrap'}"
    return f'<td style="{style}">{html.escape(printable(text))}</td>'
