"""What tests of strategies that tune adaptors share."""

from dataclasses import replace

import torch

from carina.adaptors import Mlp, PromptReadout, Sides
from carina.learning import Learned, Learner, RETune, Setting, Strategy, begin, learn_one
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
BASE = RETune(
    sides=Sides(adaptor=Mlp(hidden=8, out=6)),
    rate=1e-2,
    batch=30,
    steps=12,
    epochs=None,
    normalise=True,
    scale=5.0,
    learn_scale=True,
)
GENTLE = replace(BASE, learn_scale=False, carry_optimiser=False)


def one_by_one(*, seed: int = 0, rows: int = 120) -> list[View]:
    """The same films, one finding at a time."""
    view = drawn_view(seed=seed, rows=rows)
    return [part_of(view, labels=(label,)) for label in view.labels]


def taught(strategy: Strategy, *views: View, setting: Setting = SHARED) -> Learner:
    learner = begin(strategy, setting, seed=1)
    for index, view in enumerate(views):
        *_, last = learn_one(strategy, learner, view, seed=1, index=index)
        assert isinstance(last, Learned)
        learner = last.learner
    return learner


def readout(learner: Learner) -> PromptReadout:
    assert isinstance(learner.readout, PromptReadout)
    return learner.readout


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([weight.flatten() for weight in readout(learner).adaptors.state().values()])


def said(learner: Learner, view: View) -> torch.Tensor:
    """Scores of a view's rows for its findings."""
    with torch.inference_mode():
        return readout(learner).only(view.labels)(view.features).difference
