"""Where on a film a readout sees a finding: its score, cell by cell of the encoder's grid.

A linear head over the mean of a map is the mean of what it makes of each cell, so its map is exact:
class activation mapping (Zhou et al., Learning Deep Features for Discriminative Localization, CVPR
2016). Readouts that are not linear, prompts above all, read each cell as if it were the whole film,
as BioViL compares phrases with patches (Boecking et al., ECCV 2022). Where an encoder's pooled
vector is no mean of its cells, as in transformers with a [CLS] word, both are an approximation.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.ndimage import gaussian_filter
from torch import Tensor

from carina.adaptors.alignment import Alignment
from carina.adaptors.readout import LinearReadout, Readout
from carina.core import Mismatch, unknown

__all__ = ["finding_map", "phrase_map", "upsampled"]


def finding_map(
    readout: Readout,
    label: str,
    pooled: Float[Tensor, "films dim"],
    tokens: Float[Tensor, "films cells width"],
) -> Float[Tensor, "films cells"]:
    """What each cell says for a finding, in the unit of the readout's score; above 0 speaks for it.

    Args:
        readout: What scores films.
        label: The finding.
        pooled: Features of the films, as the readout takes them.
        tokens: Their cells, of the same encoder.

    Raises:
        UnknownName: for a finding the readout does not score.
        Mismatch: where cells are not as wide as what the readout takes.
    """
    if label not in readout.labels:
        raise unknown("finding of this readout", label, readout.labels)
    if tokens.shape[2] != readout.dim:
        raise Mismatch(
            f"The encoder's cells are {tokens.shape[2]} wide and this readout takes "
            f"{readout.dim}, so it cannot read them. Heat maps are of readers over one encoder "
            "whose cells are as wide as its pooled vector."
        )
    at = readout.labels.index(label)
    if isinstance(readout, LinearReadout) and readout.lift is None:
        dtype = readout.weight.dtype
        length = pooled.to(dtype).norm(dim=1, keepdim=True) if readout.normalise else 1.0
        return tokens.to(dtype) @ readout.weight[at] / length + readout.bias[at]
    cells = readout(tokens.flatten(0, 1)).difference[:, at]
    return cells.detach().reshape(tokens.shape[:2])


def phrase_map(
    phrase: Float[Tensor, " width"],
    tokens: Float[Tensor, "films cells dim"],
    *,
    alignment: Alignment | None = None,
) -> Float[Tensor, "films cells"]:
    """Cosine of each cell with a phrase, such as a report's sentence.

    Args:
        phrase: As the text encoder gave it.
        tokens: Cells of films.
        alignment: Maps cells into the space of texts, as it maps films; None where they share one.

    Raises:
        Mismatch: where phrase and cells are not in one space.
    """
    films, cells, dim = tokens.shape
    flat = tokens.reshape(films * cells, dim).to(phrase.dtype)
    taken, given = (dim, dim) if alignment is None else (alignment.image_dim, alignment.text_dim)
    if (taken, given) != (dim, len(phrase)):
        raise Mismatch(
            f"Cells are {dim} wide and the phrase {len(phrase)}, and nothing maps one to the other. "
            "Take encoders of one space, or the alignment that was fitted for these two."
        )
    if alignment is not None:
        flat = alignment(flat)
    return F.cosine_similarity(flat, phrase[None], dim=1).reshape(films, cells)


def upsampled(
    maps: Float[Tensor, "films cells"], grid: tuple[int, int], size: int
) -> Float[Tensor, "films size size"]:
    """Maps of cells on the pixels of the encoder's input: bilinear, then smoothed by half a cell.

    Smoothing is Gaussian, its deviation half a cell: what several cells say together then stands
    above what one says alone, and the highest pixel need not be a cell's centre.
    """
    square = maps.detach().reshape(len(maps), 1, *grid).float()
    full = F.interpolate(square, size=(size, size), mode="bilinear")[:, 0]
    half_a_cell = (0, size / grid[0] / 2, size / grid[1] / 2)
    return torch.from_numpy(gaussian_filter(full.numpy(), half_a_cell))
