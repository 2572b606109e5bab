"""Yes and no: decisions on many findings, and the operating points of each."""

from carina.cards.content import chosen_where, marked
from carina.cards.tables import Cell, Table, estimated, pointer, text, told
from carina.evaluation import DECIDED, Operation, Results

__all__ = ["decided_table", "deciding_table", "operating_table", "steps_decided_table"]

_NAMES = {
    "cp": "CP",
    "cr": "CR",
    "cf1": "CF1",
    "op": "OP",
    "or": "OR",
    "of1": "OF1",
    "exact_match": "exact match",
}
_WAYS = {"f1": "at the chosen thresholds", "f1_at_zero": "above 0, as RE-tune's code"}
_LETTERS = "C is a mean over findings, O pools all cells; P is precision, R recall; F1 is the harmonic mean of the two. An exact match is a film of which every known finding is decided right."
_MEANS = ("cf1", "of1", "exact_match")


def decided_table(results: Results) -> Table:
    """Decisions both ways, after the last step and in the mean over the steps."""
    rows = []
    for metric, called in _WAYS.items():
        for prefix, when in (("", "last step"), ("mean_", "mean over steps")):
            names = [f"{prefix}{name}" for name in DECIDED]
            given = results.summary[metric]
            cells = [estimated(given[name], "summary", metric, name) for name in names]
            rows.append((Cell(text=called, small=when), *cells))
    return Table(
        caption=marked(f"Yes or no on {results.headline}", results),
        header=("present", *_NAMES.values()),
        rows=tuple(rows),
        notes=(_LETTERS,),
    )


def steps_decided_table(results: Results) -> Table:
    """mAP, CF1 and OF1 after each experience."""
    rows = []
    for step, experience in enumerate(results.experiences):
        place = ("macro", "average_precision", results.headline, step)
        cells = [estimated(results.macro["average_precision"][results.headline][step], *place)]
        for metric in _WAYS:
            cells += [
                estimated(results.decisions[metric][name][step], "decisions", metric, name, step)
                for name in _MEANS
            ]
        rows.append((told(experience.name, "experiences", step, "name"), *cells))
    heads = [_NAMES[name] for name in _MEANS]
    return Table(
        caption=marked("Many findings at once, after each experience", results),
        header=("experience", "mAP", *heads, *(f"{head} above 0" for head in heads)),
        rows=tuple(rows),
        notes=("mAP is the mean of the findings' average precision, of those scored by then.",),
    )


def deciding_table(results: Results) -> Table:
    """The operating point that decides, of every finding."""
    return _table(
        results,
        f"What the threshold of best F1 {chosen_where(results)}, which decides, achieves",
        1,
    )


def operating_table(results: Results) -> Table:
    """Every operating point of every finding."""
    return _table(
        results, f"Every operating point, chosen {chosen_where(results)}, on the test films", None
    )


def _table(results: Results, caption: str, first: int | None) -> Table:
    rows = []
    for name in results.labels:
        points = results.operating.get(name, ())
        if not points:
            why = results.scores["f1"][-1][name].why_undefined or "no score"
            none = Cell(text="undefined", undefined=why)
            rows.append((text(name), none, *([none] * 7)))
        for at, point in enumerate(points[:first]):
            rule = point.rule if first is None else ""
            rows.append((Cell(text=name, small=rule), *_row(point, ("operating", name, at))))
    stated = any(point.stated for points in results.operating.values() for point in points)
    return Table(
        caption=marked(caption, results),
        header=(
            "finding",
            "threshold",
            "sensitivity, chosen",
            "specificity, chosen",
            *("sensitivity", "specificity", "PPV", "NPV"),
            "at a prevalence of",
        ),
        rows=tuple(rows),
        notes=(
            f"Chosen: {chosen_where(results)}, where it was chosen; the rest is on the test films. Where all "
            "or none are found, the interval is Wilson's. "
            + (
                "Predictive values are at the prevalence the recipe states, elsewhere at that of the "
                "films that chose."
                if stated
                else "Predictive values are at the prevalence of the films that chose, for the recipe "
                "states none: a collection's, and hardly that of where a reader is to serve."
            ),
        ),
    )


def _row(point: Operation, place: tuple[str | int, ...]) -> tuple[Cell, ...]:
    numbers = [
        Cell(text=f"{getattr(point, part):.3f}", pointer=pointer(*place, part), form="number")
        for part in ("threshold", "chosen_sensitivity", "chosen_specificity")
    ]
    values = [estimated(getattr(point, part), *place, part) for part in ("ppv", "npv")]
    prevalence = Cell(
        text=f"{point.prevalence:.3f}", pointer=pointer(*place, "prevalence"), form="number"
    )
    shares = [_share(point, part, place) for part in ("sensitivity", "specificity")]
    return (*numbers, *shares, *values, prevalence)


def _share(point: Operation, part: str, place: tuple[str | int, ...]) -> Cell:
    """With the interval by patient, or Wilson's where that is one point: all found, or none."""
    estimate = getattr(point, part)
    if estimate.low == estimate.high:
        part = f"{part}_wilson"
    return estimated(getattr(point, part), *place, part)
