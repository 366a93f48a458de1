"""Drawings of a page: SVG that takes colours and font from the page it stands in, drawn by Matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.style
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STEPS = (1, 2, 5, 10)
"""Between numbers at an axis."""
_LEAST_ROOM = 0.05  # of the highest value: so that nearly equal values look nearly equal
RULE = "#0a0b02"
"""Stand-in for the page's colour of lines while matplotlib draws."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Matplotlib's names of marks; a model has one besides its colour, for those who see no colours."""
SERIES = 8
"""Number of colours; the page calls them ``--series-0`` and so on."""
_INK = "#0a0b01"
_COLOURS = tuple(map("#0a0b1{}".format, range(SERIES)))
_VARIABLES = {_INK: "var(--muted)", RULE: "var(--rule)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(_COLOURS)
}
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that all machines leave the same room for text
    "font.size": 12,
    "axes.labelcolor": _INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.labelpad": 6,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "svg.fonttype": "none",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_POINT = 1 / 72  # inches; an SVG of matplotlib has one unit a point
_WIDE, _NARROW = (1040, 260), (340, 230)
_MARGINS = (46, 44, 18, 10)


def room(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis around values, which are not made to look further apart than they are."""
    low, high = min(values), max(values)
    margin = max(0.15 * (high - low), _LEAST_ROOM * max(abs(low), abs(high))) or 1.0
    start = low - margin
    if low >= 0:
        start = max(0.0, start)
    return start, high + margin


@dataclass(frozen=True)
class Drawing:
    """SVG, drawn twice, for desks and for phones, so that its text can be read on both."""

    wide: Markup
    narrow: Markup


def drawing(name: str, paint: Callable[[Axes, bool], None]) -> Drawing:
    """Draw axes; ``paint`` fills them, and is told whether they are narrow.

    ``name`` tells apart what stands on one page. The same name and paint give the same bytes. No text that strangers
    wrote belongs in a drawing: matplotlib's font lacks most of the world's letters.
    """
    return Drawing(_draw(f"{name}-wide", _WIDE, paint, False), _draw(f"{name}-narrow", _NARROW, paint, True))


def series_colour(number: int) -> str:
    """Return what stands for the colour of a model by its place."""
    return _COLOURS[number % SERIES]


def series_marker(number: int) -> str:
    """Return the mark of a model by its place."""
    return MARKERS[number % len(MARKERS)]


def _draw(salt: str, size: tuple[int, int], paint: Callable[[Axes, bool], None], narrow: bool) -> Markup:
    with matplotlib.style.context(["default", _STYLE | {"svg.hashsalt": salt}]):
        width, height = size
        figure = Figure((width * _POINT, height * _POINT))
        left, bottom, right, top = _MARGINS  # the same in all plots, so that those below each other line up
        edges = {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
        paint(figure.subplots(gridspec_kw=edges), narrow)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=_NO_METADATA, transparent=True)
    return _embedded(written.getvalue())


def _embedded(document: str) -> Markup:
    """Return the drawing in an SVG document without a size, colours, fonts and names of its own."""
    start = re.search(r"<svg[^>]*(?P<box>viewBox=\"[^\"]*\")[^>]*>", document)
    if start is None:
        raise AssertionError("matplotlib writes an SVG with a viewBox")
    svg = f'<svg {start["box"]} aria-hidden="true">{document[start.end() :]}'
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)  # those of groups; what is referred to has a salted name
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return Markup(svg)  # drawn from numbers alone
