"""Two runs on the same films: is one below the other, and by how much."""

from collections import Counter

import numpy as np

from carina.core import Estimate, Mismatch
from carina.evaluation.assessment import METRICS
from carina.evaluation.scores import OUT_OF_FOLD, Scores
from carina.measures import difference, resample_patients

__all__ = ["compare"]


def compare(
    first: Scores,
    second: Scores,
    *,
    names: tuple[str, ...],
    metric: str = "auroc",
    draws: int,
    rng: np.random.Generator,
) -> Estimate:
    """Mean of a metric over findings after the last step: first less second, paired by patient.

    Only findings that both runs score count. Out of fold there is no difference of decisions or
    probabilities: thresholds and calibration were fitted to these very answers.

    Args:
        first: Scores of one run.
        second: Scores of another on the same films.
        names: Findings wanted.
        metric: One of `METRICS`.
        draws: Resamples of the patients.
        rng: Where they come from.

    Raises:
        Mismatch: where the runs scored other films or saw other labels.
    """
    order = {film: row for row, film in enumerate(_films(second.part.images))}
    films = _films(first.part.images)
    if order.keys() != set(films):
        raise Mismatch(
            f"The runs scored {len(first.part.images)} and {len(second.part.images)} films, and "
            "not the same ones; compare runs of one manifest and split."
        )
    rows = np.array([order[film] for film in films])
    measure, which = METRICS[metric]
    if first.part.name == OUT_OF_FOLD and which in ("probability", "decision"):
        return Estimate.undefined("thresholds and calibration were fitted to these very answers")
    ours, theirs = getattr(first, which)[-1], getattr(second, which)[-1][rows]
    one, other = first.space.indices(names), second.space.indices(names)
    both = [
        (a, b)
        for a, b in zip(one, other, strict=True)
        if not (np.isnan(ours[:, a]).any() or np.isnan(theirs[:, b]).any())
    ]
    if not both:
        return Estimate.undefined("no finding is scored by both runs")
    a, b = map(list, zip(*both, strict=True))
    target, known = first.part.target[:, a], first.part.known[:, a]
    same = np.array_equal(target, second.part.target[rows][:, b])
    if not same or not np.array_equal(known, second.part.known[rows][:, b]):
        raise Mismatch(
            "The runs were scored against other labels; compare runs of one manifest and one "
            "label policy."
        )
    kind = bool if which == "decision" else np.float64
    return difference(
        measure,
        ours[:, a].astype(kind),
        theirs[:, b].astype(kind),
        target,
        resample_patients(first.part.patients, draws=draws, rng=rng),
        known=known,
    )


def _films(images: tuple[str, ...]) -> list[tuple[str, int]]:
    """Each image's digest, and how often it stood there before: a film may be listed twice."""
    seen: Counter[str] = Counter()
    films = []
    for digest in images:
        films.append((digest, seen[digest]))
        seen[digest] += 1
    return films
