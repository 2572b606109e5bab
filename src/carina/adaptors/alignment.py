"""A map from image features into a text encoder's space, fitted on image and report pairs."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.core import InvalidValue, Mismatch, digest_arrays, fingerprint, salted

__all__ = ["PENALTIES", "Alignment", "RidgeAlignment", "fit_alignment"]

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeAlignment:
    """The text vector that ridge regression expects beside an image.

    ``text_mean + weight (x / |x| - image_mean)``. Fitted in float64, kept in float32.

    Attributes:
        weight: (text_dim, image_dim).
        image_mean: Mean of the L2-normalised image features it was fitted on.
        text_mean: Mean of the L2-normalised report vectors it was fitted on.
        penalty: Chosen weight of the squared norm of `weight`, beside a mean over pairs.
        explained: Share of the reports' held-out variance it explains; below 0 it explains none.
        pairs: How many image and report pairs it was fitted on.
        patients: How many patients they come from.
        image_encoder: Fingerprint of the encoder of the images.
        text_encoder: Fingerprint of the encoder of the reports.
        data: Digest of the pairs' vectors.
    """

    weight: Float[Tensor, "text_dim image_dim"]
    image_mean: Float[Tensor, " image_dim"]
    text_mean: Float[Tensor, " text_dim"]
    penalty: float
    explained: float
    pairs: int
    patients: int
    image_encoder: str
    text_encoder: str
    data: str

    @property
    def image_dim(self) -> int:
        """Width of the features it takes."""
        return self.weight.shape[1]

    @property
    def text_dim(self) -> int:
        """Width of the vectors it gives."""
        return self.weight.shape[0]

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, what fitted it or one of its numbers does."""
        tensors = {
            "weight": self.weight.numpy(),
            "image_mean": self.image_mean.numpy(),
            "text_mean": self.text_mean.numpy(),
        }
        made_by = (self.penalty, self.image_encoder, self.text_encoder, self.data)
        return fingerprint({"made_by": made_by, "tensors": digest_arrays(tensors)})

    def __call__(self, features: Float[Tensor, "images width"]) -> Float[Tensor, "images text"]:
        """The text vectors expected beside images: (images, image_dim) to (images, text_dim).

        Raises:
            Mismatch: where the features are not as wide as those it was fitted on.
        """
        if features.shape[1] != self.image_dim:
            raise Mismatch(
                f"The alignment takes features {self.image_dim} wide; got {features.shape[1]}. "
                "It was fitted for another image encoder."
            )
        rows = F.normalize(features.to(self.weight.dtype), dim=1) - self.image_mean
        return rows @ self.weight.T + self.text_mean

    def pulled_back(
        self, directions: Float[Tensor, "labels text"]
    ) -> Float[Tensor, "labels image"]:
        """Directions among texts as directions among L2-normalised image features.

        ``x @ pulled_back(d).T`` differs from ``self(x) @ d.T`` by a constant for each direction.
        """
        return directions @ self.weight.to(directions.dtype)


Alignment = RidgeAlignment  # a union, once the cross-modal Adaptor joins it


def fit_alignment(
    image: Float[Tensor, "pairs image_dim"],
    text: Float[Tensor, "pairs text_dim"],
    *,
    patients: Int[Tensor, " pairs"],
    image_encoder: str,
    text_encoder: str,
    penalties: tuple[float, ...] = PENALTIES,
    salt: str = "alignment",
) -> RidgeAlignment:
    """Ridge regression of report vectors on image features, rows L2-normalised, means free.

    The penalty is the one with the least squared error over five folds held out by patient;
    ties go to the larger. The fit on all pairs is then made once.

    Args:
        image: Features of the images, one row a pair.
        text: Vectors of their reports.
        patients: Code of each pair's patient.
        image_encoder: Fingerprint, kept beside the fit.
        text_encoder: Fingerprint, kept beside the fit.
        penalties: What to choose from, each above 0.
        salt: Which patients share a fold.

    Raises:
        InvalidValue: with fewer than two folds of patients, or a penalty that is not above 0.
    """
    if not penalties or min(penalties) <= 0:
        raise InvalidValue(f"Penalties are above 0; got {penalties}.")
    x = F.normalize(image.double(), dim=1)
    y = F.normalize(text.double(), dim=1)
    codes = patients.cpu().numpy()
    held = [fold for fold in _folds(codes, salt) if fold.any()]
    if len(held) < 2:
        raise InvalidValue(
            f"An alignment is chosen on held-out patients; {len(np.unique(codes))} patient(s) "
            "give fewer than two folds. Give it pairs of more patients."
        )
    ordered = tuple(sorted(set(penalties), reverse=True))
    errors = torch.stack([_held_out_errors(x, y, torch.from_numpy(f), ordered) for f in held])
    total = errors.sum(dim=0)
    best = int(total[:-1].argmin())  # the first of equals: the largest penalty
    image_mean, text_mean = x.mean(dim=0), y.mean(dim=0)
    weight = _ridge(x - image_mean, y - text_mean, ordered[best])
    data = {"image": image.cpu().numpy(), "text": text.cpu().numpy(), "patients": codes}
    return RidgeAlignment(
        weight=weight.float(),
        image_mean=image_mean.float(),
        text_mean=text_mean.float(),
        penalty=ordered[best],
        explained=1 - float(total[best] / total[-1]) if total[-1] else 0.0,
        pairs=len(x),
        patients=len(np.unique(codes)),
        image_encoder=image_encoder,
        text_encoder=text_encoder,
        data=digest_arrays(data),
    )


def _folds(patients: Int[np.ndarray, " pairs"], salt: str) -> list[Bool[np.ndarray, " pairs"]]:
    """Which pairs each fold holds out; all of a patient's in one."""
    unique, place = np.unique(patients, return_inverse=True)
    fold = np.array([salted(str(code), salt) % FOLDS for code in unique.tolist()])[place]
    return [fold == index for index in range(FOLDS)]


def _ridge(
    x: Float[Tensor, "pairs image_dim"], y: Float[Tensor, "pairs text_dim"], penalty: float
) -> Float[Tensor, "text_dim image_dim"]:
    """The weight that least squares with a penalty gives for centred rows."""
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    weight: Tensor = (y.T @ u) * (s / (s**2 + len(x) * penalty)) @ vh
    return weight


def _held_out_errors(
    x: Float[Tensor, "pairs image_dim"],
    y: Float[Tensor, "pairs text_dim"],
    held: Bool[Tensor, " pairs"],
    penalties: tuple[float, ...],
) -> Float[Tensor, " penalties_and_mean"]:
    """Summed squared error on the held-out pairs by penalty, and last that of the plain mean."""
    image_mean, text_mean = x[~held].mean(dim=0), y[~held].mean(dim=0)
    u, s, vh = torch.linalg.svd(x[~held] - image_mean, full_matrices=False)
    seen = (x[held] - image_mean) @ vh.T
    answer = u.T @ (y[~held] - text_mean)
    rest = y[held] - text_mean
    errors = [
        (rest - (seen * (s / (s**2 + len(u) * penalty))) @ answer).square().sum()
        for penalty in penalties
    ]
    return torch.stack([*errors, rest.square().sum()])
