"""The head of 'Freeze the backbones'."""

import pytest
import torch
from torch import nn

from carina.adaptors import ProbeHead, ProbeHeadModule
from carina.core import ConfigError


def drawn(dim: int = 768, labels: int = 1) -> ProbeHeadModule:
    return ProbeHead().build(dim, labels, torch.Generator().manual_seed(3))


def test_it_has_the_parameters_of_the_authors() -> None:
    """768 x 512, twice 512 of the norm, 512 x 1 and its bias."""
    assert sum(p.numel() for p in drawn().parameters()) == 393_216 + 1_024 + 513


def test_it_is_their_stack_of_layers() -> None:
    head = drawn(dim=12, labels=2)
    stack = nn.Sequential(
        nn.Linear(12, 512, bias=False),
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(512, 2),
    )
    stack.load_state_dict(dict(zip(stack.state_dict(), head.state_dict().values(), strict=True)))
    rows = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(head.eval()(rows), stack.eval()(rows))


def test_what_is_left_out_is_made_up_for_in_the_mean() -> None:
    head = drawn(dim=4).eval()
    rows, draw = torch.ones(20_000, 4), torch.Generator().manual_seed(0)
    kept = head.kept(20_000, draw)
    with torch.no_grad():
        plain, mean = head(rows[:1]), head(rows, kept).mean(dim=0)

    assert kept.float().mean().item() == pytest.approx(0.9, abs=1e-3)
    torch.testing.assert_close(mean, plain[0], atol=2e-3, rtol=0)


def test_drawing_neither_reads_nor_moves_the_global_generator() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, other = drawn(), drawn()

    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.first.weight, other.first.weight)


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_a_head_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="width of 1 or more and a dropout in"):
        ProbeHead(**wrong)  # type: ignore[arg-type]
