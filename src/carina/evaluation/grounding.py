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
        blind: Share hit by points that look at no film; undefined without any.
        over_blind: What maps hit more often than those, paired by film.
    """

    hits: Estimate
    chance: Estimate
    blind: Estimate
    over_blind: Estimate

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
    usual: Float[np.ndarray, "_ _ _"] | None = None,
) -> Pointing:
    """The pointing game on films with a region.

    Args:
        maps: Heat of each pixel.
        regions: Where the finding was marked; films without a pixel of it are left out.
        resamples: Draws of the patients of these films.
        usual: For each film, how often each pixel was marked on films that may be learned from; the
            blind point is the highest.

    Raises:
        Mismatch: where the resamples are of other films, or `usual` of others or of another size.
    """
    marked: np.ndarray = np.asarray(regions.any(axis=(1, 2)))
    flat = regions.reshape(len(regions), -1)

    def hit(by: Float[np.ndarray, "films rows cols"]) -> Float[np.ndarray, " films"]:
        highest = by.reshape(len(by), -1).argmax(axis=1)
        pointed: np.ndarray = flat[np.arange(len(flat)), highest].astype(np.float64)
        return pointed

    def mean(values: Float[np.ndarray, " films"]) -> Estimate:
        return mean_interval(values, marked, resamples, known=marked)

    pointed, chance = hit(maps), mean(flat.mean(axis=1))
    if usual is None:
        nowhere = Estimate.undefined("no other film to learn a point from")
        return Pointing(hits=mean(pointed), chance=chance, blind=nowhere, over_blind=nowhere)
    if usual.shape != regions.shape:
        raise Mismatch(
            f"Where findings usually are is told for films of {usual.shape}, and here are regions "
            f"of {regions.shape}."
        )
    blind = hit(usual)
    return Pointing(
        hits=mean(pointed), chance=chance, blind=mean(blind), over_blind=mean(pointed - blind)
    )
