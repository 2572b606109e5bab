"""The card of one run: what a person reads first."""

from pathlib import Path

import numpy as np

from carina.cards.content import (
    encoder_table,
    encoders_of,
    finding_table,
    kept_table,
    mean_table,
    plan_table,
    record_table,
    set_aside_table,
    step_table,
    time_table,
    transfer_table,
)
from carina.cards.heat import heat_map
from carina.cards.plots import Curve, Panel, curve_plot, reliability_plots, roc_plots
from carina.cards.rendering import render
from carina.cards.tables import number
from carina.cards.verdict import answers, exact_match, notices, verdict, why_two_scores
from carina.core import MissingFile, write_text
from carina.evaluation import Results, Scores, read_results, read_scores
from carina.studies import LabelSpace

__all__ = ["write_run_card"]


def write_run_card(folder: Path) -> Path:
    """Write ``card.html`` and ``card.md`` into a run's folder.

    The HTML stands alone: no script, no outside address. The same run gives the same bytes.

    Returns:
        The path of card.html.

    Raises:
        MissingFile, UnreadableFile, ConfigError: where the folder holds no finished run.
    """
    results = read_results(folder / "results.json")
    scores = _test_scores(folder, results)
    content = {
        "results": results,
        "encoders": encoders_of(results),
        "verdict": verdict(results),
        "notices": notices(results),
        "answers": answers(results),
        "two_scores": why_two_scores(results),
        "steps": step_table(results),
        "heat_table": heat_map(results),
        "transfer": transfer_table(results),
        "findings": finding_table(results),
        "means": mean_table(results),
        "exact_match": exact_match(results),
        "kept": kept_table(results),
        "plan": plan_table(results),
        "time": time_table(results),
        "encoder_table": encoder_table(results),
        "set_aside": set_aside_table(results),
        "record": record_table(results),
    }
    plots = {
        "curves": _curves(results),
        "roc": _roc(results, scores),
        "reliability": _reliability(results, scores),
    }
    card = folder / "card.html"
    write_text(folder / "card.md", render("run.md.j2", **content))
    write_text(card, render("run.html.j2", **content, plots=plots))
    return card


def _test_scores(folder: Path, results: Results) -> Scores:
    path = folder / "scores.parquet"
    if not path.is_file():
        raise MissingFile(
            f"The run {folder.name} has results.json but no scores.parquet, from which its curves "
            "are drawn; run the recipe again."
        )
    names = tuple(experience.name for experience in results.experiences)
    return read_scores(path, names, LabelSpace(names=results.labels))["test"]


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
    steps = [experience.name for experience in results.experiences]
    return curve_plot(curves, steps, name="curves", alt=alt)


def _before(results: Results, metric: str) -> float | None:
    """The headline before any step: the mean of what is defined."""
    names = results.groups[results.headline]
    values = [results.baseline[metric][name].value for name in names]
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _roc(results: Results, scores: Scores) -> str:
    panels = _panels(results, scores, "auroc", "difference")
    alt = "ROC curve of each finding after the last step; AUROC is in the table of findings"
    return roc_plots(panels, name="roc", alt=alt)


def _reliability(results: Results, scores: Scores) -> str:
    panels = _panels(results, scores, "ece", "probability")
    alt = "Share present against probability, of each finding; ECE is in the table of findings"
    return reliability_plots(panels, name="reliability", alt=alt)


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
