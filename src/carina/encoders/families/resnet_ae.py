"""torchxrayvision's autoencoder of chest radiographs: the half that encodes.

Cohen et al., Gifsplanation via Latent Shift, MIDL 2021 (the autoencoder); Cohen et al.,
TorchXRayVision: A library of chest X-ray datasets and models, MIDL 2022. A ResNet-101 whose last
row shrinks its map by 6, to 3 x 3 patches of 512 numbers: the tokens; pooled is their mean. The
half that draws the film again stays in the file.
"""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure, Preprocess, Stage
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, pooled_map
from carina.encoders.protocol import Encoded
from carina.encoders.resnet import ResNet
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["FAMILY"]

_FILES = ("nihpcrsnamimic_ch-resnet101-2-ae-test2-elastic-e250.pt",)
_NORM = ("weight", "bias", "running_mean", "running_var")
_SEEN = ("nih-chestxray14", "padchest", "rsna-pneumonia", "mimic-cxr-jpg", "chexpert")


def _of_block(upsampled: bool) -> tuple[str, ...]:
    parts = [*(f"conv{i}.weight" for i in (1, 2, 3))]
    parts += [f"bn{i}.{part}" for i in (1, 2, 3) for part in _NORM]
    if upsampled:
        parts += ["upsample.0.weight", *(f"upsample.1.{part}" for part in _NORM)]
    return tuple(parts)


_DECODER = frozenset(
    {
        "conv1_1.weight",
        *(f"uplayer_top.{name}" for name in _of_block(upsampled=True)),
        *(
            f"uplayer{row}.{block}.{name}"
            for row, count in enumerate((2, 23, 4, 3), start=1)
            for block in range(count)
            for name in _of_block(upsampled=block == count - 1)
        ),
    }
)


class _Films(nn.Module):
    """The rows of the encoder; a subclass would not do, since its map is not `Encoded`."""

    def __init__(self, network: ResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Float[Tensor, "items 1 rows cols"]) -> Encoded:
        *maps, last = self.network(images)
        return pooled_map(last, stages=tuple(maps))


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), Migration())
    network = ResNet(
        inputs=1, blocks=(3, 4, 23, 2), widths=(64, 128, 256, 128), strides=(1, 2, 2, 6), cut=True
    )
    digest = fill(network, tensors, who=card.name, idle=(_DECODER,))
    card = stamped(card, digest, known="", believed=True)
    return FrozenImages(card=card, module=_Films(network))


FAMILY = ENCODERS.register("resnet-ae")(
    Family(
        card=EncoderCard(
            name="resnet-ae",
            modality="image",
            revision="101-elastic",
            recipe_version=1,
            weights="",
            dim=512,
            token_dim=512,
            grid=(3, 3),
            stages=tuple(
                Stage(stride=stride, width=width)
                for stride, width in ((4, 256), (8, 512), (16, 1024))
            ),
            # grey values from -1024 to 1024
            preprocess=Preprocess(
                size=224, fit="crop", channels=1, scale=2048.0, mean=(1024.0,), deviation=(1.0,)
            ),
            licence="Apache-2.0",
            citation="Cohen et al., Gifsplanation via Latent Shift: A Simple Autoencoder Approach "
            "to Counterfactual Generation for Chest X-rays, MIDL 2021",
            exposed_to=tuple(
                Exposure(source=source, what="training films, without labels") for source in _SEEN
            ),
        ),
        build=_build,
        weights="required",
        weights_from="torchxrayvision's release of 101-elastic, file "
        "nihpcrsnamimic_ch-resnet101-2-ae-test2-elastic-e250.pt",
        use="research; not for diagnosis",
    )
)
