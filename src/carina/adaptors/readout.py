"""What predicts: a linear head per finding, prompts compared with images, or films kept as they are."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import sqrt

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.alignment import Alignment
from carina.adaptors.lifts import Lift
from carina.adaptors.sides import Pair
from carina.core import Mismatch, unknown
from carina.features import PromptVectors

__all__ = ["Answer", "CacheReadout", "Combine", "LinearReadout", "PromptReadout", "Readout"]

_ALIGNED = 16  # numbers: in float32 a cache line, in float64 two


class Combine(StrEnum):
    """How several prompts of one side become one similarity."""

    MEAN = "mean"
    """Cosine with the mean of the adapted prompts."""
    MAX = "max"
    """The largest of the cosines with each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Scores of images.

    Attributes:
        difference: (images, labels): the trained score; above 0 speaks for the finding.
        positive: (images, labels): ``(cos + 1) / 2`` with the positive prompts alone, the score
            the authors of RE-tune evaluate; None where there are no prompts.
    """

    difference: Float[Tensor, "images labels"]
    positive: Float[Tensor, "images labels"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearReadout:
    """One weight vector and intercept per finding.

    Each finding is computed on its own, in the dtype of the weights, so its scores do not depend
    on which other findings are there.

    Attributes:
        labels: Findings, in the order of the first axis.
        weight: (labels, dim), or (labels, lift.out) over a lift.
        bias: (labels,).
        normalise: Whether rows are L2-normalised first.
        lift: Maps the rows, normalised or not, to the features that the weights are for; None
            leaves them as they are.
    """

    labels: tuple[str, ...]
    weight: Float[Tensor, "labels width"]
    bias: Float[Tensor, " labels"]
    normalise: bool
    lift: Lift | None = None

    def __post_init__(self) -> None:
        if not len(self.labels) == len(self.weight) == len(self.bias):
            raise Mismatch(
                f"A head has one weight vector and one intercept a finding; got "
                f"{len(self.weight)} and {len(self.bias)} for {len(self.labels)}."
            )
        if self.lift is not None and self.lift.out != self.weight.shape[1]:
            raise Mismatch(
                f"The lift gives {self.lift.out} features, the weights are for "
                f"{self.weight.shape[1]}; build it with the width they were learned with."
            )

    @property
    def dim(self) -> int:
        """Width of the features it takes."""
        return self.weight.shape[1] if self.lift is None else self.lift.dim

    def __call__(self, features: Float[Tensor, "images dim"]) -> Answer:
        """Scores of images, (images, labels).

        Raises:
            Mismatch: where the features have another width.
        """
        _check_width(features, self.dim)
        rows = features.to(self.weight.dtype)
        if self.normalise:
            rows = F.normalize(rows, dim=1)
        if self.lift is not None:
            rows = self.lift(rows)
        # In the copy every vector starts on a cache line: on that the order of a sum may hang.
        width = self.weight.shape[1]
        aligned = F.pad(self.weight, (0, -width % _ALIGNED))[:, :width]
        scores = [rows @ weight for weight in aligned]
        stacked = torch.stack(scores, dim=1) if scores else rows.new_empty((len(rows), 0))
        return Answer(difference=stacked + self.bias, positive=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReadout:
    """Adapted images compared by cosine with adapted positive and negative prompts.

    ``scale * (cos(image, positive) - cos(image, negative))`` (RE-tune, arXiv 2410.17827): each
    prompt is adapted, then a side's prompts are combined.

    Attributes:
        labels: Findings, in the order of the first axis of the prompts.
        positive: (labels, prompts, dim), as the text encoder gave them.
        negative: (labels, prompts, dim).
        adaptors: Both sides.
        alignment: Maps features into the space of the prompts first; None where they share one.
        scale: Of the difference; 1 is off, as the authors have it.
        combine: How several prompts become one similarity.
        normalise: Whether what either side takes is first brought to length ``sqrt(width)``, so
            that entries are near 1 whatever the encoder; off is the authors'.
        weights: Logits of the prompts of the positive and of the negative side; their softmax
            takes the place of equal shares in the mean. All findings share them, since the places
            of a bank are ways of speaking: findings never met are scored with them too. None is
            equal shares, and so are equal logits.
    """

    labels: tuple[str, ...]
    positive: Float[Tensor, "labels prompts dim"]
    negative: Float[Tensor, "labels prompts dim"]
    adaptors: Pair
    alignment: Alignment | None = None
    scale: float = 1.0
    combine: Combine = Combine.MEAN
    normalise: bool = False
    weights: Float[Tensor, "2 places"] | None = None

    def __post_init__(self) -> None:
        if self.positive.shape != self.negative.shape or len(self.positive) != len(self.labels):
            raise Mismatch(
                f"Prompts are {tuple(self.positive.shape)} and {tuple(self.negative.shape)} for "
                f"{len(self.labels)} findings; wanted one block of prompts a finding and side."
            )
        if self.positive.shape[2] != self.adaptors.text_dim:
            raise Mismatch(
                f"Prompts are {self.positive.shape[2]} wide, the text side takes "
                f"{self.adaptors.text_dim}: they come from another text encoder."
            )
        if self.alignment is not None and self.alignment.text_dim != self.adaptors.image_dim:
            raise Mismatch(
                f"The alignment gives vectors {self.alignment.text_dim} wide, the image side takes "
                f"{self.adaptors.image_dim}: build the pair for the alignment's width."
            )
        if self.weights is not None and (
            self.combine is not Combine.MEAN or self.weights.shape[1] != self.positive.shape[1]
        ):
            raise Mismatch(
                f"Weights of {self.weights.shape[1]} prompts are those of a mean of so many; got "
                f"{self.positive.shape[1]} prompts a side and combine = {self.combine.value!r}."
            )

    @classmethod
    def of(
        cls,
        prompts: PromptVectors,
        adaptors: Pair,
        *,
        alignment: Alignment | None = None,
        scale: float = 1.0,
        combine: Combine = Combine.MEAN,
        normalise: bool = False,
    ) -> "PromptReadout":
        """A readout of all findings of encoded prompts."""
        return cls(
            labels=prompts.space.names,
            positive=prompts.positive,
            negative=prompts.negative,
            adaptors=adaptors,
            alignment=alignment,
            scale=scale,
            combine=combine,
            normalise=normalise,
        )

    @property
    def dim(self) -> int:
        """Width of the features it takes."""
        return self.adaptors.image_dim if self.alignment is None else self.alignment.image_dim

    def only(self, labels: tuple[str, ...]) -> "PromptReadout":
        """The same over some of its findings, in the order given.

        Raises:
            UnknownName: for a finding it has not.
        """
        for label in labels:
            if label not in self.labels:
                raise unknown("finding of this readout", label, self.labels)
        # Always copied: on the alignment of what was read from a file the order of a sum may hang.
        places = [self.labels.index(label) for label in labels]
        return replace(
            self, labels=labels, positive=self.positive[places], negative=self.negative[places]
        )

    def over(self, prompts: PromptVectors) -> "PromptReadout":
        """The same adaptors over other findings: how unmet ones are scored."""
        return replace(
            self,
            labels=prompts.space.names,
            positive=prompts.positive,
            negative=prompts.negative,
        )

    def takes_as_it_is(self, features: Float[Tensor, "images dim"]) -> bool:
        """Whether `aligned` would give these features back, unchanged.

        Raises:
            Mismatch: where the features have another width.
        """
        _check_width(features, self.dim)
        plain = self.alignment is None and not self.normalise
        return plain and features.dtype == self.positive.dtype

    def aligned(self, features: Float[Tensor, "images dim"]) -> Float[Tensor, "images text_dim"]:
        """Features as the image side takes them: what need not be made anew at every step.

        Raises:
            Mismatch: where the features have another width.
        """
        _check_width(features, self.dim)
        features = features.to(self.positive.dtype)
        return self._even(features if self.alignment is None else self.alignment(features))

    def __call__(self, features: Float[Tensor, "images dim"]) -> Answer:
        """Scores of images, (images, labels), differentiable in the adaptors.

        Raises:
            Mismatch: where the features have another width.
        """
        return self.compared(self.aligned(features))

    def compared(self, aligned: Float[Tensor, "images width"]) -> Answer:
        """Scores of images that `aligned` has seen to already: what training calls at every step."""
        image = F.normalize(self.adaptors.image(aligned), dim=1)
        present_shares, absent_shares = (
            (None, None) if self.weights is None else self.weights.softmax(dim=1)
        )
        present = self._cosine(image, self.positive, present_shares)
        absent = self._cosine(image, self.negative, absent_shares)
        return Answer(difference=self.scale * (present - absent), positive=(present + 1) / 2)

    def adapted_prompts(self) -> tuple[Float[Tensor, "labels out"], Float[Tensor, "labels out"]]:
        """Each finding's positive and negative prompts as the text side has them: means of length 1."""
        sides = (self.adaptors.text(self._even(side)) for side in (self.positive, self.negative))
        present, absent = (F.normalize(side.mean(dim=1), dim=1) for side in sides)
        return present, absent

    def _even(self, vectors: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        if not self.normalise:
            return vectors
        return F.normalize(vectors, dim=-1) * sqrt(vectors.shape[-1])

    def _cosine(
        self,
        image: Float[Tensor, "images out"],
        prompts: Float[Tensor, "labels prompts dim"],
        shares: Float[Tensor, " prompts"] | None,
    ) -> Float[Tensor, "images labels"]:
        adapted = self.adaptors.text(self._even(prompts))
        if self.combine is Combine.MEAN:
            middle = adapted.mean(dim=1) if shares is None else shares @ adapted
            return image @ F.normalize(middle, dim=1).T
        each = image @ F.normalize(adapted, dim=2).flatten(0, 1).T
        return each.reshape(len(image), *adapted.shape[:2]).amax(dim=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheReadout:
    """Images compared with kept rows of patients: the cache model of Tip-Adapter (ECCV 2022).

    ``x . t + alpha sum_i v_i exp(beta (x . k_i - 1))`` for each finding, over its own kept rows k_i
    and their values v_i, x brought to length 1. Keys are single patients' features, or were those
    before fine-tuning: no bundle takes such a readout.

    Attributes:
        labels: Findings, in the order of the first axis.
        keys: (labels, slots, dim); zeros where a slot is empty.
        values: (labels, slots): above 0 for positives, below for negatives, 0 where empty.
        text: (labels, dim): what zero-shot adds; zeros without it.
        alpha: (labels,): weight of the kept rows beside the text.
        beta: (labels,): sharpness; the larger, the fewer rows near an image count.
    """

    labels: tuple[str, ...]
    keys: Float[Tensor, "labels slots dim"]
    values: Float[Tensor, "labels slots"]
    text: Float[Tensor, "labels dim"]
    alpha: Float[Tensor, " labels"]
    beta: Float[Tensor, " labels"]

    def __post_init__(self) -> None:
        sizes = {len(one) for one in (self.keys, self.values, self.text, self.alpha, self.beta)}
        if sizes != {len(self.labels)}:
            raise Mismatch(
                f"A cache has keys, values, a text direction, alpha and beta for each finding; got "
                f"{', '.join(map(str, sorted(sizes)))} of them for {len(self.labels)}."
            )

    @property
    def dim(self) -> int:
        """Width of the features it takes."""
        return self.text.shape[1]

    def __call__(self, features: Float[Tensor, "images dim"]) -> Answer:
        """Scores of images, (images, labels), differentiable in the keys.

        Raises:
            Mismatch: where the features have another width.
        """
        _check_width(features, self.dim)
        rows = F.normalize(features.to(self.keys.dtype), dim=1)
        each = zip(self.keys, self.values, self.text, self.alpha, self.beta, strict=True)
        # Copied for the same reason as a linear head's weights.
        scores = [
            rows @ text.clone()
            + alpha * (beta * (rows @ keys.clone().T - 1)).exp() @ values.clone()
            for keys, values, text, alpha, beta in each
        ]
        empty = rows.new_empty((len(rows), 0))
        return Answer(difference=torch.stack(scores, dim=1) if scores else empty, positive=None)


Readout = LinearReadout | PromptReadout | CacheReadout
"""Whatever turns features into an `Answer`."""


def _check_width(features: Float[Tensor, "images width"], dim: int) -> None:
    if features.shape[1] != dim:
        raise Mismatch(
            f"Features are {features.shape[1]} wide, this readout takes {dim}: "
            "they come from another image encoder."
        )
