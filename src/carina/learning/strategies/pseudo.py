"""Labels that a learner gives itself for findings an experience does not show."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from carina.adaptors import PromptReadout, answer_in_blocks
from carina.learning.learner import Learner
from carina.learning.strategies.tuning import Cells
from carina.measures import best_f1
from carina.streams import View

__all__ = ["guessed", "thresholds_after", "thresholds_in"]

_NOTE = "thresholds"


def thresholds_in(learner: Learner) -> dict[str, float]:
    """The score from which the learner says yes, by finding."""
    noted = learner.notes.get(_NOTE)
    return dict(noted) if isinstance(noted, Mapping) else {}


def thresholds_after(
    before: Mapping[str, float], readout: PromptReadout, view: View
) -> dict[str, float]:
    """Thresholds of best F1 on the experience's validation rows, or on its own where it has none.

    A finding that lacks a class there keeps the threshold it has, or has none.
    """
    held = view.held
    films = view.rows if held is None else held.rows
    target, known = (view.target, view.known) if held is None else (held.target, held.known)
    cuts = dict(before)
    if not len(films):
        return cuts
    scores = answer_in_blocks(readout.only(view.labels), films).difference.double().numpy()
    for column, label in enumerate(view.labels):
        rows = known[:, column].numpy()
        told = target[:, column].numpy()[rows]
        if told.any() and not told.all():
            cuts[label] = best_f1(scores[rows, column], told).threshold
    return cuts


def guessed(cells: Cells, teacher: PromptReadout, cuts: Mapping[str, float]) -> Cells:
    """The cells with those that nobody labelled filled by a teacher, where it has a threshold."""
    names = [name for name in cells.labels if name in cuts and name in teacher.labels]
    if not names or not len(cells.rows):
        return cells
    with torch.inference_mode():
        said = teacher.only(tuple(names)).compared(cells.rows.all()).difference
    target, known = cells.target.clone(), cells.known.clone()
    for column, name in enumerate(names):
        place = cells.labels.index(name)
        open_cells = ~cells.known[:, place]
        target[open_cells, place] = (said[open_cells, column].double() >= cuts[name]).to(target)
        known[open_cells, place] = True
    return replace(cells, target=target, known=known)
