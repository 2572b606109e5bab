"""What tests of strategies over sums share."""

import numpy as np
import torch

from carina.adaptors import LinearReadout
from carina.learning import Learned, Learner, Setting, Strategy, begin, follow
from carina.streams import View
from carina.testing import part_of

SETTING = Setting(image_dim=12)


def taught(strategy: Strategy, *views: View, setting: Setting = SETTING) -> Learner:
    """Who has lived through some experiences."""
    learner = begin(strategy, setting, seed=0)
    for _, event in follow(strategy, setting, views, seed=0):
        if isinstance(event, Learned):
            learner = event.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    """Its linear heads."""
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def parts(view: View, how: str, seed: int) -> list[View]:
    """A view cut into experiences, in a random order: by class, by data, or by random cells."""
    rng = np.random.default_rng(seed)
    rows, columns = view.known.shape
    match how:
        case "by class":
            cut = [part_of(view, labels=(label,)) for label in view.labels]
        case "by data":
            part = torch.from_numpy(rng.integers(3, size=rows))
            cut = [part_of(view, rows=part == number) for number in range(3)]
        case _:
            cells = torch.from_numpy(rng.integers(3, size=(rows, columns)))
            cut = [part_of(view, cells=cells == number) for number in range(3)]
    return [cut[place] for place in rng.permutation(len(cut))]


def assert_same_heads(one: Learner, other: Learner) -> None:
    """Weights and intercepts to 1e-8, whatever the order of findings."""
    order = [other.labels.index(label) for label in one.labels.names]
    ours, theirs = head(one), head(other)

    torch.testing.assert_close(ours.weight, theirs.weight[order], rtol=0, atol=1e-8)
    torch.testing.assert_close(ours.bias, theirs.bias[order], rtol=0, atol=1e-8)
