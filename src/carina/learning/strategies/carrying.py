"""Sums as plain values and named tensors, and back to the last bit."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from carina.learning.strategies.sums import FindingSums, Moment, Since, Sums

__all__ = ["from_tensors", "to_tensors"]


def to_tensors(sums: Sums) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Plain values for JSON, and tensors by name; `from_tensors` gives the sums back bit by bit."""
    tensors = {f"moment/{name}": moment.half for name, moment in sums.moments.items()}
    findings = []
    for label, own in sums.findings.items():
        counts = [own.positives, own.negatives, own.positive_patients, own.negative_patients]
        if own.since is not None:
            counts += [*own.since.came, *own.since.left]
        tensors[f"counts/{label}"] = torch.stack(counts)
        tensors[f"positive/{label}"] = own.positive_sum
        tensors[f"negative/{label}"] = own.negative_sum
        if own.soft is not None:
            tensors[f"soft/{label}"] = own.soft
        released = None if own.since is None else f"{own.since.code:016x}"
        findings.append(
            {"label": label, "code": f"{own.code:016x}", "parts": own.parts, "released": released}
        )
    plain = {
        "dim": sums.dim,
        "folds": sums.folds,
        "salt": sums.salt,
        "lift": sums.lift,
        "budget": sums.budget,
        "findings": findings,
        "moments": {name: moment.parts for name, moment in sums.moments.items()},
    }
    return plain, tensors


def from_tensors(plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Sums:
    """What `to_tensors` took apart."""
    return Sums(
        dim=plain["dim"],
        folds=plain["folds"],
        salt=plain["salt"],
        lift=plain["lift"],
        budget=plain["budget"],
        findings={told["label"]: _finding(told, tensors) for told in plain["findings"]},
        moments={
            name: Moment(half=tensors[f"moment/{name}"], parts=parts)
            for name, parts in plain["moments"].items()
        },
    )


def _finding(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> FindingSums:
    label, counts = told["label"], tensors[f"counts/{told['label']}"]
    return FindingSums(
        positives=counts[0],
        negatives=counts[1],
        positive_patients=counts[2],
        negative_patients=counts[3],
        positive_sum=tensors[f"positive/{label}"],
        negative_sum=tensors[f"negative/{label}"],
        code=int(told["code"], 16),
        parts=told["parts"],
        soft=tensors.get(f"soft/{label}"),
        since=None
        if told["released"] is None
        else Since(code=int(told["released"], 16), came=counts[4:6], left=counts[6:8]),
    )
