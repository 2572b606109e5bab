"""What every adaptor owes, as a class of tests that its author subclasses.

class TestMine(AdaptorContract):
    config = Mine()
    learned = 16_512
"""

from typing import ClassVar

import torch

from carina.adaptors import Adaptor, AdaptorConfig

__all__ = ["AdaptorContract"]

_DIM = 128


class AdaptorContract:
    """What every adaptor owes. A plugin subclasses this and gives its config and its size.

    Attributes:
        config: The config that builds it.
        learned: How many numbers it learns for vectors 128 wide.
        born_identity: Whether it gives back what it is given until it has learned.
    """

    config: ClassVar[AdaptorConfig]
    learned: ClassVar[int]
    born_identity: ClassVar[bool] = False

    def test_it_is_an_adaptor(self) -> None:
        assert isinstance(self._built(), Adaptor)

    def test_it_learns_as_many_numbers_as_stated(self) -> None:
        assert sum(weight.numel() for weight in self._built().parameters()) == self.learned

    def test_it_maps_the_last_axis_and_keeps_the_others(self) -> None:
        adaptor = self._built()

        for axes in [(), (1,), (5,), (3, 2), (0,)]:
            assert adaptor(torch.ones(*axes, _DIM)).shape == (*axes, adaptor.out)

    def test_no_row_depends_on_another(self) -> None:
        adaptor = self._built()
        rows = torch.randn(6, _DIM, generator=torch.Generator().manual_seed(0))
        others = rows.clone()
        others[1:] = torch.nan

        assert torch.equal(adaptor(rows)[0], adaptor(others)[0])

    def test_the_same_generator_builds_the_same_adaptor(self) -> None:
        first, second = self._built(seed=3).state_dict(), self._built(seed=3).state_dict()

        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)

    def test_building_leaves_the_global_generator_alone(self) -> None:
        before = torch.get_rng_state()
        self._built()

        assert torch.equal(before, torch.get_rng_state())

    def test_what_one_has_learned_another_can_take_over(self) -> None:
        one, other = self._built(seed=1), self._built(seed=2)
        other.load_state_dict(one.state_dict())
        rows = torch.randn(4, _DIM, generator=torch.Generator().manual_seed(0))

        assert torch.equal(one(rows), other(rows))

    def test_it_is_born_as_the_identity_if_promised(self) -> None:
        rows = torch.randn(4, _DIM, generator=torch.Generator().manual_seed(0))
        adapted = self._built()(rows)

        assert (adapted.shape == rows.shape and torch.equal(adapted, rows)) == self.born_identity

    def test_every_weight_has_a_gradient(self) -> None:
        adaptor = self._built()
        rows = torch.randn(64, _DIM, generator=torch.Generator().manual_seed(0))
        weights = list(adaptor.parameters())
        with torch.no_grad():  # away from birth, where a layer of zeros hides the one before it
            for weight in weights:
                weight.add_(0.01)
        if weights:
            torch.autograd.backward(adaptor(rows).square().sum())

        assert all(weight.grad is not None and weight.grad.any() for weight in weights)

    def _built(self, *, seed: int = 0) -> Adaptor:
        return self.config.build(_DIM, torch.Generator().manual_seed(seed))
