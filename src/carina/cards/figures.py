"""How a plot is set up and becomes SVG that stands inside a page: the same bytes every time.

matplotlib is imported where it is used, since terminals show tables of this room without it.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import StringIO
from math import ceil
from textwrap import fill
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from carina.measures import BinBand, DecisionCurve

__all__ = [
    "CHANCE",
    "COLOURS",
    "CROWDED",
    "MARKERS",
    "MUTED",
    "RULE",
    "WIDTH",
    "Panel",
    "cut",
    "figure",
    "grid",
    "shades",
    "slanted",
    "svg",
]

_INK, MUTED, RULE = "#1c2b33", "#5c6b73", "#d9e0e4"
# blue, vermillion, green, purple, orange, sky (Okabe and Ito), told apart by markers as well
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#e69f00", "#56b4e9")
MARKERS = "os^Dv*"
CHANCE = 0.5
_LEGIBLE = 0.47  # of cividis: from here on black on it has more contrast than white
_COLUMNS = 5
WIDTH = 9.6  # inches, of the whole page
CROWDED, _LETTERS = 80, 22  # letters beneath an axis, and above a small plot
_BESIDE = 30  # letters beside a plot
_RC: dict[Any, Any] = {
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "carina",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.color": "#b6c0c6",
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One finding in a grid of small plots.

    Attributes:
        name: The finding's.
        figure: The number written beneath its name.
        values: Scores or probabilities of the images in which it is known.
        target: Whether it is present in them.
        undefined: Why there is nothing to draw, or "".
        band: Where calibrated readers would lie, bin by bin, in a plot of reliability.
        benefit: Net benefit by threshold, in a plot of it.
    """

    name: str
    figure: str
    values: Float[np.ndarray, " images"]
    target: Bool[np.ndarray, " images"]
    undefined: str = ""
    band: tuple[BinBand, ...] = ()
    benefit: DecisionCurve | None = None


def shades(value: float) -> tuple[str, str]:
    """Background and text colour of a value in a heat map that runs from chance to 1."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    share = (min(max(value, CHANCE), 1.0) - CHANCE) / (1.0 - CHANCE)
    background = colormaps["cividis"](share)
    return to_hex(background), "#ffffff" if share < _LEGIBLE else "#000000"


def grid(
    panels: Sequence[Panel],
    draw: Callable[[Any, Panel], None],
    axes_names: tuple[str, str],
    name: str,
    alt: str,
) -> str:
    """A small plot for each panel, five in a row.

    Args:
        panels: In order.
        draw: Draws one on its axes.
        axes_names: Beneath the lowest and beside the first of each row.
        name: Unique on the page.
        alt: What is to be seen, in words.
    """
    columns = min(_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    with figure(WIDTH * columns / _COLUMNS, 2.15 * rows) as drawing:
        places = drawing.subplots(rows, columns, squeeze=False).ravel()
        for axes in places[len(panels) :]:
            axes.remove()
        for place, (axes, panel) in enumerate(zip(places, panels, strict=False)):
            axes.set_box_aspect(1)
            title = f"{fill(panel.name, _LETTERS)}\n{panel.figure}"
            axes.set_title(title, fontsize=8, loc="left")
            axes.tick_params(labelsize=7.5, length=2.5)
            if panel.undefined:
                _empty(axes, panel.undefined)
                continue
            draw(axes, panel)
            if place % columns == 0:
                axes.set_ylabel(axes_names[1], fontsize=8)
            if place + columns >= len(panels):
                axes.set_xlabel(axes_names[0], fontsize=8)
        return svg(drawing, name, alt)


def cut(name: str) -> str:
    """A name that fits beside a plot."""
    return name if len(name) <= _BESIDE else f"{name[: _BESIDE - 1]}…"


def slanted(axes: Any, names: Sequence[str]) -> None:
    """Turn the names beneath an axis where they would run into each other."""
    if sum(map(len, names)) > CROWDED:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")


def _empty(axes: Any, why: str) -> None:
    """A hatched plot that says why there is nothing to draw."""
    axes.set(xticks=[], yticks=[], facecolor="none")
    axes.patch.set(hatch="////", facecolor="#f6f8f9")
    axes.text(
        0.5,
        0.5,
        fill(f"undefined: {why}", _LETTERS),
        ha="center",
        va="center",
        fontsize=8,
        transform=axes.transAxes,
        bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 3},
    )


@contextmanager
def figure(width: float, height: float) -> Iterator[Any]:
    """A figure in inches that no window and no global list knows of."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # the page has it
        yield Figure(figsize=(width, height), layout="constrained")


def svg(drawing: Any, name: str, alt: str) -> str:
    """The figure as an SVG element of a page, its ids made unique by the plot's name."""
    written = StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    drawing.savefig(written, format="svg", metadata=empty, transparent=True)
    _, _, element = written.getvalue().partition("<svg ")
    opening, _, inner = element.partition(">")
    box = re.findall(r'viewBox="[^"]*"', opening)
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = re.sub(r'\bid="', f'id="{name}-', inner)
    inner = inner.replace("url(#", f"url(#{name}-")
    inner = inner.replace('xlink:href="#', f'href="#{name}-')
    share = drawing.get_figwidth() / WIDTH
    opening = f'<svg class="plot" role="img" aria-label="{escape(alt)}" style="--share:{share:.2f};width:{share:.0%}"'
    return f"{opening} {box[0]}>{inner.strip()}"
