"""L2, EWC, SI and averaging: weights that stay near where they were."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from carina.core import ConfigError, generator
from carina.learning import EWC, L2, SI, Anchor, Averaged, Optimiser, Strategy
from carina.learning.strategies.pulls import pull
from tests.learning.tuned import BASE, GENTLE, one_by_one, readout, taught, weights

SLOW = replace(GENTLE, optimiser=Optimiser.SGD, rate=1e-4, batch=1000, noise=0.0)


def test_the_pull_is_half_the_weighted_squared_distance() -> None:
    weight = torch.nn.Parameter(torch.tensor([3.0, 1.0]))
    anchor, importance = torch.tensor([1.0, 1.0]), torch.tensor([0.5, 9.0])

    assert pull([weight], [anchor]) == 2.0
    assert pull([weight], [anchor], [importance]) == 1.0


@pytest.mark.parametrize(
    "free",
    [
        L2(base=BASE, strength=0.0),
        L2(base=BASE, strength=0.0, to=Anchor.LAST),
        EWC(base=BASE, strength=0.0),
        SI(base=BASE, strength=0.0),
        Averaged(base=BASE, share=1.0),
    ],
    ids=["L2", "L2 to the last", "EWC", "SI", "Averaged"],
)
def test_without_a_pull_it_is_plain_fine_tuning(free: Strategy) -> None:
    views = one_by_one()

    torch.testing.assert_close(weights(taught(free, *views)), weights(taught(BASE, *views)))


def test_the_stronger_the_pull_the_nearer_the_anchor() -> None:
    views = one_by_one()
    born = weights(taught(GENTLE))
    apart = [
        float((weights(taught(L2(base=GENTLE, strength=strength), *views)) - born).norm())
        for strength in (0.0, 0.1, 10.0)
    ]

    assert apart[0] > apart[1] > apart[2]


@pytest.mark.parametrize(
    "strategy", [EWC(base=GENTLE, strength=1e4), SI(base=GENTLE, strength=10.0)]
)
def test_what_mattered_moves_less_than_in_plain_fine_tuning(strategy: EWC | SI) -> None:
    views = one_by_one()
    first = taught(strategy, views[0])
    stakes = torch.cat(
        [v.flatten() for n, v in first.carried.items() if n.startswith("importance")]
    )
    moved = [
        float((stakes * (weights(taught(s, *views)) - weights(first)).square()).sum())
        for s in (GENTLE, strategy)
    ]

    assert moved[1] < moved[0] / 4


def test_ewc_weighs_by_the_mean_square_of_a_rows_gradient() -> None:
    view = one_by_one(rows=20)[0]
    strategy = EWC(base=replace(GENTLE, steps=3))
    learner = taught(strategy, view)
    pair = readout(learner).adaptors
    rng = generator(1, "experience", 0)
    for _ in range(3):
        rng.permutation(20)  # the order of each epoch's one batch
    picked, drawn = rng.permutation(20), []
    for rows in np.split(picked, [16]):
        logits = readout(learner)(view.features[torch.from_numpy(rows)]).difference
        drawn.append(torch.from_numpy(rng.random(tuple(logits.shape))) < torch.sigmoid(logits))
    expected = [torch.zeros_like(weight) for weight in pair.parameters()]
    for row, label in zip(picked, torch.cat(drawn), strict=True):
        logit = readout(learner)(view.features[row : row + 1]).difference
        cost = F.binary_cross_entropy_with_logits(logit, label[None].float())
        for total, slope in zip(
            expected, torch.autograd.grad(cost, pair.parameters()), strict=True
        ):
            total += slope.square() / 20

    for place, wanted in enumerate(expected):
        torch.testing.assert_close(learner.carried[f"importance/{place}"], wanted)


def test_si_shares_the_fall_of_the_loss_among_the_weights() -> None:
    view = one_by_one()[0]
    assert view.prompts is not None
    strategy = SI(base=replace(SLOW, steps=40), damping=1.0)
    born, learner = taught(strategy), taught(strategy, view)

    def loss(one: torch.Tensor) -> float:
        return float(F.binary_cross_entropy_with_logits(one, view.target.float()))

    with torch.inference_mode():
        before = readout(born).over(view.prompts)(view.features).difference
        after = readout(learner)(view.features).difference
    fall = loss(before) - loss(after)
    # at a damping far above the squared distance, importance is the path integral itself
    shared = sum(float(t.sum()) for n, t in learner.carried.items() if n.startswith("importance"))
    assert fall > 1e-4
    assert shared == pytest.approx(fall, rel=0.02)


def test_ewc_forgets_importance_by_its_decay() -> None:
    views = one_by_one()
    kept, gone = (taught(EWC(base=BASE, strength=0.0, decay=d), *views[:2]) for d in (1.0, 0.0))
    first = taught(EWC(base=BASE, strength=0.0), views[0])

    for name in (n for n in first.carried if n.startswith("importance")):
        torch.testing.assert_close(kept.carried[name] - gone.carried[name], first.carried[name])


def test_averaging_goes_half_of_the_way_at_the_second_experience() -> None:
    views = one_by_one()
    first, both = (taught(Averaged(base=BASE), *views[:count]) for count in (1, 2))
    whole = taught(BASE, *views[:2])  # starts its second experience from the same weights

    torch.testing.assert_close(weights(both), (weights(first) + weights(whole)) / 2)


def test_numbers_that_make_no_pull_are_refused() -> None:
    for strategy, wrong in (
        (L2, {"strength": -1.0}),
        (EWC, {"decay": 2.0}),
        (SI, {"damping": 0.0}),
        (Averaged, {"share": 0.0}),
    ):
        with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
            strategy(**wrong)  # type: ignore[arg-type]
