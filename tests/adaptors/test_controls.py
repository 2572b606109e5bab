import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.adaptors import Control, controlled
from carina.core import Mismatch
from carina.features import PromptVectors
from carina.studies import LabelSpace


def prompts(count: int, seed: int = 0, width: int = 24) -> PromptVectors:
    rng = torch.Generator().manual_seed(seed)
    return PromptVectors(
        space=LabelSpace(names=tuple(f"finding {number}" for number in range(count))),
        positive=3 * torch.randn(count, 4, width, generator=rng),
        negative=torch.randn(count, 4, width, generator=rng),
        bank="drawn",
        encoder="drawn",
    )


@given(
    control=st.sampled_from([c for c in Control if c is not Control.POSITIVES]),
    count=st.integers(2, 12),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_nothing_of_the_prompts_is_left_but_their_length(
    control: Control, count: int, seed: int
) -> None:
    real = prompts(count, seed)
    other = controlled(real, control, rng=np.random.default_rng(seed))

    assert other.space == real.space
    assert other.bank != real.bank
    for said, told in ((real.positive, other.positive), (real.negative, other.negative)):
        assert told.shape == said.shape
        for label in range(count):
            assert not torch.equal(told[label], said[label])
        lengths = [vectors.norm(dim=2).mean(dim=1).sort().values for vectors in (said, told)]
        torch.testing.assert_close(*lengths)


def test_random_vectors_are_each_as_long_as_their_prompt_and_point_nowhere() -> None:
    real = prompts(10, width=2000)
    other = controlled(real, Control.RANDOM, rng=np.random.default_rng(0))

    torch.testing.assert_close(other.positive.norm(dim=2), real.positive.norm(dim=2))
    assert torch.cosine_similarity(other.positive, real.positive, dim=2).abs().max() < 0.1


@given(count=st.integers(2, 12), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_permuted_prompts_are_all_there_and_both_sides_go_together(count: int, seed: int) -> None:
    real = prompts(count)
    other = controlled(real, Control.PERMUTED, rng=np.random.default_rng(seed))
    came = [
        next(at for at in range(count) if torch.equal(other.positive[label], real.positive[at]))
        for label in range(count)
    ]

    assert sorted(came) == list(range(count))
    assert all(at != label for label, at in enumerate(came))
    assert torch.equal(other.negative, real.negative[came])


def test_one_hot_findings_and_sides_are_at_right_angles() -> None:
    other = controlled(prompts(12), Control.ONE_HOT, rng=np.random.default_rng(0))
    every = torch.cat([other.positive[:, 0], other.negative[:, 0]])
    angles = torch.nn.functional.normalize(every, dim=1)

    assert torch.equal(angles @ angles.T, torch.eye(24))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(Mismatch, match="26 coordinates"):
        controlled(prompts(13), Control.ONE_HOT, rng=np.random.default_rng(0))
    with pytest.raises(Mismatch, match="one finding only"):
        controlled(prompts(1), Control.PERMUTED, rng=np.random.default_rng(0))


def test_with_positives_only_no_negative_tells_findings_apart() -> None:
    real = prompts(5)
    other = controlled(real, Control.POSITIVES, rng=np.random.default_rng(0))

    assert torch.equal(other.positive, real.positive)
    torch.testing.assert_close(other.negative[0, 0], real.negative.mean(dim=(0, 1)))
    assert (other.negative == other.negative[0, 0]).all()
