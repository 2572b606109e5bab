import numpy as np
import pytest
import torch

from carina.adaptors import Combine, PromptReadout
from carina.core import Mismatch
from carina.learning import Learned, Setting, ZeroShot, begin
from carina.testing import drawn_view


@pytest.mark.parametrize("combine", list(Combine))
def test_scores_are_cosines_with_the_prompts_as_encoded(combine: Combine) -> None:
    view, strategy = drawn_view(), ZeroShot(combine=combine)
    setting = Setting(image_dim=12, text_dim=12, shared_space=True)
    *_, last = strategy.learn(begin(strategy, setting, seed=0), view, rng=np.random.default_rng(0))
    assert isinstance(last, Learned)
    assert isinstance(last.learner.readout, PromptReadout)
    assert view.prompts is not None
    sides = []
    for prompts in (view.prompts.positive, view.prompts.negative):
        wanted = prompts.mean(dim=1, keepdim=True) if combine is Combine.MEAN else prompts
        cosines = torch.cosine_similarity(view.features[:, None, None], wanted[None], dim=-1)
        sides.append(cosines.amax(dim=2))
    answer = last.learner.readout(view.features)

    torch.testing.assert_close(answer.difference, sides[0] - sides[1], rtol=0, atol=1e-5)


def test_without_a_shared_space_or_an_alignment_it_is_undefined() -> None:
    with pytest.raises(Mismatch, match="Zero-shot is undefined"):
        begin(ZeroShot(), Setting(image_dim=12, text_dim=12), seed=0)
