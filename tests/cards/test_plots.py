"""Plots that stand inside a page."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from carina.cards.figures import Panel, shades
from carina.cards.plots import Curve, curve_plot, reliability_plots, roc_plots
from carina.core import Estimate

POINTS = (Estimate(value=0.7, low=0.6, high=0.8), Estimate.undefined("not met"))


def panel(name: str, undefined: str = "") -> Panel:
    rng = np.random.default_rng(1)
    return Panel(
        name=name,
        figure="0.500 [0.400, 0.600]",
        values=rng.random(50),
        target=rng.random(50) < 0.5,
        undefined=undefined,
    )


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_higher_value_is_lighter_and_its_text_stays_legible() -> None:
    values = np.linspace(0.5, 1, 51)
    pairs = [shades(float(value)) for value in values]
    light = [luminance(background) for background, _ in pairs]

    assert (np.diff(light) > 0).all()
    assert shades(0.2) == shades(0.5)
    for background, ink in pairs:
        low, high = sorted((luminance(background), luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5  # what WCAG 2 asks of text


@pytest.mark.parametrize("draw", [roc_plots, reliability_plots])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_grid_has_a_plot_for_every_finding(draw: Callable[..., str], count: int) -> None:
    svg = draw([panel(f"Finding {n}") for n in range(count)], name="grid", alt="a & b")

    assert all(f"Finding {n}" in svg for n in range(count))
    assert svg.startswith('<svg class="plot" role="img" aria-label="a &amp; b"')
    assert svg.endswith("</svg>")
    assert "http" not in svg


def test_a_plot_that_cannot_be_drawn_says_why() -> None:
    svg = roc_plots([panel("Hernia", undefined="no positive image")], name="grid", alt="x")

    assert "undefined: no" in svg
    assert "sensitivity" not in svg


def test_names_are_text_whatever_they_hold() -> None:
    curve = Curve(name="$a_b$ <b>", points=POINTS, start=0.55)
    svg = curve_plot([curve], ["$x$ & <i>", "結節"], name="curve", alt='"quoted"')

    assert "$a_b$ &lt;b&gt;" in svg
    assert "$x$ &amp; &lt;i&gt;" in svg
    assert "結節" in svg
    assert 'aria-label="&quot;quoted&quot;"' in svg


def test_the_same_plot_has_the_same_bytes_and_ids_of_its_own() -> None:
    def drawn(name: str) -> str:
        return curve_plot([Curve(name="a", points=POINTS)], ["one", "two"], name=name, alt="x")

    ids = [set(re.findall(r'id="([^"]+)"', drawn(name))) for name in ("first", "second")]

    assert drawn("first") == drawn("first")
    assert ids[0] & ids[1] == set()
