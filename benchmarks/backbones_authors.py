"""What the authors measured of the same question, beside ours.

Their figures are decoded from the outputs stored in their notebook (tables_figures.ipynb, cells 12
and 13, of holajoa/Adaptor-VL-SSL): AUROC on RSNA pneumonia by 1, 10 and 100 % of the labels.
"""

from collections.abc import Mapping

from benchmarks.backbones_outcome import Outcome
from benchmarks.results_rows import table as rows_of

__all__ = ["beside_the_authors"]

SHARES = ("1%", "10%", "100%")
RSNA: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "ResNet-AE": (
        (0.770, 0.768, 0.767, 0.763, 0.769),
        (0.790, 0.791, 0.789, 0.790, 0.793),
        (0.813, 0.812, 0.811, 0.811, 0.815),
    ),
    "DINOv2 ViT-S": (
        (0.813, 0.822, 0.817, 0.809, 0.808),
        (0.848, 0.851, 0.849, 0.845, 0.847),
        (0.861, 0.861, 0.861, 0.860, 0.860),
    ),
    "DINOv2 ViT-B": (
        (0.828, 0.844, 0.829, 0.823, 0.823),
        (0.853, 0.856, 0.853, 0.850, 0.851),
        (0.868, 0.867, 0.866, 0.865, 0.866),
    ),
}
"""Image encoder -> share of the labels -> under BERT, BioBERT, ClinicalBERT, PubMedBERT, CXR-BERT."""


def beside_the_authors(outcomes: list[Outcome]) -> list[str]:
    """How far apart text encoders put an image encoder's probes, theirs and those of `agnostic`."""
    ours = [one for one in outcomes if one.trial.part == "agnostic"]
    body = [
        _row("theirs", image, share, values)
        for image, by_share in RSNA.items()
        for share, values in zip(SHARES, by_share, strict=True)
    ]
    for image in dict.fromkeys(one.trial.image for one in ours):
        over = [one for one in ours if one.trial.image == image]
        for share in SHARES[1:]:
            means = [one.auroc[f"{share} of the labels"].value for one in over]
            body.append(_row("ours", image, share, tuple(mean for mean in means if mean)))
    return rows_of(["whose", "image encoder", "labels", "lowest", "highest", "apart"], body)


def _row(whose: str, image: str, share: str, values: tuple[float, ...]) -> list[str]:
    low, high = min(values), max(values)
    return [whose, image, share, f"{low:.3f}", f"{high:.3f}", f"{high - low:.3f}"]
