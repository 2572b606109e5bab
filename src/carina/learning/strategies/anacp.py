"""AnaCP: features drawn towards prototypes that are pushed apart, solved in closed form.

Momeni, Xiao and Liu, "AnaCP: Toward Upper-Bound Continual Learning via Analytic Contrastive
Projection", NeurIPS 2025 (arXiv 2511.13880); where the paper's text left a choice, the authors'
released code decides here. For single-label classes k with means m_k, a shared within-class
covariance C and c the mean of the m_k, it whitens the centred means, adds 1 to each of their
singular values, whitens once more and brings them back to length 1: the prototypes

    p_k = |c + [U (S + 1) S^-1 U' (M - c) C^-1]_k|,    (M - c) C^-1 (M - c)' = U S^2 U',

which draw each class to a place of its own and push the classes apart. Random features z of the
rows are regressed on the prototype of their class, ``T = (sum z z' + penalty I)^-1 sum_k n_k z_k
p_k'``; a second random layer over the projected rows is then ridge-regressed on one-hot classes,
taught by rows drawn from N(m_k, C), since those of old classes are gone.

What carries over: prototypes, projection, and a head taught by what class means and one covariance
say of the rows. Every known cell is a sample of a class of its own, the finding's present or its
absent, so that all findings share one projection, and those that go together help one another.
What does not: between the projection and the head there is no second random layer and no length of
1, so the drawn rows are taken at their expectation and the head is exact,

    w = (C_u + d d' / 4 + penalty I)^-1 d / 2,    score = w . (u - (u+ + u-) / 2),

u a projected row, u+ and u- its two class means, d their difference, C_u the shared covariance of
the projected rows: nothing is drawn, and the order of learning does not matter. The random features
are carina's lift, with a ReLU where the paper has a GELU, and one of them where it averages three;
singular values that are 0, which the code raises to 1 in a direction that rounding chooses, stay 0.
A cell weighs as much as another, and a film as much as it has known cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float64
from torch import Tensor

from carina.adaptors import LiftConfig, RandomReLU
from carina.core import ConfigError, Mismatch
from carina.learning.keeping import FEW, counted
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.linear import check_width, head_of, need_negatives, no_head
from carina.learning.strategies.summing import unit
from carina.learning.strategies.triangles import half_of, packed, unpacked
from carina.streams import View

__all__ = ["AnaCP", "prototypes"]

_NONE = 1e-10  # squares of singular values below this share of the largest are 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnaCP:
    """Random features projected on prototypes that are pushed apart, and a ridge head a finding.

    Findings that an experience does not show change too, since all share one projection. Soft
    cells are passed over.

    Attributes:
        penalty: Of the projection, beside the sum over known cells.
        head_penalty: Of the heads, beside the covariance of projected rows.
        floor: Added to the diagonal of the covariance of rows.
        lift: The random features; the paper has three times 5,000.
    """

    penalty: float = 10.0
    head_penalty: float = 0.01
    floor: float = 1e-4
    lift: LiftConfig = RandomReLU(width=2048)

    def __post_init__(self) -> None:
        if min(self.penalty, self.head_penalty, self.floor) <= 0:
            raise ConfigError(
                "AnaCP's penalties and its floor are above 0; got "
                f"penalty={self.penalty}, head_penalty={self.head_penalty}, floor={self.floor}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """No finding, and sums over no film."""
        readout = no_head(setting.image_dim, normalise=True, lift=self.lift)
        dim, width = setting.image_dim, readout.weight.shape[1]
        wide = torch.float64
        nothing = {
            "sums/rows": torch.zeros(half_of(dim), dtype=wide),
            "sums/lifted": torch.zeros(half_of(width), dtype=wide),
            "sums/row_classes": torch.zeros(0, dim, dtype=wide),
            "sums/lifted_classes": torch.zeros(0, width, dtype=wide),
            "sums/counts": torch.zeros(2, 0, dtype=torch.int64),
        }
        return Learner(setting=setting, readout=readout, carried=nothing)

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Add the known cells to the sums and solve projection and heads anew.

        Raises:
            Mismatch: where the view is of another width.
            InvalidValue: where a finding has positives and no negative yet.
        """
        yield from self._settled(learner, view, sign=1)

    def retract(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Take the known cells out of the sums and solve projection and heads anew.

        Raises:
            Mismatch: where the view is of another width, or they were never in the sums.
            InvalidValue: where a finding is left with positives and no negative.
        """
        if strange := [label for label in view.labels if label not in learner.labels]:
            raise Mismatch(
                f"Cannot take away what was never added: {strange[0]!r} is in no sum here. "
                f"Known: {', '.join(learner.labels.names) or 'none'}."
            )
        yield from self._settled(learner, view, sign=-1)

    def _settled(self, learner: Learner, view: View, *, sign: int) -> Iterator[Event]:
        """The learner with the known cells of a view added, or taken away."""
        check_width(learner, view)
        labels, readout = learner.labels.grown(*view.labels), head_of(learner)
        of = _classes(view, labels.indices(view.labels), len(labels))
        rows = unit(view.features.double())
        lifted = rows if readout.lift is None else readout.lift(rows)
        mass = sign * of.sum(dim=1, dtype=torch.float64)[:, None]
        old, kept = learner.carried, {}
        kept["sums/counts"] = counted(old["sums/counts"], of, view.patients, sign=sign)
        counts, patients = kept["sums/counts"]
        kept["sums/rows"] = old["sums/rows"] + packed((mass * rows).T @ rows)
        kept["sums/lifted"] = old["sums/lifted"] + packed((mass * lifted).T @ lifted)
        for name, added in (("sums/row_classes", rows), ("sums/lifted_classes", lifted)):
            kept[name] = _grown(old[name], sign * of.double().T @ added)
            kept[name][counts == 0] = 0  # no residue of rounding
        for place, label in enumerate(labels.names):
            present, absent = counts[2 * place : 2 * place + 2].tolist()
            need_negatives("AnaCP", label, present, absent)
        weight, bias = self._heads(kept)
        fewest = min((number for number in patients.tolist() if number), default=None)
        yield Step(index=0, of=1, loss=None)
        yield Learned(
            learner=replace(
                learner,
                labels=labels,
                readout=replace(readout, labels=labels.names, weight=weight, bias=bias),
                carried=kept,
                fewest_patients=fewest,
                single_patients=fewest is not None and fewest < FEW,
            )
        )

    def _heads(
        self, sums: dict[str, Tensor]
    ) -> tuple[Float64[Tensor, "labels width"], Float64[Tensor, " labels"]]:
        """Heads for lifted rows; zeros for a finding with less than two classes."""
        counts, dim = sums["sums/counts"][0], sums["sums/row_classes"].shape[1]
        width = sums["sums/lifted_classes"].shape[1]
        weight = torch.zeros(len(counts) // 2, width, dtype=torch.float64)
        bias = weight.new_zeros(len(weight))
        met = (counts > 0).nonzero()[:, 0]
        if not len(met):
            return weight, bias
        number = counts[met].double()
        rows = sums["sums/row_classes"][met] / number[:, None]
        means = sums["sums/lifted_classes"][met] / number[:, None]
        within = _within(unpacked(sums["sums/rows"][None], dim)[0], rows, number)
        within.diagonal().add_(self.floor)
        gathered = prototypes(rows, within)
        gram = gathered @ gathered.T
        moment = unpacked(sums["sums/lifted"][None], width)[0]
        spread = _within(moment, means, number)
        moment.diagonal().add_(self.penalty)
        factor = torch.linalg.cholesky(moment)
        scored = torch.cholesky_solve((number[:, None] * means).T, factor)  # by class
        spread = scored.T @ spread @ scored
        place = {int(at): row for row, at in enumerate(met.tolist())}
        for finding in range(len(weight)):
            if 2 * finding not in place or 2 * finding + 1 not in place:
                continue
            present, absent = means[place[2 * finding]], means[place[2 * finding + 1]]
            apart = (present - absent) @ scored
            about = (spread + torch.outer(apart, apart) / 4) @ gram
            about.diagonal().add_(self.head_penalty)
            weight[finding] = scored @ gram @ torch.linalg.solve(about, apart) / 2
            bias[finding] = -weight[finding] @ (present + absent) / 2
        return weight, bias


def prototypes(
    means: Float64[Tensor, "classes dim"], within: Float64[Tensor, "dim dim"]
) -> Float64[Tensor, "classes dim"]:
    """Class means pushed apart, length 1.

    Args:
        means: Of each class.
        within: Covariance about them, above 0 in every direction.
    """
    centre = means.mean(dim=0)
    away = means - centre
    near = torch.cholesky_solve(away.T, torch.linalg.cholesky(within)).T
    square = away @ near.T
    values, vectors = torch.linalg.eigh((square + square.T) / 2)
    size = values.clamp(min=0).sqrt()
    further = torch.where(values > _NONE * values[-1], (size + 1) / size, 0.0)
    return F.normalize(centre + (vectors * further) @ (vectors.T @ near), dim=1)


def _within(
    moment: Float64[Tensor, "dim dim"],
    means: Float64[Tensor, "classes dim"],
    number: Float64[Tensor, " classes"],
) -> Float64[Tensor, "dim dim"]:
    """The covariance about class means, shared by all classes."""
    return (moment - (number[:, None] * means).T @ means) / number.sum()


def _classes(view: View, places: list[int], labels: int) -> Bool[Tensor, "rows classes"]:
    """Whether a row is of a class: each finding's present, then its absent."""
    of = torch.zeros(len(view.rows), labels, 2, dtype=torch.bool)
    of[:, places, 0] = view.known & view.target
    of[:, places, 1] = view.known & ~view.target
    return of.flatten(1)


def _grown(
    before: Float64[Tensor, "old dim"], added: Float64[Tensor, "new dim"]
) -> Float64[Tensor, "new dim"]:
    return F.pad(before, (0, 0, 0, len(added) - len(before))) + added
