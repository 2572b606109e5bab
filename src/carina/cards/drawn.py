"""The plots of a run's card, made from its results and its scores on the test films."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from carina.cards.figures import Panel
from carina.cards.plots import (
    Curve,
    Row,
    curve_plot,
    decision_plots,
    drift_plot,
    forest_plot,
    reliability_plots,
    roc_plots,
)
from carina.cards.tables import number
from carina.core import generator
from carina.evaluation import Results, Scores
from carina.measures import calibration_band, decision_curve, resample_patients

__all__ = ["drawn"]

_DRAWS = 300  # of an interval that is drawn and not told
_THRESHOLDS = 25
_ENDS = (0.1, 0.2, 0.4, 0.6, 0.8, 0.99)
_CHANCE = 0.5


def drawn(results: Results, scores: Scores) -> dict[str, str]:
    """Every plot by name; "" where there is nothing to draw."""
    return {
        "curves": _curves(results),
        "positives": _positives(results),
        "roc": _roc(results, scores),
        "reliability": _reliability(results, scores),
        "benefit": _benefit(results, scores),
        "drift": _drift(results),
    }


def _curves(results: Results) -> str:
    """The headline by step, from zero-shot where there is one; nothing where there is one step."""
    if len(results.experiences) == 1:
        return ""
    curves = [
        Curve(
            name=name,
            points=results.macro[metric][results.headline],
            start=_before(results, metric),
        )
        for metric, name in (("auroc", "AUROC"), ("auroc_authors", "authors' AUROC"))
        if any(estimate.defined for estimate in results.macro[metric][results.headline])
    ]
    alt = f"Mean AUROC over {results.headline} by step; the numbers are in the table beneath"
    return curve_plot(curves, _steps(results), name="curves", alt=alt)


def _before(results: Results, metric: str) -> float | None:
    """The headline before any step: the mean of what is defined."""
    names = results.groups[results.headline]
    values = [results.baseline[metric][name].value for name in names]
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _positives(results: Results) -> str:
    """AUROC of each finding, the one shown on most films first."""
    last = results.scores["auroc"][-1]
    rows = [
        Row(
            name=f"{name} ({results.positives[name]})",
            estimate=last[name],
            other=results.delong.get(name),
        )
        for name in sorted(results.labels, key=lambda name: (-results.positives[name], name))
        if last[name].defined
    ]
    if not rows:
        return ""
    alt = "AUROC of each finding by the number of positive films shown; it is in the table above"
    return forest_plot(
        rows, axis="AUROC after the last step", chance=_CHANCE, name="positives", alt=alt
    )


def _roc(results: Results, scores: Scores) -> str:
    panels = _panels(results, scores, "auroc", "difference")
    alt = "ROC curve of each finding after the last step; AUROC is in the table of findings"
    return roc_plots(panels, name="roc", alt=alt)


def _reliability(results: Results, scores: Scores) -> str:
    panels = []
    for panel, patients in _probabilities(results, scores, "ece"):
        if not panel.undefined:
            # the very readers whose error stands in the table
            rng = generator(results.seed, "calibrated readers", panel.name)
            band = calibration_band(panel.values, panel.target, patients, rng=rng)
            panel = replace(panel, band=band.bins)
        panels.append(panel)
    alt = "Share present against probability, of each finding; ECE is in the table of findings"
    return reliability_plots(panels, name="reliability", alt=alt)


def _benefit(results: Results, scores: Scores) -> str:
    panels = []
    for panel, patients in _probabilities(results, scores, "brier"):
        if not panel.undefined:
            most = float(np.quantile(panel.values, 0.99))
            end = next((end for end in _ENDS if most <= end), _ENDS[-1])
            rng = generator(results.seed, "net benefit", panel.name)
            benefit = decision_curve(
                panel.values,
                panel.target,
                resample_patients(patients, draws=_DRAWS, rng=rng),
                thresholds=np.linspace(0.01, end, _THRESHOLDS).tolist(),
            )
            panel = replace(panel, benefit=benefit, figure="")
        panels.append(panel)
    alt = "Net benefit of acting on each finding against the probability from which one would act"
    return decision_plots(panels, name="benefit", alt=alt)


def _drift(results: Results) -> str:
    """How adapted prompts moved; nothing for strategies without, and where there was one step."""
    if not results.drift or len(results.experiences) == 1:
        return ""
    findings = list(results.drift)

    def cosines(part: str) -> Float[np.ndarray, "findings steps"]:
        rows = [getattr(results.drift[name], part) for name in findings]
        return np.array([[np.nan if c is None else c for c in row] for row in rows], dtype=float)

    maps = [
        ("positive prompt, with itself when taught", cosines("positive")),
        ("positive prompt, with the negative", cosines("opposition")),
    ]
    alt = "Cosines of adapted prompts after each step, with what they were when taught and with each other"
    return drift_plot(maps, findings, _steps(results), name="drift", alt=alt)


def _steps(results: Results) -> list[str]:
    return [experience.name for experience in results.experiences]


def _probabilities(results: Results, scores: Scores, metric: str) -> list[tuple[Panel, np.ndarray]]:
    """Each finding's probabilities, and the patients they are of."""
    panels = _panels(results, scores, metric, "probability")
    known = scores.part.known.T
    return [(panel, scores.part.patients[seen]) for panel, seen in zip(panels, known, strict=True)]


def _panels(results: Results, scores: Scores, metric: str, which: str) -> list[Panel]:
    """Each finding's known films after the last step, and the number to write over them."""
    panels = []
    for column, name in enumerate(results.labels):
        estimate, known = results.scores[metric][-1][name], scores.part.known[:, column]
        panels.append(
            Panel(
                name=name,
                figure=number(estimate) if estimate.defined else "",
                values=getattr(scores, which)[-1, known, column],
                target=scores.part.target[known, column],
                undefined=estimate.why_undefined or "",
            )
        )
    return panels
