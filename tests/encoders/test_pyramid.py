import pytest
import torch

from carina.core import Mismatch, UnknownName
from carina.encoders import ImageEncoder, load_image_encoder


@pytest.fixture(scope="module")
def pyramid() -> ImageEncoder:
    return load_image_encoder("pyramid:efficientnet-lite0")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def test_its_vector_is_mean_and_largest_of_every_stage_and_of_either_half(
    pyramid: ImageEncoder, images: torch.Tensor
) -> None:
    found = pyramid.encode(images, tokens=True, stages=True)
    assert found.stages is not None
    assert found.tokens is not None
    last = torch.stack([item.T.reshape(-1, 7, 7) for item in found.tokens])
    wanted = []
    for each in (*found.stages, last):
        left = each.shape[3] // 2
        for part in (each, each[:, :, :, :left], each[:, :, :, left:]):
            flat = part.flatten(2)
            wanted += [flat.mean(dim=2), flat.max(dim=2).values]

    torch.testing.assert_close(found.pooled, torch.cat(wanted, dim=1))
    assert found.pooled.shape == (2, pyramid.card.dim)


def test_what_it_stands_on_is_as_it_was(
    pyramid: ImageEncoder, efficientnet: ImageEncoder, images: torch.Tensor
) -> None:
    ours, plain = pyramid.encode(images, tokens=True), efficientnet.encode(images, tokens=True)

    assert ours.tokens is not None
    assert plain.tokens is not None
    assert torch.equal(ours.tokens, plain.tokens)
    assert pyramid.card.exposed_to == efficientnet.card.exposed_to
    assert pyramid.card.weights == efficientnet.card.weights
    assert pyramid.card.fingerprint != efficientnet.card.fingerprint


def test_an_encoder_without_stages_has_no_pyramid() -> None:
    for name in ("toy-image", "minilm-l6"):
        with pytest.raises(Mismatch, match=r"no stages.*pyramid:efficientnet-lite0"):
            load_image_encoder(f"pyramid:{name}")
    with pytest.raises(UnknownName, match="efficientnet-lite0"):
        load_image_encoder("pyramid:efficientnet-lite")
