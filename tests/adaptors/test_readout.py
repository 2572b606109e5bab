"""What predicts: each finding on its own, or images beside prompts."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from carina.adaptors import (
    CacheReadout,
    Combine,
    Identity,
    LinearReadout,
    Mlp,
    PromptReadout,
    RidgeAlignment,
    Sharing,
    Sides,
)
from carina.core import Mismatch
from carina.features import PromptVectors
from carina.studies import LabelSpace

quick = settings(max_examples=25, deadline=None)


def numbers(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"finding {index}" for index in range(count))


def head(
    labels: int, dim: int, *, normalise: bool = True, dtype: torch.dtype = torch.float64
) -> LinearReadout:
    return LinearReadout(
        labels=names(labels),
        weight=numbers(1, labels, dim, dtype=dtype),
        bias=numbers(2, labels, dtype=dtype),
        normalise=normalise,
    )


def prompted(
    labels: int = 3,
    *,
    sides: Sides = Sides(),  # noqa: B008
    dim: int = 12,
    scale: float = 1.0,
    combine: Combine = Combine.MEAN,
    alignment: RidgeAlignment | None = None,
) -> PromptReadout:
    generator = torch.Generator().manual_seed(0)
    return PromptReadout(
        labels=names(labels),
        positive=numbers(3, labels, 4, dim),
        negative=numbers(4, labels, 4, dim),
        adaptors=sides.build(image_dim=dim, text_dim=dim, generator=generator),
        alignment=alignment,
        scale=scale,
        combine=combine,
    )


def ridge(*, image_dim: int, text_dim: int) -> RidgeAlignment:
    return RidgeAlignment(
        weight=numbers(5, text_dim, image_dim),
        image_mean=numbers(6, image_dim),
        text_mean=numbers(7, text_dim),
        penalty=0.1,
        explained=0.2,
        pairs=9,
        patients=8,
        image_encoder="image",
        text_encoder="text",
        data="data",
    )


@quick
@given(
    rows=st.integers(0, 70),
    dim=st.integers(1, 67),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    kept=st.sets(st.integers(0, 6)),
)
def test_scores_of_a_finding_are_the_same_bits_whichever_others_are_there(
    rows: int, dim: int, dtype: torch.dtype, kept: set[int]
) -> None:
    features = numbers(0, rows, dim)
    whole = head(7, dim, dtype=dtype)
    order = sorted(kept, reverse=True)
    part = LinearReadout(
        labels=tuple(whole.labels[index] for index in order),
        weight=whole.weight[order],
        bias=whole.bias[order],
        normalise=True,
    )

    assert torch.equal(part(features).difference, whole(features).difference[:, order])


def test_a_head_scores_in_the_dtype_of_its_weights() -> None:
    features = numbers(0, 20, 9)
    readout = head(4, 9, normalise=False)
    expected = features.double() @ readout.weight.T + readout.bias

    torch.testing.assert_close(readout(features).difference, expected, atol=1e-12, rtol=1e-12)
    assert readout(features).positive is None


def test_a_normalising_head_does_not_see_how_long_a_row_is() -> None:
    features = numbers(0, 20, 9)

    torch.testing.assert_close(head(4, 9)(features).difference, head(4, 9)(5 * features).difference)
    assert not torch.allclose(
        head(4, 9, normalise=False)(features).difference,
        head(4, 9, normalise=False)(5 * features).difference,
    )


@pytest.mark.parametrize(
    "readout", [head(0, 5), prompted(0, dim=5), prompted(0, dim=5, combine=Combine.MAX)]
)
def test_no_finding_gives_no_column(readout: LinearReadout | PromptReadout) -> None:
    assert readout(numbers(0, 3, 5)).difference.shape == (3, 0)


@quick
@given(
    labels=st.integers(1, 4),
    sharing=st.sampled_from(Sharing),
    combine=st.sampled_from(Combine),
    scale=st.floats(0.5, 20),
)
def test_a_prompt_readout_is_the_difference_of_cosines_taken_one_by_one(
    labels: int, sharing: Sharing, combine: Combine, scale: float
) -> None:
    sides = Sides(adaptor=Mlp(hidden=6, out=12), sharing=sharing)
    readout = prompted(labels, sides=sides, combine=combine, scale=scale)
    features = numbers(0, 5, 12)
    answer = readout(features)

    def similarity(row: int, prompts: Tensor) -> Tensor:
        image = readout.adaptors.image(features[row])
        adapted = [readout.adaptors.text(prompt) for prompt in prompts]
        if combine is Combine.MEAN:
            return F.cosine_similarity(image, torch.stack(adapted).mean(dim=0), dim=0)
        return torch.stack([F.cosine_similarity(image, text, dim=0) for text in adapted]).max()

    assert answer.positive is not None
    for row in range(5):
        for label in range(labels):
            there = similarity(row, readout.positive[label])
            absent = similarity(row, readout.negative[label])
            difference, positive = answer.difference[row, label], answer.positive[row, label]
            torch.testing.assert_close(difference, scale * (there - absent), atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(positive, (there + 1) / 2, atol=1e-5, rtol=1e-4)


def test_normalised_a_readout_does_not_see_how_long_features_and_prompts_are() -> None:
    plain, readout = prompted(), replace(prompted(), normalise=True)
    longer = replace(readout, positive=readout.positive * 7, negative=readout.negative / 7)
    features = numbers(5, 6, 12)
    even = F.normalize(features, dim=1) * 12**0.5
    prompts = [F.normalize(side, dim=2) * 12**0.5 for side in (plain.positive, plain.negative)]
    by_hand = replace(plain, positive=prompts[0], negative=prompts[1])

    torch.testing.assert_close(
        longer(3 * features).difference, by_hand(even).difference, rtol=0, atol=1e-6
    )
    torch.testing.assert_close(
        readout.compared(even).difference, by_hand(even).difference, rtol=0, atol=1e-6
    )


@quick
@given(prompts=st.integers(1, 16), level=st.floats(-50, 50), seed=st.integers(0, 99))
def test_equal_weights_of_prompts_are_their_mean(prompts: int, level: float, seed: int) -> None:
    both = numbers(seed, 2, 3, prompts, 12)
    plain = replace(prompted(), positive=both[0], negative=both[1])
    even = replace(plain, weights=torch.full((2, prompts), level))
    features = numbers(seed + 1, 6, 12)

    torch.testing.assert_close(
        even(features).difference, plain(features).difference, rtol=0, atol=1e-6
    )


def test_one_prompt_with_a_weight_is_itself_to_the_bit() -> None:
    both = numbers(3, 2, 3, 1, 12)
    plain = replace(prompted(), positive=both[0], negative=both[1])
    features = numbers(0, 6, 12)

    assert torch.equal(
        replace(plain, weights=numbers(1, 2, 1))(features).difference, plain(features).difference
    )


def test_weights_are_shares_of_each_side_by_itself() -> None:
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0], [3.0, 0.0, 0.0, 0.0]])
    plain, features = prompted(), numbers(0, 6, 12)
    by_hand = [
        sum(share * plain.adaptors.text(side[:, place]) for place, share in enumerate(shares))
        for side, shares in zip((plain.positive, plain.negative), logits.softmax(1), strict=True)
    ]
    image = plain.adaptors.image(features)
    there, absent = (
        torch.stack([F.cosine_similarity(image, row, dim=1) for row in side], dim=1)
        for side in by_hand
    )

    torch.testing.assert_close(
        replace(plain, weights=logits)(features).difference, there - absent, rtol=0, atol=1e-5
    )


def test_all_weight_on_one_prompt_leaves_the_others_unread() -> None:
    plain, features = prompted(), numbers(0, 6, 12)
    heavy = torch.full((2, 4), -1e4)
    heavy[:, 2] = 0.0
    alone = replace(plain, positive=plain.positive[:, 2:3], negative=plain.negative[:, 2:3])

    torch.testing.assert_close(
        replace(plain, weights=heavy)(features).difference, alone(features).difference
    )


def test_weights_of_prompts_are_learned_and_go_along_to_other_findings() -> None:
    weights = torch.zeros(2, 4, requires_grad=True)
    readout = replace(prompted(), weights=weights)
    torch.autograd.backward(readout(numbers(0, 8, 12)).difference.square().sum())
    others = PromptVectors(
        space=LabelSpace(names=("Hernia",)),
        positive=numbers(8, 1, 4, 12),
        negative=numbers(9, 1, 4, 12),
        bank="bank",
        encoder="encoder",
    )

    assert weights.grad is not None
    assert weights.grad.abs().min() > 0
    assert readout.over(others).weights is weights


@pytest.mark.parametrize(
    ("combine", "places"), [(Combine.MAX, 4), (Combine.MEAN, 3), (Combine.MEAN, 5)]
)
def test_weights_of_other_prompts_or_of_a_largest_cosine_are_refused(
    combine: Combine, places: int
) -> None:
    with pytest.raises(Mismatch, match=f"Weights of {places} prompts"):
        replace(prompted(combine=combine), weights=torch.zeros(2, places))


def test_the_same_adaptors_score_other_findings() -> None:
    readout, features = prompted(3), numbers(0, 6, 12)
    others = PromptVectors(
        space=LabelSpace(names=("Hernia", "finding 1")),
        positive=torch.stack([numbers(8, 4, 12), readout.positive[1]]),
        negative=torch.stack([numbers(9, 4, 12), readout.negative[1]]),
        bank="bank",
        encoder="encoder",
    )
    over = readout.over(others)

    assert over.labels == ("Hernia", "finding 1")
    assert over.adaptors is readout.adaptors
    torch.testing.assert_close(over(features).difference[:, 1], readout(features).difference[:, 1])
    assert torch.equal(
        over(features).difference,
        PromptReadout.of(others, readout.adaptors)(features).difference,
    )


def test_gradients_reach_both_sides() -> None:
    readout = prompted()
    torch.autograd.backward(readout(numbers(0, 8, 12)).difference.square().sum())

    for weight in readout.adaptors.parameters():
        assert weight.grad is not None
        assert weight.grad.any()


def test_features_may_be_aligned_once_beforehand() -> None:
    alignment = ridge(image_dim=20, text_dim=12)
    through = prompted(alignment=alignment)
    features = numbers(0, 6, 20)

    assert (through.dim, prompted().dim) == (20, 12)
    assert torch.equal(through.aligned(features), alignment(features))
    assert torch.equal(through(features).difference, prompted()(alignment(features)).difference)


@pytest.mark.parametrize("readout", [head(2, 5), prompted(dim=5)])
def test_features_of_another_width_are_refused(readout: LinearReadout | PromptReadout) -> None:
    with pytest.raises(Mismatch, match="another image encoder"):
        readout(numbers(0, 3, 6))


def test_parts_that_were_not_made_for_each_other_are_refused() -> None:
    pair = Sides(adaptor=Identity()).build(image_dim=5, text_dim=5, generator=torch.Generator())
    prompts = numbers(0, 2, 4, 5)

    with pytest.raises(Mismatch, match="for 3 findings"):
        PromptReadout(labels=names(3), positive=prompts, negative=prompts, adaptors=pair)
    with pytest.raises(Mismatch, match="another text encoder"):
        PromptReadout(
            labels=names(2), positive=prompts[..., :4], negative=prompts[..., :4], adaptors=pair
        )
    with pytest.raises(Mismatch, match="alignment gives vectors 4 wide"):
        PromptReadout(
            labels=names(2),
            positive=prompts,
            negative=prompts,
            adaptors=pair,
            alignment=ridge(image_dim=9, text_dim=4),
        )
    with pytest.raises(Mismatch, match="2 and 2 for 3"):
        LinearReadout(labels=names(3), weight=numbers(0, 2, 5), bias=numbers(0, 2), normalise=False)


def cache(*, alpha: float = 2.0, beta: float = 5.5) -> CacheReadout:
    """One finding: two positive films, one negative, a text."""
    wide = torch.float64
    return CacheReadout(
        labels=("a",),
        keys=F.normalize(numbers(20, 1, 3, 6, dtype=wide), dim=2),
        values=torch.tensor([[0.5, 0.5, -1.0]], dtype=wide),
        text=numbers(21, 1, 6, dtype=wide),
        alpha=torch.tensor([alpha], dtype=wide),
        beta=torch.tensor([beta], dtype=wide),
    )


def test_a_cache_scores_as_the_paper_does_for_a_balanced_pair_of_classes() -> None:
    """Two soft-max logits, 100 cosines and one-hot values, as Tip-Adapter has them."""
    wide = torch.float64
    rows = F.normalize(numbers(22, 9, 6, dtype=wide), dim=1)
    keys = F.normalize(numbers(23, 4, 6, dtype=wide), dim=1)
    prompts = F.normalize(numbers(24, 6, 2, dtype=wide), dim=0)  # absent, present
    onehot = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], dtype=wide)
    affinity = (-5.5 * (1 - rows @ keys.T)).exp()
    logits = 100 * rows @ prompts + 1.17 * affinity @ onehot
    direction = prompts[:, 1] - prompts[:, 0]
    ours = CacheReadout(
        labels=("a",),
        keys=keys[None],
        values=torch.tensor([[-0.5, 0.5, -0.5, 0.5]], dtype=wide),
        text=direction[None] / direction.norm(),
        alpha=torch.tensor([2 * 1.17 / (100 * float(direction.norm()))], dtype=wide),
        beta=torch.tensor([5.5], dtype=wide),
    )

    torch.testing.assert_close(
        ours(rows).difference[:, 0], (logits[:, 1] - logits[:, 0]) / (100 * direction.norm())
    )


def test_a_cache_looks_at_direction_alone_and_an_empty_slot_adds_nothing() -> None:
    one, rows = cache(), numbers(25, 5, 6)
    wider = replace(
        one,
        keys=F.pad(one.keys, (0, 0, 0, 2)),
        values=F.pad(one.values, (0, 2)),
    )

    torch.testing.assert_close(one(rows).difference, one(3 * rows).difference)
    torch.testing.assert_close(one(rows).difference, wider(rows).difference)


def test_an_endless_sharpness_leaves_the_text_alone() -> None:
    one, rows = cache(beta=1e9), numbers(26, 5, 6).double()

    torch.testing.assert_close(
        one(rows).difference, F.normalize(rows, dim=1) @ one.text.T, rtol=0, atol=1e-12
    )


def test_a_cache_of_unlike_sizes_or_features_of_another_width_are_refused() -> None:
    with pytest.raises(Mismatch, match="got 1 of them for 2"):
        replace(cache(), labels=("a", "b"))
    with pytest.raises(Mismatch, match="takes 6"):
        cache()(torch.ones(2, 5))
