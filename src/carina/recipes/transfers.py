"""Segmentations that have names: the transfers of Freeze the backbones, and lungs."""

from collections.abc import Callable, Mapping
from pathlib import Path

from carina.core import ConfigError, read_json, read_toml, unknown
from carina.recipes.segmentation import Segmentation

__all__ = ["SEGMENTATIONS", "find_segmentation"]

_SHARES = (0.01, 0.1, 1.0)


def segment_rsna() -> Segmentation:
    """Boxes of RSNA's pneumonia challenge, filled, at 1, 10 and 100 % of the masks."""
    return Segmentation(
        name="segment-rsna",
        encoder="efficientnet-lite0",
        structure="Lung Opacity",
        shares=_SHARES,
    )


def segment_siim() -> Segmentation:
    """Pneumothoraces of SIIM-ACR by their run lengths, at 1, 10 and 100 % of the masks."""
    return Segmentation(
        name="segment-siim",
        encoder="efficientnet-lite0",
        structure="Pneumothorax",
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
        UnknownName: for a name nobody gave, with its neighbour.
        MissingFile, ConfigError: for a file that is not there or has faults, all listed.
    """
    if text in SEGMENTATIONS:
        return SEGMENTATIONS[text]()
    match Path(text).suffix.lower():
        case ".toml":
            return read_toml(Path(text), Segmentation)
        case ".json":
            return read_json(Path(text), Segmentation)
        case "":
            raise unknown("segmentation", text, SEGMENTATIONS)
        case other:
            raise ConfigError(f"A recipe is a TOML or JSON file, or a name; got a {other} file.")
