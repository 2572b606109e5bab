"""BioViL's image encoder: ResNet-50, each patch of its last map projected to 128 numbers.

Boecking et al., Making the Most of Text Semantics to Improve Biomedical Vision-Language
Processing, ECCV 2022; upstream is hi-ml-multimodal. Pooled is the mean over the projected
patches, the tokens are those patches; upstream divides both by their L2 norm where it compares,
here that is left to whoever compares. The text encoder of the same release is in ``cxr_bert``.
"""

from dataclasses import replace
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure, Preprocess, Stage
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, pooled_map
from carina.encoders.protocol import Encoded
from carina.encoders.resnet import ResNet
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["AS_RETUNE", "CLASSIFIER", "FAMILY", "STAGES", "projector"]

_FILES = ("biovil_image_resnet50_proj_size_128.pt",)
CLASSIFIER = frozenset({"encoder.encoder.fc.weight", "encoder.encoder.fc.bias"})
"""ImageNet's classifier, which upstream keeps in its files and never asks."""
STAGES = tuple(
    Stage(stride=stride, width=width)
    for stride, width in ((4, 256), (8, 512), (16, 1024), (32, 2048))
)
"""The maps of a ResNet-50."""


def projector(inputs: int) -> nn.ModuleDict:
    """Two layers on each patch, to the joint space of 128 numbers."""
    layers = nn.Sequential(
        nn.Conv2d(inputs, 128, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.Conv2d(128, 128, 1),
    )
    return nn.ModuleDict({"model": layers})


class _Films(nn.Module):
    """The trunk and the projector, under the names of upstream's whole model."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"encoder": ResNet(inputs=3, blocks=(3, 4, 6, 3))})
        self.projector = projector(2048)

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        maps = self.encoder["encoder"](images)
        return pooled_map(self.projector["model"](maps[-1]), stages=maps)


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), Migration())
    module = _Films()
    digest = fill(module, tensors, who=card.name, idle=(CLASSIFIER,))
    return FrozenImages(card=stamped(card, digest, known="", believed=True), module=module)


FAMILY = ENCODERS.register("biovil-image")(
    Family(
        card=EncoderCard(
            name="biovil-image",
            modality="image",
            revision="CXR-BERT-specialized v1.1",
            recipe_version=1,
            weights="",
            dim=128,
            token_dim=128,
            grid=(15, 15),
            stages=STAGES,
            space="biovil",
            preprocess=Preprocess(size=480, fit="crop", resize=512, stretch=True),
            licence="MIT",
            citation="Boecking et al., Making the Most of Text Semantics to Improve Biomedical "
            "Vision-Language Processing, ECCV 2022",
            exposed_to=(
                Exposure(
                    source="mimic-cxr-jpg",
                    what="films of MIMIC-CXR alone (SimCLR), then films with their reports; not "
                    "their labels",
                ),
            ),
        ),
        build=_build,
        weights="required",
        weights_from="hub:microsoft/BiomedVLP-CXR-BERT-specialized, file "
        "biovil_image_resnet50_proj_size_128.pt",
        use="research; its model card rules deployed use out",
    )
)

AS_RETUNE = ENCODERS.register("biovil-image-512")(
    replace(
        FAMILY,
        card=replace(
            FAMILY.card,
            name="biovil-image-512",
            grid=(16, 16),
            preprocess=Preprocess(size=512, fit="crop", resize=512),
        ),
        use="as RE-tune's authors used BioViL: 512 pixels, not 480, and no stretch of intensities",
    )
)
