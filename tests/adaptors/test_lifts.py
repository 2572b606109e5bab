"""The shipped contract on every built-in lift, and what each approximates."""

from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from carina.adaptors import (
    Beside,
    Landmarks,
    LiftConfig,
    LinearReadout,
    RandomFourier,
    RandomReLU,
    readout_bytes,
)
from carina.core import ConfigError, Mismatch
from carina.testing import LiftContract


def rows(count: int = 6, dim: int = 20, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dim, generator=rng, dtype=torch.float64), dim=1)


class TestRandomReLU(LiftContract):
    config: ClassVar[LiftConfig] = RandomReLU(width=70)
    out = 70


class TestRandomFourier(LiftContract):
    config: ClassVar[LiftConfig] = RandomFourier(width=70, bandwidth=0.7)
    out = 70


class TestLandmarks(LiftContract):
    config: ClassVar[LiftConfig] = Landmarks(width=30, bandwidth=0.7)
    out = 30


class TestBeside(LiftContract):
    config: ClassVar[LiftConfig] = Beside(lift=RandomReLU(width=70))
    out = 90


def test_fourier_features_multiply_to_the_gaussian_kernel() -> None:
    lifted = RandomFourier(width=40_000, bandwidth=0.8).build(20)(rows())
    wanted = rbf_kernel(rows().numpy(), gamma=1 / (2 * 0.8**2))

    np.testing.assert_allclose((lifted @ lifted.T).numpy(), wanted, rtol=0, atol=0.02)


def test_landmark_features_multiply_to_the_kernel_projected_on_the_landmarks() -> None:
    lift = Landmarks(width=15, bandwidth=0.8).build(20)
    points = lift.points.numpy()
    across, among = (rbf_kernel(of, points, gamma=1 / (2 * 0.8**2)) for of in (rows(), points))
    wanted = across @ np.linalg.solve(among, across.T)

    lifted = lift(rows())
    np.testing.assert_allclose((lifted @ lifted.T).numpy(), wanted, rtol=0, atol=1e-6)


def test_with_landmarks_everywhere_the_features_multiply_to_the_kernel() -> None:
    """On a circle a few landmarks are everywhere."""
    lifted = Landmarks(width=40, bandwidth=0.8).build(2)(rows(dim=2))
    wanted = rbf_kernel(rows(dim=2).numpy(), gamma=1 / (2 * 0.8**2))

    np.testing.assert_allclose((lifted @ lifted.T).numpy(), wanted, rtol=0, atol=1e-4)


def test_relu_features_multiply_to_the_arc_cosine_kernel() -> None:
    """Cho and Saul, NeurIPS 2009: (sin a + (pi - a) cos a) / pi for rows at an angle a."""
    lifted = RandomReLU(width=40_000).build(20)(rows())
    angle = torch.arccos((rows() @ rows().T).clamp(-1, 1))
    wanted = (angle.sin() + (torch.pi - angle) * angle.cos()) / torch.pi

    torch.testing.assert_close(lifted @ lifted.T, wanted, rtol=0, atol=0.05)


def test_beside_a_lift_the_rows_come_first() -> None:
    lifted = Beside(lift=RandomReLU(width=7)).build(20)(rows())

    assert torch.equal(lifted[:, :20], rows())
    assert torch.equal(lifted[:, 20:], RandomReLU(width=7).build(20)(rows()))


@pytest.mark.parametrize("kind", [RandomReLU, RandomFourier, Landmarks])
def test_another_seed_draws_another_lift(kind: type[RandomReLU]) -> None:
    assert kind(width=9, seed=1).build(5).digest != kind(width=9, seed=2).build(5).digest


@pytest.mark.parametrize(
    ("settings", "said"), [({"width": 0}, "width=0"), ({"bandwidth": 0.0}, "bandwidth=0.0")]
)
def test_lifts_to_nothing_are_refused(settings: dict[str, int], said: str) -> None:
    for kind in (RandomFourier, Landmarks):
        with pytest.raises(ConfigError, match=said):
            kind(**settings)
    with pytest.raises(ConfigError, match="width=-1"):
        RandomReLU(width=-1)


def test_a_head_over_a_lift_takes_rows_and_counts_only_its_own_bytes() -> None:
    lift = RandomReLU(width=7).build(20)
    head = LinearReadout(
        labels=("a",),
        weight=torch.ones(1, 7).double(),
        bias=torch.zeros(1).double(),
        normalise=True,
        lift=lift,
    )

    assert head.dim == 20
    assert readout_bytes(head) == {"head": 8 * 8}
    torch.testing.assert_close(head(3 * rows()).difference[:, 0], lift(rows()).sum(dim=1))
    with pytest.raises(Mismatch, match="takes 20"):
        head(rows(dim=7))


def test_weights_of_another_width_than_the_lift_gives_are_refused() -> None:
    with pytest.raises(Mismatch, match="gives 7 features, the weights are for 8"):
        LinearReadout(
            labels=("a",),
            weight=torch.ones(1, 8),
            bias=torch.zeros(1),
            normalise=True,
            lift=RandomReLU(width=7).build(20),
        )
