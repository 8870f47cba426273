"""Metrics over snapshots as drawings in SVG: one for each metric."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from util_services.errors import printable
from workspace_core.results.comparison import shown_value

if TYPE_CHECKING:
    from workspace_core.results.comparison import Comparison

WIDTH, HEIGHT = 440, 220  # pixels, of one drawing
LEFT, RIGHT, TOP, BOTTOM = 58, 18, 48, 40
MOST_LABELS, MOST_LETTERS, MOST_COLUMNS = 7, 11, 2
LINE, BEST, INK, GREY = "#0b57d0", "#b3540b", "#1c1b1f", "#605d66"
FONT = "font-family:system-ui,sans-serif"


def chart(comparison: Comparison, name: str) -> str:
    """Return the drawing of one metric, of `WIDTH` by `HEIGHT` pixels."""
    return (
        f'<svg class="chart" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{_escaped(name)}" '
        f'style="{FONT}">{_drawing(comparison, name)}</svg>'
    )


def charts(comparison: Comparison) -> str:
    """Return one drawing of all metrics, to be kept as a file."""
    names = [one for one in comparison.names if comparison.numbers(one)]
    columns = max(1, min(MOST_COLUMNS, len(names)))
    width, height = columns * WIDTH, max(1, math.ceil(len(names) / columns)) * HEIGHT
    parts = [
        f'<g transform="translate({place % columns * WIDTH},{place // columns * HEIGHT})">'
        f"{_drawing(comparison, name)}</g>"
        for place, name in enumerate(names)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="{FONT}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _drawing(comparison: Comparison, name: str) -> str:
    numbers = comparison.numbers(name)
    best = comparison.best(name)
    marks = ticks(min(value for _, value in numbers), max(value for _, value in numbers))
    last = max(len(comparison.entries) - 1, 1)
    points = {
        place: (
            LEFT + (WIDTH - LEFT - RIGHT) * (place / last if len(comparison.entries) > 1 else 0.5),
            _y(value, marks),
        )
        for place, value in numbers
    }
    arrow = "less is better" if best.is_lowest else "more is better"
    found = [
        f'<text x="{LEFT - 46}" y="18" font-size="13" font-weight="600" fill="{INK}">'
        f'{_escaped(_short(name, 38))}<tspan font-size="11" font-weight="400" fill="{GREY}">'
        f"  {arrow}</tspan></text>"
    ]
    for mark in marks:
        y = _y(mark, marks)
        found.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e3e1e6"/>'
            f'<text x="{LEFT - 7}" y="{y + 4:.1f}" font-size="11" text-anchor="end" fill="{GREY}">'
            f"{mark:.6g}</text>"
        )
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points.values())
    found.append(f'<path d="M{path}" fill="none" stroke="{LINE}" stroke-width="1.8"/>')
    for place, value in numbers:
        x, y = points[place]
        entry = comparison.entries[place]
        is_best = entry is best.entry
        said = _escaped(f"{entry.number:03d} {entry.label}: {shown_value(value)}")
        found.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if is_best else 3.2}" '
            f'fill="{BEST if is_best else LINE}"><title>{said}</title></circle>'
        )
        if is_best:
            end = "end" if x > WIDTH - 70 else "start" if x < LEFT + 30 else "middle"
            found.append(
                f'<text x="{x:.1f}" y="{y - 10:.1f}" font-size="11" font-weight="600" '
                f'text-anchor="{end}" fill="{BEST}">{_escaped(shown_value(value))}</text>'
            )
    found += _labels(comparison, points)
    return "".join(found)


def _labels(comparison: Comparison, points: dict[int, tuple[float, float]]) -> list[str]:
    """Return names below as many points as there is room for, the last one always."""
    places = sorted(points)
    every = math.ceil(len(places) / MOST_LABELS)
    chosen = places[::-1][::every]
    found = []
    for place in chosen:
        x, label = points[place][0], _short(comparison.entries[place].label, MOST_LETTERS)
        end = "end" if x > WIDTH - 40 else "middle"
        found.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" font-size="11" text-anchor="{end}" '
            f'fill="{GREY}">{_escaped(label)}</text>'
        )
    return found


def ticks(low: float, high: float) -> list[float]:
    """Return three to six round numbers that enclose a range, the lowest first."""
    if low == high:
        span = abs(low) or 1.0
        low, high = low - span / 10, high + span / 10
    raw = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * one for one in (1, 2, 5, 10) if raw <= unit * one)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [one * step for one in range(first, last + 1)]


def _y(value: float, marks: list[float]) -> float:
    share = (value - marks[0]) / (marks[-1] - marks[0])
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _escaped(text: str) -> str:
    return html.escape(printable(text))
