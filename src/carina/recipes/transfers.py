"""Segmentations that have names: the transfers of Freeze the backbones, and lungs.

The transfers draw as Qin et al. (ICASSP 2024, arXiv 2401.01179) do over DINOv2: patch tokens, passed
by an Adaptor where the recipe's `adaptor` names one, a convolutional decoder of 10,401,409 numbers,
focal and overlap loss, AdamW at 5e-4, batches of 4. They depart in this: 20,000 steps along half a
cosine, five epochs of RSNA's films, where the authors train 50 or 100 epochs and stop by Dice on
validation films; ten draws of each share instead of one; the overlap is of probabilities; and all
training films are learned from, where theirs thin SIIM's without a pneumothorax to as many as have
one.
"""

from collections.abc import Callable, Mapping

from carina.adaptors import Convolutional
from carina.learning import Segmenting
from carina.recipes.finding import found_recipe
from carina.recipes.segmentation import Segmentation

__all__ = ["SEGMENTATIONS", "find_segmentation"]

_SHARES = (0.01, 0.1, 1.0)
_AUTHORS = Segmenting(decoder=Convolutional(), rate=5e-4, decay=1e-4, batch=4, steps=20_000)


def segment_rsna() -> Segmentation:
    """Boxes of RSNA's pneumonia challenge, filled, at 1, 10 and 100 % of the masks."""
    return Segmentation(
        name="segment-rsna",
        encoder="dinov2:vit-s-14",
        structure="Lung Opacity",
        teaching=_AUTHORS,
        shares=_SHARES,
    )


def segment_siim() -> Segmentation:
    """Pneumothoraces of SIIM-ACR by their run lengths, at 1, 10 and 100 % of the masks.

    At 224 pixels unless the encoder's folder says otherwise; the authors' are 896.
    """
    return Segmentation(
        name="segment-siim",
        encoder="dinov2:vit-s-14",
        structure="Pneumothorax",
        teaching=_AUTHORS,
        shares=_SHARES,
    )


def segment_lungs() -> Segmentation:
    """Lungs by people's outlines, at 1, 10 and 100 % of the masks; they are named with --masks."""
    return Segmentation(
        name="segment-lungs",
        encoder="efficientnet-lite0",
        structure="lungs",
        shares=_SHARES,
    )


SEGMENTATIONS: Mapping[str, Callable[[], Segmentation]] = {
    make().name: make for make in (segment_rsna, segment_siim, segment_lungs)
}
"""Name to recipe."""


def find_segmentation(text: str) -> Segmentation:
    """The segmentation a command line means: a name, or the path of a TOML or JSON file.

    Raises:
        UnknownName, MissingFile, ConfigError: where there is none of that name, no such file, or
            faults in it, all listed.
    """
    return found_recipe(text, SEGMENTATIONS, Segmentation, what="segmentation")
