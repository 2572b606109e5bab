"""What every lift owes, as a class of tests that its author subclasses.

class TestMine(LiftContract):
    config = Mine(width=70)
    out = 70
"""

from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from carina.adaptors import LiftConfig, LinearReadout, answer_in_blocks, pack, unpack
from carina.core import Mismatch

__all__ = ["LiftContract"]

_DIM = 20


class LiftContract:
    """What every lift owes. Its author gives a config and the width of what it gives.

    Attributes:
        config: What it is drawn from.
        out: How many features it gives for rows 20 wide.
    """

    config: ClassVar[LiftConfig]
    out: ClassVar[int]

    def test_it_gives_features_as_wide_as_stated_in_the_dtype_of_the_rows(self) -> None:
        lift = self.config.build(_DIM)

        assert (lift.dim, lift.out, lift.config) == (_DIM, self.out, self.config)
        for rows in (self._rows(5), self._rows(1).float(), self._rows(0)):
            assert lift(rows).shape == (len(rows), self.out)
            assert lift(rows).dtype == rows.dtype

    def test_no_row_depends_on_another(self) -> None:
        lift, rows = self.config.build(_DIM), self._rows(6)
        others = rows.clone()
        others[1:] = torch.nan

        assert torch.equal(lift(rows)[0], lift(others)[0])

    def test_the_same_seed_draws_the_same_lift_and_the_digest_says_so(self) -> None:
        one, same = self.config.build(_DIM), self.config.build(_DIM)

        assert one.digest == same.digest
        assert torch.equal(one(self._rows(4)), same(self._rows(4)))
        assert one.digest != self.config.build(_DIM + 1).digest

    def test_drawing_leaves_the_global_generator_alone(self) -> None:
        before = torch.get_rng_state()
        self.config.build(_DIM)

        assert torch.equal(before, torch.get_rng_state())

    def test_an_image_has_the_same_score_alone_in_company_and_after_packing(self) -> None:
        readout, rows = self._readout(), self._rows(600)
        whole = answer_in_blocks(readout, rows).difference
        plain, tensors = pack(readout)
        back = unpack(plain, tensors)

        assert set(tensors) == {"head.weight", "head.bias"}  # the lift itself is not stored
        for part in (slice(0, 1), slice(5, 8), slice(255, 600)):
            assert torch.equal(answer_in_blocks(back, rows[part]).difference, whole[part])

    def test_another_draw_than_the_one_learned_over_is_refused(self) -> None:
        plain, tensors = pack(self._readout())
        plain["readout"]["digest"] = "another"

        with pytest.raises(Mismatch, match=r"numpy .* draws other numbers"):
            unpack(plain, tensors)

    def _rows(self, count: int) -> Tensor:
        drawn = torch.randn(
            count, _DIM, generator=torch.Generator().manual_seed(count), dtype=torch.float64
        )
        return F.normalize(drawn, dim=1)

    def _readout(self) -> LinearReadout:
        weight = torch.randn(
            2, self.out, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )
        return LinearReadout(
            labels=("a", "b"),
            weight=weight,
            bias=weight[:, 0],
            normalise=True,
            lift=self.config.build(_DIM),
        )
