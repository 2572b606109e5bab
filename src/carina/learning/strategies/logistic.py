"""L2-penalised logistic regression, many problems over the same rows at once."""

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

__all__ = ["fit_logistic", "log_loss"]

_NEWTON = 60
_CONJUGATE = 250
_HALVINGS = 30


def fit_logistic(
    rows: Float64[Tensor, "rows dim"],
    target: Bool[Tensor, "rows problems"],
    weight: Float64[Tensor, "rows problems"],
    penalty: Float64[Tensor, " problems"],
    *,
    tolerance: float = 1e-9,
) -> tuple[Float64[Tensor, "problems dim"], Float64[Tensor, " problems"]]:
    """Heads and intercepts of least weighted log loss plus ``penalty / 2 |w|^2``, to convergence.

    Newton's method with conjugate gradients inside (Lin, Weng and Keerthi, JMLR 2008), steps
    halved where they would not go down; intercepts carry no penalty. Every problem needs both
    classes among the rows that weigh something, or its intercept runs away.

    Args:
        rows: What scores are linear in.
        target: Whether positive.
        weight: What each row counts for in each problem; 0 leaves it out.
        penalty: Above 0; the inverse of scikit-learn's C.
        tolerance: Largest gradient left, relative to the first.
    """
    basis: Tensor | None = None
    if rows.shape[0] < rows.shape[1]:  # no head leaves the span of the rows
        basis, corner = torch.linalg.qr(rows.T)
        rows = corner.T
    design = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
    ridge = penalty[:, None].repeat(1, design.shape[1])
    ridge[:, -1] = 0
    at = torch.zeros_like(ridge)
    share = (target * weight).sum(0) / weight.sum(0)
    at[:, -1] = torch.logit(share)
    loss = _objective(design, target, weight, ridge, at)
    first: Tensor | None = None
    for _ in range(_NEWTON):
        said = torch.sigmoid(design @ at.T)
        gradient = (weight * (said - target.double())).T @ design + ridge * at
        size = gradient.norm(dim=1)
        first = size if first is None else first
        if bool((size <= tolerance * first.clamp(min=1e-300)).all()):
            break
        step = _conjugate(design, weight * said * (1 - said), ridge, gradient)
        length = torch.ones_like(loss)
        for _ in range(_HALVINGS):
            then = _objective(design, target, weight, ridge, at - length[:, None] * step)
            if not bool((worse := then > loss).any()):
                break
            length = torch.where(worse, length / 2, length)
        down = then <= loss
        at = torch.where(down[:, None], at - length[:, None] * step, at)
        if not bool((then < loss).any()):
            break
        loss = torch.where(down, then, loss)
    head = at[:, :-1]
    return head if basis is None else head @ basis.T, at[:, -1]


def log_loss(
    scores: Float64[Tensor, "rows problems"], target: Bool[Tensor, "rows problems"]
) -> Float64[Tensor, "rows problems"]:
    """What each score costs: ``log(1 + exp(score)) - target score``."""
    return torch.nn.functional.softplus(scores) - target * scores


def _objective(
    design: Tensor, target: Tensor, weight: Tensor, ridge: Tensor, at: Tensor
) -> Float64[Tensor, " problems"]:
    cost = (weight * log_loss(design @ at.T, target)).sum(0)
    return cost + (ridge * at.square()).sum(1) / 2


def _conjugate(
    design: Tensor, curve: Tensor, ridge: Tensor, gradient: Tensor
) -> Float64[Tensor, "problems width"]:
    """The Newton step of each problem, as exactly as its gradient is small."""
    diagonal = curve.T @ design.square() + ridge
    solution, left = torch.zeros_like(gradient), gradient.clone()
    size = gradient.norm(dim=1)
    goal = size * torch.minimum(size.new_tensor(0.1), size.sqrt())
    ahead = left / diagonal.clamp(min=1e-12)
    direction, fall = ahead, (left * ahead).sum(1)
    for _ in range(_CONJUGATE):
        going = left.norm(dim=1) > goal
        if not bool(going.any()):
            break
        bent = (curve * (design @ direction.T)).T @ design + ridge * direction
        along = (direction * bent).sum(1)
        pace = torch.where(going & (along > 0), fall / along.clamp(min=1e-300), 0.0)
        solution = solution + pace[:, None] * direction
        left = left - pace[:, None] * bent
        ahead = left / diagonal.clamp(min=1e-12)
        next_fall = (left * ahead).sum(1)
        turn = torch.where(going, next_fall / fall.clamp(min=1e-300), 0.0)
        direction = torch.where(going[:, None], ahead + turn[:, None] * direction, direction)
        fall = torch.where(going, next_fall, fall)
    return solution
