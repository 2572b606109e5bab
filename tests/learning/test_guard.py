"""The text's head stays until ridge is better by one standard error of the held-out error."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from carina.adaptors import LinearReadout
from carina.learning import Learned, Learner, Ridge, Setting, Strategy, ZeroShot, begin, learn_one
from carina.learning.strategies.closed_form import Solution, solve
from carina.learning.strategies.ridge import text_directions
from carina.learning.strategies.summing import folds_of, sums_of, unit
from carina.measures import shrunken_sigmoid_from_moments
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
LABEL = ("effusion",)
FRESH = drawn_view(seed=10**6, rows=1000)


def taught(strategy: Strategy, view: View, setting: Setting = SHARED) -> Learner:
    *_, last = learn_one(strategy, begin(strategy, setting, seed=0), view, seed=0, index=0)
    assert isinstance(last, Learned)
    return last.learner


def auroc(learner: Learner) -> float:
    """Mean over the findings, on fresh films."""
    assert learner.readout is not None
    with torch.inference_mode():
        scores = learner.readout(FRESH.features).difference.numpy()
    target = FRESH.target.numpy()
    return float(np.mean([roc_auc_score(target[:, at], scores[:, at]) for at in range(3)]))


def with_few_positives(seed: int, positives: int) -> View:
    """A view in which each finding is known on so many positives and 60 negatives."""
    view, rng = drawn_view(seed=seed, rows=200), np.random.default_rng(seed)
    cells = torch.zeros_like(view.known)
    for column in range(3):
        for present, count in ((True, positives), (False, 60)):
            rows = torch.nonzero(view.target[:, column] == present)[:, 0].numpy()
            cells[rng.permutation(rows)[:count], column] = True
    return part_of(view, cells=cells)


def text() -> Tensor:
    return text_directions(SHARED, drawn_view(LABEL).prompts, LABEL)


def solution(view: View, *, guard: bool = True, direction: Tensor | None = None) -> Solution:
    sums = sums_of(view, folds=5, salt="test")
    along = text() if direction is None else direction
    return solve(sums, LABEL, along, lambdas=(0.5,), betas=(0.0, 3.0), guard=guard)["effusion"]


@pytest.mark.parametrize("positives", [0, 1, 3])
def test_with_few_positives_the_reader_is_not_below_zero_shot_in_expectation(
    positives: int,
) -> None:
    views = [with_few_positives(seed, positives) for seed in range(8)]
    gains = np.array([auroc(taught(Ridge(), v)) - auroc(taught(ZeroShot(), v)) for v in views])

    assert gains.mean() >= -1e-6 - 2 * gains.std() / np.sqrt(len(gains))


def test_without_the_guard_a_single_positive_costs_more_than_it_gives() -> None:
    """So the test above can fail."""
    views = [with_few_positives(seed, 1) for seed in range(5)]
    gains = [auroc(taught(Ridge(guard=False), v)) - auroc(taught(ZeroShot(), v)) for v in views]

    assert np.mean(gains) < -0.02


def test_with_many_positives_the_reader_is_ridge() -> None:
    view = drawn_view(rows=400)
    guarded, free = taught(Ridge(), view), taught(Ridge(guard=False), view)

    assert isinstance(guarded.readout, LinearReadout)
    assert isinstance(free.readout, LinearReadout)
    assert torch.equal(guarded.readout.weight, free.readout.weight)
    assert guarded.notes["penalty"] == free.notes["penalty"]


def test_without_zero_shot_there_is_nothing_to_keep() -> None:
    view, apart = with_few_positives(0, 1), Setting(image_dim=12)
    guarded, free = (taught(Ridge(guard=guard), view, apart) for guard in (True, False))

    assert isinstance(guarded.readout, LinearReadout)
    assert isinstance(free.readout, LinearReadout)
    assert torch.equal(guarded.readout.weight, free.readout.weight)


def test_a_kept_head_is_the_text_as_long_as_least_squares_has_it() -> None:
    view = part_of(with_few_positives(3, 1), labels=LABEL)
    rows = unit(view.features.double())[view.known[:, 0]]
    target = view.target[view.known[:, 0], 0]
    along = rows @ text()[0]
    positives = float(target.sum())
    coded = torch.full((len(rows),), -len(rows) / (len(rows) - positives), dtype=torch.float64)
    coded[target] = len(rows) / positives
    centred = along - along.mean()
    length = float(centred @ coded / centred.square().sum())
    ours = solution(view)

    assert ours.penalty is None
    assert ours.prior == pytest.approx(length, rel=1e-9)
    torch.testing.assert_close(ours.weight, length * text()[0], rtol=1e-9, atol=0)
    assert ours.bias == pytest.approx(-length * float(along.mean()), rel=1e-9)


def test_ridge_must_win_by_one_standard_error_and_a_kept_head_is_calibrated_from_the_sums() -> None:
    """Every step of the rule over the very rows, for views on either side of it."""
    turned = torch.nn.functional.normalize(text() + text().roll(1), dim=1)  # so ridge can win
    kept = []
    for seed in range(6):
        view = drawn_view(LABEL, seed=seed, rows=40)
        rows, target = unit(view.features.double()), view.target[:, 0]
        fold = torch.from_numpy(folds_of(view.patients, folds=5, salt="test"))
        free, ours = (solution(view, guard=guard, direction=turned) for guard in (False, True))
        scores, gain = torch.zeros(40).double(), []
        for part in range(5):
            held, seen = fold == part, fold != part
            positives, negatives = target[seen].sum().double(), (~target[seen]).sum().double()
            weight = positives * negatives / seen.sum() ** 2
            coded = torch.where(target, seen.sum() / positives, -seen.sum() / negatives)
            centre = rows[seen].mean(dim=0)
            near, far = rows[seen] - centre, rows[held] - centre
            system = weight * near.T @ near + 0.5 * torch.eye(12).double()
            right = weight * near.T @ coded[seen] + 0.5 * free.prior * turned[0]
            ridge = far @ torch.linalg.solve(system, right)
            along = near @ turned[0]
            length = (along @ coded[seen] / along.square().sum()).clamp(min=0)
            scores[held] = length * (far @ turned[0])
            costs = [
                (weight * (coded[held] - said).square().mean()) for said in (scores[held], ridge)
            ]
            if target[held].any() and not target[held].all():
                gain.append(float(costs[0] - costs[1]))
        error = np.std(gain, ddof=1) / np.sqrt(len(gain))
        stays = bool(np.mean(gain) <= error)
        kept.append("behind" if np.mean(gain) <= 0 else "within one" if stays else "ahead")

        assert (ours.penalty is None) == stays
        if stays:
            within = [scores[side] - scores[side].mean() for side in (target, ~target)]
            wanted = shrunken_sigmoid_from_moments(
                positives=int(target.sum()),
                negatives=int((~target).sum()),
                mean_positive=float(scores[target].mean()),
                mean_negative=float(scores[~target].mean()),
                variance=float(torch.cat(within).square().sum()) / 38,
            )
            assert ours.calibration is not None
            assert ours.calibration.slope == pytest.approx(wanted.slope, rel=1e-6)

    assert set(kept) == {"behind", "within one", "ahead"}


def test_a_text_that_the_films_speak_against_still_ranks_as_zero_shot_while_it_stays() -> None:
    view = part_of(with_few_positives(3, 1), labels=LABEL)
    ours = solution(view, direction=-text())

    assert ours.penalty is None
    assert ours.prior == 3.0
    torch.testing.assert_close(ours.weight, -3 * text()[0])


def test_a_finding_without_a_text_is_not_guarded() -> None:
    view = part_of(with_few_positives(3, 2), labels=LABEL)

    assert solution(view, direction=torch.zeros(1, 12).double()).penalty == 0.5
