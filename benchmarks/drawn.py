"""Drawn features, labels and prompts for benchmarks: what learning costs hangs on their number alone."""

import numpy as np
import torch

from carina.core import generator
from carina.features import PromptVectors
from carina.learning import Learned, Learner, Setting, Strategy, learn_one
from carina.streams import Labelled, Stream, StreamPlan, View, lay_out
from carina.studies import LabelSpace

__all__ = ["drawn", "setting_of", "stream_of", "taught"]

PREVALENCE = 0.4
SPREAD = 4.0  # of the films about what they show: findings are told apart, not at a glance
PROMPTS = 4  # a side


def drawn(
    names: tuple[str, ...], *, films: int, dim: int, known: float = 1.0, prompts: bool = False
) -> Labelled:
    """Films, one a patient, in which every finding has a direction, to which its prompts point.

    Args:
        names: Of the findings.
        films: How many.
        dim: Width of features and prompts.
        known: Share of known cells.
        prompts: Whether there are any.
    """
    rng = generator(0, "drawn films")
    directions = rng.standard_normal((len(names), dim), dtype=np.float32)
    present = rng.random((films, len(names))) < PREVALENCE
    told = rng.random((films, len(names))) < known
    features = SPREAD * rng.standard_normal((films, dim), dtype=np.float32)
    features += present.astype(np.float32) @ directions
    said = directions[:, None] + rng.standard_normal((2, len(names), PROMPTS, dim)).astype(
        np.float32
    )
    space = LabelSpace(names=names)
    return Labelled(
        space=space,
        features=torch.from_numpy(features),
        target=present & told,
        known=told,
        patients=rng.permutation(films).astype(np.int64),
        images=np.arange(films, dtype=np.int64),
        prompts=PromptVectors(
            space=space,
            positive=torch.from_numpy(said[0]),
            negative=torch.from_numpy(-said[1]),
            bank="drawn",
            encoder="drawn",
        )
        if prompts
        else None,
    )


def setting_of(labelled: Labelled) -> Setting:
    """Features and prompts of one width, in one space where there are prompts."""
    dim, prompts = labelled.features.shape[1], labelled.prompts
    return Setting(
        image_dim=dim, text_dim=prompts.dim if prompts else 0, shared_space=bool(prompts)
    )


def stream_of(plan: StreamPlan, labelled: Labelled, *, learn: int | None = None) -> Stream:
    """A plan laid on the first so many films, or all."""
    rows = np.arange(len(labelled.features) if learn is None else learn, dtype=np.int64)
    return lay_out(plan, labelled.ground(rows=rows, validation=rows[:0], digest="drawn"))


def taught(strategy: Strategy, learner: Learner, view: View, *, index: int = 0) -> Learner:
    """The learner after one experience more."""
    *_, last = learn_one(strategy, learner, view, seed=0, index=index)
    assert isinstance(last, Learned)
    return last.learner
