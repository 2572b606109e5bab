"""Does a heat map point at the finding: the pointing game, beside points that look at no film.

Source: Zhang et al., Top-Down Neural Attention by Excitation Backprop, IJCV 2018: a map hits where
its highest pixel lies in the marked region. Chance is the region's share of the picture: what a
point thrown anywhere would hit. A better blind guess is the pixel most often marked on films one
may learn from, since the heart is where hearts are.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate, Mismatch
from carina.measures import PatientResamples, mean_interval

__all__ = ["Pointing", "pointing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """How often maps point into the region.

    Attributes:
        hits: Share of the films whose highest pixel is in the region.
        chance: Mean share of the picture that the region has.
        blind: Share hit by the pixel most often marked on other films; undefined without any.
    """

    hits: Estimate
    chance: Estimate
    blind: Estimate

    @property
    def over_chance(self) -> float | None:
        """How many times chance the maps hit; None where either is undefined or chance 0."""
        if self.hits.value is None or not self.chance.value:
            return None
        return self.hits.value / self.chance.value


def pointing(
    maps: Float[np.ndarray, "films rows cols"],
    regions: Bool[np.ndarray, "films rows cols"],
    resamples: PatientResamples,
    *,
    elsewhere: Bool[np.ndarray, "others _ _"] | None = None,
) -> Pointing:
    """The pointing game on films with a region.

    Args:
        maps: Heat of each pixel.
        regions: Where the finding was marked; films without a pixel of it are left out.
        resamples: Draws of the patients of these films.
        elsewhere: Regions on films that may be learned from, for the blind point.

    Raises:
        Mismatch: where the resamples are of other films.
    """
    marked: np.ndarray = np.asarray(regions.any(axis=(1, 2)))
    highest = maps.reshape(len(maps), -1).argmax(axis=1)
    flat = regions.reshape(len(regions), -1)
    hit = flat[np.arange(len(flat)), highest].astype(np.float64)
    share = flat.mean(axis=1)

    def mean(values: Float[np.ndarray, " films"]) -> Estimate:
        return mean_interval(values, marked, resamples, known=marked)

    blind = Estimate.undefined("no other film to learn a point from")
    if elsewhere is not None and elsewhere.any():
        if elsewhere.shape[1:] != regions.shape[1:]:
            raise Mismatch("Regions elsewhere are of another size than those to point at.")
        usual = int(elsewhere.mean(axis=0).argmax())
        blind = mean(flat[:, usual].astype(np.float64))
    return Pointing(hits=mean(hit), chance=mean(share), blind=blind)
