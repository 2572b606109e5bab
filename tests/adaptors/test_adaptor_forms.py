"""The shipped contract, run on every built-in adaptor."""

import pytest
import torch

from carina.adaptors import ClipAdapter, Identity, Linear, Mlp, Residual
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


class TestClipAdapter(AdaptorContract):
    config = ClipAdapter()
    learned = 2 * 128 * 32


class TestAClipAdapterOfOneNumberWide(AdaptorContract):
    config = ClipAdapter(reduction=1000, ratio=1.0)
    learned = 2 * 128


def test_identity_gives_back_what_it_is_given() -> None:
    rows = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))

    assert torch.equal(Identity().build(7, torch.Generator())(rows), rows)


def test_layers_are_drawn_as_torch_draws_them() -> None:
    weights = Linear(out=500).build(100, torch.Generator().manual_seed(0)).state_dict()

    for drawn in weights.values():
        assert drawn.abs().max() <= 0.1
        assert drawn.std() == pytest.approx(0.1 / 3**0.5, rel=0.1)


def test_a_clip_adapter_blends_a_bottleneck_with_the_vector_as_worked_out_by_hand() -> None:
    adaptor = ClipAdapter(reduction=2, ratio=0.25).build(2, torch.Generator())
    first, second = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0], [-1.0]])
    adaptor.load_state_dict({"layer.0.weight": first, "layer.2.weight": second})
    rows = torch.tensor([[5.0, 1.0], [1.0, 4.0]])

    # 5 - 2 = 3 through the bottleneck, 9 and -3 behind it; 1 - 8 is cut off at the bottleneck.
    wanted = torch.tensor([[0.25 * 9 + 0.75 * 5, 0.75 * 1], [0.75 * 1, 0.75 * 4]])
    assert torch.equal(adaptor(rows), wanted)


@pytest.mark.parametrize("given", [{"reduction": 0}, {"ratio": 0.0}, {"ratio": 1.1}])
def test_a_clip_adapter_without_sense_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="reduction of 1 or more"):
        ClipAdapter(**given)  # type: ignore[arg-type]


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
