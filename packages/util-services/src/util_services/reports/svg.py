"""Draw the figures of a report as SVG that stands in the page itself.

Lengths are shares of the width and texts have a fixed size, so that a figure is as readable on a
phone as on paper. Series differ in pattern as well as in colour, and each number stands beside what
is drawn of it. Colours and patterns are those of the page (see ``report.html.jinja``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from util_services.reports.shown import NOTHING, number, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.reports.section import Figure

MAX_DRAWN = 30  # of the labels of a figure; the rest is in its table and in the JSON report
PERCENT = "percent"  # the unit of shares of a whole
ONE_OF = {"rows": "row", "classes": "class", "clusters": "cluster"}  # units of a single one
MAX_TOLD = 12  # numbers in the description for those who cannot see the figure
LETTERS = 38  # that fit beside each other on the narrowest screen
LABEL_LETTERS = 30  # of these, beside a number
TINTS = 4  # colours and patterns of the page; a fifth series begins anew

BAR, GAP, LINE = 12, 5, 17  # pixels: a bar, the space behind a label's bars, a line of text
PLOT, TOP = 140, 18  # pixels: columns, and the room above them for their numbers
PART = 26  # pixels: the bar of a whole


def draw(figure: Figure, name: str) -> Markup:
    """Return a figure as an SVG element with a description in words.

    Args:
        figure: what to draw.
        name: what the ids in the element begin with; unique on the page.
    """
    shapes = {"bars": _bars, "columns": _columns, "parts": _parts}[figure.kind]
    height, content = shapes(figure)
    return Markup(  # noqa: S704 - every text in it went through `escape`
        f'<svg class="figure" role="img" aria-labelledby="{name}-t {name}-d" '
        f'width="100%" height="{height}">'
        f'<title id="{name}-t">{escape(visible(figure.title))}</title>'
        f'<desc id="{name}-d">{escape(described(figure))}</desc>{content}</svg>'
    )


def tint(position: int) -> str:
    """Return the class that gives a shape the look of a series."""
    return f"tint-{position % TINTS}"


def described(figure: Figure) -> str:
    """Return a figure in words: its numbers, as far as they fit into a sentence."""
    several = len(figure.series) > 1
    told = [
        f"{visible(label)}{visible(', ' + name) if several else ''}: "
        f"{_told(value)}{_unit(figure, value)}"
        for name, values in figure.series.items()
        for label, value in zip(figure.labels, values, strict=True)
    ]
    rest = len(told) - MAX_TOLD
    return "; ".join(told[:MAX_TOLD]) + (f"; and {rest} more" if rest > 0 else "")


def _unit(figure: Figure, value: float | None) -> str:
    """Return the unit behind a value; that of a single one is no plural."""
    unit = ONE_OF.get(figure.unit, figure.unit) if value == 1 else figure.unit
    return f" {visible(unit)}" if unit else ""


def _bars(figure: Figure) -> tuple[int, str]:
    """Draw horizontal bars below their labels, from the line of zero."""
    drawn = {name: values[:MAX_DRAWN] for name, values in figure.series.items()}
    lowest, highest = _range(drawn)
    if figure.unit == PERCENT:
        highest = max(highest, 100)  # a bar for the greatest share would look like all
    span = highest - lowest or 1
    zero = 100 * (0 - lowest) / span
    pieces, y = [], 0
    for n, label in enumerate(figure.labels[:MAX_DRAWN]):
        numbers = " / ".join(_told(values[n]) for values in drawn.values())
        pieces.append(_text(0, y + LINE - 5, _cut(label, LABEL_LETTERS), "label"))
        pieces.append(_text(100, y + LINE - 5, numbers, "number end"))
        y += LINE
        for position, values in enumerate(drawn.values()):
            length = 100 * abs(values[n] or 0) / span
            start = zero - (length if (values[n] or 0) < 0 else 0)
            pieces.append(_track(y))
            pieces.append(_rectangle(start, y, length, BAR, position))
            y += BAR + 2
        y += GAP
    if lowest < 0:
        pieces.append(f'<line class="axis" x1="{zero:.3f}%" x2="{zero:.3f}%" y1="0" y2="{y}"/>')
    return y, "".join(pieces)


def _columns(figure: Figure) -> tuple[int, str]:
    """Draw columns side by side, with as many labels and numbers as a phone has room for."""
    labels = figure.labels[:MAX_DRAWN]
    drawn = {name: values[:MAX_DRAWN] for name, values in figure.series.items()}
    _, highest = _range(drawn)
    slot = 100 / max(len(labels), 1)
    width = 0.8 * slot / max(len(drawn), 1)
    every = 1 if sum(len(label) + 1 for label in labels) <= LETTERS else -(-len(labels) // 4)
    letters = LETTERS // max(len(labels[::every]), 1)
    numbers = [_told(value) for values in drawn.values() for value in values]
    shows_numbers = len(numbers) * max(map(len, numbers), default=0) <= LETTERS
    pieces = []
    for n, label in enumerate(labels):
        for position, values in enumerate(drawn.values()):
            height = PLOT * (values[n] or 0) / highest if highest else 0
            x, y = (n + 0.1) * slot + position * width, TOP + PLOT - height
            pieces.append(_rectangle(x, y, width, height, position))
            if shows_numbers:
                pieces.append(_text(x + width / 2, y - 5, _told(values[n]), "number middle"))
        if n % every == 0:
            if every == 1:
                place, look = (n + 0.5) * slot, "label middle"
            elif (n + every) * slot < 100:
                place, look = n * slot, "label"
            else:  # the last one, which might not fit behind its place
                place, look = (n + 1) * slot, "label end"
            pieces.append(_text(place, TOP + PLOT + LINE, _cut(label, letters), look))
    floor = TOP + PLOT
    pieces.append(f'<line class="axis" x1="0" x2="100%" y1="{floor}" y2="{floor}"/>')
    return floor + LINE + GAP, "".join(pieces)


def _parts(figure: Figure) -> tuple[int, str]:
    """Draw the parts of a whole along one bar; the page lists them below."""
    (values,) = figure.series.values()
    total = sum(value or 0 for value in values)
    pieces, x = [_track(0, PART)], 0.0
    for position, value in enumerate(values):
        width = 100 * (value or 0) / total if total else 0
        pieces.append(_rectangle(x, 0, width, PART, position))
        x += width
    return PART, "".join(pieces)


def _range(drawn: Mapping[str, tuple[float | None, ...]]) -> tuple[float, float]:
    """Return the ends of the scale, zero always among them."""
    numbers = [value for values in drawn.values() for value in values if value is not None]
    return min([0, *numbers]), max([0, *numbers])


def _rectangle(x: float, y: float, width: float, height: float, position: int) -> str:
    if not (width and height):
        return ""
    return (
        f'<rect class="{tint(position)}" x="{x:.3f}%" y="{y:.1f}" width="{width:.3f}%" '
        f'height="{height:.1f}"/>'
    )


def _track(y: int, height: int = BAR) -> str:
    return f'<rect class="track" x="0" y="{y}" width="100%" height="{height}"/>'


def _text(x: float, y: float, text: str, look: str) -> str:
    return f'<text class="{look}" x="{x:.3f}%" y="{y:.1f}">{escape(text)}</text>'


def _cut(label: str, limit: int) -> str:
    text = visible(label)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _told(value: float | None) -> str:
    return NOTHING if value is None else number(value)
