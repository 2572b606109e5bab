"""A restored learner learns an update's cells, and every new film is scored by who never saw its patient."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from carina.adaptors import Readout, answer_in_blocks
from carina.learning import Learned, Learner, LeavesOut, learn_one
from carina.recipes.passes import Progress
from carina.recipes.updating.new_cells import NewCells
from carina.recipes.updating.restoring import Restored
from carina.streams import AllAtOnce, Labelled, Stream, lay_out, view

__all__ = ["LearnedOn", "answers_of", "learn_on"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedOn:
    """What became of a learner.

    Attributes:
        learner: Having learned all the cells.
        stream: Its one experience.
        apart: (films, learned): scores of the films by readers that never learned from the film's
            patient here; see `learn_on`. NaN for films that are neither learned nor held back.
        fold: Which half of the patients each film is of.
    """

    learner: Learner
    stream: Stream
    apart: Float[np.ndarray, "films learned"]
    fold: Int[np.ndarray, " films"]


def learn_on(restored: Restored, cells: NewCells, *, digest: str) -> Iterator[Progress | LearnedOn]:
    """Learn every cell, and score each film apart from its patient; last comes `LearnedOn`.

    A film that is held back taught nothing, and the learner scores it. A film that taught is
    scored as if its patient had been left out, where the strategy can say that (`LeavesOut`);
    otherwise by a learner that went out from the same one and learned the other half of the
    patients. The random numbers are those the run would have drawn for its next experience.

    Args:
        restored: Who learns.
        cells: What.
        digest: Of the data.
    """
    stream, labelled = _stream(cells, digest), cells.labelled
    learner = restored.learner
    for event in _taught(restored, stream, labelled):
        if isinstance(event, Learner):
            learner = event
        else:
            yield event
    apart = np.full(labelled.known.shape, np.nan)
    fold = labelled.patients % 2
    strategy = restored.recipe.strategy
    if isinstance(strategy, LeavesOut):
        (experience,) = stream.experiences
        seen = view(experience, labelled)
        apart[experience.rows] = strategy.left_out(learner, seen).numpy()
    else:
        yield from _halves(restored, stream, cells, fold, apart)
    if len(cells.held_back):
        apart[cells.held_back] = answers_of(learner, labelled, cells.held_back)
    yield LearnedOn(learner=learner, stream=stream, apart=apart, fold=fold)


def _halves(
    restored: Restored,
    stream: Stream,
    cells: NewCells,
    fold: Int[np.ndarray, " films"],
    apart: Float[np.ndarray, "films learned"],
) -> Iterator[Progress]:
    """Fill in scores of either half of the patients by a learner of the other."""
    for half in (0, 1):
        mine, others = (cells.learn[(fold[cells.learn] == half) == same] for same in (True, False))
        if not len(mine) or not len(others):
            continue
        for event in _taught(restored, stream.limited_to(others), cells.labelled):
            if isinstance(event, Learner):
                apart[mine] = answers_of(event, cells.labelled, mine)
            else:
                yield replace(event, stage=f"hold out half {half + 1}")


def answers_of(
    reader: Learner | Readout, labelled: Labelled, rows: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, "rows labels"]:
    """Scores of some films for the findings of `labelled`; NaN for those a reader does not know."""
    readout = reader.readout if isinstance(reader, Learner) else reader
    found = np.full((len(rows), len(labelled.space)), np.nan)
    if readout is None:
        return found
    said = answer_in_blocks(readout, labelled.picked(rows)).difference
    for column, name in enumerate(labelled.space.names):
        if name in readout.labels:
            found[:, column] = said[:, readout.labels.index(name)].double().numpy()
    return found


def _stream(cells: NewCells, digest: str) -> Stream:
    nobody = np.array([], dtype=np.int64)
    return lay_out(
        AllAtOnce(), cells.labelled.ground(rows=cells.learn, validation=nobody, digest=digest)
    )


def _taught(restored: Restored, stream: Stream, labelled: Labelled) -> Iterator[Progress | Learner]:
    """The learner after the stream's one experience comes last."""
    (experience,) = stream.experiences
    shown = view(experience, labelled)
    recipe = restored.recipe
    for event in learn_one(
        recipe.strategy, restored.learner, shown, seed=recipe.seed, index=restored.lived
    ):
        match event:
            case Learned(learner=learner):
                yield learner
            case _:
                yield Progress(
                    stage="learn", experience="", done=event.index, of=event.of, loss=event.loss
                )
