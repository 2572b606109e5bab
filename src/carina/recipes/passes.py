"""Passes through a stream: one for each fold and one with everybody, each resumable.

A pass follows the stream on some patients and scores others after every experience. What it has
scored and the learner it stands at are on disk after each experience, so a kill costs one
experience at most.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Int

from carina.adaptors import PromptReadout
from carina.core import partial_path, read_json, write_json
from carina.learning import (
    Learned,
    Learner,
    Setting,
    Step,
    Strategy,
    begin,
    learn_one,
    load_learner,
    save_learner,
)
from carina.streams import Labelled, Stream, view

__all__ = ["Answers", "Lived", "Pass", "Progress", "Walked", "answer", "walk", "walked"]

_BLOCK = 4096  # images scored at a time: a fixed boundary, so that bits do not depend on company


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pass is."""

    stage: str
    experience: str
    done: int
    of: int
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Scores of some images for every finding; NaN where there is none."""

    difference: Float[np.ndarray, "images labels"]
    positive: Float[np.ndarray, "images labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What one experience took."""

    seconds: float
    optimiser_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One walk through the stream.

    Attributes:
        name: "fold-0" or "refit".
        learn: Rows whose patients are learned from.
        score: Rows scored after every experience.
        keep_learners: Whether every step's readout stays on disk, or only the last learner.
    """

    name: str
    learn: Int[np.ndarray, " learn"]
    score: Int[np.ndarray, " score"]
    keep_learners: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A finished pass: answers by step, from 0, which is before any experience.

    Attributes:
        difference: (steps, images, labels).
        positive: (steps, images, labels).
        lived: What each experience took.
    """

    difference: Float[np.ndarray, "steps images labels"]
    positive: Float[np.ndarray, "steps images labels"]
    lived: tuple[Lived, ...]


def answer(
    learner: Learner, labelled: Labelled, rows: Int[np.ndarray, " rows"], setting: Setting
) -> Answers:
    """What a learner says of some images: a column for every finding of the stream.

    A finding not yet met has a score only where prompts mean something to images untrained.
    """
    readout, names = learner.readout, labelled.space.names
    if isinstance(readout, PromptReadout) and setting.zero_shot and labelled.prompts is not None:
        readout = readout.over(labelled.prompts.of(names))
    difference = np.full((len(rows), len(names)), np.nan)
    positive = np.full((len(rows), len(names)), np.nan)
    if readout is not None and readout.labels:
        columns = np.array(labelled.space.indices(readout.labels))
        for start in range(0, len(rows), _BLOCK):
            here = np.arange(start, min(start + _BLOCK, len(rows)))
            with torch.inference_mode():
                given = readout(labelled.features[torch.from_numpy(rows[here])])
            difference[np.ix_(here, columns)] = given.difference.double().numpy()
            if given.positive is not None:
                positive[np.ix_(here, columns)] = given.positive.double().numpy()
    return Answers(difference=difference, positive=positive)


def walk(
    this: Pass,
    *,
    stream: Stream,
    strategy: Strategy,
    setting: Setting,
    labelled: Labelled,
    seed: int,
    folder: Path,
) -> Iterator[Progress]:
    """Follow the stream, scoring after every experience, from wherever the folder stands."""
    experiences = stream.limited_to(this.learn).experiences
    of = len(experiences)
    done = _standing(folder)
    if done is None:
        learner = begin(strategy, setting, seed=seed)
        _keep(folder, 0, answer(learner, labelled, this.score, setting), None, learner)
        done = 0
    else:
        learner = load_learner(_learner(folder, done), setting=setting)
    for index in range(done, of):
        experience, before = experiences[index], learner
        started, steps = perf_counter(), 0
        here = Progress(stage=this.name, experience=experience.name, done=index, of=of)
        yield here
        seen = view(experience, labelled)
        for event in learn_one(strategy, learner, seen, seed=seed, index=index):
            match event:
                case Step(index=step, loss=loss):
                    steps = step + 1 if loss is not None else steps
                    yield Progress(
                        stage=this.name,
                        experience=experience.name,
                        done=index,
                        of=of,
                        loss=loss,
                    )
                case Learned(learner=learned):
                    learner = learned
        lived = Lived(seconds=perf_counter() - started, optimiser_steps=steps)
        _keep(folder, index + 1, answer(learner, labelled, this.score, setting), lived, learner)
        _thin_out(_learner(folder, index), before if this.keep_learners else None)
    yield Progress(stage=this.name, experience="", done=of, of=of)


def walked(folder: Path, steps: int) -> Walked:
    """What a finished pass left."""
    arrays = {
        name: np.stack([np.load(folder / f"{name}-{step:03}.npy") for step in range(steps)])
        for name in ("difference", "positive")
    }
    lived = tuple(read_json(folder / f"lived-{step:03}.json", Lived) for step in range(1, steps))
    return Walked(difference=arrays["difference"], positive=arrays["positive"], lived=lived)


def _learner(folder: Path, step: int) -> Path:
    return folder / "learners" / f"{step:03}"


def _standing(folder: Path) -> int | None:
    """The last step whose marker is there; it is written after everything else of the step."""
    steps = [int(path.stem.removeprefix("done-")) for path in folder.glob("done-*.json")]
    return max(steps, default=None)


def _keep(folder: Path, step: int, answers: Answers, lived: Lived | None, learner: Learner) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("difference", "positive"):
        path = folder / f"{name}-{step:03}.npy"
        partial = partial_path(path)
        with partial.open("xb") as file:
            np.save(file, getattr(answers, name), allow_pickle=False)
        partial.replace(path)
    if lived is not None:
        write_json(folder / f"lived-{step:03}.json", lived)
    save_learner(_learner(folder, step), learner)
    write_json(folder / f"done-{step:03}.json", {"step": step})


def _thin_out(folder: Path, learner: Learner | None) -> None:
    """Leave of a step that is behind what predicts, without what only learning needs, or nothing."""
    if learner is not None:
        save_learner(folder, replace(learner, carried={}))
    else:
        shutil.rmtree(folder, ignore_errors=True)
