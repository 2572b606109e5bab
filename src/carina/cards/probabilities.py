"""Whether probabilities mean what they say: criteria by finding, ways of calibrating, steps."""

from dataclasses import replace

from carina.cards.content import marked
from carina.cards.tables import Cell, Table, estimated, text, told
from carina.core import Estimate
from carina.evaluation import Holds, Results

__all__ = ["calibration_steps_table", "calibration_table", "ways_table"]

_MADE = {
    "own": "the strategy's own sums",
    "platt": "Platt, on validation rows",
    "beta": "beta, on validation rows",
    "isotonic": "isotonic, on validation rows",
}
_SIGNS: dict[Holds, str] = {"holds": "✓", "does not hold": "✗", "cannot tell": "?"}
_CRITERIA = (
    "Brier holds where the interval of its difference from that of always answering the prevalence "
    "ends at 0 or below; slope and intercept hold where their intervals hold 1 and 0; ECE holds where "
    "it lies within what 95 of 100 readers calibrated to the letter would show on as many films."
)
_CANNOT = (
    "It cannot be told where an interval or band has room for probabilities twice too high or half "
    "too low: too few films with the finding, and no fault of the reader."
)


def calibration_table(results: Results) -> Table:
    """Every finding after the last step, each criterion with what is to be said of it."""
    rows = []
    for name in results.labels:
        found = results.calibration.get(name)
        if found is None:
            why = results.scores["brier"][-1][name].why_undefined or "a class is missing"
            none = Cell(text="undefined", undefined=why)
            rows.append((text(name), *([none] * 7)))
            continue
        place = ("calibration", name)
        counts = f"{found.fitted.positives} positive, {found.fitted.negatives} negative"
        made = Cell(text=_MADE[found.fitted.way], small=counts)
        rows.append(
            (
                text(name),
                made,
                estimated(found.brier, *place, "brier"),
                _judged(found.over_prevalence, found.holds["brier"], *place, "over_prevalence"),
                _judged(found.slope, found.holds["slope"], *place, "slope"),
                _judged(found.intercept, found.holds["intercept"], *place, "intercept"),
                _judged(found.ece, found.holds["ece"], *place, "ece"),
                estimated(found.calibrated_ece, *place, "calibrated_ece"),
            )
        )
    return Table(
        caption=marked("Do probabilities mean what they say, after the last step", results),
        header=(
            "finding",
            "made from",
            "Brier",
            "less the prevalence's",
            "slope",
            "intercept",
            "ECE",
            "calibrated readers' ECE",
        ),
        rows=tuple(rows),
        notes=(_CRITERIA, _CANNOT),
        words=(1,),
    )


def calibration_steps_table(results: Results) -> Table:
    """Means over the headline after each experience."""
    rows = []
    for step, experience in enumerate(results.experiences):
        brier, ece = (
            estimated(
                results.macro[metric][results.headline][step],
                *("macro", metric, results.headline, step),
            )
            for metric in ("brier", "ece")
        )
        over = estimated(results.over_prevalence[step], "over_prevalence", step)
        rows.append((told(experience.name, "experiences", step, "name"), brier, over, ece))
    return Table(
        caption=marked(
            "Calibration after each experience, of the findings calibrated by then", results
        ),
        header=("experience", "Brier", "less the prevalence's", "ECE"),
        rows=tuple(rows),
        notes=(
            (
                "A finding is calibrated where it is visible and frozen after: what drifts under it shows "
                "here."
            ),
        ),
    )


def ways_table(results: Results) -> Table:
    """The ways of calibrating beside each other."""
    rows = []
    for way in _MADE:
        if (found := results.calibration_ways.get(way)) is None:
            continue
        place = ("calibration_ways", way)
        rows.append(
            (
                text(_MADE[way]),
                text(f"{len(found.findings)} of {len(results.groups[results.headline])}"),
                estimated(found.brier, *place, "brier"),
                estimated(found.over_prevalence, *place, "over_prevalence"),
                estimated(found.ece, *place, "ece"),
                estimated(found.less_chosen, *place, "less_chosen"),
            )
        )
    return Table(
        caption=marked("Ways of calibrating, after the last step", results),
        header=(
            "probabilities from",
            "findings",
            "Brier",
            "less the prevalence's",
            "ECE",
            "Brier less the chosen way's",
        ),
        rows=tuple(rows),
        notes=(
            (
                "Each way over the findings it had enough data for; the last column over those that the "
                "chosen way calibrates too."
            ),
        ),
    )


def _judged(estimate: Estimate, holds: Holds, *place: str | int) -> Cell:
    return replace(estimated(estimate, *place), small=f"{_SIGNS[holds]} {holds}")
