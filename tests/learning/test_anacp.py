"""Projection on prototypes pushed apart, and heads over it, from sums alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from carina.adaptors import LinearReadout, RandomReLU
from carina.core import ConfigError, InvalidValue, Mismatch
from carina.learning import AnaCP, Learned, Learner, Setting, begin, follow
from carina.learning.strategies.anacp import prototypes
from carina.learning.strategies.summing import unit
from carina.streams import View
from carina.testing import drawn_view, part_of

SETTING = Setting(image_dim=12)
LIFT = RandomReLU(width=30, seed=1)
STRATEGY = AnaCP(lift=LIFT, penalty=2.0, head_penalty=0.05)


def taught(*views: View, strategy: AnaCP = STRATEGY) -> Learner:
    learner = begin(strategy, SETTING, seed=0)
    for _, event in follow(strategy, SETTING, views, seed=0):
        if isinstance(event, Learned):
            learner = event.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def test_prototypes_are_those_of_the_released_code_but_for_singular_values_of_zero() -> None:
    """Whitened, one added to each singular value, whitened once more, length 1."""
    rng = np.random.default_rng(0)
    means, rows = rng.normal(size=(5, 8)), rng.normal(size=(40, 8))
    within = rows.T @ rows / 40
    values, vectors = np.linalg.eigh(within)
    whiten = vectors @ np.diag(values**-0.5) @ vectors.T
    centre = means.mean(axis=0)
    left, size, right = np.linalg.svd((means - centre) @ whiten, full_matrices=False)
    pushed = left @ np.diag(np.where(size > 1e-6, size + 1, 0)) @ right @ whiten + centre
    wanted = pushed / np.linalg.norm(pushed, axis=1, keepdims=True)

    assert size[-1] < 1e-6  # centred means always lack a direction
    np.testing.assert_allclose(
        prototypes(torch.from_numpy(means), torch.from_numpy(within)).numpy(), wanted, atol=1e-9
    )


def test_heads_are_the_regression_on_both_classes_of_projected_rows_of_one_covariance() -> None:
    """Every known cell as a sample of its own, in the full width of the prototypes."""
    view = drawn_view(rows=80, known=0.8)
    rows = unit(view.features.double())
    lifted = LIFT.build(12)(rows)
    cells = [
        (row, 2 * column + int(not view.target[row, column]))
        for row, column in view.known.nonzero().tolist()
    ]
    at, kind = torch.tensor(cells).T
    samples, features = rows[at], lifted[at]
    means = torch.stack([samples[kind == k].mean(dim=0) for k in range(6)])
    centred = samples - means[kind]
    within = centred.T @ centred / len(at) + STRATEGY.floor * torch.eye(12).double()
    target = prototypes(means, within)[kind]
    moment = features.T @ features + 2.0 * torch.eye(30).double()
    projection = torch.linalg.solve(moment, features.T @ target)
    projected = features @ projection
    centres = torch.stack([projected[kind == k].mean(dim=0) for k in range(6)])
    left = projected - centres[kind]
    shared = left.T @ left / len(at)
    learner = taught(view)
    for finding in range(3):
        apart = centres[2 * finding] - centres[2 * finding + 1]
        middle = (centres[2 * finding] + centres[2 * finding + 1]) / 2
        about = shared + torch.outer(apart, apart) / 4 + 0.05 * torch.eye(12).double()
        wanted = (lifted @ projection - middle) @ torch.linalg.solve(about, apart) / 2

        torch.testing.assert_close(
            head(learner)(view.features).difference[:, finding], wanted, rtol=0, atol=1e-9
        )


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 999), how=st.sampled_from(["by class", "by data", "random cells"]))
def test_learned_in_any_order_the_heads_are_those_of_the_shown_cells_at_once(
    seed: int, how: str
) -> None:
    view = drawn_view(seed=seed, rows=90, known=0.8)
    rng = np.random.default_rng(seed)
    match how:
        case "by class":
            cut = [part_of(view, labels=(label,)) for label in view.labels]
        case "by data":
            part = torch.from_numpy(rng.integers(3, size=90))
            cut = [part_of(view, rows=part == number) for number in range(3)]
        case _:
            cells = torch.from_numpy(rng.integers(3, size=(90, 3)))
            cut = [part_of(view, cells=cells == number) for number in range(3)]
    joint, steps = head(taught(view)), head(taught(*[cut[at] for at in rng.permutation(3)]))
    order = [steps.labels.index(label) for label in view.labels]

    torch.testing.assert_close(joint.weight, steps.weight[order], rtol=0, atol=1e-8)
    torch.testing.assert_close(joint.bias, steps.bias[order], rtol=0, atol=1e-8)


def test_it_tells_films_it_never_saw_apart() -> None:
    learner, other = taught(drawn_view(rows=200)), drawn_view(seed=1, rows=200)
    scores = head(learner)(other.features).difference.numpy()

    for column in range(3):
        assert roc_auc_score(other.target[:, column].numpy(), scores[:, column]) > 0.9


def test_positives_alone_are_refused_and_negatives_alone_score_nothing() -> None:
    view, later = drawn_view(("effusion", "edema")), drawn_view(("effusion", "edema"), seed=1)
    absent = replace(view, target=torch.zeros_like(view.target))
    present = replace(later, target=torch.ones_like(later.target))

    with pytest.raises(InvalidValue, match=r"'effusion' there are 60 positives and no negative"):
        taught(present)
    assert not head(taught(absent)).weight.any()
    assert head(taught(absent, present)).weight.any()


def test_patients_of_each_class_are_counted_and_one_alone_is_told() -> None:
    view = drawn_view(("effusion",), rows=400)
    target = torch.zeros_like(view.target)
    target[:2] = True
    many, one = taught(view), taught(replace(view, target=target))
    classes = (view.target[:, 0], ~view.target[:, 0])
    fewest = min(len(set(view.patients[rows].tolist())) for rows in classes)

    assert (many.fewest_patients, many.single_patients) == (fewest, False)
    assert (one.fewest_patients, one.single_patients) == (1, True)


def test_features_of_another_encoder_are_refused() -> None:
    with pytest.raises(Mismatch, match="12 wide, this learner was begun for 7"):
        *_, _ = STRATEGY.learn(
            begin(STRATEGY, Setting(image_dim=7), seed=0),
            drawn_view(),
            rng=np.random.default_rng(0),
        )


@pytest.mark.parametrize("given", [{"penalty": 0.0}, {"head_penalty": -1.0}, {"floor": 0.0}])
def test_settings_without_sense_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        AnaCP(**given)  # type: ignore[arg-type]
