"""Passes through a stream: one for each fold and one with everybody, each resumable.

A pass follows the stream on some patients and scores others after every experience. What it has
scored and the learner it stands at are on disk after each experience, so a kill costs one
experience at most.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
from jaxtyping import Float, Int

from carina.adaptors import PromptReadout, answer_in_blocks
from carina.core import read_json, write_bytes, write_json
from carina.evaluation import Lived
from carina.learning import (
    Learned,
    Learner,
    Setting,
    Step,
    Strategy,
    ZeroShot,
    begin,
    kept,
    learn_one,
    load_learner,
    passed_over,
    save_learner,
)
from carina.streams import Labelled, Stream, view

__all__ = [
    "Answers",
    "Pass",
    "Progress",
    "Walked",
    "answer",
    "learners_left",
    "walk",
    "walked",
]


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
class Pass:
    """One walk through the stream.

    Attributes:
        name: "fold-0" or "refit".
        learn: Rows whose patients are learned from.
        score: Rows scored after every experience.
    """

    name: str
    learn: Int[np.ndarray, " learn"]
    score: Int[np.ndarray, " score"]


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
        given = answer_in_blocks(readout, labelled.picked(rows))
        difference[:, columns] = given.difference.double().numpy()
        if given.positive is not None:
            positive[:, columns] = given.positive.double().numpy()
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
    """Follow the stream, scoring after every experience, from wherever the folder stands.

    Step 0 is what the frozen encoders say by themselves, whatever the strategy begins with.
    """
    experiences = stream.limited_to(this.learn).experiences
    of = len(experiences)
    done = _done(folder)
    if done is None:
        learner = begin(strategy, setting, seed=seed)
        _keep(folder, 0, answer(_untaught(learner), labelled, this.score, setting), None, learner)
        done = 0
    else:
        learner = load_learner(_standing(folder, done), setting=setting)
    for index in range(done, of):
        experience, before = experiences[index], learner
        started = perf_counter()
        here = Progress(stage=this.name, experience=experience.name, done=index, of=of)
        yield here
        seen = view(experience, labelled)
        for event in learn_one(strategy, learner, seen, seed=seed, index=index):
            match event:
                case Step(loss=loss):
                    yield Progress(
                        stage=this.name,
                        experience=experience.name,
                        done=index,
                        of=of,
                        loss=loss,
                    )
                case Learned(learner=learned):
                    learner = learned
        took = perf_counter() - started
        left = kept(learner)
        lived = Lived(
            seconds=took,
            optimiser_steps=_steps(learner) - _steps(before),
            kept_bytes=dict(left.bytes),
            fewest_patients=left.fewest_patients,
            single_patients=left.single_patients,
            patient_rows=left.patient_rows,
            marks=tuple(why for why in [passed_over(strategy, before, seen)] if why),
        )
        _keep(folder, index + 1, answer(learner, labelled, this.score, setting), lived, learner)
        shutil.rmtree(_standing(folder, index), ignore_errors=True)
    yield Progress(stage=this.name, experience="", done=of, of=of)


def walked(folder: Path, steps: int) -> Walked:
    """What a finished pass left."""
    arrays = {
        name: np.stack([np.load(folder / f"{name}-{step:03}.npy") for step in range(steps)])
        for name in ("difference", "positive")
    }
    lived = tuple(read_json(folder / f"lived-{step:03}.json", Lived) for step in range(1, steps))
    return Walked(difference=arrays["difference"], positive=arrays["positive"], lived=lived)


def learners_left(folder: Path, steps: int) -> tuple[Path, ...]:
    """Where the learner of each step of a finished pass lies, from 0.

    The last is whole; those before it predict, without what only learning on needs.
    """
    return (*(_reader(folder, step) for step in range(steps - 1)), _standing(folder, steps - 1))


def _untaught(learner: Learner) -> Learner:
    """Who answers before any experience: zero-shot where that means something.

    Adaptors fresh from a strategy's `begin` are drawn at random, and what they say is chance.
    """
    if not learner.setting.zero_shot:
        return learner
    readout = learner.readout
    plain = ZeroShot(combine=readout.combine) if isinstance(readout, PromptReadout) else ZeroShot()
    return begin(plain, learner.setting, seed=0)


def _steps(learner: Learner) -> int:
    """Optimiser steps a learner has taken; a closed form takes none."""
    steps = learner.notes.get("optimiser_steps", 0)
    return steps if isinstance(steps, int) else 0


def _reader(folder: Path, step: int) -> Path:
    return folder / "readers" / f"{step:03}"


def _standing(folder: Path, step: int) -> Path:
    return folder / "standing" / f"{step:03}"


def _done(folder: Path) -> int | None:
    """The last step whose marker is there; it is written after everything else of the step."""
    steps = [int(path.stem.removeprefix("done-")) for path in folder.glob("done-*.json")]
    return max(steps, default=None)


def _keep(folder: Path, step: int, answers: Answers, lived: Lived | None, learner: Learner) -> None:
    """Put a step on disk; once its marker is there, nothing of it is written again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("difference", "positive"):
        # In memory first: written straight to a file, numpy can pass over a full disk.
        array = BytesIO()
        np.save(array, getattr(answers, name), allow_pickle=False)
        write_bytes(folder / f"{name}-{step:03}.npy", array.getvalue())
    if lived is not None:
        write_json(folder / f"lived-{step:03}.json", lived)
    save_learner(_reader(folder, step), replace(learner, carried={}))
    save_learner(_standing(folder, step), learner)
    write_json(folder / f"done-{step:03}.json", {"step": step})
