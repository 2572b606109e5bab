"""An Adaptor in closed form: the directions in which images and their reports agree.

Canonical correlations (Hotelling, Relations Between Two Sets of Variates, Biometrika 1936) with a
ridge on either side (Vinod, Canonical Ridge and Econometrics of Joint Production, Journal of
Econometrics 1976). Of two Gaussian variables of correlation r the log-ratio that contrastive losses
learn (van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018) has the
product of both with weight r / (1 - r^2): so directions are scaled here, by correlations on pairs held
out, and a direction of which those pairs show nothing is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.adaptors import Projections, ProjectionsAdaptor
from carina.core import ConfigError, InvalidValue
from carina.learning.pretraining import Pairs, Reader

__all__ = ["Canonical", "CanonicalFitted", "CanonicalTried", "fit_canonical"]

_ERRORS = 2.0
"""A correlation is taken for one from so many standard errors of none."""
_LEAST_HELD_OUT = 8
_NUMERICAL_RANK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """`Projections` without a gradient.

    Attributes:
        image_penalties: Ridges to choose from on the side of the images, in shares of their variance.
        text_penalties: The same on the side of the texts.
        width: Directions at most.
        piece: Items in memory at a time while features are read.
    """

    image_penalties: tuple[float, ...] = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
    text_penalties: tuple[float, ...] = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
    width: int = 64
    piece: int = 1024

    def __post_init__(self) -> None:
        every = (*self.image_penalties, *self.text_penalties)
        if not (self.image_penalties and self.text_penalties) or min(every) <= 0:
            raise ConfigError(f"Penalties lie above 0, and each side has some; got {every}.")
        if min(self.width, self.piece) < 1:
            raise ConfigError(
                f"Wanted a width and pieces of 1 or more; got {self.width} and {self.piece}."
            )

    @property
    def adaptor(self) -> Projections:
        """The form of what is learned, at its widest."""
        return Projections(width=self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalTried:
    """One choice of penalties, from 0, of so many.

    Attributes:
        index: Which.
        of: Of how many.
        information: What image and report of held-out pairs tell of each other, in nats.
    """

    index: int
    of: int
    information: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CanonicalFitted:
    """The last event.

    Attributes:
        config: The form, as wide as there are directions.
        module: What was learned.
        correlations: Of image and report along each direction, on pairs held out.
        penalties: Chosen, of images and of texts.
    """

    config: Projections
    module: ProjectionsAdaptor
    correlations: tuple[float, ...]
    penalties: tuple[float, float]


def fit_canonical(
    config: Canonical, pairs: Pairs, held_out: Pairs
) -> Iterator[CanonicalTried | CanonicalFitted]:
    """Fit on some pairs; choose penalties, scale and number of directions on others.

    Chosen is what lets image and report of the held-out pairs tell most of each other.

    Args:
        config: What to choose from.
        pairs: To learn from; their vectors are in memory together, in float64.
        held_out: Pairs of other patients.

    Yields:
        `CanonicalTried` for each choice; at last `CanonicalFitted`.

    Raises:
        InvalidValue: with fewer than 8 pairs on either side, and where all images, or all texts, are
            alike.
    """
    if min(len(pairs), len(held_out)) < _LEAST_HELD_OUT:
        raise InvalidValue(
            f"Correlations take {_LEAST_HELD_OUT} pairs to learn from and as many to hold out; got "
            f"{len(pairs)} and {len(held_out)}. See: carina check DATA."
        )
    images = _Side(
        "images",
        _read(pairs.images, pairs.image, config.piece),
        _read(held_out.images, held_out.image, config.piece),
    )
    texts = _Side(
        "texts",
        _read(pairs.texts, pairs.text, config.piece),
        _read(held_out.texts, held_out.text, config.piece),
    )
    crossed = images.scores.T @ texts.scores
    tried = list(product(config.image_penalties, config.text_penalties))
    best: _Choice | None = None
    for index, (image, text) in enumerate(tried):
        choice = _chosen(images, texts, crossed, (image, text), config.width)
        yield CanonicalTried(index=index, of=len(tried), information=choice.information)
        if best is None or choice.information > best.information:
            best = choice
    assert best is not None  # noqa: S101 - there is a penalty on each side
    yield _fitted(images, texts, best)


class _Side:
    """Vectors of one modality along their principal directions.

    Attributes:
        scores: (pairs, rank), of the pairs to learn from.
        held_out: (held_out, rank), of the others.
        variance: (rank,), the sum of squares of each of `scores`.
    """

    def __init__(
        self,
        what: str,
        learn: Float[Tensor, "pairs dim"],
        held_out: Float[Tensor, "held_out dim"],
    ) -> None:
        self._mean = learn.mean(dim=0)
        spread = learn.std(dim=0)
        self._deviation = torch.where(spread > 0, spread, 1)
        learn = (learn - self._mean) / self._deviation
        few = len(learn) < learn.shape[1]
        squares, vectors = torch.linalg.eigh(learn @ learn.T if few else learn.T @ learn)
        if squares[-1] <= 0:
            raise InvalidValue(
                f"The {len(learn)} {what} to learn from have one and the same vector, so nothing in "
                "them can agree with anything. See: carina check DATA."
            )
        kept = squares > squares[-1] * _NUMERICAL_RANK
        self.variance, vectors = squares[kept], vectors[:, kept]
        self._basis = learn.T @ (vectors / self.variance.sqrt()) if few else vectors
        self.scores = vectors * self.variance.sqrt() if few else learn @ vectors
        self.held_out = (held_out - self._mean) / self._deviation @ self._basis

    def shrinking(self, penalty: float) -> Float[Tensor, " rank"]:
        """What makes the scores white, but for the ridge."""
        shrunk: Tensor = (self.variance + penalty * self.variance.sum()).rsqrt()
        return shrunk

    def affine(
        self, along: Float[Tensor, "rank width"]
    ) -> tuple[Float[Tensor, "width dim"], Float[Tensor, " width"]]:
        """Weight and constant that take a vector to where its scores lead."""
        weight = ((self._basis @ along) / self._deviation[:, None]).T
        return weight, -weight @ self._mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Choice:
    penalties: tuple[float, float]
    image: Float[Tensor, "image_rank width"]
    text: Float[Tensor, "text_rank width"]
    correlations: Float[Tensor, " width"]

    @property
    def information(self) -> float:
        return float(-(1 - self.correlations.square()).log().sum() / 2)


def _chosen(
    images: _Side,
    texts: _Side,
    crossed: Float[Tensor, "image_rank text_rank"],
    penalties: tuple[float, float],
    width: int,
) -> _Choice:
    """The directions these penalties give that the held-out pairs confirm; at least one."""
    left, right = images.shrinking(penalties[0]), texts.shrinking(penalties[1])
    u, _, vh = torch.linalg.svd(left[:, None] * crossed * right, full_matrices=False)
    image, text = left[:, None] * u[:, :width], right[:, None] * vh[:width].T
    shown = torch.stack([images.held_out @ image, texts.held_out @ text])
    shown = shown - shown.mean(dim=1, keepdim=True)
    spread = shown.square().mean(dim=1).sqrt()
    found = (shown[0] * shown[1]).mean(dim=0) / spread.prod(dim=0)
    found = found.nan_to_num(0).clamp(0, 1 - 1e-6)
    live = found > _ERRORS / len(images.held_out) ** 0.5
    live[found.argmax()] = True
    scale = (found / (1 - found.square())).sqrt().clamp(min=1e-6) / spread
    return _Choice(
        penalties=penalties,
        image=(image * scale[0])[:, live],
        text=(text * scale[1])[:, live],
        correlations=found[live],
    )


def _fitted(images: _Side, texts: _Side, best: _Choice) -> CanonicalFitted:
    config = Projections(width=len(best.correlations))
    (image, image_constant), (text, text_constant) = (
        images.affine(best.image),
        texts.affine(best.text),
    )
    module = config.build(
        image_dim=image.shape[1], text_dim=text.shape[1], generator=torch.Generator()
    )
    with torch.no_grad():
        module.image.weight.copy_(image)
        module.image.bias.copy_(image_constant)
        module.text.weight.copy_(text)
        module.text.bias.copy_(text_constant)
    return CanonicalFitted(
        config=config,
        module=module.eval(),
        correlations=tuple(best.correlations.tolist()),
        penalties=best.penalties,
    )


def _read(reader: Reader, numbers: np.ndarray, piece: int) -> Float[Tensor, "items dim"]:
    pieces = np.array_split(numbers, -(-len(numbers) // piece))
    return torch.cat([reader(some).mean for some in pieces]).double()
