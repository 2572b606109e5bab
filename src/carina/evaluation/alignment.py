"""Two runs on the same films: the answers of one in the order of the other."""

from collections import Counter
from dataclasses import replace

import numpy as np

from carina.core import Mismatch
from carina.evaluation.scores import Scores

__all__ = ["aligned"]


def aligned(scores: Scores, like: Scores) -> Scores:
    """Scores with their films in another's order, and the other's numbers for the patients.

    Raises:
        Mismatch: where the two are of other films or other findings, or were scored against other
            labels.
    """
    order = {film: row for row, film in enumerate(_films(scores.part.images))}
    films = _films(like.part.images)
    if order.keys() != set(films):
        raise Mismatch(
            f"The runs scored {len(like.part.images)} and {len(scores.part.images)} films, and "
            "not the same ones; compare runs of one manifest and split."
        )
    if scores.space.names != like.space.names:
        raise Mismatch(
            f"The runs scored {', '.join(like.space.names)} and {', '.join(scores.space.names)}; "
            "compare runs of the same findings."
        )
    rows = np.array([order[film] for film in films])
    moved = scores.taken(rows)
    part = moved.part
    same = np.array_equal(part.target, like.part.target)
    if not same or not np.array_equal(part.known, like.part.known):
        raise Mismatch(
            "The runs were scored against other labels; compare runs of one manifest and one "
            "label policy."
        )
    return replace(moved, part=replace(part, patients=like.part.patients))


def _films(images: tuple[str, ...]) -> list[tuple[str, int]]:
    """Each image's digest, and how often it stood there before: a film may be listed twice."""
    seen: Counter[str] = Counter()
    films = []
    for digest in images:
        films.append((digest, seen[digest]))
        seen[digest] += 1
    return films
