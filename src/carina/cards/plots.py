"""Plots as SVG that stands inside a page: no outside address, the same bytes every time.

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

from carina.core import Estimate
from carina.measures import reliability, roc_curve

__all__ = ["Curve", "Panel", "curve_plot", "reliability_plots", "roc_plots", "shades"]

_INK, _MUTED, _RULE = "#1c2b33", "#5c6b73", "#d9e0e4"
# blue, vermillion, green, purple, orange, sky (Okabe and Ito), told apart by markers as well
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#e69f00", "#56b4e9")
_MARKERS = "os^Dv*"
_CHANCE = 0.5
_LEGIBLE = 0.47  # of cividis: from here on black on it has more contrast than white
_COLUMNS = 5
_WIDTH = 9.6  # inches, of the whole page
_CROWDED, _LETTERS = 80, 22  # letters beneath an axis, and above a small plot
_RC: dict[Any, Any] = {
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "carina",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.color": "#b6c0c6",
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Estimates by step.

    Attributes:
        name: As the legend has it.
        points: One estimate a step; undefined ones leave a gap.
        start: Value before the first step, where there is one.
    """

    name: str
    points: tuple[Estimate, ...]
    start: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One finding in a grid of small plots.

    Attributes:
        name: The finding's.
        figure: The number written beneath its name.
        values: Scores or probabilities of the images in which it is known.
        target: Whether it is present in them.
        undefined: Why there is nothing to draw, or "".
    """

    name: str
    figure: str
    values: Float[np.ndarray, " images"]
    target: Bool[np.ndarray, " images"]
    undefined: str = ""


def shades(value: float) -> tuple[str, str]:
    """Background and text colour of a value in a heat map that runs from chance to 1."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    share = (min(max(value, _CHANCE), 1.0) - _CHANCE) / (1.0 - _CHANCE)
    background = colormaps["cividis"](share)
    return to_hex(background), "#ffffff" if share < _LEGIBLE else "#000000"


def curve_plot(curves: Sequence[Curve], steps: Sequence[str], *, name: str, alt: str) -> str:
    """AUROC by step, each curve with its interval as a band.

    Args:
        curves: At most six.
        steps: What each step is called.
        name: Unique on the page.
        alt: What is to be seen, in words.
    """
    with _figure(_WIDTH, 2.8) as figure:
        axes = figure.subplots()
        for index, curve in enumerate(curves):
            _draw_curve(axes, curve, index)
        started = any(curve.start is not None for curve in curves)
        names = [*(["before any"] if started else []), *steps]
        axes.set_xticks(range(0 if started else 1, len(steps) + 1), names)
        if sum(map(len, names)) > _CROWDED:
            for label in axes.get_xticklabels():
                label.set(rotation=35, ha="right", rotation_mode="anchor")
        axes.set_ylabel("AUROC")
        axes.set_ylim(min(axes.get_ylim()[0], 0.47), 1.02)
        axes.axhline(_CHANCE, color=_MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.text(
            1.005,
            _CHANCE,
            "chance",
            transform=axes.get_yaxis_transform(),
            va="center",
            color=_MUTED,
            fontsize=8,
        )
        axes.grid(axis="y", color=_RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
        return _svg(figure, name, alt)


def _draw_curve(axes: Any, curve: Curve, index: int) -> None:
    colour, marker = _COLOURS[index], _MARKERS[index]
    value, low, high = (
        np.array([np.nan if end is None else end for end in ends], dtype=float)
        for ends in zip(*((e.value, e.low, e.high) for e in curve.points), strict=True)
    )
    steps = np.arange(1.0, len(value) + 1)
    axes.fill_between(steps, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(
        steps, value, color=colour, marker=marker, markersize=4.5, linewidth=1.6, label=curve.name
    )
    if curve.start is not None:
        axes.plot([0, 1], [curve.start, value[0]], color=colour, linewidth=1, linestyle="--")
        axes.plot([0], [curve.start], color=colour, marker=marker, markersize=4.5, fillstyle="none")


def roc_plots(panels: Sequence[Panel], *, name: str, alt: str) -> str:
    """The ROC curve of every finding in a grid."""

    def draw(axes: Any, panel: Panel) -> None:
        curve = roc_curve(panel.values, panel.target)
        axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.plot(curve.false_positive_rate, curve.sensitivity, color=_COLOURS[0], linewidth=1.5)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])

    return _grid(panels, draw, ("false positive rate", "sensitivity"), name, alt)


def reliability_plots(panels: Sequence[Panel], *, name: str, alt: str) -> str:
    """What was said against what happened, for every finding in a grid.

    Ten bins of equal mass with Wilson intervals; each plot has the range that its finding needs.
    """

    def draw(axes: Any, panel: Panel) -> None:
        points = reliability(panel.values, panel.target)
        mean, rate, low, high = (
            np.array([getattr(point, part) for point in points])
            for part in ("mean", "rate", "low", "high")
        )
        most = float(max(mean.max(), high.max()))
        end = next(end for end in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if most <= end)
        axes.plot([0, end], [0, end], color=_MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.errorbar(
            mean,
            rate,
            yerr=np.stack([rate - low, high - rate]).clip(0),
            fmt="o",
            color=_COLOURS[1],
            markersize=3,
            linewidth=0.9,
        )
        reach, ticks = (-0.02 * end, 1.02 * end), [0, end / 2, end]
        labels = [f"{tick:g}" for tick in ticks]
        axes.set(xlim=reach, ylim=reach)
        axes.set_xticks(ticks, labels)
        axes.set_yticks(ticks, labels)

    return _grid(panels, draw, ("probability", "share present"), name, alt)


def _grid(
    panels: Sequence[Panel],
    draw: Callable[[Any, Panel], None],
    axes_names: tuple[str, str],
    name: str,
    alt: str,
) -> str:
    columns = min(_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    with _figure(_WIDTH * columns / _COLUMNS, 2.15 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(panels) :]:
            axes.remove()
        for place, (axes, panel) in enumerate(zip(grid, panels, strict=False)):
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
        return _svg(figure, name, alt)


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
def _figure(width: float, height: float) -> Iterator[Any]:
    """A figure in inches that no window and no global list knows of."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # the page has it
        yield Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Any, name: str, alt: str) -> str:
    """The figure as an SVG element of a page, its ids made unique by the plot's name."""
    written = StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(written, format="svg", metadata=empty, transparent=True)
    _, _, element = written.getvalue().partition("<svg ")
    opening, _, inner = element.partition(">")
    box = re.findall(r'viewBox="[^"]*"', opening)
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = re.sub(r'\bid="', f'id="{name}-', inner)
    inner = inner.replace("url(#", f"url(#{name}-")
    inner = inner.replace('xlink:href="#', f'href="#{name}-')
    share = figure.get_figwidth() / _WIDTH
    opening = f'<svg class="plot" role="img" aria-label="{escape(alt)}" style="width:{share:.0%}"'
    return f"{opening} {box[0]}>{inner.strip()}"
