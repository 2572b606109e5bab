"""The plots of the cards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from carina.cards.figures import (
    CHANCE,
    COLOURS,
    MARKERS,
    MUTED,
    RULE,
    WIDTH,
    Panel,
    cut,
    figure,
    grid,
    slanted,
    svg,
)
from carina.core import Estimate
from carina.measures import reliability, roc_curve

__all__ = [
    "Curve",
    "Row",
    "curve_plot",
    "decision_plots",
    "drift_plot",
    "forest_plot",
    "reliability_plots",
    "roc_plots",
]


_ENDS = ("low", "high")
_LINE = 0.24  # inches a row of a forest takes


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a forest plot.

    Attributes:
        name: At its left.
        estimate: With its interval as a thick line.
        other: Of the same, made otherwise: its interval as a thin line beneath.
        points: What the estimate is the mean of, one by one.
    """

    name: str
    estimate: Estimate
    other: Estimate | None = None
    points: tuple[float, ...] = ()


def curve_plot(curves: Sequence[Curve], steps: Sequence[str], *, name: str, alt: str) -> str:
    """AUROC by step, each curve with its interval as a band.

    Args:
        curves: At most six.
        steps: What each step is called.
        name: Unique on the page.
        alt: What is to be seen, in words.
    """
    with figure(WIDTH, 2.8) as drawing:
        axes = drawing.subplots()
        for index, curve in enumerate(curves):
            _draw_curve(axes, curve, index)
        started = any(curve.start is not None for curve in curves)
        names = [*(["before any"] if started else []), *steps]
        axes.set_xticks(range(0 if started else 1, len(steps) + 1), names)
        slanted(axes, names)
        axes.set_ylabel("AUROC")
        axes.set_ylim(min(axes.get_ylim()[0], 0.47), 1.02)
        axes.axhline(CHANCE, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.text(
            1.005,
            CHANCE,
            "chance",
            transform=axes.get_yaxis_transform(),
            va="center",
            color=MUTED,
            fontsize=8,
        )
        axes.grid(axis="y", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
        return svg(drawing, name, alt)


def _draw_curve(axes: Any, curve: Curve, index: int) -> None:
    colour, marker = COLOURS[index], MARKERS[index]
    value, low, high = _ends(curve.points)
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
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.plot(curve.false_positive_rate, curve.sensitivity, color=COLOURS[0], linewidth=1.5)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])

    return grid(panels, draw, ("false positive rate", "sensitivity"), name, alt)


def reliability_plots(panels: Sequence[Panel], *, name: str, alt: str) -> str:
    """What was said against what happened, for every finding in a grid.

    Ten bins of equal mass, over the band that calibrated readers would fill; each plot has the
    range that its finding needs.
    """

    def draw(axes: Any, panel: Panel) -> None:
        points = reliability(panel.values, panel.target)
        mean, rate = (
            np.array([getattr(point, part) for point in points]) for part in ("mean", "rate")
        )
        low, high = (np.array([getattr(each, part) for each in panel.band]) for part in _ENDS)
        most = float(max(mean.max(), rate.max(), high.max(initial=0.0)))
        end = next(end for end in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if most <= end)
        axes.plot([0, end], [0, end], color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        if panel.band:
            axes.vlines(mean, low, high, color=COLOURS[5], linewidth=5, alpha=0.4)
        axes.plot(mean, rate, "o", color=COLOURS[1], markersize=3)
        reach, ticks = (-0.02 * end, 1.02 * end), [0, end / 2, end]
        labels = [f"{tick:g}" for tick in ticks]
        axes.set(xlim=reach, ylim=reach)
        axes.set_xticks(ticks, labels)
        axes.set_yticks(ticks, labels)

    return grid(panels, draw, ("probability", "share present"), name, alt)


def decision_plots(panels: Sequence[Panel], *, name: str, alt: str) -> str:
    """Net benefit against the threshold probability, for every finding in a grid."""

    def draw(axes: Any, panel: Panel) -> None:
        benefit = panel.benefit
        if benefit is None:
            return
        value, low, high = _ends(benefit.reader)
        everybody = np.array([each.value for each in benefit.treat_all], dtype=float)
        top = max(float(value.max()), float(everybody.max()), 1e-3)
        axes.fill_between(benefit.thresholds, low, high, color=COLOURS[0], alpha=0.14, linewidth=0)
        axes.plot(benefit.thresholds, value, color=COLOURS[0], linewidth=1.4)
        axes.plot(benefit.thresholds, everybody, color=MUTED, linewidth=0.9, linestyle="--")
        axes.axhline(0, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        end = benefit.thresholds[-1]
        axes.set(xlim=(0, end), ylim=(-0.3 * top, 1.15 * top))
        axes.set_xticks([0, end / 2, end], [f"{tick:g}" for tick in (0, end / 2, end)])
        axes.set_yticks([0, top], ["0", f"{top:.2g}"])

    return grid(panels, draw, ("threshold probability", "net benefit"), name, alt)


def forest_plot(
    rows: Sequence[Row], *, axis: str, chance: float | None, name: str, alt: str
) -> str:
    """Estimates one beneath the other, each with its interval.

    Args:
        rows: From the top.
        axis: What is measured.
        chance: Where a line marks it; None for none.
        name: Unique on the page.
        alt: What is to be seen, in words.
    """
    with figure(WIDTH * 0.75, 0.7 + _LINE * len(rows)) as drawing:
        axes = drawing.subplots()
        for place, row in enumerate(rows):
            _draw_row(axes, row, place)
        axes.set_yticks(range(len(rows)), [cut(row.name) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(axis)
        axes.grid(axis="x", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        if chance is not None:
            axes.axvline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        return svg(drawing, name, alt)


def _draw_row(axes: Any, row: Row, place: int) -> None:
    for estimate, at, width, colour in (
        (row.other, place + 0.26, 0.8, COLOURS[1]),
        (row.estimate, place, 2.2, COLOURS[0]),
    ):
        if estimate is None or estimate.value is None:
            continue
        if estimate.low is not None and estimate.high is not None:
            axes.hlines(at, estimate.low, estimate.high, color=colour, linewidth=width)
        if estimate is row.estimate:
            axes.plot(estimate.value, at, "o", color=colour, markersize=4.5)
    axes.plot(row.points, [place] * len(row.points), "|", color=MUTED, markersize=7)


def drift_plot(
    maps: Sequence[tuple[str, Float[np.ndarray, "findings steps"]]],
    findings: Sequence[str],
    steps: Sequence[str],
    *,
    name: str,
    alt: str,
) -> str:
    """Cosines of findings after steps, from -1 (blue) over 0 (white) to 1 (red), side by side.

    Args:
        maps: Head and cosines of each; NaN is hatched.
        findings: Names of the rows.
        steps: Names of the columns.
        name: Unique on the page.
        alt: What is to be seen, in words.
    """
    with figure(WIDTH, 1.3 + _LINE * len(findings)) as drawing:
        places = drawing.subplots(1, len(maps), squeeze=False, sharey=True)[0]
        for axes, (head, cosines) in zip(places, maps, strict=True):
            axes.patch.set(hatch="////", facecolor="#f6f8f9")
            axes.pcolormesh(
                np.ma.masked_invalid(cosines), cmap="RdBu_r", vmin=-1, vmax=1, edgecolor="white"
            )
            axes.set_title(head, fontsize=9, loc="left")
            axes.set_xticks(np.arange(len(steps)) + 0.5, [cut(name) for name in steps])
            axes.set_yticks(np.arange(len(findings)) + 0.5, [cut(name) for name in findings])
            axes.tick_params(length=0, labelsize=8)
            axes.set_ylim(len(findings), 0)
            slanted(axes, [*steps, *steps])
        return svg(drawing, name, alt)


def _ends(
    estimates: Sequence[Estimate],
) -> tuple[Float[np.ndarray, " points"], ...]:
    """Values and interval ends, NaN where there is none."""
    rows = [(e.value, e.low, e.high) for e in estimates]
    return tuple(
        np.array([np.nan if end is None else end for end in ends], dtype=float)
        for ends in zip(*rows, strict=True)
    )
