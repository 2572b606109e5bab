"""Linear discriminants of two classes with one covariance, from sums alone.

With class means m+ and m-, their difference d, and W the scatter of n rows about their own class's
mean, a row x has, for classes that are equally likely, the log odds

    w . x - w . (m+ + m-) / 2,    w = ((share / n) W + penalty I)^-1 d

(Fisher, Annals of Eugenics 1936; Hastie, Tibshirani and Friedman, The Elements of Statistical
Learning, 2009, section 4.3). W is S - m d d', S the scatter about the common mean and m = n+ n- / n,
so with a = share / n and A = a S + penalty I, by Sherman and Morrison, w is ``A^-1 d / (1 - a m d'
A^-1 d)``: the direction of the masked ridge head whose lambda is m penalty / share. The two differ
in length and in intercept alone.
"""

from jaxtyping import Float64
from torch import Tensor

from carina.learning.strategies.by_fold import Candidates
from carina.learning.strategies.held_out import Classes
from carina.learning.strategies.scatter import Scatter

__all__ = ["discriminant"]


def discriminant(
    seen: Classes, scatter: Scatter, *, share: float, penalty: Float64[Tensor, " labels"]
) -> Candidates:
    """The discriminant of each finding; zeros for one of which a class is missing.

    Args:
        seen: Class masses and sums of findings of one second moment.
        scatter: That moment, about its mean.
        share: Of the covariance.
        penalty: On its diagonal, for each finding; above 0.
    """
    both = (seen.positives > 0) & (seen.negatives > 0)
    present = seen.positive / seen.positives.where(both, 1.0)[:, None]
    absent = seen.negative / seen.negatives.where(both, 1.0)[:, None]
    apart = (present - absent) * both[:, None]
    # A = penalty (a / penalty S + I); a shared scatter stands for each finding by its rows.
    scale = share / max(scatter.rows, 1.0) / penalty
    reached = scatter.solved(apart[:, None], scale, [1.0])[:, 0, 0] / penalty[:, None]
    mass = seen.positives * seen.negatives / seen.rows.clamp(min=1)
    inside = share / seen.rows.clamp(min=1) * mass * (apart * reached).sum(dim=1)
    weight = reached / (1 - inside)[:, None]
    bias = -(weight * (present + absent)).sum(dim=1) / 2
    return Candidates(weight=weight[:, None], bias=bias[:, None])
