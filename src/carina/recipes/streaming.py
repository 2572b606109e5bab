"""Between a stream and a run: what nobody could learn from, and what may be calibrated on."""

import numpy as np
from jaxtyping import Bool

from carina.core import InvalidValue
from carina.learning import Setting, Strategy, begin, reads_prompts
from carina.recipes.preparation import Prepared
from carina.streams import Experience, Ground, Stream

__all__ = ["held_apart", "refuse_unlearnable", "told_and_shown"]


def refuse_unlearnable(
    stream: Stream, ground: Ground, strategy: Strategy, setting: Setting
) -> None:
    """Refuse a stream with an experience that would teach nothing, or the wrong thing.

    Raises:
        InvalidValue: for an experience without any known label, or with positives alone of
            findings that no earlier one showed, where the strategy reads no prompts to hold them
            against.
        Mismatch: where the strategy cannot begin in this setting.
    """
    reads = reads_prompts(strategy, begin(strategy, setting, seed=0))
    met: set[str] = set()
    for experience in stream.experiences:
        if experience.text_only or experience.retracts:
            continue
        positives, negatives = _shown(experience, ground)
        if not positives and not negatives:
            raise InvalidValue(
                f"Experience {experience.name!r} has no known label of "
                f"{', '.join(experience.visible)} on {len(experience.rows)} film(s), so there is "
                "nothing to learn. Give labels, another label policy, or another plan."
            )
        if not negatives and not reads and not met & set(experience.visible):
            raise InvalidValue(
                f"Experience {experience.name!r} shows positives only, and "
                f"{type(strategy).__name__} needs negatives too: it would say yes to every film. "
                "Choose rows with both, or a strategy that reads prompts (RETune)."
            )
        met |= set(experience.visible)


def told_and_shown(
    stream: Stream, prepared: Prepared
) -> tuple[list[Bool[np.ndarray, "learn labels"]], list[Bool[np.ndarray, "learn labels"]]]:
    """For every experience, whether cells were told present, and which certain ones it showed.

    None is shown, to be calibrated on, where it takes back or its cells are picked.
    """
    place = {int(row): at for at, row in enumerate(prepared.learn)}
    right = prepared.labelled.target[prepared.learn]
    told, shown = [], []
    for experience in stream.experiences:
        cells, said = np.zeros_like(right), right
        at = np.array([place[int(row)] for row in experience.rows], dtype=np.int64)
        columns = np.array(stream.space.indices(experience.visible))
        if not (experience.retracts or experience.picked):
            known = prepared.certain[experience.rows][:, columns]
            hidden = experience.cells
            cells[np.ix_(at, columns)] = known if hidden is None else known & hidden
        if experience.flipped is not None:
            said = right.copy()
            said[np.ix_(at, columns)] ^= experience.flipped
        told.append(said)
        shown.append(cells)
    return told, shown


def held_apart(
    stream: Stream, prepared: Prepared
) -> tuple[list[Bool[np.ndarray, "apart labels"]], list[Bool[np.ndarray, "apart labels"]]]:
    """The same of the rows held apart: for every experience, its own validation rows."""
    place = {int(row): at for at, row in enumerate(prepared.apart)}
    right = prepared.labelled.target[prepared.apart]
    shown = []
    for experience in stream.experiences:
        cells = np.zeros_like(right)
        at = np.array([place[int(row)] for row in experience.validation], dtype=np.int64)
        columns = np.array(stream.space.indices(experience.visible))
        known = prepared.certain[experience.validation][:, columns]
        hidden = experience.validation_cells
        cells[np.ix_(at, columns)] = known if hidden is None else known & hidden
        shown.append(cells)
    return [right] * len(shown), shown


def _shown(experience: Experience, ground: Ground) -> tuple[int, int]:
    """How many positives and negatives an experience shows, soft labels among either."""
    target, known = ground.told(
        experience.rows, experience.visible, cells=experience.cells, flipped=experience.flipped
    )
    soft = 0
    if ground.soft is not None:
        columns = ground.space.indices(experience.visible)
        soft = int((ground.soft[experience.rows][:, columns] > 0).sum())
    positives = int(target.sum())
    return positives + soft, int(known.sum()) - positives + soft
