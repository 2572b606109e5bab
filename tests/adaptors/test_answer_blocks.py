"""Scores whose bits do not depend on company."""

import pytest
import torch

from carina.adaptors import (
    CacheReadout,
    CrossModal,
    CrossModalConfig,
    LinearReadout,
    Mlp,
    PretrainedAdaptor,
    Projections,
    PromptReadout,
    Readout,
    Reads,
    Sequences,
    Sides,
    ValueOnly,
    answer_in_blocks,
    embed_in_blocks,
)
from carina.core import Mismatch

DIM = 40


def readouts() -> list[Readout]:
    rng = torch.Generator().manual_seed(0)
    head = LinearReadout(
        labels=("a", "b"),
        weight=torch.randn(2, DIM, generator=rng, dtype=torch.float64),
        bias=torch.zeros(2, dtype=torch.float64),
        normalise=True,
    )
    prompts = torch.randn(2, 3, 2, DIM, generator=rng)
    prompted = PromptReadout(
        labels=("a", "b", "c"),
        positive=prompts[0],
        negative=prompts[1],
        adaptors=Sides(adaptor=Mlp(hidden=24, out=16)).build(
            image_dim=DIM, text_dim=DIM, generator=rng
        ),
    )
    cache = CacheReadout(
        labels=("a", "b"),
        keys=torch.randn(2, 9, DIM, generator=rng, dtype=torch.float64) / DIM**0.5,
        values=torch.randn(2, 9, generator=rng, dtype=torch.float64),
        text=torch.randn(2, DIM, generator=rng, dtype=torch.float64),
        alpha=torch.ones(2, dtype=torch.float64),
        beta=torch.tensor([1.0, 5.0], dtype=torch.float64),
    )
    return [head, prompted, cache]


@pytest.mark.parametrize("readout", readouts(), ids=["head", "prompts", "cache"])
def test_an_image_has_the_same_bits_alone_and_in_any_company(readout: Readout) -> None:
    features = torch.randn(600, DIM, generator=torch.Generator().manual_seed(1))
    whole = answer_in_blocks(readout, features)

    for rows in (slice(0, 1), slice(5, 8), slice(300, 600), slice(255, 257)):
        some = answer_in_blocks(readout, features[rows])
        assert torch.equal(some.difference, whole.difference[rows])
        assert (some.positive is None) == (whole.positive is None)
        if some.positive is not None and whole.positive is not None:
            assert torch.equal(some.positive, whole.positive[rows])


@pytest.mark.parametrize("readout", readouts(), ids=["head", "prompts", "cache"])
def test_blocks_say_what_the_readout_says(readout: Readout) -> None:
    features = torch.randn(300, DIM, generator=torch.Generator().manual_seed(2))

    torch.testing.assert_close(
        answer_in_blocks(readout, features).difference, readout(features).difference.detach()
    )


@pytest.mark.parametrize("readout", readouts(), ids=["head", "prompts", "cache"])
def test_no_images_have_no_scores(readout: Readout) -> None:
    assert answer_in_blocks(readout, torch.empty(0, DIM)).difference.shape == (
        0,
        len(readout.labels),
    )


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(Mismatch, match="takes 40"):
        answer_in_blocks(readouts()[0], torch.zeros(3, DIM + 1))


@pytest.mark.parametrize(
    "form",
    [
        CrossModal(reads=Reads.VECTORS, width=48, heads=4, hidden=96),
        ValueOnly(width=48, hidden=96),
        Projections(width=48),
    ],
    ids=lambda form: type(form).__name__,
)
def test_an_adaptor_gives_an_image_the_same_bits_alone_and_in_any_company(
    form: CrossModalConfig,
) -> None:
    rng = torch.Generator().manual_seed(2)
    adaptor = PretrainedAdaptor(
        config=form,
        module=form.build(image_dim=DIM, text_dim=DIM, generator=rng),
        image_dim=DIM,
        text_dim=DIM,
        image_encoder="",
        text_encoder="",
        data="",
        pairs=0,
        patients=0,
    )
    features = torch.randn(600, DIM, generator=rng)
    whole = embed_in_blocks(adaptor, features)

    torch.testing.assert_close(whole, adaptor.embed_images(Sequences.of_vectors(features)))
    for rows in (slice(0, 1), slice(5, 8), slice(300, 600), slice(255, 257), slice(0, 0)):
        assert torch.equal(embed_in_blocks(adaptor, features[rows]), whole[rows])
