"""BioViL-T's image encoder for one film: ResNet-50, each patch projected to 128 numbers.

Bannur et al., Learning to Exploit Temporal Structure for Biomedical Vision-Language Processing,
CVPR 2023; upstream is hi-ml-multimodal. Upstream may compare a film with a prior one; without a
prior, which is how carina reads films, a learned vector stands for what has changed, and the
transformer that compares takes no part. Pooled is the mean over the projected patches, the tokens
are those patches; neither is normalised.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure, Preprocess
from carina.encoders.families.biovil import CLASSIFIER, STAGES, projector
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, pooled_map
from carina.encoders.protocol import Encoded
from carina.encoders.resnet import ResNet
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["FAMILY"]

_FILES = ("biovil_t_image_model_proj_size_128.pt",)
_POOLER = "encoder.vit_pooler."
_IN_A_BLOCK = (
    *(f"{norm}.{part}" for norm in ("norm1", "norm2") for part in ("weight", "bias")),
    *(f"attn.{name}.weight" for name in ("proj_q", "proj_k", "proj_v", "proj")),
    "attn.proj.bias",
    *(f"mlp.{layer}.{part}" for layer in ("fc1", "fc2") for part in ("weight", "bias")),
)
_COMPARES = frozenset(
    {
        *(f"{_POOLER}{name}" for name in ("type_embed", "norm_post.weight", "norm_post.bias")),
        *(f"{_POOLER}blocks.{block}.{name}" for block in range(3) for name in _IN_A_BLOCK),
    }
)


class _Trunk(nn.Module):
    """The film's patches, and beside each the vector for a prior that is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet(inputs=3, blocks=(3, 4, 6, 3))
        self.backbone_to_vit = nn.Conv2d(2048, 256, 1, bias=False)
        self.missing_previous_emb = nn.Parameter(torch.zeros(1, 256, 1, 1))

    def forward(
        self, images: Float[Tensor, "items 3 rows cols"]
    ) -> tuple[Float[Tensor, "items 512 grid_rows grid_cols"], tuple[Tensor, ...]]:
        maps = self.encoder(images)
        seen = self.backbone_to_vit(maps[-1])
        return torch.cat([seen, self.missing_previous_emb.expand_as(seen)], dim=1), maps


class _Films(nn.Module):
    """The trunk and the projector, under the names of upstream's whole model."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Trunk()
        self.projector = projector(512)

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        patches, maps = self.encoder(images)
        return pooled_map(self.projector["model"](patches), stages=maps)


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), Migration())
    module = _Films()
    digest = fill(module, tensors, who=card.name, idle=(CLASSIFIER, _COMPARES))
    return FrozenImages(card=stamped(card, digest, known="", believed=True), module=module)


FAMILY = ENCODERS.register("biovil-t-image")(
    Family(
        card=EncoderCard(
            name="biovil-t-image",
            modality="image",
            revision="BioViL-T v1.0",
            recipe_version=1,
            weights="",
            dim=128,
            token_dim=128,
            grid=(14, 14),
            stages=STAGES,
            space="biovil-t",
            preprocess=Preprocess(size=448, fit="crop", resize=512, stretch=True),
            licence="MIT",
            citation="Bannur et al., Learning to Exploit Temporal Structure for Biomedical "
            "Vision-Language Processing, CVPR 2023",
            exposed_to=(
                Exposure(
                    source="mimic-cxr-jpg",
                    what="films of MIMIC-CXR, with prior ones and their reports; not their labels",
                ),
            ),
        ),
        build=_build,
        weights="required",
        weights_from="hub:microsoft/BiomedVLP-BioViL-T, file biovil_t_image_model_proj_size_128.pt",
        use="research; its model card rules deployed use out",
    )
)
