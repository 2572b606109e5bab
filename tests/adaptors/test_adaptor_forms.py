"""The shipped contract, run on every built-in adaptor."""

import pytest
import torch

from carina.adaptors import Identity, Linear, Mlp, Residual
from carina.core import ConfigError
from carina.testing import AdaptorContract


class TestIdentity(AdaptorContract):
    config = Identity()
    learned = 0
    born_identity = True


class TestTheAuthorsDense(AdaptorContract):
    config = Linear()
    learned = 16_512


class TestTheAuthorsMlp(AdaptorContract):
    config = Mlp()
    learned = 65_920


class TestAnMlpOfOtherWidths(AdaptorContract):
    config = Mlp(hidden=3, out=5)
    learned = 128 * 3 + 3 + 3 * 5 + 5


class TestAResidual(AdaptorContract):
    config = Residual(rank=5)
    learned = 128 * 5 + 5 + 5 * 128 + 128
    born_identity = True


def test_identity_gives_back_what_it_is_given() -> None:
    rows = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))

    assert torch.equal(Identity().build(7, torch.Generator())(rows), rows)


def test_layers_are_drawn_as_torch_draws_them() -> None:
    weights = Linear(out=500).build(100, torch.Generator().manual_seed(0)).state_dict()

    for drawn in weights.values():
        assert drawn.abs().max() <= 0.1
        assert drawn.std() == pytest.approx(0.1 / 3**0.5, rel=0.1)


@pytest.mark.parametrize("widths", [{"out": 0}, {"hidden": 0}, {"out": -3}])
def test_widths_below_one_are_refused(widths: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        Mlp(**widths)


def test_a_linear_adaptor_without_width_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        Linear(out=0)


def test_a_detour_without_width_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        Residual(rank=0)
