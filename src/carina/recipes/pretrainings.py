"""The pre-trainings that have names: each a function that reads like a methods section.

Runs: ``carina pretrain DATA --recipe NAME --store S --out O``.
"""

from collections.abc import Callable

from carina.adaptors import CrossModal, Reads
from carina.learning import Canonical, Pretraining
from carina.recipes.finding import found_recipe
from carina.recipes.pretrain import Pretrain, SharedReports
from carina.studies import ReportText, Split

__all__ = [
    "PRETRAININGS",
    "adaptor_canonical",
    "adaptor_paper",
    "adaptor_phantoms",
    "find_pretraining",
]


def adaptor_paper() -> Pretrain:
    """Freeze the Backbones as published: MIMIC-CXR, DINOv2 ViT-S/14, BioBERT; one vector a side.

    Qin et al., ICASSP 2024 (arXiv 2401.01179); 11,912,705 numbers are learned. Frontal films (PA,
    AP) of the split train stand beside captions of impression and findings, of 112 tokens at most.
    The authors trained on two processes without gathering negatives; here every pair of a batch is
    one. They stopped by validate and test together; here validate alone stops, and test is kept to
    judge retrieval. Their films were cropped once at random, 224 of 256 pixels, with mean and
    deviation 0.5; here as the encoder's folder says.
    """
    return Pretrain(
        name="adaptor-paper",
        image_encoder="dinov2:vit-s-14",
        text_encoder="bert:biobert/pooler/112",
        training=Pretraining(adaptor=CrossModal(reads=Reads.VECTORS)),
        learn=(Split.TRAIN,),
        views=("PA", "AP"),
        reports=ReportText.CAPTION,
        shared_reports=SharedReports.KEPT,
        seed=42,
    )


def adaptor_phantoms() -> Pretrain:
    """A small Adaptor on drawn radiographs and their reports, in minutes on one core."""
    return Pretrain(
        name="adaptor-phantoms",
        image_encoder="efficientnet-lite0",
        text_encoder="minilm-l6",
        training=Pretraining(
            adaptor=CrossModal(reads=Reads.VECTORS, width=192, heads=6, hidden=512),
            rate=1e-3,
            batch=128,
        ),
    )


def adaptor_canonical() -> Pretrain:
    """Canonical correlations over every stage of a frozen network, in closed form."""
    return Pretrain(
        name="adaptor-canonical",
        image_encoder="pyramid:efficientnet-lite0",
        text_encoder="minilm-l6",
        training=Canonical(),
    )


PRETRAININGS: dict[str, Callable[[], Pretrain]] = {
    "adaptor-canonical": adaptor_canonical,
    "adaptor-paper": adaptor_paper,
    "adaptor-phantoms": adaptor_phantoms,
}
"""Name to recipe."""


def find_pretraining(text: str) -> Pretrain:
    """The pre-training a command line means: a name, or the path of a TOML or JSON file.

    Raises:
        UnknownName, MissingFile, ConfigError: where there is none of that name, no such file, or
            faults in it, all listed.
    """
    return found_recipe(text, PRETRAININGS, Pretrain, what="pre-training")
